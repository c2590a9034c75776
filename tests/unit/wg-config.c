// SPDX-License-Identifier: MIT
// A configuration of the supervisor against what runs: only the difference is applied.
#include "wg-sim.h"

#include "wg/config.h"

static struct msg_wg_peer peer_item(const uint8_t key[32], const struct hostport *at)
{
	struct msg_wg_peer m = {.persistent_keepalive_s = 0};

	memcpy(m.public_key, key, 32);
	if (at)
		m.endpoint = *at;
	return m;
}

static struct msg_wg_allowed allowed_item(uint32_t a, uint8_t len)
{
	struct msg_wg_allowed m = {.n = 1};

	m.prefixes[0] = (struct prefix){.addr = addr_v4(a), .len = len};
	return m;
}

static struct config *device_item(int i)
{
	struct config *c = config_new();
	struct msg_wg_device m = {.handshake_at_start = 1};

	memcpy(m.private_key, sim[i].private_key, 32);
	CHECK_EQ(config_device(c, &m), 0);
	return c;
}

static int give(
	struct config *c, const uint8_t key[32], const struct hostport *at, uint32_t a, uint8_t len)
{
	struct msg_wg_peer p = peer_item(key, at);
	struct msg_wg_allowed m = allowed_item(a, len);
	int r = config_peer(c, &p);

	return r < 0 ? r : config_allowed(c, &m);
}

static void apply(struct config *c, int i)
{
	CHECK_EQ(config_apply(c, sim[i].node->device), 0);
	config_free(c);
}

/* The same again: session, counters and the endpoint that was learned stay. */
static void test_unchanged_survives(void)
{
	struct config *c;
	struct keypair *k;

	sim_start();
	sim_send(0);
	sim_settle();
	sim[1].at.port = 50000; /* node 1 roams */
	sim_send(1);
	sim_settle();
	k = sim[0].peer->current;
	CHECK_EQ(sim[0].peer->endpoint.at.port, 50000);
	c = device_item(0);
	sim[1].at.port = 51820;
	CHECK_EQ(give(c, sim[1].public_key, &sim[1].at, 0x0a000002, 32), 0);
	apply(c, 0);
	CHECK(sim[0].peer->current == k);
	CHECK_EQ(sim[0].peer->endpoint.at.port, 50000);
	CHECK_EQ(sim[0].initiations, 1);
	/* another endpoint in the configuration is a change */
	sim[1].at.port = 50001;
	c = device_item(0);
	CHECK_EQ(give(c, sim[1].public_key, &sim[1].at, 0x0a000002, 32), 0);
	apply(c, 0);
	CHECK_EQ(sim[0].peer->endpoint.at.port, 50001);
	sim_stop();
}

static void test_add_move_remove(void)
{
	static const uint8_t third[32] = {3};
	struct device *d;
	struct config *c;
	struct addr a = addr_v4(0x0a000002);

	sim_start();
	d = sim[0].node->device;
	c = device_item(0);
	CHECK_EQ(give(c, sim[1].public_key, &sim[1].at, 0x0a010000, 16), 0);
	CHECK_EQ(give(c, third, NULL, 0x0a0000ff, 24), 0);
	apply(c, 0);
	CHECK(allowedips_lookup4(&d->allowed, a.bytes) == &device_peer_get(d, third)->allowed);
	CHECK_EQ(device_peer_get(d, sim[1].public_key)->allowed.n, 1);
	CHECK_EQ(d->n_peers, 2);
	c = device_item(0);
	CHECK_EQ(give(c, sim[1].public_key, &sim[1].at, 0x0a000002, 32), 0);
	apply(c, 0);
	CHECK(!device_peer_get(d, third));
	CHECK(allowedips_lookup4(&d->allowed, a.bytes) == &sim[0].peer->allowed);
	CHECK_EQ(d->allowed.n, 1);
	sim_stop();
}

/* A new peer with an endpoint is called at once. */
/* At the limit: what one peer loses is room for another that comes before it. */
static void test_room_is_made_first(void)
{
	static const uint8_t third[32] = {3};
	struct msg_wg_peer bare = peer_item(third, NULL);
	struct msg_wg_allowed m = allowed_item(0x0a000003, 32);
	struct config *c;

	sim_start();
	sim[0].node->device->allowed.max = 2;
	c = device_item(0);
	CHECK_EQ(give(c, sim[1].public_key, NULL, 0x0a000002, 32), 0);
	CHECK_EQ(give(c, third, NULL, 0x0b000000, 8), 0);
	apply(c, 0);
	c = device_item(0);
	CHECK_EQ(give(c, sim[1].public_key, NULL, 0x0a000002, 32), 0);
	CHECK_EQ(config_allowed(c, &m), 0);
	CHECK_EQ(config_peer(c, &bare), 0);
	apply(c, 0);
	CHECK_EQ(sim[0].node->device->allowed.n, 2);
	sim_stop();
}

static void test_handshake_at_start(void)
{
	struct config *c;

	sim_start();
	device_peer_remove(sim[0].node->device, sim[0].peer);
	c = device_item(0);
	CHECK_EQ(give(c, sim[1].public_key, &sim[1].at, 0x0a000002, 32), 0);
	apply(c, 0);
	sim_settle();
	CHECK_EQ(sim[0].initiations, 1);
	CHECK_EQ(STAT_GET(sim[0].stats->peers[0].state), PEER_UP);
	sim_stop();
}

static void test_bad_items(void)
{
	struct config *c = config_new();
	struct msg_wg_allowed a = allowed_item(0, 33);
	struct msg_wg_device d = {.veth = {.addr = {.family = 6}}};
	struct msg_wg_peer p = peer_item(sim[1].public_key, NULL);

	CHECK_EQ(config_allowed(c, &a), -EBADMSG);
	CHECK_EQ(config_device(c, &d), -EBADMSG);
	CHECK_EQ(config_apply(c, NULL), -EBADMSG);
	CHECK_EQ(config_peer(c, &p), 0);
	CHECK_EQ(config_allowed(c, &a), -EBADMSG);
	a.n = MSG_PREFIXES + 1;
	CHECK_EQ(config_allowed(c, &a), -EBADMSG);
	p.endpoint = (struct hostport){.addr = {.family = 5}, .port = 1};
	CHECK_EQ(config_peer(c, &p), -EBADMSG);
	p.endpoint = (struct hostport){.addr = {.family = 4}};
	CHECK_EQ(config_peer(c, &p), -EBADMSG);
	config_free(c);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	aead_init(AEAD_SODIUM);
	RUN(test_unchanged_survives);
	RUN(test_add_move_remove);
	RUN(test_room_is_made_first);
	RUN(test_handshake_at_start);
	RUN(test_bad_items);
	return TEST_END();
}
