// SPDX-License-Identifier: MIT
// The handshake as bytes: both sides agree; every changed bit, wrong key, low-order point fails silently
// and changes nothing.
#include "test.h"

#include <errno.h>
#include <sodium.h>

#include "wg/noise.h"

struct side {
	struct noise_static self;
	struct noise_remote other;
	struct noise_handshake hs;
};

static struct side a, b;
static struct noise_initiation init;
static struct noise_response resp;
static uint8_t stamp[NOISE_TIMESTAMP];

static void setup(uint8_t psk)
{
	uint8_t key[32];

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	memset(key, 0x11, sizeof(key));
	noise_set_static(&a.self, key);
	memset(key, 0x22, sizeof(key));
	noise_set_static(&b.self, key);
	noise_set_remote(&a.other, &a.self, b.self.public_key);
	noise_set_remote(&b.other, &b.self, a.self.public_key);
	memset(a.other.preshared_key, psk, 32);
	memset(b.other.preshared_key, psk, 32);
	noise_timestamp(stamp, 1700000000, 123456789);
}

static int initiate(void)
{
	uint8_t e[32];

	memset(e, 0x33, sizeof(e));
	return noise_create_initiation(&a.hs, &a.self, &a.other, e, stamp, 0x01020304, &init);
}

static int respond(void)
{
	uint8_t who[32], got[NOISE_TIMESTAMP], e[32];
	int r = noise_open_initiation(&b.self, &init, &b.hs, who);

	if (r < 0)
		return r;
	CHECK_MEM(who, a.self.public_key, 32);
	r = noise_accept_initiation(&b.hs, &b.other, &init, got);
	if (r < 0)
		return r;
	CHECK_MEM(got, stamp, sizeof(got));
	memset(e, 0x44, sizeof(e));
	return noise_create_response(&b.hs, &b.other, e, 0x0a0b0c0d, &resp);
}

static void test_agree(void)
{
	struct noise_keys ka, kb;

	for (uint8_t psk = 0; psk < 2; psk++) {
		setup(psk);
		CHECK_EQ(initiate(), 0);
		CHECK_EQ(init.type[0], 1);
		CHECK_EQ(noise_get32(init.sender), 0x01020304);
		CHECK_EQ(respond(), 0);
		CHECK_EQ(noise_get32(resp.receiver), 0x01020304);
		CHECK_EQ(noise_consume_response(&a.hs, &a.self, &a.other, &resp), 0);
		CHECK_EQ(a.hs.remote_index, 0x0a0b0c0d);
		noise_derive(&a.hs, &ka);
		noise_derive(&b.hs, &kb);
		CHECK(ka.initiator && !kb.initiator);
		CHECK_MEM(ka.send, kb.receive, 32);
		CHECK_MEM(ka.receive, kb.send, 32);
		CHECK(memcmp(ka.send, ka.receive, 32));
		CHECK(sodium_is_zero((uint8_t *)&a.hs, sizeof(a.hs)));
	}
}

/* All of the initiation before the MACs is authenticated but the sender's index, which mac1 covers. */
static void test_changed_initiation(void)
{
	for (size_t i = 8; i < sizeof(init) - 32; i++) {
		setup(0);
		CHECK_EQ(initiate(), 0);
		((uint8_t *)&init)[i] ^= 1;
		CHECK_EQ(respond(), -EKEYREJECTED);
	}
}

static void test_changed_response(void)
{
	struct noise_handshake before;

	setup(1);
	CHECK_EQ(initiate(), 0);
	CHECK_EQ(respond(), 0);
	before = a.hs;
	for (size_t i = 12; i < sizeof(resp) - 32; i++) {
		((uint8_t *)&resp)[i] ^= 0x40;
		CHECK_EQ(noise_consume_response(&a.hs, &a.self, &a.other, &resp), -EKEYREJECTED);
		CHECK_MEM(&before, &a.hs, sizeof(before));
		((uint8_t *)&resp)[i] ^= 0x40;
	}
	CHECK_EQ(noise_consume_response(&a.hs, &a.self, &a.other, &resp), 0);
	/* and only once */
	CHECK_EQ(noise_consume_response(&a.hs, &a.self, &a.other, &resp), -EKEYREJECTED);
}

static void test_wrong_keys(void)
{
	setup(1);
	CHECK_EQ(initiate(), 0);
	b.other.preshared_key[5] ^= 1;
	CHECK_EQ(respond(), 0);
	CHECK_EQ(noise_consume_response(&a.hs, &a.self, &a.other, &resp), -EKEYREJECTED);
	setup(0);
	CHECK_EQ(initiate(), 0);
	b.self.private_key[4] ^= 1;
	CHECK_EQ(respond(), -EKEYREJECTED);
	setup(0);
	noise_set_static(&a.self, (const uint8_t[32]){0});
	CHECK(!a.self.set);
	CHECK_EQ(initiate(), -EKEYREJECTED);
}

/* Points that give a DH result of zero (RFC 7748 §6.1): no traffic to or from them. */
static void test_low_order(void)
{
	static const uint8_t points[][32] = {
		{0},
		{1},
		{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f,
			0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62,
			0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
		{0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83,
			0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22,
			0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
	};

	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		setup(0);
		CHECK_EQ(initiate(), 0);
		memcpy(init.ephemeral, points[i], 32);
		CHECK_EQ(respond(), -EKEYREJECTED);
		noise_set_remote(&a.other, &a.self, points[i]);
		CHECK(!a.other.usable);
		CHECK_EQ(initiate(), -EKEYREJECTED);
	}
}

static void test_timestamp(void)
{
	static const uint8_t epoch[NOISE_TIMESTAMP] = {0x40, 0, 0, 0, 0, 0, 0, 0x0a};
	uint8_t t[NOISE_TIMESTAMP], u[NOISE_TIMESTAMP];

	noise_timestamp(t, 0, 0);
	CHECK_MEM(t, epoch, sizeof(t));
	noise_timestamp(t, 5, 999999999);
	noise_timestamp(u, 6, 0);
	CHECK(memcmp(t, u, sizeof(t)) < 0);
	noise_timestamp(t, 5, 1);
	noise_timestamp(u, 5, 16777215);
	CHECK_MEM(t, u, sizeof(t));
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	RUN(test_agree);
	RUN(test_changed_initiation);
	RUN(test_changed_response);
	RUN(test_wrong_keys);
	RUN(test_low_order);
	RUN(test_timestamp);
	return TEST_END();
}
