// SPDX-License-Identifier: MIT
// The header of a UDP association's datagrams as tables; and headers that we write, read again.
#include "proxy/socksudp.h"

#include "common/cleanup.h"
#include "test.h"

#define B(text) (const uint8_t *)(text), sizeof(text) - 1

static const struct {
	const uint8_t *bytes;
	size_t len;
	size_t size;	  /* of the header */
	const char *addr; /* or the name */
	uint16_t port;
} good[] = {
	{B("\0\0\0\x01\x0a\0\0\x01\0\x35payload"), 10, "10.0.0.1", 53},
	{B("\0\0\0\x01\x0a\0\0\x01\xff\xff"), 10, "10.0.0.1", 65535},
	{B("\0\0\0\x04\xfd\x7a\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbbx"), 22, "fd7a::1", 443},
	{B("\0\0\0\x03\x05"
	   "a.red\x0b\xb8"),
		12, "a.red", 3000},
	{B("\0\0\0\x03\x01x\0\x01\0\0\0"), 8, "x", 1},
};

static void test_good(void)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < ELEMENTSOF(good); i++) {
		struct socksudp h;

		CHECK_EQ(socksudp_parse(good[i].bytes, good[i].len, &h), SOCKSUDP_OK);
		CHECK_EQ(h.size, good[i].size);
		CHECK_EQ(h.port, good[i].port);
		if (h.addr.family) {
			CHECK_STR(addr_format(&h.addr, text), good[i].addr);
		} else {
			CHECK_EQ(h.name_len, strlen(good[i].addr));
			CHECK_MEM(h.name, good[i].addr, h.name_len);
		}
		/* every shorter one is no header */
		for (size_t n = 0; n < good[i].size; n++)
			CHECK_EQ(socksudp_parse(good[i].bytes, n, &h), SOCKSUDP_BAD);
	}
}

static const struct {
	const uint8_t *bytes;
	size_t len;
	enum socksudp_status status;
} bad[] = {
	{B("\0\x01\0\x01\x0a\0\0\x01\0\x35"), SOCKSUDP_BAD},
	{B("\x01\0\0\x01\x0a\0\0\x01\0\x35"), SOCKSUDP_BAD},
	{B("\0\0\0\x01\x0a\0\0\x01\0\0"), SOCKSUDP_BAD}, /* port 0 */
	{B("\0\0\0\0\x0a\0\0\x01\0\x35"), SOCKSUDP_BAD},
	{B("\0\0\0\x02\x0a\0\0\x01\0\x35"), SOCKSUDP_BAD},
	{B("\0\0\0\x05\x0a\0\0\x01\0\x35"), SOCKSUDP_BAD},
	{B("\0\0\0\x03\0\0\x35"), SOCKSUDP_BAD}, /* empty name */
	{B("\0\0\0\x03\xff"
	   "a\0\x35"),
		SOCKSUDP_BAD},
	{B("\0\0\x01\x01\x0a\0\0\x01\0\x35"), SOCKSUDP_FRAGMENT},
	{B("\0\0\x81\x01\x0a\0\0\x01\0\x35"), SOCKSUDP_FRAGMENT},
	{B("\0\0\xff\x09xxxxxx"), SOCKSUDP_FRAGMENT},
};

static void test_bad(void)
{
	for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
		struct socksudp h = {.port = 77};

		CHECK_EQ(socksudp_parse(bad[i].bytes, bad[i].len, &h), bad[i].status);
		CHECK_EQ(h.port, 77);
	}
}

static void test_written(void)
{
	static const char *const addrs[] = {
		"0.0.0.0", "10.100.10.141", "255.255.255.255", "::", "fd7a:115c:a1e0::1"};
	uint8_t out[SOCKSUDP_HEADER_MAX];
	struct socksudp h;

	for (size_t i = 0; i < ELEMENTSOF(addrs); i++) {
		struct hostport from = {.port = (uint16_t)(i * 13000 + 1)};
		size_t n;

		CHECK_EQ(addr_parse(addrs[i], &from.addr), 0);
		memset(out, 0xaa, sizeof(out));
		n = socksudp_header(out, &from);
		CHECK_EQ(n, from.addr.family == 4 ? 10 : 22);
		CHECK_EQ(socksudp_parse(out, n, &h), SOCKSUDP_OK);
		CHECK_EQ(h.size, n);
		CHECK_EQ(h.port, from.port);
		CHECK(addr_equal(&h.addr, &from.addr));
	}
}

int main(void)
{
	RUN(test_good);
	RUN(test_bad);
	RUN(test_written);
	return TEST_END();
}
