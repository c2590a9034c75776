// SPDX-License-Identifier: MIT
// Two whole nodes in memory under one fake clock: a wire that can lose, keep and repeat, TUN devices that
// are socket pairs, no threads and no network.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"
#include "wg/node.h"

#define SIM_WIRE_MAX	 512
#define SIM_DATAGRAM_MAX 2048

struct sim_datagram {
	int to; /* which node; -1: nobody */
	struct hostport from;
	size_t len;
	uint8_t bytes[SIM_DATAGRAM_MAX];
};

struct sim_node {
	struct node *node;
	struct wg_stats *stats;
	struct device_wires wires;
	uint8_t private_key[32], public_key[32];
	struct hostport at;
	struct peer *peer;					    /* the other one */
	int tun;						    /* our end of its TUN */
	unsigned initiations, responses, cookies, keepalives, data; /* sent */
	unsigned came;						    /* packets out of its TUN */
	uint32_t reported;					    /* the last state of its peer */
};

static struct sim_node sim[2];
static struct sim_datagram sim_wire[SIM_WIRE_MAX];
static unsigned sim_n_wire;
static uint64_t sim_now_ns, sim_wall_offset_ns;
static bool (*sim_loses)(int from, const uint8_t *msg, size_t len);

static uint64_t sim_boot(void)
{
	return sim_now_ns;
}
static uint64_t sim_wall(void)
{
	return sim_now_ns + sim_wall_offset_ns;
}

static void sim_count(struct sim_node *s, const uint8_t *msg, size_t len)
{
	switch (len >= 4 ? noise_get32(msg) : 0) {
	case NOISE_INITIATION:
		s->initiations++;
		break;
	case NOISE_RESPONSE:
		s->responses++;
		break;
	case NOISE_COOKIE:
		s->cookies++;
		break;
	case NOISE_DATA:
		s->data++;
		s->keepalives += len == 32;
	}
}

static void sim_put(int from, const void *msg, size_t len, const union udpio_sockaddr *to)
{
	struct sim_datagram *w = &sim_wire[sim_n_wire];
	struct hostport at = udpio_hostport(to);

	sim_count(&sim[from], msg, len);
	if (sim_n_wire == SIM_WIRE_MAX || len > SIM_DATAGRAM_MAX ||
		(sim_loses && sim_loses(from, msg, len)))
		return;
	w->to = -1;
	for (int i = 0; i < 2; i++)
		if (at.port == sim[i].at.port && addr_equal(&at.addr, &sim[i].at.addr))
			w->to = i;
	w->from = sim[from].at;
	w->len = len;
	memcpy(w->bytes, msg, len);
	sim_n_wire += w->to >= 0;
}

static void sim_wire_send(void *owner, const void *msg, size_t len, const struct endpoint *to)
{
	sim_put((int)((struct sim_node *)owner - sim), msg, len, &to->path.to);
}

/* A socket's number tells whose it is. */
static ssize_t sim_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	const uint8_t *data = msg->msg_iov[0].iov_base;
	size_t len = msg->msg_iov[0].iov_len, each = len;

	for (; c; c = CMSG_NXTHDR((struct msghdr *)msg, (struct cmsghdr *)c)) {
		uint16_t size;

		if (c->cmsg_level != SOL_UDP)
			continue;
		memcpy(&size, CMSG_DATA(c), sizeof(size));
		each = size;
	}
	for (size_t at = 0; at < len; at += each)
		sim_put(fd - 1000, data + at, each < len - at ? each : len - at, msg->msg_name);
	return (ssize_t)len;
}

static int sim_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	for (unsigned i = 0; i < n; i++)
		msgs[i].msg_len = (unsigned)sim_sendmsg(fd, &msgs[i].msg_hdr, flags);
	return (int)n;
}

static const struct udpio_calls sim_calls = {.sendmsg = sim_sendmsg, .sendmmsg = sim_sendmmsg};

static void sim_nothing(void *owner)
{
}
static void sim_arm(void *owner, uint64_t at_ns)
{
}
static void sim_state(void *owner, const uint8_t key[32], uint32_t state)
{
	((struct sim_node *)owner)->reported = state;
}
static const struct device_ops sim_ops = {.peer_state = sim_state};

static void sim_start_one(int i)
{
	struct sim_node *s = &sim[i];
	int pair[2];

	memset(s, 0, sizeof(*s));
	s->stats = calloc(1, sizeof(*s->stats));
	CHECK_EQ(node_new(s->stats, &s->node), 0);
	s->wires = (struct device_wires){sim_wire_send, sim_nothing, sim_nothing, sim_arm, NULL};
	s->node->device->wires = &s->wires;
	s->node->device->wires_owner = s;
	s->node->device->boot_ns = sim_boot;
	s->node->device->wall_ns = sim_wall;
	device_set_ops(s->node->device, &sim_ops, s);
	s->node->sender.tx.calls = &sim_calls;
	s->node->fds[0] = 1000 + i;
	s->node->has[0] = true;
	s->node->sockets_generation = 1;
	CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
	s->tun = pair[0];
	s->node->tun_fd = pair[1];
	gro_set_tun(s->node->receiver.gro, pair[1], false, false, false);
	node_set_mtu(s->node, 1420);
	train_reset(&s->node->sender.train, 1420);
	s->at = (struct hostport){.addr = addr_v4(0xc6120001u + (uint32_t)i), .port = 51820};
	randombytes_buf(s->private_key, 32);
	device_set_private_key(s->node->device, s->private_key);
	memcpy(s->public_key, s->node->device->secret->identity.public_key, 32);
}

/* Node 0 has 10.0.0.1 and knows where node 1 (10.0.0.2) is; node 1 does not know where node 0 is. */
static void sim_start(void)
{
	struct prefix p = {.addr = addr_v4(0x0a000002), .len = 32};

	sim_now_ns = 1000 * SECOND_NS;
	sim_wall_offset_ns = 1700000000ull * SECOND_NS;
	sim_n_wire = 0;
	sim_loses = NULL;
	sim_start_one(0);
	sim_start_one(1);
	CHECK_EQ(device_peer_create(sim[0].node->device, sim[1].public_key, &sim[0].peer), 0);
	CHECK_EQ(device_peer_create(sim[1].node->device, sim[0].public_key, &sim[1].peer), 0);
	device_peer_add_allowed(sim[0].node->device, sim[0].peer, &p);
	p.addr = addr_v4(0x0a000001);
	device_peer_add_allowed(sim[1].node->device, sim[1].peer, &p);
	device_peer_set_endpoint(sim[0].node->device, sim[0].peer, &sim[1].at);
}

static void sim_stop(void)
{
	for (int i = 0; i < 2; i++) {
		sim[i].node->fds[0] = -1;
		close(sim[i].tun);
		node_free(sim[i].node);
		free(sim[i].stats);
	}
}

/* What the threads would do until both have nothing more to do now. */
static void sim_work(int i)
{
	struct node *n = sim[i].node;
	uint8_t buf[2048];

	handshake_start_wanted(n->device, sim_now_ns);
	deadlines_run(n->device, sim_now_ns);
	send_requests(n, sim_now_ns);
	send_flush(n, sim_now_ns);
	handshake_start_wanted(n->device, sim_now_ns);
	gro_flush(n->receiver.gro);
	while (recv(sim[i].tun, buf, sizeof(buf), 0) > 0)
		sim[i].came++;
}

static void sim_deliver(const struct sim_datagram *w)
{
	static struct sim_datagram copy;
	struct udpio_message m = {
		.data = copy.bytes, .len = (uint32_t)w->len, .segment = (uint32_t)w->len};

	copy = *w;
	m.from.v4.sin_family = AF_INET;
	m.from.v4.sin_port = htons(copy.from.port);
	memcpy(&m.from.v4.sin_addr, copy.from.addr.bytes, 4);
	m.to.family = 4;
	memcpy(&m.to.v4, sim[w->to].at.addr.bytes, 4);
	receive_messages(sim[w->to].node, &m, 1, sim_now_ns);
	gro_flush(sim[w->to].node->receiver.gro);
}

/* Delivers until all is quiet; the time stands still. */
static void sim_settle(void)
{
	static struct sim_datagram w;

	for (int rounds = 0; rounds < 10000; rounds++) {
		sim_work(0);
		sim_work(1);
		if (!sim_n_wire)
			return;
		w = sim_wire[0];
		memmove(sim_wire, sim_wire + 1, --sim_n_wire * sizeof(w));
		sim_deliver(&w);
	}
	CHECK(!"settles");
}

/* Lets NS pass, stopping at every deadline of both. */
__attribute__((unused)) static void sim_pass(uint64_t ns)
{
	uint64_t end = sim_now_ns + ns;

	for (;;) {
		uint64_t next = end;

		sim_settle();
		for (int i = 0; i < 2; i++) {
			struct device *d = sim[i].node->device;

			if (d->heap_n && d->heap[1]->heap_ns < next)
				next = d->heap[1]->heap_ns;
		}
		if (next > sim_now_ns)
			sim_now_ns = next;
		if (next >= end)
			break;
	}
	sim_settle();
}

/* An IPv4 packet with PAYLOAD bytes behind its header goes into the TUN of node I. */
__attribute__((unused)) static void sim_packet(int i, uint32_t from, uint32_t to, size_t payload)
{
	uint8_t ip[2048] = {0x45, 0};
	uint32_t a[2] = {htonl(from), htonl(to)};

	ip[2] = (uint8_t)((payload + 20) >> 8);
	ip[3] = (uint8_t)(payload + 20);
	ip[8] = 64;
	ip[9] = 253;
	memcpy(ip + 12, a, sizeof(a));
	send_frame(sim[i].node, ip, payload + 20, sim_now_ns);
}

static void sim_send(int i)
{
	sim_packet(i, 0x0a000001u + (uint32_t)i, 0x0a000002u - (uint32_t)i, 100);
}
