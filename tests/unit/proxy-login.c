// SPDX-License-Identifier: MIT
// What stands around a password: credentials of HTTP, users in constant work, memories with an end.
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "common/cleanup.h"
#include "proxy/basic.h"
#include "proxy/known.h"
#include "proxy/suspects.h"
#include "proxy/users.h"
#include "test.h"

#define HASH "$argon2id$v=19$m=8,t=1,p=1$abc"

static int parse(const char *fields, struct basic *ret)
{
	static struct http_head head;
	char text[2048];
	const char *why = NULL;
	int n = snprintf(text, sizeof(text), "GET http://a/ HTTP/1.1\r\n%s\r\n", fields);

	CHECK_EQ(http_parse(text, (size_t)n, HTTP_REQUEST, &head, &why), 0);
	return basic_parse(&head, ret);
}

static void basic(void)
{
	static const struct {
		const char *fields;
		int r;
		const char *user, *password;
	} cases[] = {
		{"", -ENOENT, NULL, NULL},
		{"Authorization: Basic Ym9iOnNlY3JldA==\r\n", -ENOENT, NULL, NULL},
		{"Proxy-Authorization: Basic Ym9iOnNlY3JldA==\r\n", 0, "bob", "secret"},
		{"proxy-authorization:  bAsIc   Ym9iOnNlY3JldA== \r\n", 0, "bob", "secret"},
		{"Proxy-Authorization: Basic Ym9iOnNlY3JldA\r\n", 0, "bob", "secret"},
		{"Proxy-Authorization: Basic Ym9iOmE6Yg==\r\n", 0, "bob", "a:b"},
		{"Proxy-Authorization: Basic Ym9iOnNlY3JldA=\r\n", -EINVAL, NULL, NULL},
		{"Proxy-Authorization: Basic Ym9iOnNlY3JldA== x\r\n", -EINVAL, NULL, NULL},
		{"Proxy-Authorization: Basic Ym9i\r\n", -EINVAL, NULL, NULL},	      /* bob */
		{"Proxy-Authorization: Basic OnNlY3JldA==\r\n", -EINVAL, NULL, NULL}, /* :secret */
		{"Proxy-Authorization: Basic Ym9iOg==\r\n", -EINVAL, NULL, NULL},     /* bob: */
		{"Proxy-Authorization: Basic\r\n", -EINVAL, NULL, NULL},
		{"Proxy-Authorization: \r\n", -EINVAL, NULL, NULL},
		{"Proxy-Authorization: Bearer Ym9iOnNlY3JldA==\r\n", -EINVAL, NULL, NULL},
		{"Proxy-Authorization: Basic Ym9iOnNlY3JldA==\r\n"
		 "Proxy-Authorization: Basic Ym9iOnNlY3JldA==\r\n",
			-EINVAL, NULL, NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct basic b;

		CHECK_EQ(parse(cases[i].fields, &b), cases[i].r);
		if (cases[i].r)
			continue;
		CHECK_EQ(b.user_len, strlen(cases[i].user));
		CHECK_EQ(b.password_len, strlen(cases[i].password));
		CHECK(!memcmp(b.user, cases[i].user, b.user_len));
		CHECK(!memcmp(b.password, cases[i].password, b.password_len));
	}
}

/* One byte more than the longest of both is too many. */
static void basic_lengths(void)
{
	char plain[600], text[1024], field[1100];
	struct basic b;

	for (size_t user = 254; user < 258; user++) {
		for (size_t password = 254; password < 258; password++) {
			memset(plain, 'x', sizeof(plain));
			plain[user] = ':';
			sodium_bin2base64(text, sizeof(text), (uint8_t *)plain, user + 1 + password,
				sodium_base64_VARIANT_ORIGINAL);
			snprintf(field, sizeof(field), "Proxy-Authorization: Basic %s\r\n", text);
			CHECK_EQ(parse(field, &b), user > 255 || password > 255 ? -EINVAL : 0);
		}
	}
}

static void find_users(void)
{
	struct users u = {0}, same = {0};
	const char *a, *b;
	char name[16], hash[64];
	bool known;

	CHECK(!users_find(&u, "bob", 3, &known));
	for (int i = 0; i < USERS_MAX; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		snprintf(hash, sizeof(hash), HASH "%d", i);
		CHECK_EQ(users_add(&u, name, hash), 0);
		CHECK_EQ(users_add(&same, name, hash), 0);
	}
	CHECK_EQ(users_add(&u, "one", HASH), -ENOSPC);
	CHECK_STR(users_find(&u, "user77", 6, &known), HASH "77");
	CHECK(known);
	CHECK_STR(users_find(&u, "user4095", 8, &known), HASH "4095");
	CHECK(known);
	a = users_find(&u, "nobody", 6, &known);
	CHECK(!known);
	b = users_find(&u, "nobody", 6, &known);
	CHECK(a && a == b);
	CHECK(users_equal(&u, &same));
	same.items[4000].hash[20]++;
	CHECK(!users_equal(&u, &same));
	users_free(&u);
	users_free(&same);
}

static void fingerprints(void)
{
	uint8_t a[USERS_FINGERPRINT], b[USERS_FINGERPRINT];

	users_fingerprint(a, "ab", 2, "c", 1);
	users_fingerprint(b, "a", 1, "bc", 2);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	users_fingerprint(b, "ab", 2, "c", 1);
	CHECK(!memcmp(a, b, sizeof(a)));
}

static void remember(void)
{
	uint8_t f[KNOWN_MAX + 1][USERS_FINGERPRINT];

	for (size_t i = 0; i <= KNOWN_MAX; i++)
		users_fingerprint(f[i], &i, sizeof(i), "", 0);
	CHECK(!known_has(f[0], 1000));
	for (size_t i = 0; i < KNOWN_MAX; i++)
		known_add(f[i], 1000);
	CHECK(known_has(f[0], 1000));
	known_add(f[KNOWN_MAX], 1000); /* f[1] was used longest ago */
	CHECK(known_has(f[0], 1000) && !known_has(f[1], 1000) && known_has(f[KNOWN_MAX], 1000));
	CHECK(known_has(f[0], 1000 + KNOWN_MS - 1));
	CHECK(!known_has(f[0], 1000 + KNOWN_MS));
	known_forget();
	CHECK(!known_has(f[2], 1000));
}

static void slow_down(void)
{
	static const uint64_t waits[] = {500, 1000, 2000, 4000, 8000, 8000, 8000};
	struct addr a = addr_v4(0x0a000001), b = addr_v4(0x0a000002), six, near, far;
	uint64_t now = 1000000;
	uint32_t failures;

	CHECK_EQ(addr_parse("2001:db8::1", &six), 0);
	CHECK_EQ(addr_parse("2001:db8::ffff:1", &near), 0);
	CHECK_EQ(addr_parse("2001:db8:0:1::1", &far), 0);
	for (size_t i = 0; i < ELEMENTSOF(waits); i++) {
		CHECK(!suspects_failed(&a, now));
		CHECK_EQ(suspects_ready_ms(&a, now, &failures), now + waits[i]);
		CHECK_EQ(failures, i + 1);
	}
	CHECK_EQ(suspects_ready_ms(&b, now, &failures), 0);
	CHECK_EQ(failures, 0);
	CHECK_EQ(suspects_ready_ms(&a, now + SUSPECTS_FORGET_MS, &failures), 0);
	CHECK(!suspects_failed(&six, now));
	CHECK_EQ(suspects_ready_ms(&near, now, &failures), now + 500);
	CHECK_EQ(suspects_ready_ms(&far, now, &failures), 0);
}

/* A thousand sources: the next one displaces the one that failed longest ago. */
static void many_sources(void)
{
	uint64_t now = 100000000;
	struct addr first = addr_v4(0x0b000000);
	uint32_t failures;

	for (uint32_t i = 0; i < SUSPECTS_MAX; i++) {
		struct addr a = addr_v4(0x0b000000 + i);

		CHECK(!suspects_failed(&a, now + i));
	}
	CHECK(suspects_ready_ms(&first, now + SUSPECTS_MAX, &failures));
	struct addr more = addr_v4(0x0c000000);

	CHECK(suspects_failed(&more, now + SUSPECTS_MAX));
	CHECK(!suspects_ready_ms(&first, now + SUSPECTS_MAX, &failures));
	CHECK(suspects_ready_ms(&more, now + SUSPECTS_MAX, &failures));
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	RUN(basic);
	RUN(basic_lengths);
	RUN(find_users);
	RUN(fingerprints);
	RUN(remember);
	RUN(slow_down);
	RUN(many_sources);
	return TEST_END();
}
