// SPDX-License-Identifier: MIT
// Floods a WireGuard node with handshake initiations at a fixed rate, from forged sources.
//
// Usage: flood bad|good PUBLIC-KEY-HEX SOURCE-NET DEST-ADDRESS PORT PACKETS-PER-SECOND SECONDS IFACE MAC
//
// With "good" mac1 is right, so that only a DH or a cookie tells the node more; with "bad" it is noise. The
// sources are random addresses of SOURCE-NET/16 and random ports. The packets go straight to the driver of
// IFACE, for MAC, so that the flood costs this machine as little as it can. Needs CAP_NET_RAW; prints how
// many it sent.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/cleanup.h"
#include "wg/checksum.h"
#include "wg/cookie.h"
#include "wg/noise.h"

#define MESSAGES 4096
#define BATCH	 64

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	struct noise_initiation message;
} __attribute__((packed));

static struct packet packets[MESSAGES];

static void prepare(
	bool good, const uint8_t public_key[32], in_addr_t net, in_addr_t to, uint16_t port)
{
	struct cookie_maker maker;

	cookie_maker_init(&maker, public_key);
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct packet *p = &packets[i];

		p->ip = (struct iphdr){.version = 4,
			.ihl = 5,
			.tot_len = htons(sizeof(*p)),
			.ttl = 64,
			.protocol = IPPROTO_UDP,
			.saddr = net | htonl(randombytes_uniform(65536)),
			.daddr = to};
		p->ip.check = (uint16_t)~checksum_fold(checksum_add(0, &p->ip, sizeof(p->ip)));
		p->udp = (struct udphdr){
			.source = htons((uint16_t)(1024 + randombytes_uniform(60000))),
			.dest = htons(port),
			.len = htons(sizeof(p->udp) + sizeof(p->message))};
		randombytes_buf(&p->message, sizeof(p->message));
		noise_put32(p->message.type, NOISE_INITIATION);
		if (good)
			cookie_add_macs(&maker, &p->message, sizeof(p->message), 0);
	}
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static long flood(int fd, const struct sockaddr_ll *to, double rate, double seconds)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	double start = now_s();
	long sent = 0;

	for (;;) {
		double passed = now_s() - start;
		long due = (long)(MIN(passed, seconds) * rate) - sent;

		if (passed >= seconds)
			return sent;
		if (due < BATCH / 4) {
			nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
			continue;
		}
		due = MIN(due, (long)BATCH);
		for (long i = 0; i < due; i++) {
			iov[i] =
				(struct iovec){&packets[(sent + i) % MESSAGES], sizeof(packets[0])};
			msgs[i].msg_hdr = (struct msghdr){.msg_name = (void *)(uintptr_t)to,
				.msg_namelen = sizeof(*to),
				.msg_iov = &iov[i],
				.msg_iovlen = 1};
		}
		if (sendmmsg(fd, msgs, (unsigned)due, 0) < 0) {
			perror("sendmmsg");
			return -1;
		}
		sent += due;
	}
}

/* A socket that sends IPv4 packets out of IFACE to MAC, written to RET_TO. -1 and a message on failure. */
static int open_packets(const char *iface, const char *mac, struct sockaddr_ll *ret_to)
{
	const struct ether_addr *at = ether_aton(mac);
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	*ret_to = (struct sockaddr_ll){.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(iface),
		.sll_halen = ETH_ALEN};
	if (fd < 0 || !at || !ret_to->sll_ifindex ||
		setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) < 0) {
		perror("packet socket");
		return -1;
	}
	memcpy(ret_to->sll_addr, at, ETH_ALEN);
	return fd;
}

int main(int argc, char **argv)
{
	uint8_t public_key[32];
	struct in_addr net, at;
	struct sockaddr_ll to;
	size_t len = 0;
	long sent;
	int fd;

	if (argc != 10 || sodium_init() < 0 ||
		sodium_hex2bin(public_key, 32, argv[2], strlen(argv[2]), NULL, &len, NULL) ||
		len != 32 || inet_pton(AF_INET, argv[3], &net) != 1 ||
		inet_pton(AF_INET, argv[4], &at) != 1) {
		fprintf(stderr,
			"usage: flood bad|good KEY-HEX NET TO PORT RATE SECONDS IFACE MAC\n");
		return 2;
	}
	fd = open_packets(argv[8], argv[9], &to);
	if (fd < 0)
		return 1;
	prepare(!strcmp(argv[1], "good"), public_key, net.s_addr & htonl(0xffff0000), at.s_addr,
		(uint16_t)atoi(argv[5]));
	sent = flood(fd, &to, atof(argv[6]), atof(argv[7]));
	printf("%ld\n", sent);
	return sent < 0;
}
