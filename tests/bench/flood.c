// SPDX-License-Identifier: MIT
// Floods a WireGuard node with handshake initiations at a fixed rate, from forged sources.
//
// Usage: flood bad|good PUBLIC-KEY-HEX SOURCE-NET DEST-ADDRESS PORT PACKETS-PER-SECOND SECONDS
//
// With "good" mac1 is right, so that only a DH or a cookie tells the node more; with "bad" it is noise. The
// sources are random addresses of SOURCE-NET/16 and random ports. Needs CAP_NET_RAW; prints how many it sent.
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/cleanup.h"
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
			.ttl = 64,
			.protocol = IPPROTO_UDP,
			.saddr = net | htonl(randombytes_uniform(65536)),
			.daddr = to};
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

static long flood(int fd, const struct sockaddr_in *to, double rate, double seconds)
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

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	uint8_t public_key[32];
	struct in_addr net;
	size_t len = 0;
	long sent;
	int fd;

	if (argc != 8 || sodium_init() < 0 ||
		sodium_hex2bin(public_key, 32, argv[2], strlen(argv[2]), NULL, &len, NULL) ||
		len != 32 || inet_pton(AF_INET, argv[3], &net) != 1 ||
		inet_pton(AF_INET, argv[4], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: flood bad|good KEY-HEX NET TO PORT RATE SECONDS\n");
		return 2;
	}
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0) {
		perror("socket");
		return 1;
	}
	prepare(!strcmp(argv[1], "good"), public_key, net.s_addr & htonl(0xffff0000),
		to.sin_addr.s_addr, (uint16_t)atoi(argv[5]));
	sent = flood(fd, &to, atof(argv[6]), atof(argv[7]));
	printf("%ld\n", sent);
	return sent < 0;
}
