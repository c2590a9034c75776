// SPDX-License-Identifier: MIT
// Names of destinations as a table: literals, dotted, dashed, [hosts], suffixes of others.
#include "proxy/resolve.h"

#include <errno.h>

#include "common/cleanup.h"
#include "suffix-table.h"
#include "test.h"

static struct resolve_names names;

static void add_suffix(const char *text, const char *foreign, uint16_t port)
{
	static struct table_row rows[TABLE_MAX];
	static struct table table;
	static size_t n;
	size_t at = n, bytes;

	if (!foreign) {
		CHECK_EQ(resolve_add_suffix(&names, text), 0);
		return;
	}
	for (; at && strcmp(rows[at - 1].text, text) > 0; at--)
		rows[at] = rows[at - 1];
	rows[at] = (struct table_row){text, foreign, port};
	bytes = table_make(&table, rows, ++n);
	CHECK_EQ(resolve_set_all(&names, table.e, n, bytes), 0);
}

static void add_host(const char *name, const char *text)
{
	struct addr a;

	addr_parse(text, &a);
	CHECK_EQ(resolve_add_host(&names, name, &a), 0);
}

static const struct {
	const char *text;
	enum resolve_kind kind;
	const char *addrs; /* or the foreign tailnet */
} table[] = {
	{"10.1.2.3", RESOLVE_ADDRS, "10.1.2.3"},
	{"10.1.2.3.", RESOLVE_ADDRS, "10.1.2.3"},
	{"fd7a::1", RESOLVE_ADDRS, "fd7a::1"},
	{"[fd7a::1]", RESOLVE_ADDRS, "fd7a::1"},
	{"::ffff:127.0.0.1", RESOLVE_ADDRS, "::ffff:127.0.0.1"},
	{"10.1.2.3.fgpu", RESOLVE_ADDRS, "10.1.2.3"},
	{"10.1.2.3.FGPU.", RESOLVE_ADDRS, "10.1.2.3"},
	{"10-1-2-3.fgpu", RESOLVE_ADDRS, "10.1.2.3"},
	{"10-1-2-3.gw.example.com", RESOLVE_ADDRS, "10.1.2.3"},
	{"127.0.0.1.fgpu", RESOLVE_ADDRS, "127.0.0.1"}, /* the policy's business */
	{"fd7a-115c--1.fgpu", RESOLVE_ADDRS, "fd7a:115c::1"},
	{"fd7a-115c-0-0-0-0-0-1.fgpu", RESOLVE_ADDRS, "fd7a:115c::1"},
	{"--1.fgpu", RESOLVE_ADDRS, "::1"},
	{"fd00--.fgpu", RESOLVE_ADDRS, "fd00::"},
	{"grafana", RESOLVE_ADDRS, "10.100.10.141"},
	{"Grafana.Fgpu", RESOLVE_ADDRS, "10.100.10.141"},
	{"grafana.fgpu.", RESOLVE_ADDRS, "10.100.10.141"},
	{"db.prod.fgpu", RESOLVE_ADDRS, "10.0.0.9"},
	{"db.prod", RESOLVE_ADDRS, "10.0.0.9"},
	{"two.fgpu", RESOLVE_ADDRS, "10.0.0.2 fd00::2 10.0.0.1"},
	{"10.1.2.3.lab", RESOLVE_FOREIGN, "lab"},
	{"x.y.lab", RESOLVE_FOREIGN, "lab"},
	{"lab", RESOLVE_FOREIGN, "lab"},
	{"grafana.sub.fgpu", RESOLVE_FOREIGN, "sub"}, /* the longer suffix wins */
	{"fgpu", RESOLVE_NONE, NULL},
	{"nobody.fgpu", RESOLVE_ASK, NULL},
	{"grafana.fgpu.fgpu", RESOLVE_ASK, NULL},
	{"xfgpu", RESOLVE_ASK, NULL},
	{"example.com", RESOLVE_ASK, NULL},
	{"localhost", RESOLVE_ADDRS, "127.0.0.1"},
	{"a.LocalHost.", RESOLVE_ADDRS, "127.0.0.1"},
	{"xlocalhost", RESOLVE_ASK, NULL},
	{"127.1", RESOLVE_ADDRS, "127.0.0.1"}, /* inet_aton(3)'s forms */
	{"0x7f000001", RESOLVE_ADDRS, "127.0.0.1"},
	{"0x7F.1.", RESOLVE_ADDRS, "127.0.0.1"},
	{"2130706433", RESOLVE_ADDRS, "127.0.0.1"},
	{"017700000001", RESOLVE_ADDRS, "127.0.0.1"},
	{"0177.0.0.01", RESOLVE_ADDRS, "127.0.0.1"},
	{"0", RESOLVE_ADDRS, "0.0.0.0"},
	{"1.2.3.4.5", RESOLVE_ASK, NULL},
	{"256.1.1.1", RESOLVE_ASK, NULL},
	{"4294967296", RESOLVE_ASK, NULL},
	{"0x", RESOLVE_ASK, NULL},
	{"127.1a", RESOLVE_ASK, NULL},
	{"7", RESOLVE_ADDRS, "10.0.0.7"}, /* [hosts] has it */
	{"256.1.1.1.fgpu", RESOLVE_ASK, NULL},
	{"1.2.3.fgpu", RESOLVE_ASK, NULL},
	{"01.2.3.4.fgpu", RESOLVE_ASK, NULL},
	{"_srv._tcp.fgpu", RESOLVE_ASK, NULL},
	{"", RESOLVE_BAD, NULL},
	{".", RESOLVE_BAD, NULL},
	{"a..b", RESOLVE_BAD, NULL},
	{".fgpu", RESOLVE_BAD, NULL},
	{"a.fgpu..", RESOLVE_BAD, NULL},
	{"a b.fgpu", RESOLVE_BAD, NULL},
	{"a/b.fgpu", RESOLVE_BAD, NULL},
	{"<b>.fgpu", RESOLVE_BAD, NULL},
	{"caf\xc3\xa9.fgpu", RESOLVE_BAD, NULL},
	{"a\r\nb", RESOLVE_BAD, NULL},
	{"[10.1.2.3]", RESOLVE_BAD, NULL},
	{"[fd7a::1", RESOLVE_BAD, NULL},
	{"[]", RESOLVE_BAD, NULL},
	{"fe80::1%eth0", RESOLVE_BAD, NULL},
	{"10.1.2.3:80", RESOLVE_BAD, NULL},
};

static void test_table(void)
{
	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		char got[256] = "", text[ADDR_TEXT_MAX];
		struct resolve_result r;

		resolve_text(&names, table[i].text, strlen(table[i].text), &r);
		if (r.kind != table[i].kind)
			fprintf(stderr, "%s: ", table[i].text);
		CHECK_EQ(r.kind, table[i].kind);
		for (size_t n = 0; n < r.n; n++)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", n ? " " : "",
				addr_format(&r.addrs[n], text));
		if (r.kind == RESOLVE_ADDRS)
			CHECK_STR(got, table[i].addrs);
		if (r.kind == RESOLVE_FOREIGN)
			CHECK_STR(r.foreign.tailnet, table[i].addrs);
	}
}

static void test_bytes(void)
{
	char longest[260];
	struct resolve_result r;

	resolve_text(&names, "localhost\0evil", 14, &r);
	CHECK_EQ(r.kind, RESOLVE_BAD);
	resolve_text(&names, "10.1.2.3\0", 9, &r);
	CHECK_EQ(r.kind, RESOLVE_BAD);
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 63; i < sizeof(longest); i += 64)
		longest[i] = '.';
	resolve_text(&names, longest, 253, &r);
	CHECK_EQ(r.kind, RESOLVE_ASK);
	CHECK_EQ(strlen(r.name), 253);
	resolve_text(&names, longest, 255, &r);
	CHECK_EQ(r.kind, RESOLVE_BAD);
	memset(longest, 'a', 64);
	resolve_text(&names, longest, 64, &r);
	CHECK_EQ(r.kind, RESOLVE_BAD);
}

static void test_many_addresses(void)
{
	struct resolve_result r;

	resolve_text(&names, "many", 4, &r);
	CHECK_EQ(r.kind, RESOLVE_ADDRS);
	CHECK_EQ(r.n, RESOLVE_ADDRS_MAX);
}

static void test_refused_names(void)
{
	static const struct table_row unsorted[] = {{"b", "b", 1}, {"a", "a", 2}};
	static const struct table_row one[] = {{"a", "a", 1}};
	static struct table made;
	struct resolve_names none = {0};
	size_t bytes = table_make(&made, unsorted, 2);
	struct addr a = addr_v4(1);

	CHECK_EQ(resolve_add_suffix(&names, "a b"), -EINVAL);
	CHECK_EQ(resolve_set_all(&none, made.e, 2, bytes), -EBADMSG); /* not sorted */
	bytes = table_make(&made, one, 1);
	CHECK_EQ(resolve_set_all(&none, made.e, 1, bytes), 0);
	CHECK_EQ(resolve_set_all(&none, made.e, 1, bytes - 1), -EBADMSG); /* without an end */
	CHECK_EQ(resolve_set_all(&none, made.e, 1, sizeof(made.e[0])), -EBADMSG); /* no words */
	made.e[0].tailnet = (uint32_t)bytes;
	CHECK_EQ(resolve_set_all(&none, made.e, 1, bytes), -EBADMSG); /* behind the end */
	made.e[0].tailnet = 1;
	CHECK_EQ(resolve_set_all(&none, made.e, 1, bytes), -EBADMSG); /* inside an entry */
	memset((char *)&made + sizeof(made.e[0]), 'x', MSG_NAME_MAX);
	made.e[0].tailnet = made.e[0].text;
	CHECK_EQ(resolve_set_all(&none, made.e, 1, sizeof(made)), -EBADMSG); /* too long */
	CHECK_EQ(resolve_add_host(&names, "", &a), -EINVAL);
	CHECK_EQ(resolve_add_host(&names, "a..b", &a), -EINVAL);
}

int main(void)
{
	add_suffix("fgpu", NULL, 0);
	add_suffix("Gw.Example.com", NULL, 0);
	add_suffix("lab", "lab", 11081);
	add_suffix("sub.fgpu", "sub", 11082);
	add_host("two", "10.0.0.2");
	add_host("Grafana", "10.100.10.141");
	add_host("7", "10.0.0.7");
	add_host("two", "fd00::2");
	add_host("db.prod", "10.0.0.9");
	add_host("two", "10.0.0.1");
	for (int i = 0; i < RESOLVE_ADDRS_MAX + 3; i++)
		add_host("many", "10.0.0.1");
	resolve_seal(&names);
	RUN(test_table);
	RUN(test_bytes);
	RUN(test_many_addresses);
	RUN(test_refused_names);
	resolve_free(&names);
	return TEST_END();
}
