// SPDX-License-Identifier: MIT
// A flood of handshakes from forged sources: what it may cost, and who still gets through.
#include "wg-sim.h"

#include "wg/familiar.h"
#include "wg/ratelimit.h"

/* One initiation with a good mac1 and nothing else right, from address number I of the forger's. */
static void forge(uint32_t i)
{
	struct endpoint from = {.at = {.addr = addr_v4(0x0b000000 + i), .port = 1234}};
	struct noise_initiation m;
	struct cookie_maker maker;

	cookie_maker_init(&maker, sim[1].public_key);
	randombytes_buf(&m, sizeof(m));
	noise_put32(m.type, NOISE_INITIATION);
	cookie_add_macs(&maker, &m, sizeof(m), sim_now_ns);
	from.path.to.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(1234)};
	handshake_receive(sim[1].node->device, &m, sizeof(m), &from, sim_now_ns);
}

/* Replies are bounded, whatever comes, and counted when there is none. */
static void cookies_are_bounded(void)
{
	uint64_t before;

	sim_start();
	for (uint32_t i = 0; i < 2000; i++)
		forge(i);
	CHECK_EQ(sim[1].stats->counts.cookies_sent, COOKIES_BURST);
	before = sim[1].stats->counts.dropped_queue;
	forge(5000);
	CHECK_EQ(sim[1].stats->counts.cookies_sent, COOKIES_BURST);
	CHECK_EQ(sim[1].stats->counts.dropped_queue, before + 1);
	sim_stop();
}

/* The address of a peer has replies of its own, so the flood does not keep the peer out. */
static void peers_get_their_cookie(void)
{
	sim_start();
	device_peer_set_endpoint(sim[1].node->device, sim[1].peer, &sim[0].at);
	for (uint32_t i = 0; i < 2000; i++)
		forge(i);
	sim[1].cookies = 0;
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[1].cookies, 1);
	for (uint32_t s = 0; s < 6; s++) {
		for (uint32_t i = 0; i < 2000; i++)
			forge(i);
		sim_pass(SECOND_NS);
	}
	CHECK_EQ(sim[1].came, 1);
	sim_stop();
}

static void budget(void)
{
	uint64_t now = 1000 * SECOND_NS;
	struct load l = {0};
	unsigned n = 0;

	for (int i = 0; i < 1000; i++)
		n += load_cookie(&l, false, now);
	CHECK_EQ(n, COOKIES_BURST);
	CHECK(load_cookie(&l, true, now));
	for (uint64_t t = 1; t <= 100000; t++)
		n += load_cookie(&l, false, now + t * SECOND_NS / 100000);
	CHECK_EQ(n, COOKIES_BURST + COOKIES_PER_SECOND);
}

static void familiar_set(void)
{
	struct familiar f = {0};
	struct addr a;
	unsigned strangers = 0;

	a = addr_v4(1);
	CHECK(!familiar_has(&f, &a));
	CHECK(familiar_reset(&f));
	for (uint32_t i = 0; i < 1000; i++) {
		a = addr_v4(0x0a000000 + i);
		familiar_add(&f, &a);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		a = addr_v4(0x0a000000 + i);
		CHECK(familiar_has(&f, &a));
		a = addr_v4(0x0b000000 + i);
		strangers += familiar_has(&f, &a);
	}
	CHECK(strangers < 100); /* 15 are to be expected */
	CHECK(familiar_reset(&f));
	a = addr_v4(0x0a000000);
	CHECK(!familiar_has(&f, &a));
	familiar_free(&f);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	RUN(budget);
	RUN(familiar_set);
	RUN(cookies_are_bounded);
	RUN(peers_get_their_cookie);
	return TEST_END();
}
