// SPDX-License-Identifier: MIT
// The protocol's checklist, first half (W1-W13 of tests/WG-CHECKLIST.md): who is believed, what is answered,
// which keys and nonces are used. Two whole nodes in memory, and a stranger who repeats and forges.
#include "wg-sim.h"

/* ---- everything that has been on the wire, by sender and type ---- */

#define TAPE_MAX 64

static struct sim_datagram tape[TAPE_MAX];
static unsigned n_tape;

static bool record(int from, const uint8_t *msg, size_t len)
{
	struct sim_datagram *t = &tape[n_tape];

	if (n_tape == TAPE_MAX)
		return false;
	memcpy(t->bytes, msg, len);
	t->len = len;
	t->from = sim[from].at;
	t->to = !from;
	n_tape++;
	return false;
}

static void tape_start(void)
{
	n_tape = 0;
	sim_loses = record;
}

/* The N-th of its kind that FROM sent. */
static struct sim_datagram *taped(int from, uint32_t type, unsigned n)
{
	for (unsigned i = 0; i < n_tape; i++)
		if (tape[i].to == !from && noise_get32(tape[i].bytes) == type && !n--)
			return &tape[i];
	CHECK(!"on the tape");
	return &tape[0];
}

static void from_stranger(const struct sim_datagram *w)
{
	static struct sim_datagram copy;

	copy = *w;
	copy.from.port = 666;
	sim_deliver(&copy);
}

static unsigned sent_by(int i)
{
	return sim[i].initiations + sim[i].responses + sim[i].cookies + sim[i].data;
}

static void hand_over(void)
{
	static struct sim_datagram w;

	CHECK(sim_n_wire > 0);
	if (!sim_n_wire)
		return;
	w = sim_wire[0];
	memmove(sim_wire, sim_wire + 1, --sim_n_wire * sizeof(w));
	sim_deliver(&w);
}

/* A session, confirmed on both sides. */
static void start_session(void)
{
	sim_start();
	tape_start();
	sim_send(0);
	sim_settle();
	sim_send(1);
	sim_settle();
	CHECK_EQ(sim[0].came, 1);
	CHECK_EQ(sim[1].came, 1);
}

static uint8_t *public_of(int i)
{
	return sim[i].node->device->secret->identity.public_key;
}

/* ---- W1 ---- */

/* Node 1 has 10.0.0.0/24 from node 0 and 10.0.0.1/32 of somebody else inside it. */
static void w1_nested_prefixes_of_two_peers(void)
{
	struct prefix net = {.addr = addr_v4(0x0a000000), .len = 24},
		      host = {.addr = addr_v4(0x0a000001), .len = 32};
	uint8_t key[32] = {42};
	struct peer *other;

	sim_start();
	CHECK_EQ(device_peer_create(sim[1].node->device, key, &other), 0);
	device_peer_add_allowed(sim[1].node->device, sim[1].peer, &net);
	device_peer_add_allowed(sim[1].node->device, other, &host);
	sim_send(0);
	sim_packet(0, 0x0a000005, 0x0a000002, 100);
	sim_settle();
	CHECK_EQ(sim[1].came, 1);
	CHECK_EQ(sim[1].stats->counts.dropped_source, 1);
	/* and out: the narrower prefix is the other's, the wider one node 0's */
	sim_packet(1, 0x0a000002, 0x0a000001, 100);
	sim_packet(1, 0x0a000002, 0x0a000005, 100);
	sim_settle();
	CHECK_EQ(sim[0].came, 1);
	CHECK_EQ(sim[0].stats->peers[0].rx_bytes, sim[1].stats->peers[0].tx_bytes);
	CHECK_EQ(sim[1].stats->counts.unreachable_sent, 1);
	sim_stop();
}

/* ---- W2 ---- */

/* Repeated or mutilated messages of every type, from elsewhere, to both sides: nobody moves. */
static void w2_endpoint_stays_on_replays_and_forgeries(void)
{
	static struct sim_datagram w;
	unsigned before;

	start_session();
	sim_pass(SECOND_NS);
	sim[0].node->device->load.force = LOAD_FULL; /* so that there is a cookie, too */
	sim[1].peer->timers.last_initiation_ns = 0;
	device_peer_call(sim[1].node->device, sim[1].peer);
	sim_pass(7 * SECOND_NS);
	sim_pass(12 * SECOND_NS); /* keepalives */
	CHECK_EQ(sim[0].cookies, 1);
	sim_loses = NULL;
	before = n_tape;
	CHECK(before > 8);
	for (unsigned i = 0; i < before; i++)
		from_stranger(&tape[i]);
	for (unsigned i = 0; i < before; i++)
		for (size_t at = 0; at < tape[i].len; at += 3) {
			w = tape[i];
			w.bytes[at] ^= 0x10;
			from_stranger(&w);
		}
	sim_settle();
	CHECK_EQ(sim[0].peer->endpoint.at.port, 51820);
	CHECK_EQ(sim[1].peer->endpoint.at.port, 51820);
	CHECK_EQ(ntohs(sim[0].peer->endpoint.path.to.v4.sin_port), 51820);
	CHECK_EQ(ntohs(sim[1].peer->endpoint.path.to.v4.sin_port), 51820);
	sim_stop();
}

/* A cookie reply is authentic in its way, but says nothing about where the peer is. */
static void w2_endpoint_stays_on_a_fresh_cookie(void)
{
	static struct sim_datagram w;

	sim_start();
	sim[1].node->device->load.force = LOAD_FULL;
	sim_send(0);
	sim_work(0);
	hand_over();
	CHECK_EQ(sim[1].cookies, 1);
	w = sim_wire[--sim_n_wire];
	from_stranger(&w);
	CHECK(sim[0].peer->secret->cookie.has_cookie);
	CHECK_EQ(sim[0].peer->endpoint.at.port, 51820);
	sim_stop();
}

/* Each authentic type moves it: initiation, response, keepalive, data. */
static void w2_endpoint_follows_each_authentic_type(void)
{
	sim_start();
	sim[0].at.port = 1001;
	sim_send(0);
	sim_work(0);
	hand_over(); /* initiation */
	CHECK_EQ(sim[1].peer->endpoint.at.port, 1001);
	sim_wire[0].from.port = 2001;
	hand_over(); /* response */
	CHECK_EQ(sim[0].peer->endpoint.at.port, 2001);
	sim[1].at.port = 2001;
	sim[0].at.port = 1002;
	sim_work(0);
	hand_over(); /* data */
	CHECK_EQ(sim[1].peer->endpoint.at.port, 1002);
	sim[0].at.port = 1003;
	sim[0].peer->keepalive_wanted = true;
	session_want_sender(sim[0].node->device, sim[0].peer);
	sim_work(0);
	CHECK_EQ(sim[0].keepalives, 1);
	hand_over();
	CHECK_EQ(sim[1].peer->endpoint.at.port, 1003);
	sim_stop();
}

/* ---- W3 ---- */

/* Authentic messages one byte longer or shorter, of another type, with bits in the reserved bytes. */
static void w3_exact_sizes_and_types(void)
{
	static struct sim_datagram w;
	unsigned before;

	sim_start();
	sim_loses = record;
	n_tape = 0;
	sim_send(0);
	sim_work(0);
	CHECK_EQ(n_tape, 1);
	before = sent_by(1);
	for (int change = 0; change < 7; change++) {
		w = tape[0];
		w.len += change == 0 ? 1 : 0;
		w.len -= change == 1 ? 1 : 0;
		w.len = change == 2 ? 92 : w.len;
		w.bytes[0] = change == 3 ? 0 : change == 4 ? 5 : change == 5 ? 2 : w.bytes[0];
		w.bytes[1 + change % 3] ^= change == 6;
		sim_deliver(&w);
		sim_work(1);
	}
	for (size_t len = 0; len < 148; len++) {
		w = tape[0];
		w.len = len;
		sim_deliver(&w);
	}
	sim_work(1);
	CHECK_EQ(sent_by(1), before);
	sim_settle();
	CHECK_EQ(sim[1].came, 1);
	sim_stop();
}

/* Under load, too, nobody who does not know our public key gets a cookie. */
static void w3_no_cookie_without_mac1(void)
{
	static struct sim_datagram w;

	sim_start();
	sim[1].node->device->load.force = LOAD_FULL;
	for (int i = 0; i < 1000; i++) {
		w = (struct sim_datagram){.to = 1, .from = sim[0].at, .len = i % 2 ? 148 : 92};
		randombytes_buf(w.bytes, w.len);
		noise_put32(w.bytes, i % 2 ? NOISE_INITIATION : NOISE_RESPONSE);
		sim_deliver(&w);
	}
	CHECK_EQ(sent_by(1), 0);
	CHECK_EQ(sim[1].stats->counts.dropped_invalid, 1000);
	sim_stop();
}

/* 10⁵ random, mutated and repeated datagrams: no answer, no log, and the session goes on. */
static void w3_noise(void)
{
	static struct sim_datagram w;
	unsigned before[2];
	FILE *log = tmpfile();
	int err = dup(2);

	start_session();
	sim_pass(SECOND_NS);
	sim_loses = NULL;
	before[0] = sent_by(0);
	before[1] = sent_by(1);
	dup2(fileno(log), 2);
	for (int i = 0; i < 100000; i++) {
		w = tape[randombytes_uniform(n_tape)];
		if (i % 4 == 0) {
			w.len = randombytes_uniform(1500);
			randombytes_buf(w.bytes, w.len);
			noise_put32(w.bytes, randombytes_uniform(6));
		} else if (i % 4 != 1) { /* but for mac2, which counts under load only */
			w.bytes[randombytes_uniform((uint32_t)w.len - 16)] ^= 1u
				<< randombytes_uniform(8);
		}
		from_stranger(&w);
		sim_now_ns += SECOND_NS / 1000; /* below what brings cookies */
	}
	dup2(err, 2);
	close(err);
	CHECK_EQ(lseek(fileno(log), 0, SEEK_END), 0);
	fclose(log);
	CHECK_EQ(sim_n_wire, 0);
	CHECK_EQ(sent_by(0), before[0]);
	CHECK_EQ(sent_by(1), before[1]);
	CHECK_EQ(sim[0].peer->endpoint.at.port, 51820);
	CHECK_EQ(sim[1].peer->endpoint.at.port, 51820);
	sim_send(0);
	sim_send(1);
	sim_settle();
	CHECK_EQ(sim[0].came, 2);
	CHECK_EQ(sim[1].came, 2);
	CHECK_EQ(sim[0].initiations, 1);
	sim_stop();
}

/* ---- W4 ---- */

static void w4_psk_counts_from_the_next_handshake_on(void)
{
	uint8_t psk[32] = {5}, wrong[32] = {6};

	start_session();
	device_peer_set_psk(sim[0].node->device, sim[0].peer, psk);
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[1].came, 2); /* the session goes on */
	sim_pass(181 * SECOND_NS);
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[1].came, 2); /* no new one without the other side's key */
	device_peer_set_psk(sim[1].node->device, sim[1].peer, psk);
	sim_pass(6 * SECOND_NS);
	CHECK_EQ(sim[1].came, 3);
	device_peer_set_psk(sim[1].node->device, sim[1].peer, wrong);
	sim_pass(181 * SECOND_NS);
	sim_send(0);
	sim_pass(6 * SECOND_NS);
	CHECK_EQ(sim[1].came, 3);
	sim_stop();
}

/* ---- W6 ---- */

/* A valid initiation by somebody who knows our public key and has keys of his own. */
static void initiation_of_stranger(struct sim_datagram *w, uint32_t source)
{
	struct noise_static s = {0};
	struct noise_remote r = {0};
	struct noise_handshake hs;
	struct noise_initiation m;
	struct cookie_maker c;
	uint8_t key[32], stamp[NOISE_TIMESTAMP] = {0x40};

	randombytes_buf(key, sizeof(key));
	noise_set_static(&s, key);
	noise_set_remote(&r, &s, public_of(1));
	randombytes_buf(key, sizeof(key));
	CHECK_EQ(noise_create_initiation(&hs, &s, &r, key, stamp, 7, &m), 0);
	cookie_maker_init(&c, public_of(1));
	cookie_add_macs(&c, &m, sizeof(m), sim_now_ns);
	*w = (struct sim_datagram){
		.to = 1, .len = sizeof(m), .from = {.addr = addr_v4(source), .port = 9}};
	memcpy(w->bytes, &m, sizeof(m));
}

/* One source floods, above what all strangers together may cost without cookie: it is asked for one,
 * the others are answered. */
static void w6_one_flooder_does_not_push_others_into_cookie_mode(void)
{
	static struct sim_datagram w;
	uint64_t end;

	sim_start();
	initiation_of_stranger(&w, 0xc6130001);
	end = sim_now_ns + 10 * SECOND_NS;
	for (; sim_now_ns < end; sim_now_ns += SECOND_NS / 1000)
		sim_deliver(&w); /* 1000 a second */
	CHECK(load_level(&sim[1].node->device->load, sim_now_ns) > LOAD_IDLE);
	CHECK(sim[1].cookies > 5000);
	sim[1].cookies = 0;
	sim_send(0);
	sim_settle();
	CHECK_EQ(sim[1].cookies, 0);
	CHECK_EQ(sim[1].came, 1);
	sim_stop();
}

/* ---- W7 ---- */

/* The time stamp that an initiation carried counts for ever, also after the handshake and across a
 * change of the preshared key; an older one is a replay even from the real peer. */
static void w7_timestamps_are_remembered(void)
{
	start_session();
	sim_pass(600 * SECOND_NS); /* all keys forgotten */
	CHECK(!sim[1].peer->current);
	from_stranger(taped(0, NOISE_INITIATION, 0));
	CHECK_EQ(sim[1].stats->counts.dropped_replay, 1);
	CHECK_EQ(sim[1].responses, 1);
	CHECK_EQ(sim[1].peer->endpoint.at.port, 51820);
	sim_stop();
}

/* The wall clock may go back by years, and forth: what we send only ever grows, so we are heard. */
static void w7_our_timestamps_grow_whatever_the_clock_does(void)
{
	static const int64_t jumps[] = {-86400, -1, 3600, -7200, 0, -1700000000, 5};
	uint8_t before[NOISE_TIMESTAMP];

	sim_start();
	sim_send(0);
	sim_settle();
	for (unsigned i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		memcpy(before, sim[0].peer->sent_timestamp, sizeof(before));
		sim_wall_offset_ns += (uint64_t)jumps[i] * SECOND_NS;
		sim_pass(181 * SECOND_NS);
		sim_send(0);
		sim_settle();
		CHECK(memcmp(sim[0].peer->sent_timestamp, before, sizeof(before)) > 0);
		CHECK_EQ(sim[1].came, i + 2);
	}
	sim_stop();
}

/* ---- W8 ---- */

/* Whatever asks for it, there is one initiation in 5 s and a third. */
static void w8_one_initiation_in_five_seconds(void)
{
	unsigned last = 0;
	uint64_t at = 0;

	sim_start();
	sim_loses = record;
	n_tape = TAPE_MAX;
	device_peer_set_endpoint(sim[0].node->device, sim[0].peer,
		&(struct hostport){.addr = addr_v4(0xc6120063), .port = 1});
	for (int i = 0; i < 3000; i++) {
		sim_send(0);
		device_peer_call(sim[0].node->device, sim[0].peer);
		sim_pass(SECOND_NS / 50);
		if (sim[0].initiations == last)
			continue;
		CHECK(!last || sim_now_ns - at >= 49 * (REKEY_TIMEOUT_NS / 50));
		last = sim[0].initiations;
		at = sim_now_ns;
	}
	CHECK(last >= 11 && last <= 13);
	sim_stop();
}

/* An authentic peer that initiates more often than 50 times a second is heard 50 times. */
static void w8_initiations_are_accepted_50_times_a_second(void)
{
	sim_start();
	for (int i = 0; i < 200; i++) {
		sim_now_ns += SECOND_NS / 200;
		sim[0].peer->timers.last_initiation_ns = 0;
		sim_wall_offset_ns += SECOND_NS; /* so each is newer */
		device_peer_call(sim[0].node->device, sim[0].peer);
		sim_work(0);
		while (sim_n_wire)
			hand_over();
	}
	CHECK_EQ(sim[0].initiations, 200);
	CHECK_EQ(sim[1].responses, 50);
	sim_stop();
}

/* ---- W9 ---- */

static void w9_indices_are_random_and_given_back(void)
{
	uint32_t seen[64], ones = 0;

	sim_start();
	for (int i = 0; i < 64; i++) {
		sim[0].peer->timers.last_initiation_ns = 0;
		device_peer_call(sim[0].node->device, sim[0].peer);
		sim_work(0);
		seen[i] = noise_get32(sim_wire[--sim_n_wire].bytes + 4);
		CHECK_EQ(sim[0].node->device->indices.n, 1); /* the replaced one is gone */
		ones += (uint32_t)__builtin_popcount(seen[i]);
		for (int k = 0; k < i; k++)
			CHECK(seen[i] != seen[k] && seen[i] - seen[k] != 1);
	}
	CHECK(ones > 64 * 12 && ones < 64 * 20);
	sim_stop();
}

/* ---- W10 ---- */

/* Bad responses with the right index, as somebody on the way can make them; then the real one. */
static void w10_bad_responses_leave_the_handshake(void)
{
	static struct sim_datagram real, w;

	sim_start();
	sim_send(0);
	sim_work(0);
	hand_over();
	real = sim_wire[--sim_n_wire];
	CHECK_EQ(noise_get32(real.bytes), NOISE_RESPONSE);
	for (size_t at = 0; at < real.len - 16; at++) {
		struct cookie_maker c;

		w = real;
		w.bytes[at] ^= 1;
		cookie_maker_init(&c, public_of(0));
		cookie_add_macs(&c, w.bytes, w.len, sim_now_ns); /* mac1 is good */
		if (at >= 12 && at < 60)
			sim_deliver(&w);
	}
	CHECK_EQ(sim[0].stats->counts.handshakes, 0);
	sim_deliver(&real);
	CHECK_EQ(sim[0].stats->counts.handshakes, 1);
	sim_settle();
	CHECK_EQ(sim[1].came, 1);
	sim_stop();
}

/* ---- W11 ---- */

/* A peer whose public key is of low order: nothing is ever sent to it, nothing that names it is answered. */
static void w11_low_order_peers_get_nothing(void)
{
	static const uint8_t low[][32] = {{0}, {1},
		{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f,
			0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62,
			0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00}};

	for (size_t i = 0; i < sizeof(low) / sizeof(low[0]); i++) {
		struct prefix p = {.addr = addr_v4(0x0a000009), .len = 32};
		struct peer *peer;

		sim_start();
		CHECK_EQ(device_peer_create(sim[0].node->device, low[i], &peer), 0);
		device_peer_add_allowed(sim[0].node->device, peer, &p);
		device_peer_set_endpoint(sim[0].node->device, peer, &sim[1].at);
		device_peer_set_keepalive(sim[0].node->device, peer, 1);
		device_peer_call(sim[0].node->device, peer);
		sim_packet(0, 0x0a000001, 0x0a000009, 100);
		sim_pass(100 * SECOND_NS);
		CHECK_EQ(sent_by(0), 0);
		CHECK_EQ(sim[0].stats->tx_bytes, 0);
		sim_stop();
	}
}

/* ---- W12 ---- */

/* The responder's session is no good for sending until the initiator has used it. */
static void w12_responder_waits_for_confirmation(void)
{
	static struct sim_datagram response;

	sim_start();
	sim_send(0);
	sim_work(0);
	hand_over();
	CHECK(sim[1].peer->next_keypair && !sim[1].peer->current);
	response = sim_wire[--sim_n_wire];
	sim_send(1);
	sim_work(1);
	CHECK_EQ(sim[1].data, 0);
	CHECK_EQ(sim[1].peer->staged_packets, 1);
	CHECK_EQ(sim[1].stats->counts.handshakes, 0);
	sim_deliver(&response);
	sim_work(0);
	hand_over(); /* the first packet under it */
	CHECK(sim[1].peer->current && !sim[1].peer->next_keypair);
	CHECK_EQ(sim[1].stats->counts.handshakes, 1);
	sim_settle();
	CHECK_EQ(sim[0].came, 1);
	sim_stop();
}

/* What was sent under the old session arrives although the new one is in use. */
static void w12_previous_session_is_still_heard(void)
{
	static struct sim_datagram late;

	start_session();
	sim_pass(100 * SECOND_NS);
	sim_send(0);
	sim_work(0);
	late = sim_wire[--sim_n_wire];
	sim[0].peer->timers.last_initiation_ns = 0;
	device_peer_call(sim[0].node->device, sim[0].peer);
	sim_settle();
	CHECK_EQ(sim[1].stats->counts.handshakes, 2);
	CHECK(sim[1].peer->previous);
	sim_deliver(&late);
	sim_work(1);
	CHECK_EQ(sim[1].came, 2);
	sim_stop();
}

/* Both begin at once, and the messages cross in any order: the sessions converge. */
static void w12_simultaneous_initiations_converge(void)
{
	for (unsigned order = 0; order < 64; order++) {
		unsigned bits = order;

		sim_start();
		device_peer_set_endpoint(sim[1].node->device, sim[1].peer, &sim[0].at);
		sim_send(0);
		sim_send(1);
		for (int rounds = 0; rounds < 40; rounds++, bits = bits >> 1 | (bits & 1) << 5) {
			struct sim_datagram w;

			sim_work(0);
			sim_work(1);
			if (!sim_n_wire)
				break;
			if (bits & 1 && sim_n_wire > 1) { /* the second one overtakes */
				w = sim_wire[0];
				sim_wire[0] = sim_wire[1];
				sim_wire[1] = w;
			}
			hand_over();
		}
		CHECK_EQ(sim[0].came, 1);
		CHECK_EQ(sim[1].came, 1);
		for (int i = 0; i < 4; i++) {
			sim_send(i & 1);
			sim_pass(SECOND_NS);
		}
		CHECK_EQ(sim[0].came, 3);
		CHECK_EQ(sim[1].came, 3);
		CHECK_EQ(sim[0].initiations + sim[1].initiations, 2);
		sim_stop();
	}
}

/* ---- W13 ---- */

/* Under one session no counter goes out twice, up to the very end, and none from REJECT_AFTER_MESSAGES on. */
static void w13_nonces_are_never_used_twice(void)
{
	uint64_t last = 0;

	start_session();
	sim_pass(6 * SECOND_NS);
	sim[0].peer->current->send_counter = REJECT_AFTER_MESSAGES - GSO_FRAME_MAX - 20;
	sim[0].peer->timers.last_initiation_ns = sim_now_ns; /* no new session for 5 s */
	tape_start();
	for (int i = 0; i < 50; i++) {
		sim_send(0);
		sim_settle();
	}
	for (unsigned i = 0; i < n_tape; i++) {
		const struct noise_data *m = (const void *)tape[i].bytes;

		if (tape[i].to != 1 || noise_get32(m->type) != NOISE_DATA)
			continue;
		CHECK(noise_get64(m->counter) > last);
		CHECK(noise_get64(m->counter) < REJECT_AFTER_MESSAGES);
		last = noise_get64(m->counter);
	}
	CHECK_EQ(last, REJECT_AFTER_MESSAGES - GSO_FRAME_MAX - 1);
	CHECK_EQ(sim[1].came, 1 + 20);
	CHECK_EQ(sim[0].peer->staged_packets, 30);
	sim_pass(6 * SECOND_NS);
	CHECK_EQ(sim[1].came, 51);
	sim_stop();
}

/* The receiver takes no counter from there on either, authentic or not. */
static void w13_receiver_refuses_spent_counters(void)
{
	static const struct {
		uint64_t counter;
		unsigned came;
	} cases[] = {{REJECT_AFTER_MESSAGES, 0}, {UINT64_MAX, 0}, {REJECT_AFTER_MESSAGES - 1, 1},
		{1ull << 60, 0 /* too old by now */}, {REJECT_AFTER_MESSAGES - 2, 1}};
	unsigned came;

	start_session();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sim_datagram w = *taped(0, NOISE_DATA, 0);
		uint8_t ip[128] = {0x45, 0, 0, 100, [8] = 64, 253, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
		struct noise_data *m = (void *)w.bytes;
		struct aead_packet p = {.data = m->sealed, .counter = cases[i].counter, .len = 112};

		came = sim[1].came;
		noise_put64(m->counter, cases[i].counter);
		memcpy(m->sealed, ip, 112);
		aead_seal(sim[0].node->sender.aead, sim[0].peer->current->keys->send, &p, 1);
		w.len = 16 + 112 + 16;
		sim_deliver(&w);
		sim_work(1);
		CHECK_EQ(sim[1].came - came, cases[i].came);
	}
	sim_stop();
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	aead_init(AEAD_SODIUM);
	RUN(w1_nested_prefixes_of_two_peers);
	RUN(w2_endpoint_stays_on_replays_and_forgeries);
	RUN(w2_endpoint_stays_on_a_fresh_cookie);
	RUN(w2_endpoint_follows_each_authentic_type);
	RUN(w3_exact_sizes_and_types);
	RUN(w3_no_cookie_without_mac1);
	RUN(w3_noise);
	RUN(w4_psk_counts_from_the_next_handshake_on);
	RUN(w6_one_flooder_does_not_push_others_into_cookie_mode);
	RUN(w7_timestamps_are_remembered);
	RUN(w7_our_timestamps_grow_whatever_the_clock_does);
	RUN(w8_one_initiation_in_five_seconds);
	RUN(w8_initiations_are_accepted_50_times_a_second);
	RUN(w9_indices_are_random_and_given_back);
	RUN(w10_bad_responses_leave_the_handshake);
	RUN(w11_low_order_peers_get_nothing);
	RUN(w12_responder_waits_for_confirmation);
	RUN(w12_previous_session_is_still_heard);
	RUN(w12_simultaneous_initiations_converge);
	RUN(w13_nonces_are_never_used_twice);
	RUN(w13_receiver_refuses_spent_counters);
	return TEST_END();
}
