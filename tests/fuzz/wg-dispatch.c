// SPDX-License-Identifier: MIT
// A node with real keys and a live session, fed with messages: the input is a row of records, mac1 is made
// right and the indices are pointed at what exists, so that the input reaches behind the first check.
//
// Record: one byte how (low 3 bits: type; 0x08 fix mac1; 0x10 our handshake's index, 0x20 our session's;
// 0x40 a right one is sealed from the bytes, 0x80 a step in time), one byte length, the bytes.
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wg/blake2s.h"
#include "wg/node.h"

static struct node *node;
static struct wg_stats *stats;
static struct peer *peer;
static struct noise_static other;
static struct noise_remote to_us;
static uint64_t now_ns = 1000 * SECOND_NS;
static int tun[2];
static uint64_t counter;

static uint64_t fake_now(void)
{
	return now_ns;
}
static void fake_send(void *owner, const void *msg, size_t len, const struct endpoint *to)
{
}
static void fake_wake(void *owner)
{
}
static void fake_arm(void *owner, uint64_t at_ns)
{
}
static const struct device_wires wires = {fake_send, fake_wake, fake_wake, fake_arm};

static void start(void)
{
	struct hostport at = {.addr = addr_v4(0xc6120002), .port = 9};
	struct prefix all = {.addr = addr_v4(0)};
	uint8_t key[32] = {1};

	if (sodium_init() < 0 || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, tun) < 0)
		abort();
	aead_init(AEAD_SODIUM);
	stats = calloc(1, sizeof(*stats));
	if (!stats || node_new(stats, &node) < 0)
		abort();
	node->device->wires = &wires;
	node->device->boot_ns = node->device->wall_ns = fake_now;
	gro_set_tun(node->receiver.gro, tun[1], false, false, false);
	device_set_private_key(node->device, key);
	key[0] = 64;
	noise_set_static(&other, key);
	noise_set_remote(&to_us, &other, node->device->secret->identity.public_key);
	if (device_peer_create(node->device, other.public_key, &peer) < 0)
		abort();
	device_peer_set_endpoint(node->device, peer, &at);
	device_peer_add_allowed(node->device, peer, &all);
}

/* A real initiation from the peer: afterwards there is a session whose keys we read from the node. */
static size_t real_initiation(uint8_t *msg)
{
	uint8_t ephemeral[32] = {5}, stamp[NOISE_TIMESTAMP];
	struct noise_handshake hs;

	noise_timestamp(stamp, now_ns / SECOND_NS, (uint32_t)(now_ns % SECOND_NS));
	if (noise_create_initiation(
		    &hs, &other, &to_us, ephemeral, stamp, 77, (struct noise_initiation *)msg) < 0)
		abort();
	return sizeof(struct noise_initiation);
}

/* The bytes as an authentic packet under the session that exists. */
static size_t real_data(uint8_t *msg, size_t len)
{
	struct keypair *k = peer->next_keypair ? peer->next_keypair : peer->current;
	uint8_t nonce[12] = {0}, plain[256];

	if (!k)
		return 0;
	memcpy(plain, msg + 16, len);
	noise_put32(msg, NOISE_DATA);
	noise_put32(msg + 4, k->index.index);
	noise_put64(msg + 8, counter);
	noise_put64(nonce + 4, counter++);
	crypto_aead_chacha20poly1305_ietf_encrypt(
		msg + 16, NULL, plain, len, NULL, 0, NULL, nonce, k->keys->receive);
	return len + 32;
}

static size_t build(uint8_t *msg, const uint8_t *in, size_t len, uint8_t how)
{
	size_t at = 16 + len;

	memset(msg, 0, 512);
	memcpy(msg + 16, in, len);
	if (how & 0x40 && (how & 7) == NOISE_INITIATION)
		at = real_initiation(msg);
	else if (how & 0x40)
		return real_data(msg, len);
	else
		noise_put32(msg, how & 7);
	if (!(how & 0x40) && how & 8)
		at = (how & 7) == NOISE_INITIATION ? 148 : (how & 7) == NOISE_RESPONSE ? 92 : at;
	if (how & 0x10)
		noise_put32(
			msg + ((how & 7) == NOISE_RESPONSE ? 8 : 4), peer->handshake_index.index);
	if (how & 0x20 && peer->current)
		noise_put32(msg + 4, peer->current->index.index);
	if (how & 8 && at >= 32) {
		struct cookie_maker maker;

		cookie_maker_init(&maker, node->device->secret->identity.public_key);
		blake2s(msg + at - 32, 16, maker.mac1_key, 32, msg, at - 32);
	}
	return at;
}

static void feed(uint8_t *msg, size_t len)
{
	struct udpio_message m = {.data = msg, .len = (uint32_t)len, .segment = (uint32_t)len};

	m.from.v4.sin_family = AF_INET;
	m.from.v4.sin_port = htons(4242);
	m.from.v4.sin_addr.s_addr = htonl(0xc6120002);
	receive_message(node, &m, now_ns);
	gro_flush(node->receiver.gro);
	handshake_start_wanted(node->device, now_ns);
	deadlines_run(node->device, now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t msg[512], sink[2048];

	if (!node)
		start();
	while (size >= 2) {
		uint8_t how = data[0];
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		if (how & 0x80)
			now_ns += SECOND_NS * 7;
		if ((how & 7) == 7)
			device_peer_call(node->device, peer);
		feed(msg, build(msg, data + 2, len, how));
		data += 2 + len;
		size -= 2 + len;
		while (recv(tun[0], sink, sizeof(sink), 0) > 0)
			;
	}
	now_ns += SECOND_NS;
	return 0;
}
