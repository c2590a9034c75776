// SPDX-License-Identifier: MIT
// SOCKS 5 and 4 messages as tables, each shown to the parser one byte longer at a time.
#include "proxy/socks.h"

#include "common/cleanup.h"
#include "test.h"

#define B(text) (const uint8_t *)(text), sizeof(text) - 1

static const struct {
	const uint8_t *bytes;
	size_t len;
	enum socks_status status;
	size_t at; /* bytes after which it is known */
	uint8_t method;
} greetings[] = {
	{B("\x05\x01\x00"), SOCKS_DONE, 3, SOCKS_NO_LOGIN},
	{B("\x05\x02\x02\x00more"), SOCKS_DONE, 4, SOCKS_NO_LOGIN},
	{B("\x05\x03\x00\x01\x02"), SOCKS_DONE, 5, SOCKS_NO_LOGIN},
	{B("\x05\x00"), SOCKS_NO_METHOD, 2, SOCKS_NO_LOGIN},
	{B("\x05\x01\x02"), SOCKS_NO_METHOD, 3, SOCKS_NO_LOGIN},
	{B("\x05\x02\x02\xff"), SOCKS_NO_METHOD, 4, SOCKS_NO_LOGIN},
	{B("\x05\x02\x00\x02"), SOCKS_DONE, 4, SOCKS_PASSWORD},
	{B("\x05\x01\x00"), SOCKS_NO_METHOD, 3, SOCKS_PASSWORD},
	{B("\x06\x01\x00"), SOCKS_BAD, 1, SOCKS_NO_LOGIN},
	{B("\x05\xff\x00"), SOCKS_MORE, 3, SOCKS_NO_LOGIN},
};

static void test_greeting(void)
{
	for (size_t i = 0; i < ELEMENTSOF(greetings); i++) {
		for (size_t n = 0; n <= greetings[i].len; n++) {
			size_t size = 99;
			enum socks_status s =
				socks5_greeting(greetings[i].bytes, n, greetings[i].method, &size);

			CHECK_EQ(s, n < greetings[i].at ? SOCKS_MORE : greetings[i].status);
			CHECK_EQ(size, s == SOCKS_DONE ? greetings[i].at : 99);
		}
	}
}

#define TEN "0123456789"
#define TEXT255                                                                                 \
	TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN \
		TEN TEN TEN "01234"

static const struct {
	const uint8_t *bytes;
	size_t len;
	enum socks_status status;
	size_t at;
	const char *user, *password;
} logins[] = {
	{B("\x01\x03"
	   "bob"
	   "\x06"
	   "secretmore"),
		SOCKS_DONE, 12, "bob", "secret"},
	{B("\x01\x01:\x01\xff"), SOCKS_DONE, 5, ":", "\xff"},
	{B("\x01\xff" TEXT255 "\xff" TEXT255), SOCKS_DONE, 513, TEXT255, TEXT255},
	{B("\x01\x00\x01x"), SOCKS_BAD, 2, NULL, NULL},
	{B("\x01\x01x\x00"), SOCKS_BAD, 4, NULL, NULL},
	{B("\x05\x01\x00"), SOCKS_BAD, 1, NULL, NULL},
	{B("\x01\x02x"), SOCKS_MORE, 4, NULL, NULL},
};

static void test_login(void)
{
	for (size_t i = 0; i < ELEMENTSOF(logins); i++) {
		struct socks_login l = {0};

		for (size_t n = 0; n <= logins[i].len; n++)
			CHECK_EQ(socks5_login(logins[i].bytes, n, &l),
				n < logins[i].at ? SOCKS_MORE : logins[i].status);
		if (logins[i].status != SOCKS_DONE)
			continue;
		CHECK_EQ(l.size, logins[i].at);
		CHECK_EQ(l.user_len, strlen(logins[i].user));
		CHECK_EQ(l.password_len, strlen(logins[i].password));
		CHECK(!memcmp(l.user, logins[i].user, l.user_len));
		CHECK(!memcmp(l.password, logins[i].password, l.password_len));
	}
}

struct request_case {
	const uint8_t *bytes;
	size_t len;
	enum socks_status status;
	size_t at;
	const char *addr; /* or the name */
	uint16_t port;
};

#define LABELS63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME255	 LABELS63 "." LABELS63 "." LABELS63 "." LABELS63

static const struct request_case requests5[] = {
	{B("\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x50"), SOCKS_DONE, 10, "10.0.0.1", 80},
	{B("\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x50GET /"), SOCKS_DONE, 10, "10.0.0.1", 80},
	{B("\x05\x01\x00\x04\xfd\x7a\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\xff\xff"), SOCKS_DONE, 22,
		"fd7a::1", 65535},
	{B("\x05\x01\x00\x03\x05"
	   "a.red\x0b\xb8"),
		SOCKS_DONE, 12, "a.red", 3000},
	{B("\x05\x01\x00\x03\xff" NAME255 "\x00\x16"), SOCKS_DONE, 262, NAME255, 22},
	{B("\x05\x01\x00\x03\x00\x00\x16"), SOCKS_BAD, 5, NULL, 0},
	{B("\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x00"), SOCKS_BAD, 10, NULL, 0}, /* port 0 */
	{B("\x05\x02\x00\x01\x0a\x00\x00\x01\x00\x50"), SOCKS_BAD_COMMAND, 2, NULL, 0},
	{B("\x05\x04\x00\x01\x0a\x00\x00\x01\x00\x50"), SOCKS_BAD_COMMAND, 2, NULL, 0},
	{B("\x05\x00\x00\x01\x0a\x00\x00\x01\x00\x50"), SOCKS_BAD_COMMAND, 2, NULL, 0},
	{B("\x05\x01\x00\x02\x0a\x00\x00\x01\x00\x50"), SOCKS_BAD_TYPE, 4, NULL, 0},
	{B("\x05\x01\x00\x00\x0a\x00\x00\x01\x00\x50"), SOCKS_BAD_TYPE, 4, NULL, 0},
	{B("\x04\x01\x00\x01\x0a\x00\x00\x01\x00\x50"), SOCKS_BAD, 1, NULL, 0},
};

static const struct request_case associates[] = {
	{B("\x05\x03\x00\x01\x0a\x00\x00\x01\x00\x50"), SOCKS_DONE, 10, "10.0.0.1", 80},
	{B("\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00"), SOCKS_DONE, 10, "0.0.0.0", 0},
	{B("\x05\x03\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), SOCKS_DONE, 22, "::", 0},
	{B("\x05\x03\x00\x03\x00\x00\x00"), SOCKS_BAD, 5, NULL, 0},
};

static const struct request_case requests4[] = {
	{B("\x04\x01\x00\x50\x0a\x00\x00\x01\x00"), SOCKS_DONE, 9, "10.0.0.1", 80},
	{B("\x04\x01\x00\x50\x0a\x00\x00\x01me\x00"
	   "early"),
		SOCKS_DONE, 11, "10.0.0.1", 80},
	{B("\x04\x01\x00\x50\x00\x00\x00\x01\x00"
	   "a.red\x00"),
		SOCKS_DONE, 15, "a.red", 80},
	{B("\x04\x01\x00\x50\x00\x00\x00\x01me\x00"
	   "b.red\x00xx"),
		SOCKS_DONE, 17, "b.red", 80},
	{B("\x04\x01\x00\x50\x00\x00\x00\x00\x00"), SOCKS_DONE, 9, "0.0.0.0", 80},
	{B("\x04\x01\x00\x50\x00\x00\x00\x01\x00\x00"), SOCKS_BAD, 10, NULL, 0},
	{B("\x04\x01\x00\x00\x0a\x00\x00\x01\x00"), SOCKS_BAD, 9, NULL, 0},
	{B("\x04\x02\x00\x50\x0a\x00\x00\x01\x00"), SOCKS_BAD_COMMAND, 2, NULL, 0},
	{B("\x05\x01\x00\x50\x0a\x00\x00\x01\x00"), SOCKS_BAD, 1, NULL, 0},
};

static void check_done(const struct request_case *c, const struct socks_request *r)
{
	char text[ADDR_TEXT_MAX];

	CHECK_EQ(r->size, c->at);
	CHECK_EQ(r->port, c->port);
	if (r->addr.family) {
		CHECK_STR(addr_format(&r->addr, text), c->addr);
		return;
	}
	CHECK_EQ(r->name_len, strlen(c->addr));
	CHECK_MEM(r->name, c->addr, strlen(c->addr));
}

static void check_requests(const struct request_case *c, size_t n_cases,
	enum socks_status (*parse)(const uint8_t *, size_t, struct socks_request *))
{
	for (; n_cases; n_cases--, c++) {
		for (size_t n = 0; n <= c->len; n++) {
			struct socks_request r;
			enum socks_status s = parse(c->bytes, n, &r);

			CHECK_EQ(s, n < c->at ? SOCKS_MORE : c->status);
			if (s == SOCKS_DONE)
				check_done(c, &r);
		}
	}
}

static void test_request5(void)
{
	check_requests(requests5, ELEMENTSOF(requests5), socks5_request);
}

static void test_associate(void)
{
	struct socks_request r;

	check_requests(associates, ELEMENTSOF(associates), socks5_request);
	CHECK_EQ(socks5_request(associates[0].bytes, associates[0].len, &r), SOCKS_DONE);
	CHECK_EQ(r.command, SOCKS_UDP_ASSOCIATE);
	CHECK_EQ(socks5_request(requests5[0].bytes, requests5[0].len, &r), SOCKS_DONE);
	CHECK_EQ(r.command, SOCKS_CONNECT);
}

static void test_request4(void)
{
	check_requests(requests4, ELEMENTSOF(requests4), socks4_request);
}

static void test_request4_limits(void)
{
	uint8_t bytes[8 + 300 + 300] = {4, 1, 0, 80, 0, 0, 0, 1};
	struct socks_request r;

	memset(bytes + 8, 'u', 300);
	CHECK_EQ(socks4_request(bytes, 8 + SOCKS4_USER_MAX, &r), SOCKS_MORE);
	CHECK_EQ(socks4_request(bytes, 8 + SOCKS4_USER_MAX + 1, &r), SOCKS_BAD);
	bytes[8 + SOCKS4_USER_MAX] = 0;
	memset(bytes + 8 + 256, 'n', 300);
	CHECK_EQ(socks4_request(bytes, 8 + 256 + SOCKS_NAME_MAX, &r), SOCKS_MORE);
	CHECK_EQ(socks4_request(bytes, 8 + 256 + SOCKS_NAME_MAX + 1, &r), SOCKS_BAD);
}

static void test_nul_in_name(void)
{
	static const uint8_t bytes[] = "\x05\x01\x00\x03\x0elocalhost\0evil\x00\x50";
	struct socks_request r;

	CHECK_EQ(socks5_request(bytes, sizeof(bytes) - 1, &r), SOCKS_DONE);
	CHECK_EQ(r.name_len, 14); /* whole: the resolver refuses it */
	CHECK_MEM(r.name, "localhost\0evil", 14);
}

static void test_replies(void)
{
	uint8_t out[SOCKS_REPLY_MAX];
	struct hostport at = {.port = 0x1234};

	CHECK_EQ(socks5_reply(out, 2, NULL), 10);
	CHECK_MEM(out, "\x05\x02\x00\x01\0\0\0\0\0\0", 10);
	addr_parse("10.1.2.3", &at.addr);
	CHECK_EQ(socks5_reply(out, 0, &at), 10);
	CHECK_MEM(out, "\x05\x00\x00\x01\x0a\x01\x02\x03\x12\x34", 10);
	CHECK_EQ(socks4_reply(out, SOCKS4_GRANTED, &at), 8);
	CHECK_MEM(out, "\x00\x5a\x12\x34\x0a\x01\x02\x03", 8);
	addr_parse("fd00::9", &at.addr);
	CHECK_EQ(socks5_reply(out, 0, &at), 22);
	CHECK_MEM(out, "\x05\x00\x00\x04\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09\x12\x34", 22);
	CHECK_EQ(socks4_reply(out, SOCKS4_GRANTED, &at), 8);
	CHECK_MEM(out, "\x00\x5a\0\0\0\0\0\0", 8);
	CHECK_EQ(socks4_reply(out, SOCKS4_REJECTED, NULL), 8);
	CHECK_MEM(out, "\x00\x5b\0\0\0\0\0\0", 8);
}

int main(void)
{
	RUN(test_greeting);
	RUN(test_login);
	RUN(test_request5);
	RUN(test_associate);
	RUN(test_request4);
	RUN(test_request4_limits);
	RUN(test_nul_in_name);
	RUN(test_replies);
	return TEST_END();
}
