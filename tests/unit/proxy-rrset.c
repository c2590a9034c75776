// SPDX-License-Identifier: MIT
// RRsets out of resolvers' replies: aliases in any order, names in rdata written out, nonsense refused.
#include "proxy/rrset.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "test.h"

#define HEAD(n)		"\0\1\x81\x80\0\1\0" n "\0\0\0\0"
#define GPU1		"\4gpu1\4corp\0"
#define ASK(t)		GPU1 "\0" t "\0\1"
#define RR(t, ttl, len) "\xc0\x0c\0" t "\0\1\0\0\0" ttl "\0" len
/* gpu1.corp is at 12, corp at 17; the question ends at 27 */

static const struct {
	const char *what;
	const char *reply;
	size_t len;
	const char *data; /* of all records, with their lengths */
	size_t data_len;
	uint16_t type;
	int r;
	unsigned n;
	uint32_t ttl_s;
} rows[] = {
#define ROW(what, reply, data, ...)                                                 \
	{                                                                           \
		what, reply, sizeof(reply) - 1, data, sizeof(data) - 1, __VA_ARGS__ \
	}
	ROW("A", HEAD("\1") ASK("\1") RR("\1", "\74", "\4") "\1\2\3\4", "\0\4\1\2\3\4", 1, 0, 1,
		60),
	ROW("two",
		HEAD("\2") ASK("\1")
			RR("\1", "\74", "\4") "\1\2\3\4" RR("\1", "\10", "\4") "\1\2\3\5",
		"\0\4\1\2\3\4\0\4\1\2\3\5", 1, 0, 2, 8),
	ROW("another type", HEAD("\1") ASK("\34") RR("\1", "\74", "\4") "\1\2\3\4", "", 28, 0, 0,
		0),
	ROW("alias",
		HEAD("\2") ASK("\1")
			RR("\5", "\5", "\4") "\1w\xc0\x11"
					     "\1W\xc0\x11\0\1\0\1\0\0\0\74\0\4\1\2\3\4",
		"\0\4\1\2\3\4", 1, 0, 1, 5),
	ROW("alias behind",
		HEAD("\2") ASK("\1") "\1w\4corp\0\0\1\0\1\0\0\0\3\0\4\1\2\3\4" RR(
			"\5", "\74", "\4") "\1w\xc0\x11",
		"\0\4\1\2\3\4", 1, 0, 1, 3),
	ROW("alias to itself", HEAD("\1") ASK("\1") RR("\5", "\74", "\2") "\xc0\x0c", "", 1, 0, 0,
		0),
	ROW("the alias", HEAD("\1") ASK("\5") RR("\5", "\74", "\4") "\1w\xc0\x11",
		"\0\10\1w\4corp\0", 5, 0, 1, 60),
	ROW("MX", HEAD("\1") ASK("\17") RR("\17", "\74", "\6") "\0\7\1m\xc0\x11",
		"\0\12\0\7\1m\4corp\0", 15, 0, 1, 60),
	ROW("TXT", HEAD("\1") ASK("\20") RR("\20", "\74", "\6") "\5hello", "\0\6\5hello", 16, 0, 1,
		60),
	ROW("A of 3 bytes", HEAD("\1") ASK("\1") RR("\1", "\74", "\3") "\1\2\3", "", 1, -EBADMSG, 0,
		0),
	ROW("cut", HEAD("\1") ASK("\1") RR("\1", "\74", "\4") "\1\2\3", "", 1, -EBADMSG, 0, 0),
	ROW("pointer forward", HEAD("\1") ASK("\5") RR("\5", "\74", "\2") "\xc0\x28", "", 5,
		-EBADMSG, 0, 0),
	ROW("more behind a name",
		HEAD("\1") ASK("\5") RR("\5", "\74", "\3") "\xc0\x0c"
							   "x",
		"", 5, -EBADMSG, 0, 0),
	ROW("another class", HEAD("\1") ASK("\1") "\xc0\x0c\0\1\0\3\0\0\0\74\0\4\1\2\3\4", "", 1, 0,
		0, 0),
	ROW("another name", HEAD("\1") ASK("\1") "\1x\xc0\x11\0\1\0\1\0\0\0\74\0\4\1\2\3\4", "", 1,
		0, 0, 0),
	ROW("nothing", "", "", 1, -EBADMSG, 0, 0),
	ROW("no question", "\0\1\x81\x80\0\0\0\1\0\0\0\0" RR("\1", "\74", "\4") "\1\2\3\4", "", 1,
		-EBADMSG, 0, 0),
};

static void table(void)
{
	static struct resolve_answer a;

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		int r = rrset_take((const uint8_t *)rows[i].reply, rows[i].len, rows[i].type, &a);
		int failed = test_failed_checks;

		CHECK_EQ(r, rows[i].r);
		if (r == 0) {
			CHECK_EQ(a.n, rows[i].n);
			CHECK_EQ(a.len, rows[i].data_len);
			if (a.n)
				CHECK_EQ(a.ttl_s, rows[i].ttl_s);
			if (a.len == rows[i].data_len)
				CHECK_MEM(a.data, rows[i].data, a.len);
		}
		if (failed != test_failed_checks)
			fprintf(stderr, "in row \"%s\"\n", rows[i].what);
	}
}

int main(void)
{
	RUN(table);
	return TEST_END();
}
