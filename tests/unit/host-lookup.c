// SPDX-License-Identifier: MIT
// The queue of lookups, and what of an answer counts.
#include <netdb.h>

#include "host/lookup.h"
#include "host/queue.h"
#include "test.h"

static struct msg_host_lookup question(unsigned id, const char *name)
{
	struct msg_host_lookup m = {.id = id};

	snprintf(m.name, sizeof(m.name), "%s", name);
	return m;
}

static void test_queue(void)
{
	static struct queue q;
	struct msg_host_lookup m;
	char name[32];

	CHECK(!queue_take(&q, &m));
	for (unsigned round = 0; round < 3; round++) { /* also round the end of the ring */
		for (unsigned i = 0; i < QUEUE_MAX; i++) {
			snprintf(name, sizeof(name), "h%u.example", i);
			m = question(i, name);
			CHECK(queue_put(&q, &m));
		}
		m = question(1000, "one.more");
		CHECK(!queue_put(&q, &m));
		m = question(
			1001, "h5.example"); /* waits already: the new id counts, the place stays */
		CHECK(queue_put(&q, &m));
		for (unsigned i = 0; i < QUEUE_MAX - 7 * round; i++) {
			CHECK(queue_take(&q, &m));
			CHECK_EQ(m.id, i == 5 ? 1001 : i);
		}
		while (queue_take(&q, &m))
			;
		m = question(1, "shift");
		CHECK(queue_put(&q, &m) && queue_take(&q, &m));
		CHECK_STR(m.name, "shift");
	}
}

static void test_names(void)
{
	static const char *const bad[] = {"", ".", "a..b", "a b", "-", "x/y", "0::zz"};
	struct msg_host_answer a = {0};
	struct msg_host_lookup m;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		m = question((unsigned)i, bad[i]);
		memset(&a, 0, sizeof(a));
		lookup_name(&m, false, &a);
		CHECK_EQ(a.id, i);
		CHECK(a.error > 0 && a.n == 0);
	}
	memset(m.name, 'a', sizeof(m.name)); /* no end */
	lookup_name(&m, false, &a);
	CHECK_EQ(a.error, -EAI_NONAME);
	m = question(9, "localhost"); /* from the hosts file: no network */
	lookup_name(&m, false, &a);
	if (!a.error)
		CHECK(a.n >= 1 && addr_is_loopback(&a.addrs[0]));
}

int main(void)
{
	RUN(test_queue);
	RUN(test_names);
	return TEST_END();
}
