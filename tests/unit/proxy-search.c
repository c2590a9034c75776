// SPDX-License-Identifier: MIT
// The names that a resolver is asked for, in their order.
#include "proxy/search.h"

#include <errno.h>

#include "common/cleanup.h"
#include "test.h"

static struct resolve_names names;

static const struct {
	const char *domains, *text, *asked;
} table[] = {
	{"", "gpu1", "gpu1"},
	{"", "gpu1.fgpu", "gpu1.fgpu"},
	{"", "wiki.corp.fgpu", "wiki.corp wiki.corp.fgpu"},
	{"", "wiki.corp", "wiki.corp"},
	{"corp.example", "gpu1", "gpu1.corp.example gpu1"},
	{"corp.example", "GPU1.", "gpu1"},
	{"corp.example", "gpu1.fgpu", "gpu1.corp.example gpu1.fgpu"},
	{"corp.example", "gpu1.fgpu.", "gpu1.corp.example gpu1.fgpu"},
	{"a.example b.example", "gpu1.fgpu", "gpu1.a.example gpu1.b.example gpu1.fgpu"},
	{"a.example", "x.y.fgpu", "x.y.a.example x.y x.y.fgpu"},
	{"a.example", "x.y", "x.y x.y.a.example"},
	{"a.example", "x.y.", "x.y"},
	{"fgpu", "gpu1.fgpu", "gpu1.fgpu"},
	{"a.example fgpu", "gpu1.fgpu", "gpu1.fgpu gpu1.a.example"},
	{"example.com", "gpu1.gw.example.com", "gpu1.gw.example.com gpu1.example.com"},
	{"a.example a.example", "gpu1", "gpu1.a.example gpu1"},
	{"xfgpu", "gpu1.fgpu", "gpu1.xfgpu gpu1.fgpu"},
};

static void fill(struct search *s, const char *domains)
{
	char text[256], *rest = text, *word;

	memset(s, 0, sizeof(*s));
	snprintf(text, sizeof(text), "%s", domains);
	while ((word = strsep(&rest, " ")))
		if (*word)
			CHECK_EQ(search_add(s, word), 0);
}

static void test_orders(void)
{
	static struct search s;

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		char got[1024] = "", name[MSG_DOMAIN_MAX];
		struct resolve_result r;

		fill(&s, table[i].domains);
		resolve_text(&names, table[i].text, strlen(table[i].text), &r);
		CHECK_EQ(r.kind, RESOLVE_ASK);
		for (size_t turn = 0; turn < SEARCH_TURNS(&s); turn++) {
			if (!search_name(&s, &r, turn, name))
				continue;
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s",
				*got ? " " : "", name);
		}
		CHECK_STR(got, table[i].asked);
		CHECK(!search_name(&s, &r, SEARCH_TURNS(&s), name));
	}
}

static void test_limits(void)
{
	static struct search s;
	char longest[MSG_DOMAIN_MAX], name[MSG_DOMAIN_MAX];
	struct resolve_result r;

	memset(longest, 'a', sizeof(longest));
	for (size_t i = 63; i < sizeof(longest); i += 64)
		longest[i] = '.';
	longest[253] = '\0';
	for (int i = 0; i < MSG_SEARCH_MAX; i++)
		CHECK_EQ(search_add(&s, longest), 0);
	CHECK_EQ(search_add(&s, "one.more"), -ENOSPC);
	resolve_text(&names, "gpu1", 4, &r);
	CHECK(!search_name(&s, &r, 0, name)); /* too long together */
	CHECK(search_name(&s, &r, MSG_SEARCH_MAX, name) ||
		search_name(&s, &r, MSG_SEARCH_MAX + 1, name));
	CHECK_STR(name, "gpu1");
	memset(&s, 0, sizeof(s));
	CHECK_EQ(search_add(&s, ""), -EINVAL);
	CHECK_EQ(search_add(&s, "a b"), -EINVAL);
	CHECK_EQ(search_add(&s, "a..b"), -EINVAL);
}

int main(void)
{
	resolve_add_suffix(&names, "fgpu");
	resolve_add_suffix(&names, "gw.example.com");
	resolve_seal(&names);
	RUN(test_orders);
	RUN(test_limits);
	resolve_free(&names);
	return TEST_END();
}
