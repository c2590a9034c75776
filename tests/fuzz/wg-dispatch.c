// SPDX-License-Identifier: MIT
// A node with real keys, fed with messages, frames and time; every input begins with the same node.
//
// The input is a row of records: one byte how, one byte length, the bytes. The low 3 bits of HOW say what
// comes: 0 the bytes alone, 1…4 a message of that type, 5 a row of authentic packets that the kernel
// joined, 6 a frame out of the TUN device, 7 our own call for a handshake and the time that passes.
// 0x08 makes mac1 right, 0x10 and 0x20 point the receiver's index at our handshake or our session.
// 0x40: a real message of the peer's, made with its keys; with 0x20 one byte of it is changed (place and
// bits are the first two bytes), with 0x10 it is the last one again. 0x80: it comes from elsewhere.
//
// What is held against the node: nothing that is not authentic or not fresh comes out of the TUN or moves
// the endpoint, and what comes out has a source that is allowed and no address of the veth.
//
// Random numbers are the same for each input, so that the same keys are met again: DH, nine tenths of
// the time otherwise, is computed once for each pair.
#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "same-random.h"
#include "wg/blake2s.h"
#include "wg/node.h"

#define SENDER_END 8 /* of the index in a handshake message, which only mac1 covers */
#define MSG_MAX	   1024
#define INSIDE	   0x0a000000u /* 10.0.0.0/8 is allowed, 10.200.0.0/30 the veth's */
#define VETH	   0x0ac80000u

static struct node *node;
static struct peer *peer;
static struct noise_static other;
static struct noise_remote to_us;
static struct cookie_checker others_checker;
static struct cookie_maker others_maker;
static uint64_t now_ns, counter;
static uint8_t sent[sizeof(struct noise_initiation)]; /* our last initiation or response */
static size_t sent_len;
static uint8_t last[MSG_MAX]; /* the last real message to us */
static size_t last_len;
static uint8_t last_stamp[NOISE_TIMESTAMP];
static bool authentic; /* the message at hand may have an effect */

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* ---- DH from memory ---- */

static struct {
	uint8_t n[32], p[32], q[32];
	int r;
	bool used;
} products[1024];

int crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p)
{
	uint64_t a, b;
	size_t i;

	memcpy(&a, n + 8, sizeof(a));
	memcpy(&b, p + 8, sizeof(b));
	i = (size_t)((a ^ (b * 0x9e3779b97f4a7c15ull)) >> 20) % 1024;
	if (!products[i].used || memcmp(products[i].n, n, 32) || memcmp(products[i].p, p, 32)) {
		products[i].r = crypto_scalarmult_curve25519(products[i].q, n, p);
		memcpy(products[i].n, n, 32);
		memcpy(products[i].p, p, 32);
		products[i].used = true;
	}
	memcpy(q, products[i].q, 32);
	return products[i].r;
}

int crypto_scalarmult_base(unsigned char *q, const unsigned char *n)
{
	static const uint8_t nine[32] = {9};

	return crypto_scalarmult(q, n, nine);
}

/* ---- the world around the node ---- */

static uint64_t fake_now(void)
{
	return now_ns;
}
static void fake_send(void *owner, const void *msg, size_t len, const struct endpoint *to)
{
	require(len <= sizeof(sent) && to->at.addr.family && to->at.port);
	if (noise_get32(msg) == NOISE_COOKIE)
		return;
	memcpy(sent, msg, len);
	sent_len = len;
}
static void fake_wake(void *owner)
{
}
static void fake_arm(void *owner, uint64_t at_ns)
{
}
static const struct device_wires wires = {
	.send = fake_send, .wake_sender = fake_wake, .wake_main = fake_wake, .arm = fake_arm};

static ssize_t fake_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return (ssize_t)msg->msg_iov[0].iov_len;
}
static int fake_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	for (unsigned i = 0; i < n; i++)
		msgs[i].msg_len = (unsigned)msgs[i].msg_hdr.msg_iov[0].iov_len;
	return (int)n;
}
static const struct udpio_calls calls = {.sendmsg = fake_sendmsg, .sendmmsg = fake_sendmmsg};

/* What the TUN device gets. */
static ssize_t fake_writev(int fd, const struct iovec *iov, int n)
{
	const uint8_t *ip = iov[1].iov_base;
	ssize_t len = 0;

	require(authentic && n > 1 && iov[1].iov_len >= 20 && ip[0] >> 4 == 4);
	require(ip[12] == INSIDE >> 24);
	require((noise_get32(ip + 12) & 0xfcffffff) != htonl(VETH) &&
		(noise_get32(ip + 16) & 0xfcffffff) != htonl(VETH));
	for (int i = 0; i < n; i++)
		len += (ssize_t)iov[i].iov_len;
	return len;
}
static const struct gro_calls tun_calls = {.writev = fake_writev};

static void start(void)
{
	struct prefix veth = {.addr = addr_v4(VETH), .len = 30};
	uint8_t key[32] = {64};

	log_set_level(-1);
	same_random_install();
	require(sodium_init() >= 0 && aead_init(AEAD_SODIUM) == 0);
	require(node_new(calloc(1, sizeof(struct wg_stats)), &node) == 0);
	node->device->wires = &wires;
	node->device->boot_ns = node->device->wall_ns = fake_now;
	gro_free(node->receiver.gro);
	node->receiver.gro = gro_new(&tun_calls);
	gro_set_tun(node->receiver.gro, 1, true, true, true);
	node->sender.tx.calls = &calls;
	node->fds[0] = 1000;
	node->has[0] = true;
	node->sockets_generation = 1;
	node_set_mtu(node, 1420);
	device_set_veth(node->device, &veth);
	noise_set_static(&other, key);
	key[0] = 8;
	device_set_private_key(node->device, key);
	noise_set_remote(&to_us, &other, node->device->secret->identity.public_key);
}

/* As if nothing had ever happened. */
static void begin(void)
{
	struct hostport at = {.addr = addr_v4(0xc6120002), .port = 9};
	struct prefix inside = {.addr = addr_v4(INSIDE), .len = 8};
	struct device *d = node->device;

	same_random_state = 1;
	now_ns = 1000 * SECOND_NS;
	counter = 0;
	sent_len = last_len = 0;
	ratelimit_free(&d->ratelimit);
	memset(&d->ratelimit, 0, sizeof(d->ratelimit));
	memset(&d->load, 0, sizeof(d->load));
	d->familiar.born_ns = 0;
	memset(&node->sender.unreachable, 0, sizeof(node->sender.unreachable));
	cookie_checker_init(&d->secret->checker, d->secret->identity.public_key);
	cookie_checker_init(&others_checker, other.public_key);
	cookie_maker_init(&others_maker, d->secret->identity.public_key);
	require(device_peer_create(d, other.public_key, &peer) == 0);
	device_peer_set_endpoint(d, peer, &at);
	require(device_peer_add_allowed(d, peer, &inside) == 0);
	train_reset(&node->sender.train, 1420);
}

static void work(void)
{
	gro_flush(node->receiver.gro);
	handshake_start_wanted(node->device, now_ns);
	deadlines_run(node->device, now_ns);
	send_requests(node, now_ns);
	send_flush(node, now_ns);
}

static void end(void)
{
	device_peer_remove(node->device, peer);
	peer = NULL;
	work();
	require(!node->device->tx_list && !node->device->hs_list && !node->device->heap_n);
}

/* ---- the peer's messages ---- */

static size_t real_initiation(uint8_t *msg, size_t bytes)
{
	uint8_t ephemeral[32] = {5};
	struct noise_handshake hs;

	noise_timestamp(last_stamp, now_ns / SECOND_NS, (uint32_t)(now_ns % SECOND_NS));
	require(noise_create_initiation(&hs, &other, &to_us, ephemeral, last_stamp, (uint32_t)bytes,
			(struct noise_initiation *)msg) == 0);
	cookie_add_macs(&others_maker, msg, sizeof(struct noise_initiation), now_ns);
	return sizeof(struct noise_initiation);
}

/* To our last initiation. */
static size_t real_response(uint8_t *msg)
{
	const struct noise_initiation *m = (const struct noise_initiation *)sent;
	uint8_t ephemeral[32] = {7}, who[32], stamp[NOISE_TIMESTAMP];
	struct noise_handshake hs;

	if (sent_len != sizeof(*m) || noise_open_initiation(&other, m, &hs, who) < 0)
		return 0;
	require(noise_accept_initiation(&hs, &to_us, m, stamp) == 0);
	require(noise_create_response(&hs, &to_us, ephemeral, 99, (struct noise_response *)msg) ==
		0);
	cookie_add_macs(&others_maker, msg, sizeof(struct noise_response), now_ns);
	return sizeof(struct noise_response);
}

/* To our last message. */
static size_t real_cookie(uint8_t *msg)
{
	struct hostport us = {.addr = addr_v4(0xc6120001), .port = 51820};

	if (!sent_len)
		return 0;
	cookie_make_reply(
		&others_checker, sent, sent_len, &us, sent + 4, now_ns, (struct cookie_reply *)msg);
	return sizeof(struct cookie_reply);
}

/* LEN bytes as an authentic packet under the newest session. */
static size_t real_data(uint8_t *msg, const uint8_t *in, size_t len)
{
	struct keypair *k = peer->next_keypair ? peer->next_keypair : peer->current;
	uint8_t nonce[12] = {0};

	if (!k)
		return 0;
	noise_put32(msg, NOISE_DATA);
	noise_put32(msg + 4, k->index.index);
	noise_put64(msg + 8, counter);
	noise_put64(nonce + 4, counter++);
	crypto_aead_chacha20poly1305_ietf_encrypt(
		msg + 16, NULL, in, len, NULL, 0, NULL, nonce, k->keys->receive);
	return len + 32;
}

static void make_mac1(uint8_t *msg, size_t len)
{
	if (len >= 32)
		blake2s(msg + len - 32, 16, others_maker.mac1_key, 32, msg, len - 32);
}

/* One byte of a real message: it counts for nothing then, unless only a MAC vouches for that byte. */
static void change(uint8_t *msg, size_t len, uint8_t place, uint8_t bits)
{
	size_t at = place % len;
	uint32_t type = noise_get32(msg);

	msg[at] ^= bits;
	if (type == NOISE_INITIATION || type == NOISE_RESPONSE) {
		make_mac1(msg, len);
		authentic = at >= len - 32 || (at >= 4 && at < SENDER_END);
	} else {
		authentic = false;
	}
	authentic |= !bits;
}

/* The last one again. Of a handshake message we do not know here whether it had its effect the first
 * time or was one too many, but a time stamp that was taken is not taken twice. */
static size_t replay(uint8_t *msg)
{
	memcpy(msg, last, last_len);
	authentic = noise_get32(msg) == NOISE_RESPONSE ||
		(noise_get32(msg) == NOISE_INITIATION &&
			memcmp(last_stamp, peer->latest_timestamp, NOISE_TIMESTAMP) > 0);
	return last_len;
}

static size_t real(uint8_t *msg, const uint8_t *in, size_t len, uint8_t how)
{
	size_t n = 0;

	if (how & 0x10 && last_len)
		return replay(msg);
	authentic = true;
	switch (how & 7) {
	case NOISE_INITIATION:
		n = real_initiation(msg, len);
		break;
	case NOISE_RESPONSE:
		n = real_response(msg);
		break;
	case NOISE_COOKIE:
		n = real_cookie(msg);
		break;
	case NOISE_DATA:
		n = real_data(msg, in, len);
	}
	if (n && how & 0x20 && len >= 2)
		change(msg, n, in[0], in[1]);
	memcpy(last, msg, n);
	last_len = n;
	return n;
}

/* A message of our own making. */
static size_t raw(uint8_t *msg, const uint8_t *in, size_t len, uint8_t how)
{
	static const size_t sizes[] = {0, 148, 92, 64};
	size_t type = how & 7, n = 16 + len;

	authentic = false;
	if (!type) {
		memcpy(msg, in, len);
		n = len;
	} else {
		noise_put32(msg, (uint32_t)type);
		memcpy(msg + 16, in, len);
		if (type < 4 && how & 8)
			n = sizes[type];
	}
	if (how & 0x10)
		noise_put32(msg + (type == NOISE_RESPONSE ? 8 : 4), peer->handshake_index.index);
	if (how & 0x20 && peer->current)
		noise_put32(msg + 4, peer->current->index.index);
	if (how & 8)
		make_mac1(msg, n);
	return n;
}

/* Authentic packets in a row; their length is the first byte's. */
static void row(struct udpio_message *m, const uint8_t *in, size_t len)
{
	size_t each = len ? 20 + in[0] % 44u : 0, n;

	authentic = true;
	m->len = 0;
	while (len > each && each && m->len + each + 32 <= MSG_MAX) {
		n = real_data(m->data + m->len, in + 1, each);
		m->len += (uint32_t)n;
		in += each;
		len -= each;
		if (!n)
			return;
	}
	m->segment = (uint32_t)each + 32;
}

static void feed(struct udpio_message *m, uint8_t how)
{
	struct hostport before = peer->endpoint.at;

	m->from.v4.sin_family = AF_INET;
	m->from.v4.sin_port = htons(how & 0x80 ? 4243 : 4242);
	m->from.v4.sin_addr.s_addr = htonl(0xc6120002);
	m->ecn = m->len ? m->data[m->len - 1] & 3 : 0;
	receive_messages(node, m, 1, now_ns);
	require(authentic || (before.port == peer->endpoint.at.port));
	gro_flush(node->receiver.gro);
}

static void record(const uint8_t *in, size_t len, uint8_t how)
{
	static uint8_t msg[MSG_MAX];
	struct udpio_message m = {.data = msg};

	memset(msg, 0, sizeof(msg));
	switch (how & 7) {
	case 5:
		row(&m, in, len);
		break;
	case 6:
		send_frame(node, in, len, now_ns);
		return;
	case 7:
		now_ns += len ? in[0] * SECOND_NS : 0;
		device_peer_call(node->device, peer);
		return;
	default:
		m.len = (uint32_t)(how & 0x40 ? real : raw)(msg, in, len, how);
		m.segment = m.len;
	}
	feed(&m, how);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!node)
		start();
	begin();
	while (size >= 2) {
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		record(data + 2, len, data[0]);
		work();
		data += 2 + len;
		size -= 2 + len;
	}
	end();
	return 0;
}
