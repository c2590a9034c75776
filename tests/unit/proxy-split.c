// SPDX-License-Identifier: MIT
// Which resolvers a name belongs to.
#include "proxy/split.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "test.h"

static struct splits s;

static int add(const char *domain, uint32_t n, uint32_t first, bool nobody)
{
	struct msg_proxy_split m = {.n = n, .nobody = nobody};

	snprintf(m.domain, sizeof(m.domain), "%s", domain);
	for (uint32_t i = 0; i < n && i < MSG_SERVERS; i++)
		m.servers[i] = addr_v4(first + i);
	return split_add(&s, &m);
}

static const struct {
	const char *name;
	int group;
} table[] = {
	{"www.example.org", 0},
	{"corp.example", 1},
	{"wiki.corp.example", 1},
	{"a.b.wiki.corp.example", 1},
	{"xcorp.example", 0},
	{"example", 0},
	{"deep.corp.example", 2},
	{"x.deep.corp.example", 2},
	{"xdeep.corp.example", 1},
	{"same.example", 1},
	{"gpu1.tail.ts.net", SPLIT_NONE},
	{"x.doh.example", SPLIT_NOBODY},
	{"", 0},
};

static void test_find(void)
{
	struct msg_proxy_resolver others = {.n = 1, .servers = {addr_v4(1)}};

	memset(&s, 0, sizeof(s));
	CHECK(split_set_others(&s, &others) == 0);
	CHECK(split_set_others(&s, &others) == -EBADMSG);
	CHECK(add("corp.EXAMPLE", 2, 10, false) == 0);
	CHECK(add("deep.corp.example", 1, 10, false) == 0);
	CHECK(add("same.example", 2, 10, false) == 0);
	CHECK(add("tail.ts.net", 0, 0, false) == 0);
	CHECK(add("doh.example", 0, 0, true) == 0);
	CHECK(s.n_groups == 2);
	for (size_t i = 0; i < ELEMENTSOF(table); i++)
		CHECK(split_find(&s, table[i].name) == table[i].group);
	split_free(&s);
}

static void test_limits(void)
{
	char name[32];

	memset(&s, 0, sizeof(s));
	CHECK(add("bad name", 1, 1, false) == -EINVAL);
	CHECK(add("x.example", MSG_SERVERS + 1, 1, false) == -EBADMSG);
	for (uint32_t i = 0; i < SPLIT_DOMAINS_MAX; i++) {
		snprintf(name, sizeof(name), "d%u.example", i);
		CHECK(add(name, 1, 10 + i, false) == (i + 1 < SPLIT_GROUPS_MAX ? 0 : -ENOSPC));
	}
	CHECK(s.n_groups + 1 == SPLIT_GROUPS_MAX);
	CHECK(split_find(&s, "x.d14.example") == 15);
	/* never the others' */
	CHECK(split_find(&s, "x.d15.example") == SPLIT_NOBODY);
	CHECK(add("more.example", 1, 10, false) == -ENOSPC);
	split_free(&s);
}

int main(void)
{
	RUN(test_find);
	RUN(test_limits);
	return TEST_END();
}
