// SPDX-License-Identifier: MIT
// From the peers to the TUN device, in the main thread.
//
// One receive gives several messages, each perhaps a row of datagrams that the kernel joined (same sender,
// equal length). Datagrams in a row with the same index, of one message or of several that came the same
// way, are opened together, in place; then, in this order: replay window, endpoint and timers (once for
// the row, under the lock), inner length, source, ECN. What is left is joined again by gro.c and written to the TUN before the buffers are used anew.
// Nothing that fails gets an answer.
#include "wg/node.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define ROW_MAX	       64
#define BATCHES_MAX    8 /* receives on one socket before the others have their turn */
#define ANSWERED_MAX   4
#define LOOK_EVERY     16 /* lone packets, though none of the last ones was answered at once */
#define FRESH_UNTIL_NS (REJECT_AFTER_TIME_NS - KEEPALIVE_TIMEOUT_NS - REKEY_TIMEOUT_NS)

/* Datagrams in a row under one session. */
struct row {
	struct keypair *keypair;
	const struct udpio_message *message; /* the first one */
	unsigned n;
	struct aead_packet packets[ROW_MAX];
};

static void count(uint64_t *field, uint64_t n)
{
	if (n)
		STAT_ADD(*field, n);
}

static struct keypair *session_of(struct device *d, const uint8_t receiver[4], uint64_t now_ns)
{
	struct index_entry *e = index_find(&d->indices, noise_get32(receiver));
	struct keypair *k;

	if (!e || e->kind != INDEX_KEYPAIR)
		return NULL;
	k = container_of(e, struct keypair, index);
	return keypair_may_receive(k, now_ns) ? k : NULL;
}

/* Length of the inner packet that the LEN bytes at IP begin with, 0 if there is none. */
static size_t inner_length(const uint8_t *ip, size_t len)
{
	size_t n = 0, least = 20;

	if (len >= 20 && ip[0] >> 4 == 4) {
		n = (size_t)ip[2] << 8 | ip[3];
	} else if (len >= 40 && ip[0] >> 4 == 6) {
		n = ((size_t)ip[4] << 8 | ip[5]) + 40;
		least = 40;
	}
	return n >= least && n <= len ? n : 0;
}

static bool source_is(struct device *d, const struct peer *p, const uint8_t *ip)
{
	struct allowed_owner *o = ip[0] >> 4 == 4 ? allowedips_lookup4(&d->allowed, ip + 12)
						  : allowedips_lookup6(&d->allowed, ip + 8);

	return o == &p->allowed;
}

static bool touches_veth(const struct prefix *veth, const uint8_t *ip)
{
	uint32_t a[2], net, mask;

	if (veth->addr.family != 4 || ip[0] >> 4 != 4)
		return false;
	memcpy(a, ip + 12, sizeof(a));
	memcpy(&net, veth->addr.bytes, sizeof(net));
	mask = htobe32(veth->len ? UINT32_MAX << (32 - veth->len) : 0);
	return ((a[0] ^ net) & mask) == 0 || ((a[1] ^ net) & mask) == 0;
}

static void set_ecn4(uint8_t *ip, uint8_t ecn)
{
	uint32_t sum = (uint32_t)(ip[10] << 8 | ip[11]);
	uint8_t tos = (uint8_t)((ip[1] & ~3) | ecn);

	/* RFC 1624: HC' = ~(~HC + ~m + m') */
	sum = (~sum & 0xffff) + (~(uint32_t)(ip[0] << 8 | ip[1]) & 0xffff) +
		(uint32_t)(ip[0] << 8 | tos);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	ip[1] = tos;
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

/* RFC 6040 §4.2. False: drop. */
static bool decapsulate_ecn(uint8_t *ip, uint8_t outer)
{
	bool v4 = ip[0] >> 4 == 4;
	uint8_t inner = v4 ? ip[1] & 3 : ip[1] >> 4 & 3, out = inner;

	if (outer == 3 && inner == 0)
		return false;
	if (outer == 3 || (outer == 1 && inner == 2))
		out = outer;
	if (out != inner && v4)
		set_ecn4(ip, out);
	else if (out != inner)
		ip[1] = (uint8_t)((ip[1] & 0xcf) | out << 4);
	return true;
}

/* An authentic, fresh packet that is no keepalive. */
static void deliver(struct node *n, const struct row *row, uint8_t *ip, size_t len)
{
	struct device *d = n->device;
	size_t inner = inner_length(ip, len);

	if (!inner)
		count(&d->stats->counts.dropped_invalid, 1);
	else if (!source_is(d, row->keypair->peer, ip))
		count(&d->stats->counts.dropped_source, 1);
	else if (touches_veth(&d->veth, ip))
		count(&d->stats->counts.dropped_veth, 1);
	else if (!decapsulate_ecn(ip, row->message->ecn))
		count(&d->stats->counts.dropped_ecn, 1);
	else
		gro_add(n->receiver.gro, ip, inner);
}

/* Timers, slots and endpoint for a row of which something was fresh. */
static void note_row(
	struct node *n, const struct row *row, uint64_t bytes, bool data, uint64_t now_ns)
{
	const struct udpio_message *m = row->message;
	struct device *d = n->device;
	struct keypair *k = row->keypair;
	struct peer *p = k->peer;
	bool late;

	pthread_mutex_lock(&d->lock);
	if (session_confirm(d, k)) {
		handshake_completed(d, p, now_ns);
		session_want_sender(d, p);
	}
	if (udpio_path_from(&p->endpoint.path, m)) {
		p->endpoint.at = udpio_hostport(&m->from);
		p->stats->endpoint = p->endpoint.at;
	}
	timers_packet_received(&p->timers, now_ns);
	if (data)
		timers_data_received(&p->timers, now_ns);
	/* §6.2: the initiator asks for new keys in time even if it only receives */
	late = k == p->current && k->initiator && !p->rekeyed_late &&
		now_ns - k->born_ns >= FRESH_UNTIL_NS;
	if (late) {
		p->rekeyed_late = true;
		session_want_handshake(d, p);
	}
	deadlines_changed(d, p);
	STAT_ADD(p->stats->rx_bytes, bytes);
	STAT_ADD(d->stats->rx_bytes, bytes);
	pthread_mutex_unlock(&d->lock);
	device_peer_report(d, p, PEER_UP);
}

static void handle_row(struct node *n, struct row *row, uint64_t now_ns)
{
	struct device *d = n->device;
	uint64_t bytes = 0, invalid = 0, replayed = 0;
	bool data = false;

	if (!row->n)
		return;
	aead_open(n->receiver.aead, row->keypair->keys->receive, row->packets, row->n);
	for (unsigned i = 0; i < row->n; i++) {
		struct aead_packet *p = &row->packets[i];

		if (!p->ok) {
			invalid++;
			continue;
		}
		if (!replay_accept(&row->keypair->replay, p->counter)) {
			p->ok = 0;
			replayed++;
			continue;
		}
		bytes += p->len + TRAIN_HEADER + TRAIN_TAG;
		data |= p->len > 0;
	}
	count(&d->stats->counts.dropped_invalid, invalid);
	count(&d->stats->counts.dropped_replay, replayed);
	if (bytes)
		note_row(n, row, bytes, data, now_ns);
	for (unsigned i = 0; i < row->n; i++)
		if (row->packets[i].ok && row->packets[i].len)
			deliver(n, row, row->packets[i].data, row->packets[i].len);
	row->n = 0;
}

static void handshake_message(struct node *n, const uint8_t *data, size_t len,
	const struct udpio_message *m, uint64_t now_ns)
{
	struct endpoint from = {.at = udpio_hostport(&m->from)};

	udpio_path_from(&from.path, m);
	handshake_receive(n->device, data, len, &from, now_ns);
}

static void take_message(
	struct node *n, struct row *row, const struct udpio_message *m, uint64_t now_ns)
{
	if (row->n && !udpio_same_way(row->message, m))
		handle_row(n, row, now_ns);
	for (uint32_t at = 0, len; at < m->len; at += len) {
		struct noise_data *t = (struct noise_data *)(m->data + at);

		len = m->segment ? MIN(m->segment, m->len - at) : m->len;
		if (len < TRAIN_HEADER + TRAIN_TAG || noise_get32(t->type) != NOISE_DATA) {
			handle_row(n, row, now_ns);
			if (len >
				1) /* one byte ends a train of some senders, udpio_socket_mode() */
				handshake_message(n, m->data + at, len, m, now_ns);
			continue;
		}
		if (row->n == ROW_MAX ||
			(row->n && row->keypair->index.index != noise_get32(t->receiver)))
			handle_row(n, row, now_ns);
		/* not before that: what handle_row() learns can end sessions */
		if (!row->n) {
			row->keypair = session_of(n->device, t->receiver, now_ns);
			row->message = m;
		}
		if (!row->keypair) {
			count(&n->device->stats->counts.dropped_invalid, 1);
			continue;
		}
		row->packets[row->n++] = (struct aead_packet){.data = t->sealed,
			.counter = noise_get64(t->counter),
			.len = len - TRAIN_HEADER - TRAIN_TAG};
	}
}

void receive_messages(
	struct node *n, const struct udpio_message *messages, unsigned got, uint64_t now_ns)
{
	struct row row;

	row.n = 0;
	for (unsigned i = 0; i < got; i++)
		take_message(n, &row, &messages[i], now_ns);
	handle_row(n, &row, now_ns);
}

/* A lone packet was written to the TUN. What the kernel itself answers (an echo request, a SYN, data that is to be
 * acknowledged) is answered by now; to look there at once saves the way by epoll, and where nobody
 * answers at once it is not worth it. */
static int look_for_answer(struct node *n)
{
	struct receiver *r = &n->receiver;
	int error;

	if (!r->answered && ++r->unlooked < LOOK_EVERY)
		return 0;
	r->unlooked = 0;
	error = send_ready(n, false);
	if (n->sender.found)
		r->answered = ANSWERED_MAX;
	else if (r->answered)
		r->answered--;
	return error;
}

int receive_ready(struct node *n, int fd)
{
	for (int i = 0; i < BATCHES_MAX; i++) {
		struct udpio_message *messages;
		int got = udpio_receive(n->receiver.rx, fd, &messages);
		uint64_t writes = gro_counters(n->receiver.gro)->writes;
		unsigned datagrams = 0;
		uint64_t now_ns;

		if (got <= 0)
			return 0;
		now_ns = clock_now_ns();
		receive_messages(n, messages, (unsigned)got, now_ns);
		for (int j = 0; j < got; j++) {
			const struct udpio_message *m = &messages[j];

			datagrams += m->segment ? (m->len + m->segment - 1) / m->segment : 1;
		}
		if (gro_flush(n->receiver.gro) == -EBADFD)
			return -ENODEV;
		/* if there is more here, epoll says so again */
		if (datagrams == 1)
			return n->tun_watched && gro_counters(n->receiver.gro)->writes != writes
				? look_for_answer(n)
				: 0;
		if (!n->tun_watched || gro_counters(n->receiver.gro)->writes == writes)
			continue;
		/* TCP has made its acknowledgements while gro_flush() wrote: they go out together */
		n->work.received += datagrams;
		if (send_ready(n, true) < 0)
			return -ENODEV;
	}
	return 0;
}
