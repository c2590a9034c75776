// SPDX-License-Identifier: MIT
// Datagrams of several messages are opened together only if they came the same way.
#include "wg-sim.h"

#define N 5

static struct sim_datagram sent[N];
static struct udpio_message messages[N];

/* Packets of node 0, a datagram each, all of them sent from one address. */
static void prepare(void)
{
	sim_start();
	sim_send(0);
	sim_settle();
	sim_send(1);
	sim_settle();
	sim[1].came = 0;
	for (int i = 0; i < N; i++) {
		sim_send(0);
		send_flush(sim[0].node, sim_now_ns);
		CHECK_EQ(sim_n_wire, 1);
		sent[i] = sim_wire[--sim_n_wire];
		messages[i] = (struct udpio_message){.data = sent[i].bytes,
			.len = (uint32_t)sent[i].len,
			.segment = (uint32_t)sent[i].len,
			.from.v4.sin_family = AF_INET,
			.from.v4.sin_port = htons(1000)};
		memcpy(&messages[i].from.v4.sin_addr, sent[i].from.addr.bytes, 4);
	}
}

static int came(void)
{
	sim[1].came = 0;
	sim_work(1);
	return sim[1].came;
}

static void one_receive_of_singles(void)
{
	uint64_t before;

	prepare();
	before = sim[1].stats->rx_bytes;
	receive_messages(sim[1].node, messages, N, sim_now_ns);
	CHECK_EQ(came(), N);
	CHECK_EQ(sim[1].stats->rx_bytes - before, N * sent[0].len);
	CHECK_EQ(sim[1].peer->endpoint.at.port, 1000);
	sim_stop();
}

static void the_same_twice_in_one_receive(void)
{
	prepare();
	sent[4] = sent[0];
	receive_messages(sim[1].node, messages, N, sim_now_ns);
	CHECK_EQ(came(), N - 1);
	CHECK_EQ(sim[1].stats->counts.dropped_replay, 1);
	sim_stop();
}

/* The peer is where the newest came from; one that is not its does not say where. */
static void the_last_good_one_says_where(void)
{
	prepare();
	messages[2].from.v4.sin_port = messages[3].from.v4.sin_port = htons(2000);
	messages[4].from.v4.sin_port = htons(3000);
	messages[4].data[messages[4].len - 1] ^= 1;
	receive_messages(sim[1].node, messages, N, sim_now_ns);
	CHECK_EQ(came(), N - 1);
	CHECK_EQ(sim[1].stats->counts.dropped_invalid, 1);
	CHECK_EQ(sim[1].peer->endpoint.at.port, 2000);
	sim_stop();
}

/* The packets inside are Not-ECT: CE on the way drops one (RFC 6040), and none of its neighbours. */
static void each_has_its_own_ecn(void)
{
	prepare();
	messages[1].ecn = messages[4].ecn = 3;
	receive_messages(sim[1].node, messages, N, sim_now_ns);
	CHECK_EQ(came(), N - 2);
	CHECK_EQ(sim[1].stats->counts.dropped_ecn, 2);
	sim_stop();
}

/* A handshake in between is answered behind what came before it; rubbish disturbs nobody. */
static void others_in_between(void)
{
	uint8_t rubbish[200] = {9}, foreign[200] = {4};

	prepare();
	messages[1].data = rubbish;
	messages[1].len = messages[1].segment = sizeof(rubbish);
	messages[3].data = foreign;
	messages[3].len = messages[3].segment = sizeof(foreign);
	receive_messages(sim[1].node, messages, N, sim_now_ns);
	CHECK_EQ(came(), N - 2);
	CHECK_EQ(sim[1].peer->endpoint.at.port, 1000);
	sim_stop();
}

int main(void)
{
	RUN(one_receive_of_singles);
	RUN(the_same_twice_in_one_receive);
	RUN(the_last_good_one_says_where);
	RUN(each_has_its_own_ecn);
	RUN(others_in_between);
	return TEST_END();
}
