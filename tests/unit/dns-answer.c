// SPDX-License-Identifier: MIT
// Questions and what they must come to, read back by a decoder that shares nothing with the builder.
#include <arpa/inet.h>

#include "dns-fixture.h"
#include "test.h"

static struct zone_set *zones;

static unsigned get16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

/* The name at AT, pointers followed, as text with a final dot. Returns where it ends in the message. */
static size_t decode_name(const uint8_t *p, size_t len, size_t at, char *ret)
{
	size_t end = 0;
	int hops = 0;

	*ret = '\0';
	for (;;) {
		if (at >= len || hops > 5) {
			strcpy(ret, "BROKEN");
			return len;
		}
		if (p[at] >= 0xc0) {
			if (!end)
				end = at + 2;
			at = get16(p + at) & 0x3fff;
			hops++;
			continue;
		}
		if (!p[at])
			break;
		strncat(ret, (const char *)p + at + 1, p[at]);
		strcat(ret, ".");
		at += 1u + p[at];
	}
	if (!*ret)
		strcpy(ret, ".");
	return end ? end : at + 1;
}

/* One record as "TYPE data"; SOA as "SOA owner mname rname ttl", OPT as "OPT …". */
static size_t decode_record(const uint8_t *p, size_t len, size_t at, char *ret)
{
	char owner[300], a[300], b[300], ip[64];
	size_t data, n;
	unsigned type;

	at = decode_name(p, len, at, owner);
	type = get16(p + at);
	n = get16(p + at + 8);
	data = at + 10;
	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		inet_ntop(type == DNS_A ? AF_INET : AF_INET6, p + data, ip, sizeof(ip));
		sprintf(ret, "%s %s", type == DNS_A ? "A" : "AAAA", ip);
		break;
	case DNS_SOA:
		decode_name(p, len, decode_name(p, len, data, a), b);
		sprintf(ret, "SOA %s %s %s %u", owner, a, b, get16(p + at + 6));
		break;
	case DNS_NS:
	case DNS_PTR:
		decode_name(p, len, data, a);
		sprintf(ret, "%s %s", type == DNS_NS ? "NS" : "PTR", a);
		break;
	case DNS_OPT:
		sprintf(ret, "OPT %u v%u %s%s", get16(p + at + 2), p[at + 5],
			get16(p + at + 6) & 0x8000 ? "do " : "", n ? "options" : "");
		break;
	default:
		sprintf(ret, "TYPE%u", type);
	}
	return data + n;
}

/* "RCODE flags | answer, … | authority, … | additional, …" */
static void decode(const uint8_t *p, size_t len, char *ret)
{
	static const char *const names[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
	unsigned flags = get16(p + 2);
	size_t at = 12;
	char one[1000];

	ret += sprintf(ret, "%s%s%s%s%s%s", (flags & 15) < 6 ? names[flags & 15] : "?",
		flags & 0x0400 ? " aa" : "", flags & 0x0200 ? " tc" : "",
		flags & 0x0080 ? " ra" : "", flags & 0x0040 ? " z" : "",
		flags & 0x0020 ? " ad" : "");
	if (get16(p + 4))
		at = decode_name(p, len, at, one) + 4;
	for (int section = 1; section < 4; section++) {
		unsigned n = get16(p + 4 + 2 * section);

		for (unsigned i = 0; i < n && at < len; i++) {
			at = decode_record(p, len, at, one);
			ret += sprintf(ret, "%s%s",
				i		       ? ", "
					: section == 1 ? " | "
					: section == 2 ? " ! "
						       : " + ",
				one);
		}
	}
	if (at != len)
		sprintf(ret, " LENGTH %zu of %zu", at, len);
}

/* Sends P as it is; the answer's text or "-" for none. */
static const char *send_raw(
	const uint8_t *p, size_t len, const char *client, bool stream, size_t *ret_len)
{
	static char text[20000];
	static uint8_t out[PACKET_TCP_MAX];
	struct answer_context c = fixture_context(zones, client);
	uint8_t *exact = malloc(len ? len : 1); /* so that ASan sees a byte too far */
	int rcode = -1;
	size_t n;

	memcpy(exact, p, len);
	c.stream = stream;
	n = answer_message(&c, exact, len, out, &rcode);
	free(exact);
	if (ret_len)
		*ret_len = n;
	if (!n)
		return "-";
	CHECK_EQ(rcode & 15, out[3] & 15);
	CHECK(out[0] == p[0] && out[1] == p[1] && (out[2] & 0x80));
	decode(out, n, text);
	return text;
}

static const char *ask(const char *name, unsigned type, const char *client)
{
	uint8_t p[600];

	return send_raw(p, fixture_query(p, name, type, 1), client, false, NULL);
}

#define SOA(zone) " aa ! SOA " zone " ns." zone " hostmaster." zone " 10"
#define CLIENT	  "192.0.2.9"
#define FRIEND	  "192.168.9.7"

static void test_names(void)
{
	static const struct {
		const char *name;
		unsigned type;
		const char *client;
		const char *answer;
	} cases[] = {
		/* addresses in either spelling */
		{"10.100.10.141.fgpu", DNS_A, CLIENT, "NOERROR aa | A 10.100.10.141"},
		{"10-100-10-141.fgpu", DNS_A, CLIENT, "NOERROR aa | A 10.100.10.141"},
		{"172.16.5.6.fgpu", DNS_A, CLIENT, "NOERROR aa | A 172.16.5.6"},
		{"10.100.10.141.lab", DNS_A, CLIENT, "NOERROR aa | A 10.100.10.141"},
		{"10.100.10.141.cust1.gw.example.com", DNS_A, CLIENT,
			"NOERROR aa | A 10.100.10.141"},
		{"10.9.1.1.gw.example.com", DNS_A, CLIENT, "NOERROR aa | A 10.9.1.1"},
		{"fd7a-1--5.fgpu", DNS_AAAA, CLIENT, "NOERROR aa | AAAA fd7a:1::5"},
		{"fd7a-1-0-0-0-0-0-5.FGPU", DNS_AAAA, CLIENT, "NOERROR aa | AAAA fd7a:1::5"},
		/* not routed, never proxied, mis-spelt */
		{"10.101.0.1.fgpu", DNS_A, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		{"10-101-0-1.fgpu", DNS_A, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		{"127.0.0.1.fgpu", DNS_A, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		{"127-0-0-1.fgpu", DNS_A, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		{"--ffff-7f00-1.fgpu", DNS_AAAA, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		{"010.100.10.141.fgpu", DNS_A, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		{"10.100.10.256.fgpu", DNS_A, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		{"10.100.10.141.gw.example.com", DNS_A, CLIENT, "NXDOMAIN" SOA("gw.example.com.")},
		{"x.10.100.10.141.fgpu", DNS_A, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		{"www.10-100-10-141.fgpu", DNS_A, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		/* no such type: at once, with SOA (D6, D8) */
		{"10.100.10.141.fgpu", DNS_AAAA, CLIENT, "NOERROR" SOA("fgpu.")},
		{"10.100.10.141.fgpu", 65, CLIENT, "NOERROR" SOA("fgpu.")},
		{"10.100.10.141.fgpu", 64, CLIENT, "NOERROR" SOA("fgpu.")},
		{"grafana.fgpu", 16, CLIENT, "NOERROR" SOA("fgpu.")},
		{"grafana.fgpu", 1234, CLIENT, "NOERROR" SOA("fgpu.")},
		{"fd7a-1--5.fgpu", DNS_A, CLIENT, "NOERROR" SOA("fgpu.")},
		/* [hosts] and the nodes above them */
		{"grafana.fgpu", DNS_A, CLIENT, "NOERROR aa | A 10.100.10.141"},
		{"GraFana.fgpu", DNS_A, CLIENT, "NOERROR aa | A 10.100.10.141"},
		{"a.b.fgpu", DNS_A, CLIENT, "NOERROR aa | A 10.100.1.1"},
		{"a.b.fgpu", DNS_AAAA, CLIENT, "NOERROR aa | AAAA fd7a:1::1"},
		{"b.fgpu", DNS_A, CLIENT, "NOERROR aa | A 10.100.1.2"},
		{"six.fgpu", DNS_A, CLIENT, "NOERROR" SOA("fgpu.")},
		{"empty.fgpu", DNS_A, CLIENT, "NOERROR" SOA("fgpu.")},
		{"y.empty.fgpu", DNS_ANY, CLIENT, "NOERROR" SOA("fgpu.")},
		{"z.empty.fgpu", DNS_A, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		{"grafana.lab", DNS_A, CLIENT, "NXDOMAIN" SOA("lab.")},
		{"nobody.fgpu", DNS_A, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		/* empty nodes above dotted addresses (RFC 8020) */
		{"141.fgpu", DNS_A, CLIENT, "NOERROR" SOA("fgpu.")},
		{"10.141.fgpu", DNS_A, CLIENT, "NOERROR" SOA("fgpu.")},
		{"100.10.141.fgpu", DNS_A, CLIENT, "NOERROR" SOA("fgpu.")},
		{"16.5.6.fgpu", 16, CLIENT, "NOERROR" SOA("fgpu.")},
		{"16.5.7.fgpu", DNS_A, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		{"0.0.1.fgpu", DNS_A, CLIENT, "NXDOMAIN" SOA("fgpu.")}, /* 127.0.0.1 alone */
		{"2.5.fgpu", DNS_A, CLIENT, "NOERROR" SOA("fgpu.")},
		{"0.2.5.fgpu", DNS_A, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		{"0.2.200.fgpu", DNS_A, CLIENT, "NOERROR" SOA("fgpu.")},
		/* the apex, and ourselves */
		{"fgpu", DNS_NS, CLIENT, "NOERROR aa | NS ns.fgpu."},
		{"fgpu", DNS_SOA, CLIENT, "NOERROR aa | SOA fgpu. ns.fgpu. hostmaster.fgpu. 60"},
		{"fgpu", DNS_A, CLIENT, "NOERROR" SOA("fgpu.")},
		{"fgpu", 43, CLIENT, "NOERROR" SOA("fgpu.")},
		{"ns.fgpu", DNS_A, CLIENT, "NOERROR aa | A 100.121.76.21"},
		{"ns.fgpu", DNS_AAAA, CLIENT, "NOERROR" SOA("fgpu.")},
		/* ANY: RFC 8482 (D7) */
		{"fgpu", DNS_ANY, CLIENT, "NOERROR aa | TYPE13"},
		{"10.100.10.141.fgpu", DNS_ANY, CLIENT, "NOERROR aa | TYPE13"},
		{"b.fgpu", DNS_ANY, CLIENT, "NOERROR aa | TYPE13"},
		{"nobody.fgpu", DNS_ANY, CLIENT, "NXDOMAIN" SOA("fgpu.")},
		/* not ours (D1, D9, D14) */
		{"example.com", DNS_A, CLIENT, "REFUSED"},
		{"com", DNS_NS, CLIENT, "REFUSED"},
		{".", DNS_NS, CLIENT, "REFUSED"},
		{"xfgpu", DNS_A, CLIENT, "REFUSED"},
		{"localhost", DNS_A, CLIENT, "REFUSED"},
		{"a.onion", DNS_A, CLIENT, "REFUSED"},
		{"x.invalid", DNS_A, CLIENT, "REFUSED"},
		{"fgpu.example.com", DNS_A, CLIENT, "REFUSED"},
		{"fgpu", DNS_AXFR, CLIENT, "REFUSED"},
		{"fgpu", DNS_IXFR, CLIENT, "REFUSED"},
		{"fgpu", 250, CLIENT, "REFUSED"},
		{"fgpu", DNS_OPT, CLIENT, "FORMERR"},
		/* a zone that does not admit the client is not there */
		{"10.66.0.1.priv", DNS_A, CLIENT, "REFUSED"},
		{"priv", DNS_SOA, CLIENT, "REFUSED"},
		{"10.66.0.1.priv", DNS_A, FRIEND, "NOERROR aa | A 10.66.0.1"},
		{"10.8.0.1.deep.gw.example.com", DNS_A, FRIEND, "NOERROR aa | A 10.8.0.1"},
		{"10.8.0.1.deep.gw.example.com", DNS_A, CLIENT, "NXDOMAIN" SOA("gw.example.com.")},
		{"10.8.0.1.deep.gw.example.com", DNS_A, "2001:db8::1",
			"NXDOMAIN" SOA("gw.example.com.")},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = ask(cases[i].name, cases[i].type, cases[i].client);

		if (strcmp(got, cases[i].answer) != 0)
			fprintf(stderr, "%s %u:\n", cases[i].name, cases[i].type);
		CHECK_STR(got, cases[i].answer);
	}
}

static void test_reverse(void)
{
	static const char six[] =
		"9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.a.7.d.f.ip6.arpa";

	CHECK_STR(ask("9.2.0.192.in-addr.arpa", DNS_PTR, CLIENT), "REFUSED");
	CHECK_STR(ask("200.2.0.192.in-addr.arpa", DNS_PTR, CLIENT),
		"NOERROR aa | PTR 192.0.2.200.fgpu.");
	CHECK_STR(ask("1.0.9.10.IN-ADDR.arpa", DNS_PTR, CLIENT),
		"NOERROR aa | PTR 10.9.0.1.gw.example.com.");
	/* two tailnets route it */
	CHECK_STR(ask("141.10.100.10.in-addr.arpa", DNS_PTR, CLIENT), "REFUSED");
	/* of two, the client may know one only */
	CHECK_STR(ask("1.0.7.10.in-addr.arpa", DNS_PTR, CLIENT), "NOERROR aa | PTR 10.7.0.1.lab.");
	CHECK_STR(ask("1.0.7.10.in-addr.arpa", DNS_PTR, FRIEND), "REFUSED");
	CHECK_STR(ask("1.0.0.127.in-addr.arpa", DNS_PTR, CLIENT), "REFUSED");
	CHECK_STR(ask("7.10.in-addr.arpa", DNS_PTR, CLIENT), "REFUSED");
	CHECK_STR(ask("1.1.0.7.10.in-addr.arpa", DNS_PTR, CLIENT), "REFUSED");
	CHECK_STR(ask("01.0.7.10.in-addr.arpa", DNS_PTR, CLIENT), "REFUSED");
	CHECK_STR(ask(six, DNS_PTR, CLIENT), "NOERROR aa | PTR fd7a-1--9.fgpu.");
	CHECK_STR(ask(six + 2, DNS_PTR, CLIENT), "REFUSED");
	CHECK_STR(ask("6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.A.7.D.f.ip6.arpa",
			  DNS_PTR, CLIENT),
		"NOERROR aa | PTR six.fgpu.");
	CHECK_STR(ask("200.2.0.192.in-addr.arpa", DNS_A, CLIENT),
		"NOERROR aa ! SOA 200.2.0.192.in-addr.arpa. ns.fgpu. hostmaster.fgpu. 10");
	CHECK_STR(ask("200.2.0.192.in-addr.arpa", DNS_ANY, CLIENT), "NOERROR aa | TYPE13");
}

/* The rows of ednscomp, genreport and RFC 8906 §8 that are not about names (D4, D9, D10). */
static void test_protocol(void)
{
	static const uint8_t option100[] = {0, 100, 0, 0}, short_cookie[] = {0, 10, 0, 3, 1, 2, 3},
			     cut_option[] = {0, 100, 0, 9, 1};
	uint8_t p[600], out[PACKET_TCP_MAX];
	struct answer_context c = fixture_context(zones, CLIENT);
	int rcode;
	size_t n = fixture_query(p, "fgpu", DNS_SOA, 1), m;
	const char *soa = "NOERROR aa | SOA fgpu. ns.fgpu. hostmaster.fgpu. 60";
	char with_opt[200];

	snprintf(with_opt, sizeof(with_opt), "%s + OPT 1232 v0 ", soa);
	CHECK_STR(send_raw(p, n, CLIENT, false, NULL), soa);
	m = fixture_opt(p, n, 4096, 0, 0, "", 0);
	CHECK_STR(send_raw(p, m, CLIENT, false, NULL), with_opt);
	p[11] = 0;
	m = fixture_opt(p, n, 4096, 0, 0x80, option100,
		sizeof(option100)); /* MBZ and options do not echo */
	CHECK_STR(send_raw(p, m, CLIENT, false, NULL), with_opt);
	p[11] = 0;
	m = fixture_opt(p, n, 4096, 0, 0x8000, "", 0);
	snprintf(with_opt, sizeof(with_opt), "%s + OPT 1232 v0 do ", soa);
	CHECK_STR(send_raw(p, m, CLIENT, false, NULL), with_opt);
	p[11] = 0;
	m = fixture_opt(p, n, 4096, 100, 0, option100, sizeof(option100));
	CHECK_STR(send_raw(p, m, CLIENT, false, NULL), "NOERROR + OPT 1232 v0 ");
	CHECK(answer_message(&c, p, m, out, &rcode) && rcode == DNS_BADVERS && out[n + 5] == 1);
	p[11] = 0;
	m = fixture_opt(p, n, 4096, 0, 0, short_cookie, sizeof(short_cookie));
	CHECK(!strncmp(send_raw(p, m, CLIENT, false, NULL), "FORMERR", 7));
	p[11] = 0;
	m = fixture_opt(p, n, 4096, 0, 0, cut_option, sizeof(cut_option));
	CHECK(!strncmp(send_raw(p, m, CLIENT, false, NULL), "FORMERR", 7));
	p[11] = 0;
	m = fixture_opt(p, fixture_opt(p, n, 4096, 0, 0, "", 0), 4096, 0, 0, "", 0);
	CHECK(!strncmp(send_raw(p, m, CLIENT, false, NULL), "FORMERR", 7));
	p[11] = 0;
	p[n] = 0; /* trailing junk */
	CHECK_STR(send_raw(p, n + 1, CLIENT, false, NULL), "FORMERR");
	p[11] = 1; /* a record that is not there */
	CHECK_STR(send_raw(p, n, CLIENT, false, NULL), "FORMERR");
	p[11] = 0;
	p[7] = 1; /* an answer in a question */
	CHECK_STR(send_raw(p, n, CLIENT, false, NULL), "FORMERR");
	p[7] = 0;
	for (unsigned qd = 0; qd < 3; qd++) {
		p[5] = (uint8_t)qd;
		CHECK_STR(send_raw(p, qd ? n : 12, CLIENT, false, NULL), qd == 1 ? soa : "FORMERR");
	}
	p[5] = 1;
	for (unsigned opcode = 1; opcode < 16; opcode++) { /* NOTIFY, UPDATE, … */
		p[2] = (uint8_t)(opcode << 3 | 1);
		CHECK_STR(send_raw(p, n, CLIENT, false, NULL), "NOTIMP");
		CHECK_STR(send_raw(p, 12, CLIENT, false, NULL), "NOTIMP");
	}
	p[2] = 0x81; /* an answer (D3) */
	CHECK_STR(send_raw(p, n, CLIENT, false, NULL), "-");
	p[2] = 0x07; /* AA, TC, RD in a question mean nothing (D4) */
	p[3] = 0xf0; /* nor RA, Z, AD, CD */
	CHECK_STR(send_raw(p, n, CLIENT, false, NULL), soa);
	CHECK(answer_message(&c, p, n, out, &rcode) && (out[2] & 1) && (out[3] & 0xf0) == 0x10);
	n = fixture_query(p, "version.bind", 16, 3);
	CHECK_STR(send_raw(p, n, CLIENT, false, NULL), "REFUSED");
	n = fixture_query(p, "fgpu", DNS_SOA, 255);
	CHECK_STR(send_raw(p, n, CLIENT, false, NULL), "REFUSED");
}

/* D5: the question comes back byte for byte; D12: no amplifier. */
static void test_case_and_size(void)
{
	uint8_t p[600], out[PACKET_TCP_MAX];
	struct answer_context c = fixture_context(zones, CLIENT);
	size_t n = fixture_query(p, "10.100.10.141.FgPu", DNS_A, 1), m;
	int rcode;

	m = answer_message(&c, p, n, out, &rcode);
	CHECK(m > n && m <= n + 32);
	CHECK_MEM(out + 12, p + 12, n - 12);
	n = fixture_opt(p, n, 65535, 0, 0, "", 0);
	m = answer_message(&c, p, n, out, &rcode);
	CHECK(m > n && m <= n + 32);
	n = fixture_query(p, "many.fgpu", DNS_A, 1);
	m = answer_message(&c, p, n, out, &rcode);
	CHECK_EQ(m, n); /* TC, and nothing else to throw at anybody */
	CHECK_STR(send_raw(p, n, CLIENT, false, NULL), "NOERROR aa tc");
	n = fixture_opt(p, n, 65535, 0, 0, "", 0);
	CHECK_STR(send_raw(p, n, CLIENT, false, &m), "NOERROR aa tc + OPT 1232 v0 ");
	send_raw(p, n, CLIENT, true, &m);
	CHECK_EQ(m, n + 100 * 16);
}

static void test_broken_names(void)
{
	static const struct {
		const char *bytes;
		size_t len;
	} names[] = {
		{"\xc0\x0c\0\1\0\1", 6}, /* a pointer to itself */
		{"\xc0\x20\0\1\0\1", 6}, /* forwards */
		{"\x01x\xc0\x0c\0\1\0\1", 8},
		{"\x40"
		 "fgpu\0\0\1\0\1",
			10}, /* label type 01 */
		{"\x80"
		 "fgpu\0\0\1\0\1",
			10},
		{"\4fgpu", 5},	       /* no end */
		{"\4fgpu\0\0\1\0", 9}, /* half a class */
		{"\x3f"
		 "fgpu\0\0\1\0\1",
			10}, /* longer than the message */
	};
	uint8_t p[700];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		fixture_query(p, ".", 1, 1);
		memcpy(p + 12, names[i].bytes, names[i].len);
		CHECK_STR(send_raw(p, 12 + names[i].len, CLIENT, false, NULL), "FORMERR");
	}
	/* 255 bytes are a name, 256 are none */
	for (int longer = 0; longer < 2; longer++) {
		size_t n = 12;

		fixture_query(p, ".", 1, 1);
		for (int i = 0; i < 127; i++) {
			p[n++] = 1;
			p[n++] = 'x';
		}
		if (longer) {
			p[n - 2] = 2;
			p[n++] = 'y';
		}
		memcpy(p + n, "\0\0\1\0\1", 5);
		CHECK_STR(send_raw(p, n + 5, CLIENT, false, NULL), longer ? "FORMERR" : "REFUSED");
	}
	/* bytes that no text can write must not be taken for dots or letters */
	memcpy(p,
		"\x12\x34\1\0\0\1\0\0\0\0\0\0\15"
		"10.100.10.141\4fgpu\0\0\1\0\1",
		12 + 14 + 10);
	CHECK_STR(send_raw(p, 36, CLIENT, false, NULL), "NXDOMAIN" SOA("fgpu."));
}

int main(void)
{
	zones = fixture_zones();
	RUN(test_names);
	RUN(test_reverse);
	RUN(test_protocol);
	RUN(test_case_and_size);
	RUN(test_broken_names);
	zone_set_free(zones);
	return TEST_END();
}
