// SPDX-License-Identifier: MIT
// UDP sessions: found by port and client, bounded in all and for each client, forgotten in time; and how
// many connections each address has.
#include "relay/sessions.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "relay/clients.h"
#include "test.h"

static const char port_a, port_b;

static struct hostport from(uint32_t address, uint16_t port)
{
	return (struct hostport){.addr = addr_v4(address), .port = port};
}

static struct session *add(struct sessions *t, const void *port, struct hostport f, uint64_t now)
{
	struct session *s = calloc(1, sizeof(*s)), *oldest = s;

	s->port = port;
	s->from = f;
	CHECK_EQ(sessions_add(t, s, now, &oldest), 0);
	CHECK(oldest == NULL);
	return s;
}

static void end(struct sessions *t, struct session *s)
{
	sessions_remove(t, s);
	free(s);
}

static void test_find(void)
{
	struct sessions t = {0};
	struct hostport x = from(0x0a000001, 1000), y = from(0x0a000001, 1001);
	struct hostport six = {.addr = {.family = 6, .bytes = {10, 0, 0, 1}}, .port = 1000};
	struct hostport zone = six;
	struct session *a, *b, *c, *d;

	zone.scope_id = 3;
	CHECK(sessions_find(&t, &port_a, &x) == NULL);
	a = add(&t, &port_a, x, 0);
	b = add(&t, &port_b, x, 0);
	c = add(&t, &port_a, y, 0);
	d = add(&t, &port_a, six, 0);
	CHECK(sessions_find(&t, &port_a, &x) == a);
	CHECK(sessions_find(&t, &port_b, &x) == b);
	CHECK(sessions_find(&t, &port_a, &y) == c);
	CHECK(sessions_find(&t, &port_a, &six) == d);
	CHECK(sessions_find(&t, &port_a, &zone) == NULL);
	CHECK(sessions_find(&t, &port_b, &y) == NULL);
	end(&t, a);
	CHECK(sessions_find(&t, &port_a, &x) == NULL);
	CHECK(sessions_find(&t, &port_b, &x) == b);
	end(&t, d);
	end(&t, c);
	end(&t, b);
	CHECK_EQ(t.n, 0);
	free(t.buckets);
	free(t.clients);
}

static void test_expiry(void)
{
	struct sessions t = {0};
	struct session *s = add(&t, &port_a, from(1, 1), 1000);

	CHECK_EQ(session_expires(s), 1000 + SESSION_SINGLE_MS);
	sessions_touch(s, true, 2000);
	sessions_touch(s, false, 3000);
	CHECK_EQ(session_expires(s), 3000 + SESSION_SINGLE_MS); /* one question, one answer */
	sessions_touch(s, true, 4000);
	CHECK_EQ(session_expires(s), 4000 + SESSION_SINGLE_MS);
	sessions_touch(s, false, 5000);
	CHECK_EQ(session_expires(s), 5000 + SESSION_STREAM_MS);
	end(&t, s);
	free(t.buckets);
	free(t.clients);
}

/* A client replaces its own least recently used one; the whole table refuses. */
static void test_bounds(void)
{
	static struct session own[SESSIONS_PER_CLIENT], more, other;
	struct sessions t = {0};
	struct session *oldest;

	for (int i = 0; i < SESSIONS_PER_CLIENT; i++) {
		own[i].port = &port_a;
		own[i].from = from(7, (uint16_t)(i + 1));
		CHECK_EQ(sessions_add(&t, &own[i], (uint64_t)i, &oldest), 0);
	}
	sessions_touch(&own[0], true, 5000);
	sessions_touch(&own[2], false, 5001);
	more = (struct session){.port = &port_a, .from = from(7, 60000)};
	CHECK_EQ(sessions_add(&t, &more, 5002, &oldest), 0);
	CHECK(oldest == &own[1]);
	CHECK_EQ(t.n, SESSIONS_PER_CLIENT);
	CHECK(sessions_find(&t, &port_a, &own[1].from) == NULL);
	CHECK(sessions_find(&t, &port_a, &own[0].from) == &own[0]);
	t.max = t.n;
	other = (struct session){.port = &port_a, .from = from(8, 1)};
	CHECK_EQ(sessions_add(&t, &other, 5003, &oldest), -ENOSPC);
	own[1].from = from(7, 60001); /* who has its own share full may still replace */
	CHECK_EQ(sessions_add(&t, &own[1], 5004, &oldest), 0);
	CHECK(oldest == &own[3]);
	t.max++;
	CHECK_EQ(sessions_add(&t, &other, 5005, &oldest), 0);
	CHECK(oldest == NULL);
	sessions_remove(&t, &other);
	sessions_remove(&t, &more);
	for (int i = 0; i < SESSIONS_PER_CLIENT; i++)
		if (own[i].client)
			sessions_remove(&t, &own[i]);
	CHECK_EQ(t.n, 0);
	free(t.buckets);
	free(t.clients);
}

/* Sixteen clients with as many as each may have, and one more. */
static void test_all(void)
{
	static struct session all[SESSIONS_MAX], more;
	struct sessions t = {0};
	struct session *oldest;

	for (int i = 0; i < SESSIONS_MAX; i++) {
		all[i] = (struct session){.port = &port_a,
			.from = from((uint32_t)(i / SESSIONS_PER_CLIENT),
				(uint16_t)(1 + i % SESSIONS_PER_CLIENT))};
		CHECK_EQ(sessions_add(&t, &all[i], (uint64_t)i, &oldest), 0);
		CHECK(oldest == NULL);
	}
	more = (struct session){.port = &port_a, .from = from(99, 1)};
	CHECK_EQ(sessions_add(&t, &more, SESSIONS_MAX, &oldest), -ENOSPC);
	CHECK_EQ(t.n, SESSIONS_MAX);
	sessions_remove(&t, &all[5]);
	CHECK_EQ(sessions_add(&t, &more, SESSIONS_MAX, &oldest), 0);
	sessions_remove(&t, &more);
	for (int i = 0; i < SESSIONS_MAX; i++)
		if (i != 5)
			sessions_remove(&t, &all[i]);
	CHECK_EQ(t.n, 0);
	free(t.buckets);
	free(t.clients);
}

/* Random comings and goings against a plain list. */
static void test_oracle(void)
{
	enum { N = 3000 };
	static struct session all[N];
	static bool there[N];
	struct sessions t = {0};
	struct session *oldest;
	uint32_t n = 0;

	srand(11);
	for (int i = 0; i < N; i++)
		all[i] = (struct session){.port = i % 3 ? &port_a : &port_b,
			.from = from((uint32_t)(i % 7), (uint16_t)(1 + i / 7))};
	for (int round = 0; round < 60000; round++) {
		int i = rand() % N;

		if (there[i] && rand() % 3) {
			sessions_touch(&all[i], rand() % 2, (uint64_t)round);
			CHECK(sessions_find(&t, all[i].port, &all[i].from) == &all[i]);
		} else if (there[i]) {
			sessions_remove(&t, &all[i]);
			there[i] = false;
			n--;
		} else {
			CHECK(sessions_find(&t, all[i].port, &all[i].from) == NULL);
			CHECK_EQ(sessions_add(&t, &all[i], (uint64_t)round, &oldest), 0);
			there[i] = true;
			n++;
			CHECK(!oldest);
		}
		CHECK_EQ(t.n, n);
	}
	for (int i = 0; i < N; i++)
		if (there[i])
			sessions_remove(&t, &all[i]);
	CHECK_EQ(t.n, 0);
	free(t.buckets);
	free(t.clients);
}

static void test_clients(void)
{
	struct clients c = {0};

	for (uint32_t a = 0; a < 500; a++)
		for (int i = 1; i <= 3; i++) {
			struct addr x = addr_v4(a);

			CHECK_EQ(clients_enter(&c, &x, 3), i);
		}
	for (uint32_t a = 0; a < 500; a++) {
		struct addr x = addr_v4(a);

		CHECK_EQ(clients_enter(&c, &x, 3), 0);
		for (int i = 0; i < 3; i++)
			clients_leave(&c, &x);
		clients_leave(&c, &x); /* one too many does nothing */
		CHECK_EQ(clients_enter(&c, &x, 3), 1);
		clients_leave(&c, &x);
	}
	CHECK_EQ(c.n_used, 0);
	free(c.slots);
}

int main(void)
{
	RUN(test_find);
	RUN(test_expiry);
	RUN(test_bounds);
	RUN(test_all);
	RUN(test_oracle);
	RUN(test_clients);
	return TEST_END();
}
