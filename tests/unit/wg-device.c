// SPDX-License-Identifier: MIT
// Two whole nodes joined in memory under a fake clock: handshakes, loss, rekeying, expiry, keepalives,
// roaming, floods, replays, and what the supervisor is told.
#include "wg-sim.h"

#include <sys/epoll.h>

static unsigned state_of(int i)
{
	return STAT_GET(sim[i].stats->peers[0].state);
}

static void test_first_packet(void)
{
	sim_start();
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[1].came, 1);
	CHECK_EQ(sim[0].initiations, 1);
	CHECK_EQ(sim[1].responses, 1);
	CHECK_EQ(state_of(0), PEER_UP);
	CHECK_EQ(state_of(1), PEER_UP);
	CHECK_EQ(sim[0].reported, PEER_UP);
	CHECK_EQ(sim[0].stats->counts.handshakes, 1);
	CHECK_EQ(sim[1].stats->counts.handshakes, 1);
	sim_send(1);
	sim_settle();
	CHECK_EQ(sim[0].came, 1);
	CHECK_EQ(sim[1].initiations, 0);
	/* what one counts as sent the other counts as received */
	CHECK_EQ(sim[0].stats->tx_bytes, sim[1].stats->rx_bytes);
	CHECK_EQ(sim[1].stats->tx_bytes, sim[0].stats->rx_bytes);
	CHECK_EQ(sim[0].stats->peers[0].tx_bytes, 148 + 32 + 128);
	sim_stop();
}

/* A hundred packets that wait come out in order and complete. */
static void test_staged(void)
{
	sim_start();
	for (int i = 0; i < 200; i++)
		sim_send(0);
	sim_settle();
	CHECK_EQ(sim[1].came, STAGED_PACKETS_MAX);
	CHECK_EQ(sim[0].stats->counts.dropped_queue, 200 - STAGED_PACKETS_MAX);
	CHECK_EQ(sim[0].keepalives, 0);
	sim_stop();
}

static void test_psk(void)
{
	uint8_t psk[32] = {7}, other[32] = {8};

	sim_start();
	device_peer_set_psk(sim[0].node->device, sim[0].peer, psk);
	device_peer_set_psk(sim[1].node->device, sim[1].peer, other);
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[1].came, 0);
	CHECK_EQ(sim[0].stats->counts.handshakes, 0);
	CHECK_EQ(sim[0].stats->counts.dropped_invalid, 1);
	device_peer_set_psk(sim[1].node->device, sim[1].peer, psk);
	sim_pass(6 * SECOND_NS);
	CHECK_EQ(sim[1].came, 1);
	sim_stop();
}

static unsigned lose_left;
static bool lose_some(int from, const uint8_t *msg, size_t len)
{
	return lose_left && lose_left--;
}
static bool lose_all(int from, const uint8_t *msg, size_t len)
{
	return true;
}

static void test_lost_messages(void)
{
	for (unsigned lost = 1; lost < 6; lost++) {
		sim_start();
		lose_left = lost;
		sim_loses = lose_some;
		sim_send(0);
		sim_pass((lost + 1) * 6 * SECOND_NS);
		CHECK_EQ(sim[1].came, 1);
		sim_stop();
	}
}

/* §6.4: an attempt every 5 s and a third for 90 s, then silence and nothing staged; new traffic starts anew. */
static void test_give_up(void)
{
	sim_start();
	sim_loses = lose_all;
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[0].initiations, 1);
	sim_pass(4900 * 1000000ull);
	CHECK_EQ(sim[0].initiations, 1);
	sim_pass(500 * 1000000ull);
	CHECK_EQ(sim[0].initiations, 2);
	sim_pass(300 * SECOND_NS);
	CHECK(sim[0].initiations >= 17 && sim[0].initiations <= 19);
	CHECK(!sim[0].peer->staged_first);
	CHECK_EQ(state_of(0), PEER_DOWN);
	sim_loses = NULL;
	sim_pass(60 * SECOND_NS);
	CHECK_EQ(sim[1].came, 0);
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[1].came, 1);
	CHECK_EQ(state_of(0), PEER_UP);
	sim_stop();
}

/* A peer that never answered is tried on if the supervisor wants that. */
static void test_heal(void)
{
	sim_start();
	sim[0].peer->timers.heal = 1;
	sim_loses = lose_all;
	device_peer_call(sim[0].node->device, sim[0].peer);
	sim_pass(14900 * 1000000ull);
	CHECK_EQ(state_of(0), PEER_UNKNOWN);
	sim_pass(200 * 1000000ull);
	CHECK_EQ(state_of(0), PEER_DOWN);
	CHECK_EQ(sim[0].reported, PEER_DOWN);
	sim_pass(1000 * SECOND_NS);
	CHECK(sim[0].initiations > 17 + 20 && sim[0].initiations < 17 + 32);
	sim_loses = NULL;
	sim_pass(45 * SECOND_NS);
	CHECK_EQ(state_of(0), PEER_UP);
	sim_stop();
}

static void test_rekey_by_initiator_only(void)
{
	sim_start();
	sim_send(0);
	sim_settle();
	sim_pass(125 * SECOND_NS);
	sim_send(1); /* the responder sends on under the old keys */
	sim_settle();
	CHECK_EQ(sim[1].initiations, 0);
	CHECK_EQ(sim[0].came, 1);
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[0].initiations, 2);
	CHECK_EQ(sim[1].came, 2);
	CHECK_EQ(sim[1].stats->counts.handshakes, 2);
	sim_stop();
}

/* §6.2: an initiator that only receives asks for new keys at 165 s, once. */
static void test_late_rekey(void)
{
	sim_start();
	sim_send(0);
	sim_settle();
	for (int s = 0; s < 179; s++) {
		sim_pass(SECOND_NS);
		sim_send(1);
		sim_settle();
		if (s == 110)
			CHECK_EQ(sim[0].initiations, 1);
	}
	CHECK_EQ(sim[0].initiations, 2);
	CHECK_EQ(sim[0].came, 179);
	sim_stop();
}

static void test_expiry(void)
{
	sim_start();
	sim_send(0);
	sim_settle();
	sim_pass(181 * SECOND_NS);
	sim_send(1); /* too old to send under: the responder begins itself */
	sim_settle();
	CHECK_EQ(sim[1].initiations, 1);
	CHECK_EQ(sim[0].came, 1);
	CHECK(sim[0].peer->previous || sim[0].peer->current);
	sim_pass(541 * SECOND_NS);
	CHECK(!sim[0].peer->current && !sim[0].peer->previous && !sim[0].peer->next_keypair);
	CHECK(!sim[1].peer->current && !sim[1].peer->previous);
	CHECK_EQ(sim[0].node->device->indices.n, 0);
	sim_stop();
}

static void test_idle_is_silent(void)
{
	sim_start();
	sim_send(0);
	sim_pass(60 * SECOND_NS);
	/* one packet, answered by one passive keepalive after 10 s, and that is not answered again */
	CHECK_EQ(sim[1].keepalives, 1);
	CHECK_EQ(sim[0].keepalives, 0);
	sim_pass(200 * SECOND_NS);
	CHECK_EQ(sim[0].data + sim[1].data, 2);
	CHECK_EQ(sim[0].initiations, 1);
	sim_stop();
}

static void test_persistent_keepalive(void)
{
	sim_start();
	device_peer_set_keepalive(sim[0].node->device, sim[0].peer, 25);
	sim_settle();
	CHECK_EQ(sim[0].initiations, 1);
	CHECK_EQ(sim[0].keepalives, 1);
	sim_pass(100 * SECOND_NS);
	CHECK_EQ(sim[0].keepalives, 5);
	device_peer_set_keepalive(sim[0].node->device, sim[0].peer, 0);
	sim_pass(15 * SECOND_NS);
	CHECK_EQ(sim[0].keepalives, 5);
	sim_stop();
}

/* §6.5: data sent and nothing back for 15 s: new handshake. */
static void test_dead_peer_is_noticed(void)
{
	sim_start();
	sim_send(0);
	sim_pass(30 * SECOND_NS);
	sim_loses = lose_all;
	sim_send(0);
	sim_pass(14 * SECOND_NS);
	CHECK_EQ(sim[0].initiations, 1);
	CHECK_EQ(state_of(0), PEER_UP);
	sim_pass(2 * SECOND_NS);
	CHECK_EQ(sim[0].initiations, 2);
	CHECK_EQ(state_of(0), PEER_DOWN);
	sim_stop();
}

static void test_both_at_once(void)
{
	sim_start();
	device_peer_set_endpoint(sim[1].node->device, sim[1].peer, &sim[0].at);
	sim_send(0);
	sim_send(1);
	sim_settle();
	CHECK_EQ(sim[0].came, 1);
	CHECK_EQ(sim[1].came, 1);
	for (int i = 0; i < 10; i++) {
		sim_send(i & 1);
		sim_send(~i & 1);
		sim_pass(SECOND_NS);
	}
	CHECK_EQ(sim[0].came, 11);
	CHECK_EQ(sim[1].came, 11);
	CHECK_EQ(sim[0].initiations + sim[1].initiations, 2);
	sim_stop();
}

static struct sim_datagram kept[8];
static unsigned n_kept;
static bool keep(int from, const uint8_t *msg, size_t len)
{
	if (n_kept < 8 && from == 0) {
		memcpy(kept[n_kept].bytes, msg, len);
		kept[n_kept].from = sim[0].at;
		kept[n_kept].to = 1;
		kept[n_kept++].len = len;
	}
	return false;
}

/* Whatever is repeated, from elsewhere, changes nothing and is not answered. */
static void test_replays(void)
{
	struct hostport before;
	uint64_t replayed;
	unsigned sent;

	n_kept = 0;
	sim_start();
	sim_loses = keep;
	sim_send(0);
	sim_settle();
	sim_send(0);
	sim_settle();
	CHECK_EQ(n_kept, 3);
	sim_pass(SECOND_NS);
	before = sim[1].peer->endpoint.at;
	replayed = sim[1].stats->counts.dropped_replay;
	sent = sim[1].responses + sim[1].data;
	for (unsigned i = 0; i < n_kept; i++) {
		kept[i].from.port = 666;
		sim_deliver(&kept[i]);
	}
	sim_settle();
	CHECK_EQ(sim[1].stats->counts.dropped_replay - replayed, 3);
	CHECK_EQ(sim[1].responses + sim[1].data, sent);
	CHECK_EQ(sim[1].peer->endpoint.at.port, before.port);
	CHECK_EQ(sim[1].came, 2);
	sim_stop();
}

/* Any authentic packet moves the endpoint; a mutilated one does not. */
static void test_roaming(void)
{
	sim_start();
	sim_send(0);
	sim_settle();
	sim[0].at.port = 40000;
	n_kept = 0;
	sim_loses = keep;
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[1].peer->endpoint.at.port, 40000);
	CHECK_EQ(sim[1].stats->peers[0].endpoint.port, 40000);
	sim_send(1);
	sim_settle();
	CHECK_EQ(sim[0].came, 1);
	kept[0].bytes[20] ^= 1;
	kept[0].bytes[8]++;
	kept[0].from.port = 666;
	sim_deliver(&kept[0]);
	CHECK_EQ(sim[1].peer->endpoint.at.port, 40000);
	sim_stop();
}

static void test_forged_source_inside(void)
{
	sim_start();
	sim_packet(0, 0x0a000009, 0x0a000002, 64);
	sim_settle();
	CHECK_EQ(sim[1].came, 0);
	CHECK_EQ(sim[1].stats->counts.dropped_source, 1);
	sim_packet(0, 0x0a000001, 0x0a000077, 64);
	CHECK_EQ(sim[0].stats->counts.dropped_no_peer, 1);
	sim_stop();
}

static void test_veth(void)
{
	struct prefix veth = {.addr = addr_v4(0x0a000000), .len = 30};

	sim_start();
	device_set_veth(sim[1].node->device, &veth);
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[1].came, 0);
	CHECK_EQ(sim[1].stats->counts.dropped_veth, 1);
	sim_send(1);
	CHECK_EQ(sim[1].stats->counts.dropped_veth, 2);
	sim_stop();
}

/* Under load the first try gets a cookie, and the retry, not before 5 s, carries it. */
static void test_cookie(void)
{
	sim_start();
	sim[1].node->device->load.force = LOAD_FULL;
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[1].cookies, 1);
	CHECK_EQ(sim[1].responses, 0);
	CHECK_EQ(sim[0].initiations, 1);
	sim_pass(6 * SECOND_NS);
	CHECK_EQ(sim[0].initiations, 2);
	CHECK_EQ(sim[1].came, 1);
	sim_stop();
}

/* The initiator, too, may be under load: its cookie answers the response. */
static void test_cookie_for_response(void)
{
	sim_start();
	sim[0].node->device->load.force = LOAD_FULL;
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[0].cookies, 1);
	CHECK_EQ(sim[1].came, 0);
	sim_pass(6 * SECOND_NS);
	CHECK_EQ(sim[1].came, 1);
	sim_stop();
}

static void test_clock_goes_back(void)
{
	sim_start();
	sim_send(0);
	sim_pass(10 * SECOND_NS);
	sim_wall_offset_ns -= 1000000 * SECOND_NS;
	sim_pass(180 * SECOND_NS);
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[0].initiations, 2);
	CHECK_EQ(sim[1].came, 2);
	sim_stop();
}

/* As in the kernel: at once nothing is sent under the old sessions, what comes under them is taken, and the
 * first packet shakes hands without waiting for the 5 s. */
static void test_private_key_changes(void)
{
	struct prefix p = {.addr = addr_v4(0x0a000001), .len = 32};
	const uint8_t *public;
	unsigned came;

	sim_start();
	sim_send(0);
	sim_settle();
	CHECK(!device_set_private_key(sim[0].node->device, sim[0].private_key));
	CHECK(keypair_may_send(sim[0].peer->current, sim_now_ns, 1));
	randombytes_buf(sim[0].private_key, 32);
	CHECK(device_set_private_key(sim[0].node->device, sim[0].private_key));
	CHECK(!keypair_may_send(sim[0].peer->current, sim_now_ns, 1));
	sim_send(1); /* node 1 knows nothing of it yet */
	sim_settle();
	CHECK_EQ(sim[0].came, 1);
	CHECK_EQ(sim[0].initiations, 1); /* no traffic, no handshake */
	came = sim[1].came;
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[0].initiations, 2);
	CHECK_EQ(sim[1].came, came); /* node 1 does not know this key */
	device_peer_remove(sim[1].node->device, sim[1].peer);
	public = sim[0].node->device->secret->identity.public_key;
	CHECK_EQ(device_peer_create(sim[1].node->device, public, &sim[1].peer), 0);
	device_peer_add_allowed(sim[1].node->device, sim[1].peer, &p);
	sim_pass(6 * SECOND_NS);
	CHECK_EQ(sim[1].came, came + 1); /* what waited */
	sim_pass(600 * SECOND_NS);
	CHECK_EQ(sim[0].node->device->indices.n, 0);
	sim_stop();
}

static void test_peer_removed_and_limits(void)
{
	uint8_t key[32] = {9};
	struct peer *p;

	sim_start();
	CHECK_EQ(device_peer_create(sim[0].node->device, sim[0].public_key, &p), -EINVAL);
	CHECK_EQ(device_peer_create(sim[0].node->device, sim[1].public_key, &p), -EEXIST);
	for (unsigned i = 1; i < DEVICE_PEERS_MAX; i++) {
		memcpy(key + 4, &i, sizeof(i));
		CHECK_EQ(device_peer_create(sim[0].node->device, key, &p), 0);
	}
	key[0]++;
	CHECK_EQ(device_peer_create(sim[0].node->device, key, &p), -ENOSPC);
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[1].came, 1);
	device_peer_remove(sim[0].node->device, sim[0].peer);
	CHECK_EQ(sim[0].node->device->indices.n, 0);
	CHECK_EQ(STAT_GET(sim[0].stats->n_peers), DEVICE_PEERS_MAX - 1);
	sim_send(0);
	CHECK_EQ(sim[0].stats->counts.dropped_no_peer, 1);
	sim_stop();
}

/* What was asked for while a handshake was under way is done with when it is complete. */
static void test_no_second_handshake(void)
{
	static struct sim_datagram response;

	sim_start();
	sim_send(0);
	sim_work(0);
	response = sim_wire[--sim_n_wire];
	sim_deliver(&response);
	sim_work(1);
	CHECK_EQ(sim_n_wire, 1);
	sim_send(0); /* asks for a handshake once more */
	response = sim_wire[--sim_n_wire];
	sim_deliver(&response);
	sim_pass(20 * SECOND_NS);
	CHECK_EQ(sim[1].came, 2);
	CHECK_EQ(sim[0].initiations, 1);
	CHECK_EQ(sim[0].stats->counts.handshakes, 1);
	sim_stop();
}

/* A train that was sealed with old keys asks for no new ones if they are there by now. */
static void test_old_train_asks_for_nothing(void)
{
	struct keypair *old;

	sim_start();
	sim_send(0);
	sim_settle();
	sim_pass(121 * SECOND_NS);
	sim_send(0); /* into the open train */
	old = sim[0].node->sender.keypair;
	CHECK(old && old == sim[0].peer->current);
	device_peer_call(sim[0].node->device, sim[0].peer);
	handshake_start_wanted(sim[0].node->device, sim_now_ns);
	for (int i = 1; i >= 0; i--) {
		static struct sim_datagram w;

		CHECK_EQ(sim_n_wire, 1);
		w = sim_wire[--sim_n_wire];
		sim_deliver(&w);
		if (i)
			sim_work(1);
	}
	CHECK(old != sim[0].peer->current);
	sim_now_ns += 6 * SECOND_NS; /* so that one might begin at once */
	send_flush(sim[0].node, sim_now_ns);
	CHECK(!sim[0].peer->hs_listed);
	sim_pass(20 * SECOND_NS);
	CHECK_EQ(sim[1].came, 2);
	CHECK_EQ(sim[0].initiations, 2);
	sim_stop();
}

/* The sending thread may have looked at the clock before the main thread installed the session. */
static void test_session_from_the_future(void)
{
	sim_start();
	sim_send(0);
	sim_settle();
	sim[0].peer->current->born_ns = sim_now_ns + 1000;
	sim_send(0);
	CHECK(!sim[0].peer->staged_first);
	sim_pass(20 * SECOND_NS);
	CHECK_EQ(sim[1].came, 2);
	CHECK_EQ(sim[0].initiations, 1);
	sim_stop();
}

/* Nobody knows where the peer is, but its name is being looked up: what waits for that is dropped after 90 s. */
static void test_staged_without_endpoint(void)
{
	static const uint8_t no_key[32];

	sim_start();
	sim[1].peer->timers.heal = 1;
	device_peer_await_endpoint(sim[1].node->device, sim[1].peer, true);
	for (int i = 0; i < 10; i++)
		sim_send(1); /* node 1 does not know where node 0 is */
	sim_settle();
	CHECK_EQ(sim[1].peer->staged_packets, 10);
	sim_pass(80 * SECOND_NS);
	CHECK_EQ(sim[1].peer->staged_packets, 10);
	sim_pass(60 * SECOND_NS);
	CHECK_EQ(sim[1].peer->staged_packets, 0);
	sim_pass(600 * SECOND_NS);
	CHECK_EQ(timers_next(&sim[1].peer->timers), UINT64_MAX);
	/* known in time, it goes out by itself */
	sim_send(1);
	sim_pass(20 * SECOND_NS);
	device_peer_set_endpoint(sim[1].node->device, sim[1].peer, &sim[0].at);
	sim_pass(6 * SECOND_NS);
	CHECK_EQ(sim[0].came, 1);
	/* neither can there be one without a key */
	device_set_private_key(sim[0].node->device, no_key);
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[0].peer->staged_packets, 1);
	sim_pass(120 * SECOND_NS);
	CHECK_EQ(sim[0].peer->staged_packets, 0);
	sim_stop();
}

/* Somebody forges the address of node 0 all the time: that must not cost its cookie's worth. */
static void test_forged_flood_with_cookie(void)
{
	struct device *d;

	sim_start();
	d = sim[1].node->device;
	d->load.force = LOAD_PRESSED;
	for (int i = 0; i < 400; i++) {
		while (ratelimit_allow(&d->ratelimit, &sim[0].at.addr, false, sim_now_ns))
			;
		if (i == 0)
			sim_send(0);
		sim_pass(SECOND_NS / 50);
	}
	CHECK_EQ(sim[1].cookies, 1);
	CHECK_EQ(sim[1].came, 1);
	sim_stop();
}

static int socket_to(struct node *n, int fd4, int fd6)
{
	return node_set_sockets(n, fd4, fd6, 51820, 0);
}

/* The owner keeps a copy: the same sockets may come again (with another mark), others, or none. */
static void test_sockets_given_again(void)
{
	struct wg_stats *stats = calloc(1, sizeof(*stats));
	int a = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), b;
	struct epoll_event e;
	struct node *n;

	CHECK_EQ(node_new(stats, &n), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(socket_to(n, dup(a), -1), 0);
	b = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(socket_to(n, dup(b), -1), 0);
	/* what was replaced is not listened to any more: an unconnected TCP socket hangs up at once */
	close(a);
	a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(socket_to(n, dup(a), -1), 0);
	CHECK_EQ(epoll_wait(n->epoll_fd, &e, 1, 0), 1);
	CHECK_EQ(socket_to(n, dup(b), -1), 0);
	CHECK_EQ(epoll_wait(n->epoll_fd, &e, 1, 0), 0);
	CHECK_EQ(socket_to(n, dup(a), -1), 0);
	CHECK_EQ(socket_to(n, -1, -1), 0);
	CHECK_EQ(epoll_wait(n->epoll_fd, &e, 1, 0), 0);
	CHECK_EQ(socket_to(n, dup(b), -1), 0);
	close(a);
	close(b);
	node_free(n);
	free(stats);
}

/* Nonces end: the counter never wraps, and new keys are asked for long before. */
static void test_nonce_limits(void)
{
	sim_start();
	sim_send(0);
	sim_pass(6 * SECOND_NS);
	sim[0].peer->current->send_counter = REKEY_AFTER_MESSAGES + 1;
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[0].initiations, 2);
	CHECK_EQ(sim[1].came, 2);
	sim_pass(6 * SECOND_NS);
	sim[0].peer->current->send_counter = REJECT_AFTER_MESSAGES - 10;
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[0].initiations, 3);
	CHECK_EQ(sim[1].came, 3);
	CHECK(sim[0].peer->current->send_counter < 100);
	sim_stop();
}

/* Noise and mutilated messages (but for mac2, which counts under load only): no answer, and the session
 * goes on. */
static void test_noise(void)
{
	static struct sim_datagram w;
	unsigned sent;

	sim_start();
	n_kept = 0;
	sim_loses = keep;
	sim_send(0);
	sim_settle();
	sent = sim[1].responses + sim[1].data + sim[1].cookies;
	for (int i = 0; i < 20000; i++) {
		w = kept[randombytes_uniform(n_kept)];
		if (i % 3 == 0) {
			w.len = randombytes_uniform(200);
			randombytes_buf(w.bytes, w.len);
			w.bytes[0] = (uint8_t)randombytes_uniform(6);
			w.bytes[1] = w.bytes[2] = w.bytes[3] = 0;
		} else {
			w.bytes[randombytes_uniform((uint32_t)w.len - 16)] ^= 1u
				<< randombytes_uniform(8);
		}
		sim_deliver(&w);
	}
	sim_settle();
	CHECK_EQ(sim[1].responses + sim[1].data + sim[1].cookies, sent);
	CHECK_EQ(sim[1].peer->endpoint.at.port, 51820);
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[1].came, 2);
	sim_stop();
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	aead_init(AEAD_SODIUM);
	RUN(test_first_packet);
	RUN(test_staged);
	RUN(test_psk);
	RUN(test_lost_messages);
	RUN(test_give_up);
	RUN(test_heal);
	RUN(test_rekey_by_initiator_only);
	RUN(test_late_rekey);
	RUN(test_expiry);
	RUN(test_idle_is_silent);
	RUN(test_persistent_keepalive);
	RUN(test_dead_peer_is_noticed);
	RUN(test_both_at_once);
	RUN(test_replays);
	RUN(test_roaming);
	RUN(test_forged_source_inside);
	RUN(test_veth);
	RUN(test_cookie);
	RUN(test_cookie_for_response);
	RUN(test_clock_goes_back);
	RUN(test_private_key_changes);
	RUN(test_peer_removed_and_limits);
	RUN(test_no_second_handshake);
	RUN(test_old_train_asks_for_nothing);
	RUN(test_session_from_the_future);
	RUN(test_staged_without_endpoint);
	RUN(test_forged_flood_with_cookie);
	RUN(test_sockets_given_again);
	RUN(test_nonce_limits);
	RUN(test_noise);
	return TEST_END();
}
