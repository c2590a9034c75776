// SPDX-License-Identifier: MIT
// Addresses: tables, and properties against inet_pton and plain bit arithmetic.
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "test.h"

static unsigned seed = 42;

static uint8_t byte(void)
{
	return (uint8_t)(rand_r(&seed) >> 7);
}

static struct addr addr(const char *text)
{
	struct addr a = {0};

	if (addr_parse(text, &a) < 0)
		fprintf(stderr, "cannot parse %s\n", text);
	return a;
}

static struct prefix prefix(const char *text)
{
	struct prefix p = {0};

	CHECK_EQ(prefix_parse(text, &p), 0);
	return p;
}

static struct addr random_addr(int family)
{
	struct addr a = {.family = (uint8_t)family};

	for (size_t i = 0; i < addr_len(&a); i++)
		a.bytes[i] = rand_r(&seed) % 3 ? byte() : 0;
	return a;
}

/* ---- text ---- */

static void addresses_good_and_bad(void)
{
	static const char *const good[][2] = {
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"10.0.1.20", "10.0.1.20"},
		{"::", "::"},
		{"::1", "::1"},
		{"2001:DB8::A", "2001:db8::a"},
		{"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
		{"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
		{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
		{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
		{"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	static const char *const bad[] = {"", " ", "1", "1.2.3", "1.2.3.", "1.2.3.4.", ".1.2.3.4",
		"1.2.3.4.5", "256.1.1.1", "1.2.3.256", "01.2.3.4", "1.2.3.04", "1.2.3.00",
		"0x1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4/32", "1,2,3,4", "1.2.3.-4",
		"+1.2.3.4", "1.2.3.4a", "2130706433", ":", ":::", "1::2::3",
		"12345::", "g::", "::1%lo", "fe80::1%eth0", "[::1]", "1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1.2.3", "::1.2.3.256",
		"1.2.3.4::", "localhost", "::ffff:01.2.3.4",
		"00000000000000000000000000000000000000000000001", "1:2:3:4:5:6:255.255.255.255 x"};
	char buf[ADDR_TEXT_MAX];
	struct addr a;

	for (size_t i = 0; i < ELEMENTSOF(good); i++) {
		CHECK_EQ(addr_parse(good[i][0], &a), 0);
		CHECK_STR(addr_format(&a, buf), good[i][1]);
	}
	for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
		memset(&a, 0x77, sizeof(a));
		if (addr_parse(bad[i], &a) != -EINVAL)
			fprintf(stderr, "took \"%s\"\n", bad[i]);
		CHECK_EQ(addr_parse(bad[i], &a), -EINVAL);
		CHECK_EQ(a.family, 0x77);
	}
	CHECK_EQ(addr_parse_n("1.2.3.4xyz", 7, &a), 0);
	CHECK_EQ(addr_parse_n("1.2\0.3.4", 8, &a), -EINVAL);
	CHECK_EQ(addr_parse_n("1.2.3.4", 0, &a), -EINVAL);
	memset(&a, 0, sizeof(a));
	CHECK_STR(addr_format(&a, buf), "none");
}

/* Short texts over the alphabet of addresses: what we take is what inet_pton takes, byte for byte. */
static void same_as_inet_pton(void)
{
	static const char alphabet[] = "0123456789abcf:.:.:::... x%/";

	for (int i = 0; i < 400000; i++) {
		size_t len = (size_t)rand_r(&seed) % 20;
		char text[24];
		uint8_t v4[4], v6[16];
		struct addr a = {0};
		int is4, is6;

		for (size_t k = 0; k < len; k++)
			text[k] = alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)];
		text[len] = '\0';
		is4 = inet_pton(AF_INET, text, v4) == 1;
		is6 = inet_pton(AF_INET6, text, v6) == 1;
		CHECK_EQ(addr_parse(text, &a), is4 || is6 ? 0 : -EINVAL);
		if (is4)
			CHECK(a.family == 4 && !memcmp(a.bytes, v4, 4));
		if (is6)
			CHECK(a.family == 6 && !memcmp(a.bytes, v6, 16));
	}
}

static void text_round_trip(void)
{
	char text[PREFIX_TEXT_MAX], want[ADDR_TEXT_MAX], hp[HOSTPORT_TEXT_MAX];

	for (int i = 0; i < 100000; i++) {
		struct addr a = random_addr(i & 1 ? 4 : 6), b = {0};
		struct prefix p = {.addr = a, .len = (uint8_t)(byte() % (addr_bits(&a) + 1))}, q;
		struct hostport h = {.addr = a, .port = (uint16_t)(byte() + 1)}, g;

		inet_ntop(i & 1 ? AF_INET : AF_INET6, a.bytes, want, sizeof(want));
		CHECK_STR(addr_format(&a, text), want);
		CHECK(addr_parse(text, &b) == 0 && addr_equal(&a, &b) && addr_compare(&a, &b) == 0);
		CHECK(prefix_parse(prefix_format(&p, text), &q) == 0 && prefix_equal(&p, &q));
		CHECK(hostport_parse(hostport_format(&h, hp), &g) == 0 && addr_equal(&g.addr, &a) &&
			g.port == h.port);
	}
}

static void longest_texts_fit(void)
{
	struct prefix p = prefix("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
	struct hostport h = {.addr = p.addr, .port = 65535, .scope_id = UINT32_MAX};
	char buf[HOSTPORT_TEXT_MAX];

	CHECK(strlen(prefix_format(&p, buf)) < PREFIX_TEXT_MAX);
	CHECK_STR(hostport_format(&h, buf),
		"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
	CHECK(strlen(buf) < HOSTPORT_TEXT_MAX);
}

static void prefixes_good_and_bad(void)
{
	static const char *const bad[] = {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08",
		"10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8 ", "10.0.0.0/8/8",
		"10.0.0.0/0x8", "10.0.0.0/255.0.0.0", "::/129", "::/4294967296",
		"::/18446744073709551624", "10.0.0/8", "x/8", "10.0.0.0 /8", "::/00"};
	struct prefix p;

	for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
		memset(&p, 0x77, sizeof(p));
		CHECK_EQ(prefix_parse(bad[i], &p), -EINVAL);
		CHECK_EQ(p.len, 0x77);
	}
	p = prefix("10.1.2.3");
	CHECK_EQ(p.len, 32);
	p = prefix("::1");
	CHECK_EQ(p.len, 128);
	p = prefix("10.1.2.3/8");
	CHECK_EQ(p.addr.bytes[3], 3); /* host bits are kept */
	p = prefix("0.0.0.0/0");
	CHECK_EQ(p.len, 0);
}

static void hostports_good_and_bad(void)
{
	static const char *const bad[] = {"", ":", ":80", "1.2.3.4", "1.2.3.4:", "1.2.3.4:0",
		"1.2.3.4:65536", "1.2.3.4:080", "1.2.3.4:80 ", "[1.2.3.4]:80", "::1:80", "[::1]",
		"[::1]80", "[::1:80", "::1]:80", "[]:80", "[:80", "[::1]:", "[::1]]:80",
		"[[::1]]:80", "[::1%lo]:80", "host:80", "[::1]:-1", "1.2.3.4:80:80"};
	struct hostport h;

	for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
		memset(&h, 0x77, sizeof(h));
		if (hostport_parse(bad[i], &h) != -EINVAL)
			fprintf(stderr, "took \"%s\"\n", bad[i]);
		CHECK_EQ(hostport_parse(bad[i], &h), -EINVAL);
		CHECK_EQ(h.port, 0x7777);
	}
	CHECK(hostport_parse("[2001:db8::1]:51820", &h) == 0 && h.port == 51820 &&
		h.addr.family == 6);
	CHECK(hostport_parse("192.0.2.1:1", &h) == 0 && h.port == 1 && h.addr.family == 4);
}

/* ---- prefixes ---- */

static int bit(const struct addr *a, unsigned i)
{
	return a->bytes[i / 8] >> (7 - i % 8) & 1;
}

/* Bit by bit, against the fast way. */
static void prefix_properties(void)
{
	for (int i = 0; i < 200000; i++) {
		struct prefix p = {.addr = random_addr(rand_r(&seed) & 1 ? 4 : 6)}, q = p, c, d;
		struct addr a = p.addr;
		bool inside = true, overlap = true;

		p.len = (uint8_t)(byte() % (addr_bits(&a) + 1));
		q.len = (uint8_t)(byte() % (addr_bits(&a) + 1));
		/* another address that mostly has a long head in common */
		unsigned flip = (unsigned)rand_r(&seed) % addr_bits(&a);
		a.bytes[flip / 8] ^= (uint8_t)(0x80 >> flip % 8);
		q.addr = a;
		for (unsigned k = 0; k < p.len; k++)
			inside &= bit(&p.addr, k) == bit(&a, k);
		for (unsigned k = 0; k < MIN(p.len, q.len); k++)
			overlap &= bit(&p.addr, k) == bit(&a, k);
		CHECK_EQ(prefix_contains(&p, &a), inside);
		CHECK_EQ(prefix_overlaps(&p, &q), overlap);
		CHECK_EQ(prefix_overlaps(&q, &p), overlap);
		c = prefix_canonical(&p);
		for (unsigned k = 0; k < addr_bits(&a); k++)
			CHECK_EQ(bit(&c.addr, k), k < p.len ? bit(&p.addr, k) : 0);
		d = prefix_canonical(&c);
		CHECK(prefix_equal(&c, &d) && prefix_contains(&c, &p.addr) && c.len == p.len);
		if (test_failed_checks)
			return;
	}
}

static void families_never_mix(void)
{
	struct prefix all4 = prefix("0.0.0.0/0"), all6 = prefix("::/0");
	struct addr a4 = addr("1.2.3.4"), a6 = addr("102:304::"), mapped = addr("::ffff:1.2.3.4");

	CHECK(prefix_contains(&all4, &a4) && prefix_contains(&all6, &a6));
	CHECK(!prefix_contains(&all4, &a6) && !prefix_contains(&all6, &a4));
	CHECK(!prefix_contains(&all4, &mapped) && !prefix_overlaps(&all4, &all6));
	CHECK(!addr_equal(&a4, &a6) && addr_compare(&a4, &a6) < 0 && addr_compare(&a6, &a4) > 0);
	CHECK(!prefix_equal(&all4, &all6));
}

static void v4_numbers(void)
{
	struct addr a = addr_v4(0x0a640a8d);
	char buf[ADDR_TEXT_MAX];
	struct prefix p = prefix_of_addr(&a);

	CHECK_STR(addr_format(&a, buf), "10.100.10.141");
	CHECK_EQ(addr_v4_host(&a), 0x0a640a8d);
	CHECK_EQ(p.len, 32);
	a = addr("::1");
	p = prefix_of_addr(&a);
	CHECK_EQ(p.len, 128);
}

/* ---- sockaddr ---- */

static void sockaddr_round_trip(void)
{
	struct sockaddr_storage ss;
	struct hostport h, g;

	CHECK_EQ(hostport_parse("192.0.2.7:443", &h), 0);
	CHECK_EQ(hostport_to_sockaddr(&h, &ss), sizeof(struct sockaddr_in));
	CHECK_EQ(ss.ss_family, AF_INET);
	CHECK(hostport_from_sockaddr((struct sockaddr *)&ss, &g) == 0 &&
		!memcmp(&g, &h, sizeof(g)));
	CHECK_EQ(hostport_parse("[fe80::7]:443", &h), 0);
	h.scope_id = 9;
	CHECK_EQ(hostport_to_sockaddr(&h, &ss), sizeof(struct sockaddr_in6));
	CHECK(hostport_from_sockaddr((struct sockaddr *)&ss, &g) == 0 &&
		!memcmp(&g, &h, sizeof(g)));
	/* a dual-stack socket says v4-mapped: the same client as over IPv4 */
	CHECK_EQ(hostport_parse("[::ffff:192.0.2.7]:443", &h), 0);
	hostport_to_sockaddr(&h, &ss);
	CHECK_EQ(hostport_from_sockaddr((struct sockaddr *)&ss, &g), 0);
	CHECK(g.addr.family == 4 && addr_v4_host(&g.addr) == 0xc0000207 && g.port == 443);
	ss.ss_family = AF_UNIX;
	CHECK_EQ(hostport_from_sockaddr((struct sockaddr *)&ss, &g), -EAFNOSUPPORT);
}

/* ---- classes ---- */

static void embedded_v4(void)
{
	static const char *const forms[][2] = {
		{"::ffff:10.1.2.3", "10.1.2.3"},
		{"::10.1.2.3", "10.1.2.3"},
		{"::ffff:0:10.1.2.3", "10.1.2.3"},
		{"64:ff9b::10.1.2.3", "10.1.2.3"},
		{"2002:a01:203::1", "10.1.2.3"},
		{"2001:db8::5efe:a01:203", "10.1.2.3"},
		{"2001:db8::200:5efe:a01:203", "10.1.2.3"},
		{"::1", "0.0.0.1"},
		/* RFC 6052 2.2 in 64:ff9b:1::/48, prefixes of 96, 64, 56 and 48 bits */
		{"64:ff9b:1::10.1.2.3", "10.1.2.3"},
		{"64:ff9b:1:7:8:9:a01:203", "10.1.2.3"},
		{"64:ff9b:1:7:a:102:300:0", "10.1.2.3"},
		{"64:ff9b:1:70a:1:203::", "10.1.2.3"},
		{"64:ff9b:1:a01:2:300::", "10.1.2.3"},
	};
	static const char *const none[] = {"2001:db8::1", "fe80::1", "2003::1", "64:ff9b:2::1",
		"64:ff9c::a01:203", "::1:0:a01:203", "2001:db8::100:5efe:a01:203",
		"2001:db8::5eff:a01:203"};
	struct addr a, v4;
	char buf[ADDR_TEXT_MAX];

	for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
		a = addr(forms[i][0]);
		CHECK(addr_embedded_v4(&a, &v4));
		CHECK_STR(addr_format(&v4, buf), forms[i][1]);
	}
	for (size_t i = 0; i < ELEMENTSOF(none); i++) {
		a = addr(none[i]);
		if (addr_embedded_v4(&a, &v4))
			fprintf(stderr, "%s holds %s\n", none[i], addr_format(&v4, buf));
		CHECK(!addr_embedded_v4(&a, &v4));
	}
	a = addr("10.1.2.3");
	CHECK(!addr_embedded_v4(&a, &v4));
}

static void never_proxied(void)
{
	static const char *const never[] = {"0.0.0.0", "0.1.2.3", "0.255.255.255", "127.0.0.1",
		"127.255.255.255", "169.254.0.0", "169.254.169.254", "169.254.255.255", "224.0.0.1",
		"239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
		"febf:ffff::", "ff02::1", "ffff::1"};
	static const char *const spell[] = {"::ffff:", "::", "::ffff:0:", "64:ff9b::",
		"64:ff9b:1::", "2001:db8::5efe:", "2001:db8::200:5efe:"};
	static const char *const fine[] = {"1.0.0.0", "10.200.0.1", "100.64.0.1", "100.100.100.100",
		"126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0", "192.168.0.1",
		"223.255.255.255", "2001:db8::1", "fd7a:115c:a1e0::1", "fc00::1", "fec0::1",
		"::ffff:10.1.2.3", "64:ff9b::8.8.8.8", "2002:a01:203::1", "fe7f::1", "feff::1"};
	struct addr a;
	char text[64];

	for (size_t i = 0; i < ELEMENTSOF(never); i++) {
		a = addr(never[i]);
		if (!addr_is_never_proxied(&a))
			fprintf(stderr, "%s\n", never[i]);
		CHECK(addr_is_never_proxied(&a));
		for (size_t k = 0; k < ELEMENTSOF(spell) && a.family == 4; k++) {
			struct addr v6;

			snprintf(text, sizeof(text), "%s%s", spell[k], never[i]);
			v6 = addr(text);
			if (!addr_is_never_proxied(&v6))
				fprintf(stderr, "%s\n", text);
			CHECK(v6.family == 6 && addr_is_never_proxied(&v6));
		}
		if (a.family == 4) { /* 6to4 */
			snprintf(text, sizeof(text), "2002:%02x%02x:%02x%02x::1", a.bytes[0],
				a.bytes[1], a.bytes[2], a.bytes[3]);
			a = addr(text);
			CHECK(addr_is_never_proxied(&a));
		}
	}
	for (size_t i = 0; i < ELEMENTSOF(fine); i++) {
		a = addr(fine[i]);
		if (addr_is_never_proxied(&a))
			fprintf(stderr, "%s\n", fine[i]);
		CHECK(!addr_is_never_proxied(&a));
	}
	memset(&a, 0, sizeof(a));
	CHECK(addr_is_never_proxied(&a)); /* no address at all */
}

int main(void)
{
	RUN(addresses_good_and_bad);
	RUN(same_as_inet_pton);
	RUN(text_round_trip);
	RUN(longest_texts_fit);
	RUN(prefixes_good_and_bad);
	RUN(hostports_good_and_bad);
	RUN(prefix_properties);
	RUN(families_never_mix);
	RUN(v4_numbers);
	RUN(sockaddr_round_trip);
	RUN(embedded_v4);
	RUN(never_proxied);
	return TEST_END();
}
