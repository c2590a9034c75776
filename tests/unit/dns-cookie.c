// SPDX-License-Identifier: MIT
// SipHash-2-4 and server cookies against the published vectors.
#include "common/parse.h"
#include "dns-fixture.h"
#include "test.h"

static void hex(const char *text, uint8_t *ret)
{
	for (; *text; text += 2)
		sscanf(text, "%2hhx", ret++);
}

/* The SipHash paper, appendix A; the reference implementation's first and eighth vectors. */
static void test_siphash(void)
{
	uint8_t key[16], data[15];

	for (int i = 0; i < 16; i++)
		key[i] = (uint8_t)i;
	for (int i = 0; i < 15; i++)
		data[i] = (uint8_t)i;
	CHECK(cookie_siphash(key, data, 15) == 0xa129ca6149be45e5ull);
	CHECK(cookie_siphash(key, data, 0) == 0x726fdb47dd0e0e31ull);
	CHECK(cookie_siphash(key, data, 8) == 0x93f5f5799a932462ull);
}

/* RFC 9018 appendix A. */
static void test_rfc9018(void)
{
	static const struct {
		const char *secret, *client, *given;
		uint32_t now;
		const char *answer;
	} cases[] = {
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100", "2464c4abcf10c957",
			1559731985, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		/* the same one later: unchanged for half an hour */
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100",
			"2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985 + 1799,
			"2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		/* A.2: an old one is renewed */
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100",
			"2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559734385,
			"2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
		/* A.3: reserved bytes that are not ours come back as zero */
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "203.0.113.203",
			"fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559734700,
			"fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
		/* … and a valid one with them is valid: the hash covers them */
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "203.0.113.203",
			"fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559727985 + 600,
			"fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"},
		{"dd3bdf9344b678b185a6f5cb60fca715", "2001:db8:220:1:59de:d0f4:8769:82b8",
			"22681ab97d52c298", 1559741817,
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8"},
		/* one that is not ours */
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "203.0.113.203",
			"fc93fc62807ddb86010000005cf7a9ac2222222222222222", 1559734700,
			"fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t secret[16], given[40], expected[24], got[24];
		struct addr client = fixture_addr(cases[i].client);

		hex(cases[i].secret, secret);
		hex(cases[i].given, given);
		hex(cases[i].answer, expected);
		cookie_answer(
			secret, given, strlen(cases[i].given) / 2, &client, cases[i].now, got);
		CHECK_MEM(got, expected, sizeof(got));
	}
}

/* A valid cookie is renewed at its limits. */
static void test_age(void)
{
	static const int32_t ages[] = {-301, -300, 0, 1799, 1800, 100000};
	struct addr client = fixture_addr("192.0.2.1");
	uint8_t given[24] = {1, 2, 3}, got[24];

	cookie_answer(fixture_secret, given, 8, &client, 1000000, given);
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		cookie_answer(
			fixture_secret, given, 24, &client, (uint32_t)(1000000 + ages[i]), got);
		CHECK_EQ(!memcmp(got, given, 24), ages[i] >= -300 && ages[i] < 1800);
	}
}

int main(void)
{
	RUN(test_siphash);
	RUN(test_rfc9018);
	RUN(test_age);
	return TEST_END();
}
