// SPDX-License-Identifier: MIT
// Scanners for numbers, durations, keys and names: tables, round trips, every single-byte change of a key.
#include "common/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "test.h"

static unsigned seed = 3;

static void numbers(void)
{
	static const struct {
		const char *text;
		uint64_t min, max;
		int r;
		uint64_t want;
	} cases[] = {
		{"0", 0, 10, 0, 0},
		{"10", 0, 10, 0, 10},
		{"11", 0, 10, -ERANGE, 0},
		{"0", 1, 10, -ERANGE, 0},
		{"18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", 0, UINT64_MAX, -ERANGE, 0},
		{"99999999999999999999999999999999", 0, UINT64_MAX, -ERANGE, 0},
		{"99999999999999999999999999999999x", 0, UINT64_MAX, -EINVAL, 0},
		{"", 0, 10, -EINVAL, 0},
		{"00", 0, 10, -EINVAL, 0},
		{"01", 0, 10, -EINVAL, 0},
		{"+1", 0, 10, -EINVAL, 0},
		{"-1", 0, UINT64_MAX, -EINVAL, 0},
		{" 1", 0, 10, -EINVAL, 0},
		{"1 ", 0, 10, -EINVAL, 0},
		{"0x1", 0, 10, -EINVAL, 0},
		{"1e1", 0, 10, -EINVAL, 0},
		{"1.0", 0, 10, -EINVAL, 0},
		{"\xb2", 0, 10, -EINVAL, 0},
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		uint64_t v = 77;

		CHECK_EQ(parse_u64(cases[i].text, cases[i].min, cases[i].max, &v), cases[i].r);
		CHECK(v == (cases[i].r ? 77 : cases[i].want));
	}
	for (int i = 0; i < 100000; i++) {
		uint64_t want = ((uint64_t)rand_r(&seed) << 33 ^ (uint64_t)rand_r(&seed)) >>
			rand_r(&seed) % 64;
		uint64_t v = 0;
		char text[24];

		snprintf(text, sizeof(text), "%llu", (unsigned long long)want);
		CHECK(parse_u64(text, 0, UINT64_MAX, &v) == 0 && v == want);
	}
}

static void booleans(void)
{
	static const char *const yes[] = {"yes", "true", "on", "1"},
				 *const no[] = {"no", "false", "off", "0"};
	static const char *const bad[] = {
		"", "y", "n", "Yes", "TRUE", "2", "yes ", " no", "enabled", "onn"};
	bool b;

	for (size_t i = 0; i < 4; i++) {
		b = false;
		CHECK(parse_bool(yes[i], &b) == 0 && b);
		CHECK(parse_bool(no[i], &b) == 0 && !b);
	}
	b = true;
	for (size_t i = 0; i < ELEMENTSOF(bad); i++)
		CHECK(parse_bool(bad[i], &b) == -EINVAL && b);
}

static void durations(void)
{
	static const struct {
		const char *text;
		int r;
		uint64_t want;
	} cases[] = {
		{"30", 0, 30},
		{"30s", 0, 30},
		{"30 s", 0, 30},
		{"30 sec", 0, 30},
		{"5m", 0, 300},
		{"5 min", 0, 300},
		{"5\tmin", 0, 300},
		{"2 h", 0, 7200},
		{"1d", 0, 86400},
		{"0", 0, 0},
		{"86400", 0, 86400},
		{"86401", -ERANGE, 0},
		{"25 h", -ERANGE, 0},
		{"2d", -ERANGE, 0},
		{"99999999999999999999", -ERANGE, 0},
		{"213503982334602 d", -ERANGE, 0},
		{"18446744073709551615 d", -ERANGE, 0},
		{"999999999999999999999999999999", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{"05", -EINVAL, 0},
		{"-5", -EINVAL, 0},
		{" 5", -EINVAL, 0},
		{"5 ", 0, 5},
		{"5 x", -EINVAL, 0},
		{"5 s s", -EINVAL, 0},
		{"5ms", -EINVAL, 0},
		{"5 S", -EINVAL, 0},
		{"1.5 h", -EINVAL, 0},
		{"1h30m", -EINVAL, 0},
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		uint64_t v = 77;
		int r = parse_duration_s(cases[i].text, 0, 86400, &v);

		if (r != cases[i].r)
			fprintf(stderr, "\"%s\": %d\n", cases[i].text, r);
		CHECK_EQ(r, cases[i].r);
		CHECK_EQ(v, cases[i].r ? 77 : cases[i].want);
	}
	uint64_t v;
	CHECK_EQ(parse_duration_s("1", 2, 9, &v), -ERANGE);
}

/* ---- keys ---- */

static void keys_known(void)
{
	/* RFC 4648: 32 zero bytes, 32 times 0xff, and the counting bytes */
	uint8_t key[32], got[32];
	char text[65];

	memset(key, 0, sizeof(key));
	format_key_base64(key, text);
	CHECK_STR(text, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
	memset(key, 0xff, sizeof(key));
	format_key_base64(key, text);
	CHECK_STR(text, "//////////////////////////////////////////8=");
	for (uint8_t i = 0; i < 32; i++)
		key[i] = i;
	format_key_base64(key, text);
	CHECK_STR(text, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
	format_key_hex(key, text);
	CHECK_STR(text, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	CHECK_EQ(parse_key_hex(
			 "000102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f", got),
		0);
	CHECK_MEM(got, key, 32);
}

static void keys_round_trip(void)
{
	for (int i = 0; i < 20000; i++) {
		uint8_t key[32], got[32];
		char text[65];

		for (size_t k = 0; k < 32; k++)
			key[k] = (uint8_t)rand_r(&seed);
		format_key_base64(key, text);
		CHECK_EQ(strlen(text), 44);
		CHECK_EQ(parse_key_base64(text, got), 0);
		CHECK_MEM(got, key, 32);
		format_key_hex(key, text);
		CHECK_EQ(strlen(text), 64);
		CHECK_EQ(parse_key_hex(text, got), 0);
		CHECK_MEM(got, key, 32);
	}
}

/* Every other byte at every place: either refused, or another key whose one spelling this is. */
static void keys_have_one_spelling(void)
{
	static const char good[] = "YAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
	uint8_t key[32], got[32];
	char text[48], again[48];

	CHECK_EQ(parse_key_base64(good, key), 0);
	for (size_t i = 0; i < 44; i++) {
		for (int c = 1; c < 256; c++) {
			strcpy(text, good);
			text[i] = (char)c;
			if (parse_key_base64(text, got) < 0)
				continue;
			format_key_base64(got, again);
			CHECK_STR(again, text);
		}
		strcpy(text, good);
		text[i] = '\0';
		CHECK_EQ(parse_key_base64(text, got), -EINVAL);
	}
	CHECK_EQ(parse_key_base64("YAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk", got), -EINVAL);
	CHECK_EQ(parse_key_base64("YAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk==", got), -EINVAL);
	CHECK_EQ(parse_key_base64("YAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBml=", got), -EINVAL);
	CHECK_EQ(parse_key_base64("", got), -EINVAL);
	memset(got, 7, sizeof(got));
	CHECK_EQ(parse_key_hex(
			 "0g0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", got),
		-EINVAL);
	CHECK_EQ(parse_key_hex("00", got), -EINVAL);
	CHECK(got[0] == 7 && got[31] == 7);
}

/* ---- names ---- */

static void dns_names(void)
{
	static const char *const good[] = {"a", "A", "example.org", "gpu-1.fgpu", "_dmarc.example",
		"1.2.3.4", "xn--bcher-kva", "a-b", "a--b", "0", "a_b"};
	static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", "a-.b",
		"a b", "a/b", "a,b", "bücher", "a\n", "a:b", "*", "a.*", "[a]", "a\\b", "a\x80"};
	char text[260], label[70];

	for (size_t i = 0; i < ELEMENTSOF(good); i++)
		CHECK(parse_is_dns_name(good[i]));
	for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
		if (parse_is_dns_name(bad[i]))
			fprintf(stderr, "took \"%s\"\n", bad[i]);
		CHECK(!parse_is_dns_name(bad[i]));
	}
	memset(label, 'a', sizeof(label));
	label[63] = '\0';
	CHECK(parse_is_dns_name(label));
	label[63] = 'a';
	label[64] = '\0';
	CHECK(!parse_is_dns_name(label));
	for (size_t i = 0; i < 253; i++)
		text[i] = i % 64 == 63 ? '.' : 'a';
	text[253] = '\0';
	CHECK(parse_is_dns_name(text));
	text[253] = 'a';
	text[254] = '\0';
	CHECK(!parse_is_dns_name(text));
}

static void tailnet_names(void)
{
	static const char *const good[] = {
		"a", "0", "fgpu", "a-b", "a--b", "0a9", "abcdefghijklmnopqrstuvwxyz012345"};
	static const char *const bad[] = {"", "-", "-a", "a-", "A", "a.b", "a_b", "a b", "a/b",
		"..", ".", "abcdefghijklmnopqrstuvwxyz0123456", "\xc3\xa4", "a\n", "a/../b"};

	for (size_t i = 0; i < ELEMENTSOF(good); i++)
		CHECK(parse_is_tailnet_name(good[i]));
	for (size_t i = 0; i < ELEMENTSOF(bad); i++)
		CHECK(!parse_is_tailnet_name(bad[i]));
}

int main(void)
{
	RUN(numbers);
	RUN(booleans);
	RUN(durations);
	RUN(keys_known);
	RUN(keys_round_trip);
	RUN(keys_have_one_spelling);
	RUN(dns_names);
	RUN(tailnet_names);
	return TEST_END();
}
