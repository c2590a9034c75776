// SPDX-License-Identifier: MIT
// From the TUN device to the peers: the sending thread, or the main thread while there is little to do.
//
// A frame is up to 64 KiB; gso_append() writes its packets straight into the train, with room for header
// and tag, and there they are sealed and sent by one system call. A train that is not full waits only
// until the TUN has nothing more to read. The lock is taken for looking up the peer and, behind the send,
// for its timers and counters; never across a system call or cryptography.
#include "wg/node.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define SEND_IDLE_MS	 5    /* without a frame; then one thread is enough */
#define SEND_LONE_BYTES	 1000 /* a shorter frame is sent without a look behind it */
#define TRAIN_WIRE_USUAL 1500 /* for counting the packets of a frame, roughly */

/* ---- sealing and sending the open train ---- */

static void seal(struct sender *s)
{
	struct aead_packet packets[TRAIN_PACKETS_MAX];
	struct keypair *k = s->keypair;
	uint64_t counter = k->send_counter;

	for (unsigned i = 0; i < s->train.n; i++) {
		struct noise_data *m = (struct noise_data *)train_datagram(&s->train, i);

		noise_put32(m->type, NOISE_DATA);
		noise_put32(m->receiver, k->remote_index);
		noise_put64(m->counter, counter);
		packets[i] = (struct aead_packet){.data = m->sealed,
			.counter = counter++,
			.len = (uint32_t)train_length(&s->train, i) - TRAIN_HEADER - TRAIN_TAG};
	}
	__atomic_store_n(&k->send_counter, counter, __ATOMIC_RELAXED);
	aead_seal(s->aead, k->keys->send, packets, s->train.n);
}

static void account(struct node *n, struct sender *s, int error, uint64_t now_ns)
{
	struct device *d = n->device;
	struct peer *p = s->keypair->peer;

	if (p->dead)
		return;
	if (error == 0) {
		STAT_ADD(p->stats->tx_bytes, train_bytes(&s->train));
		STAT_ADD(d->stats->tx_bytes, train_bytes(&s->train));
	}
	if (p->endpoint.path.source.family && !s->path.source.family)
		endpoint_forget_source(&p->endpoint);
	if (s->train.inner_bytes)
		timers_data_sent(&p->timers, now_ns);
	timers_packet_sent(&p->timers, now_ns);
	/* the train's own keys may have been replaced meanwhile */
	if (p->current && keypair_is_old(p->current, now_ns))
		session_want_handshake(d, p);
	deadlines_changed(d, p);
}

void send_flush(struct node *n, uint64_t now_ns)
{
	struct sender *s = &n->sender;
	int r = 0;

	if (!s->keypair)
		return;
	if (s->train.n) {
		seal(s);
		r = udpio_send(&s->tx, &s->path, (struct udpio_marks){s->train.ecn, s->train.hops},
			s->train.buf, s->train.n, s->train.wire, s->train.last);
	}
	pthread_mutex_lock(&n->device->lock);
	if (s->train.n)
		account(n, s, r, now_ns);
	keypair_unref(s->keypair);
	pthread_mutex_unlock(&n->device->lock);
	s->keypair = NULL;
	train_reset(&s->train, __atomic_load_n(&n->mtu, __ATOMIC_RELAXED));
}

/* Sends the open train and goes on with an empty one to the same peer, unless that was removed. */
static bool next_train(struct node *n, uint64_t now_ns)
{
	struct sender *s = &n->sender;
	struct keypair *k = s->keypair;
	bool alive;

	pthread_mutex_lock(&n->device->lock);
	keypair_ref(k);
	pthread_mutex_unlock(&n->device->lock);
	send_flush(n, now_ns);
	pthread_mutex_lock(&n->device->lock);
	alive = !k->peer->dead;
	s->path = k->peer->endpoint.path;
	if (!alive)
		keypair_unref(k);
	pthread_mutex_unlock(&n->device->lock);
	s->keypair = alive ? k : NULL;
	return alive;
}

static void append(struct node *n, struct gso *g, uint64_t now_ns)
{
	gso_append(g, &n->sender.train);
	while (g->left && next_train(n, now_ns))
		gso_append(g, &n->sender.train);
}

/* ---- choosing the session; all under the lock ---- */

static void take_sockets(struct node *n)
{
	struct sender *s = &n->sender;

	if (s->sockets_generation == n->sockets_generation)
		return;
	s->sockets_generation = n->sockets_generation;
	udpio_socket_init(&s->tx.v4, n->has[0] ? n->fds[0] : -1, true);
	udpio_socket_init(&s->tx.v6, n->has[1] ? n->fds[1] : -1, true);
	udpio_socket_mode(&s->tx.v4, n->udp_gso);
	udpio_socket_mode(&s->tx.v6, n->udp_gso);
}

/* Can P be sent to now? Opens a train for it then; no other may be open. */
static bool open_train(struct node *n, struct peer *p, uint64_t now_ns)
{
	struct keypair *k = p->current;

	if (!k || !keypair_may_send(k, now_ns, GSO_FRAME_MAX) || !p->endpoint.at.addr.family)
		return false;
	n->sender.keypair = keypair_ref(k);
	n->sender.path = p->endpoint.path;
	return true;
}

/* Keeps FRAME until there is a session; the oldest gives way. */
static void stage(struct device *d, struct peer *p, const uint8_t *frame, size_t len)
{
	struct staged *s = malloc(sizeof(*s) + len);

	if (!s) {
		STAT_ADD(d->stats->counts.dropped_queue, 1);
		return;
	}
	s->next = NULL;
	s->len = len;
	memcpy(s->bytes, frame, len);
	while (p->staged_first &&
		(p->staged_packets >= STAGED_PACKETS_MAX ||
			p->staged_bytes + len > STAGED_BYTES_MAX)) {
		struct staged *old = p->staged_first;

		p->staged_first = old->next;
		p->staged_packets--;
		p->staged_bytes -= old->len;
		free(old);
		STAT_ADD(d->stats->counts.dropped_queue, 1);
	}
	if (!p->staged_first)
		p->staged_last = &p->staged_first;
	*p->staged_last = s;
	p->staged_last = &s->next;
	p->staged_packets++;
	p->staged_bytes += len;
}

/* ---- frames ---- */

static bool in_veth(const struct prefix *veth, const struct gso *g)
{
	uint32_t a[2], net, mask;

	if (veth->addr.family != 4 || g->version != 4)
		return false;
	memcpy(a, g->ip + 12, sizeof(a));
	memcpy(&net, veth->addr.bytes, sizeof(net));
	mask = htobe32(veth->len ? UINT32_MAX << (32 - veth->len) : 0);
	return ((a[0] ^ net) & mask) == 0 || ((a[1] ^ net) & mask) == 0;
}

/* The peer for G, or NULL. Under the lock. */
static struct peer *route(struct device *d, const struct gso *g)
{
	struct allowed_owner *o = g->version == 4 ? allowedips_lookup4(&d->allowed, g->ip + 16)
						  : allowedips_lookup6(&d->allowed, g->ip + 24);
	return o ? container_of(o, struct peer, allowed) : NULL;
}

/* Nobody takes G. Its sender is told, as the kernel's WireGuard does. */
static void unreachable(struct node *n, const struct gso *g, uint64_t now_ns)
{
	struct {
		uint8_t vnet_hdr[GSO_VNET_HDR];
		uint8_t packet[ICMP_BYTES_MAX];
	} out = {0};
	struct wg_stats *stats = n->device->stats;
	size_t len = icmp_unreachable(g->ip, g->len, out.packet);

	STAT_ADD(stats->counts.dropped_no_peer, 1);
	if (!len)
		return;
	if (!icmp_limit_allow(&n->sender.unreachable, now_ns)) {
		STAT_ADD(stats->counts.unreachable_limited, 1);
		return;
	}
	if (n->vnet_hdr ? write(n->tun_fd, &out, GSO_VNET_HDR + len) > 0
			: write(n->tun_fd, out.packet, len) > 0)
		STAT_ADD(stats->counts.unreachable_sent, 1);
}

enum verdict { DROPPED, UNREACHABLE, STAGED, GO_ON, OTHER_PEER };

static enum verdict choose(
	struct node *n, const struct gso *g, const uint8_t *frame, size_t len, uint64_t now_ns)
{
	struct device *d = n->device;
	struct sender *s = &n->sender;
	struct peer *p;

	take_sockets(n);
	if (in_veth(&d->veth, g)) {
		STAT_ADD(d->stats->counts.dropped_veth, 1);
		return DROPPED;
	}
	p = route(d, g);
	if (!p || (!p->endpoint.at.addr.family && !p->endpoint_awaited))
		return UNREACHABLE;
	if (s->keypair && s->keypair == p->current && !p->staged_first &&
		keypair_may_send(s->keypair, now_ns, GSO_FRAME_MAX))
		return GO_ON;
	if (s->keypair)
		return OTHER_PEER;
	if (!p->staged_first && open_train(n, p, now_ns))
		return GO_ON;
	stage(d, p, frame, len);
	if (p->current && keypair_may_send(p->current, now_ns, GSO_FRAME_MAX) &&
		p->endpoint.at.addr.family)
		session_want_sender(d, p);
	else
		session_want_handshake(d, p);
	return STAGED;
}

void send_frame(struct node *n, const uint8_t *frame, size_t len, uint64_t now_ns)
{
	enum verdict v;
	struct gso g;
	int r;

	r = gso_begin(&g, frame, len, n->vnet_hdr);
	if (r == -ELOOP)
		STAT_ADD(n->device->stats->counts.dropped_loop, 1);
	if (r < 0)
		return;
	do {
		pthread_mutex_lock(&n->device->lock);
		v = choose(n, &g, frame, len, now_ns);
		pthread_mutex_unlock(&n->device->lock);
		if (v == OTHER_PEER)
			send_flush(n, now_ns);
	} while (v == OTHER_PEER);
	if (v == GO_ON)
		append(n, &g, now_ns);
	else if (v == UNREACHABLE)
		unreachable(n, &g, now_ns);
}

/* ---- work that others asked for ---- */

static void append_keepalive(struct sender *s)
{
	s->train.n = 1;
	s->train.wire = s->train.last = TRAIN_HEADER + TRAIN_TAG;
	s->train.closed = 1;
}

/* One step for P: a packet that waited, else the keepalive. False: nothing more to do. */
static bool work_off(struct node *n, struct peer *p, uint64_t now_ns)
{
	struct device *d = n->device;
	struct staged *w = NULL;
	bool keepalive = false, open = false;
	struct gso g;

	pthread_mutex_lock(&d->lock);
	take_sockets(n);
	if (!p->dead && (p->staged_first || p->keepalive_wanted)) {
		open = n->sender.keypair || open_train(n, p, now_ns);
		if (!open)
			session_want_handshake(d, p);
	}
	if (open && p->staged_first) {
		w = p->staged_first;
		p->staged_first = w->next;
		if (!w->next)
			p->staged_last = &p->staged_first;
		p->staged_packets--;
		p->staged_bytes -= w->len;
	} else if (open) {
		keepalive = true;
	}
	p->keepalive_wanted = false;
	pthread_mutex_unlock(&d->lock);
	if (w && gso_begin(&g, w->bytes, w->len, n->vnet_hdr) == 0)
		append(n, &g, now_ns);
	if (keepalive && !n->sender.train.n)
		append_keepalive(&n->sender);
	free(w);
	return w != NULL;
}

void send_requests(struct node *n, uint64_t now_ns)
{
	struct device *d = n->device;

	send_flush(n, now_ns);
	for (;;) {
		struct peer *p;

		pthread_mutex_lock(&d->lock);
		p = d->tx_list;
		if (p) {
			d->tx_list = p->tx_next;
			p->tx_listed = false;
		}
		pthread_mutex_unlock(&d->lock);
		if (!p)
			return;
		while (work_off(n, p, now_ns))
			;
		send_flush(n, now_ns);
		pthread_mutex_lock(&d->lock);
		peer_unref(p);
		pthread_mutex_unlock(&d->lock);
	}
}

/* ---- the loop ---- */

static void wake_main(struct node *n)
{
	uint64_t one = 1;

	(void)!write(n->main_wake_fd, &one, sizeof(one));
}

static bool is_gone(ssize_t len)
{
	return len < 0 && (errno == EBADFD || errno == ENODEV || errno == EBADF);
}

/* Everything becomes the main thread's, and this one sleeps until it is called. */
static void hand_over(struct node *n)
{
	struct pollfd fd = {.fd = n->sender_wake_fd, .events = POLLIN};
	uint64_t drain;

	n->work = (struct work){0};
	__atomic_store_n(&n->busy, 0, __ATOMIC_RELEASE);
	wake_main(n);
	while (!__atomic_load_n(&n->busy, __ATOMIC_ACQUIRE)) {
		(void)!read(n->sender_wake_fd, &drain, sizeof(drain));
		if (!__atomic_load_n(&n->busy, __ATOMIC_ACQUIRE))
			(void)poll(&fd, 1, -1);
	}
}

/* Nothing to read: sends what is open, then sleeps until there is a frame or a request. */
static void idle(struct node *n)
{
	struct pollfd fds[2] = {
		{.fd = n->sender_wake_fd, .events = POLLIN}, {.fd = n->tun_fd, .events = POLLIN}};
	uint64_t now_ns = clock_now_ns(), drain;

	send_flush(n, now_ns);
	if (work_needs_one(&n->work, now_ns) || poll(fds, 2, SEND_IDLE_MS) == 0)
		hand_over(n);
	else if (fds[0].revents)
		(void)!read(n->sender_wake_fd, &drain, sizeof(drain));
}

void *send_run(void *arg)
{
	struct node *n = arg;
	struct sender *s = &n->sender;

	for (;;) {
		ssize_t len = read(n->tun_fd, s->frame, GSO_FRAME_MAX);

		if (len > 0)
			send_frame(n, s->frame, (size_t)len, clock_now_ns());
		else if (is_gone(len))
			break;
		else
			idle(n);
		/* an endless stream must not keep others' requests waiting */
		if (__atomic_exchange_n(&n->sender_work, 0, __ATOMIC_ACQUIRE))
			send_requests(n, clock_now_ns());
	}
	send_flush(n, clock_now_ns());
	__atomic_store_n(&n->tun_gone, 1, __ATOMIC_RELEASE);
	wake_main(n);
	return NULL;
}

int send_ready(struct node *n, bool more)
{
	struct sender *s = &n->sender;
	uint64_t now_ns = clock_now_ns();
	ssize_t len = 1;
	unsigned packets = 0;

	while (packets < SEND_TURN_PACKETS) {
		len = read(n->tun_fd, s->frame, GSO_FRAME_MAX);
		if (len <= 0)
			break;
		send_frame(n, s->frame, (size_t)len, now_ns);
		packets += 1 + (unsigned)((size_t)len / TRAIN_WIRE_USUAL);
		if (!more && len < SEND_LONE_BYTES)
			break; /* more behind it is unlikely, and told by epoll */
	}
	s->found = packets;
	if (is_gone(len))
		return -ENODEV;
	send_flush(n, now_ns);
	node_count_sent(n, packets, now_ns);
	return 0;
}
