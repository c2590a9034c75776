// SPDX-License-Identifier: MIT
// Sound questions, cut at every byte and changed at random: every answer is a sound message of its size.
//
// MUTANTS=N tries so many changed ones (make check-mutants: a million of them, with AddressSanitizer).
#include "common/cleanup.h"
#include "dns-fixture.h"
#include "test.h"

#define SEED_MAX  300
#define SEEDS_MAX 128

static struct seed {
	size_t len;
	uint8_t bytes[SEED_MAX];
} seeds[SEEDS_MAX];
static size_t n_seeds;
static struct zone_set *zones;

static const char *const names[] = {"grafana.fgpu", "GrAfAnA.FGPU", "10.100.10.141.fgpu",
	"10-100-10-141.fgpu", "fd7a-1--5.fgpu", "fgpu", "ns.fgpu", "nosuch.fgpu", "141.fgpu",
	"many.fgpu", "10.7.1.2.cust1.gw.example.com", "2.1.7.10.in-addr.arpa",
	"5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.a.7.d.f.ip6.arpa", "example.com",
	".", "10.66.0.1.priv"};
static const uint16_t types[] = {DNS_A, DNS_AAAA, DNS_SOA, DNS_NS, DNS_PTR, DNS_ANY, DNS_HTTPS};
static const uint8_t options[] = "\0\12\0\10\1\2\3\4\5\6\7\10" /* COOKIE */
				 "\0\3\0\0"		       /* NSID */
				 "\0\10\0\7\0\1\30\0\300\0\2"  /* client subnet */
				 "\0\14\0\4\0\0\0\0"	       /* padding */
				 "\0\144\0\2hi";	       /* nobody's */

static void make_seeds(void)
{
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		for (unsigned form = 0; form < 5; form++) {
			struct seed *s = &seeds[n_seeds++];
			uint16_t type = types[(i + form) % ELEMENTSOF(types)];

			s->len = fixture_query(s->bytes, names[i], type, 1);
			if (form == 1)
				s->len = fixture_opt(s->bytes, s->len, 1232, 0, 0x8000, "", 0);
			if (form == 2)
				s->len = fixture_opt(s->bytes, s->len, 4096, 0, 0, options, 12);
			if (form == 3)
				s->len = fixture_opt(
					s->bytes, s->len, 512, 0, 0, options, sizeof(options) - 1);
			if (form == 4)
				s->len = fixture_opt(s->bytes, s->len, 1400, 1, 0, "", 0);
		}
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* The counts and the records of P lead exactly to its end. */
static bool is_sound(const uint8_t *p, size_t len)
{
	unsigned records = get16(p + 6) + get16(p + 8) + get16(p + 10);
	int at = 12;

	for (unsigned i = 0; i < get16(p + 4); i++) {
		at = name_skip(p, len, (size_t)at);
		if (at < 0)
			return false;
		at += 4;
	}
	for (unsigned i = 0; i < records; i++) {
		at = name_skip(p, len, (size_t)at);
		if (at < 0 || (size_t)at + 10 > len)
			return false;
		at += 10 + (int)get16(p + at + 8);
		if ((size_t)at > len)
			return false;
	}
	return (size_t)at == len;
}

/* What holds for the answer to any bytes. Returns false, and says why, if it does not. */
static bool check_one(const uint8_t *p, size_t len, bool stream)
{
	static uint8_t out[PACKET_TCP_MAX];
	struct answer_context c = fixture_context(zones, "192.0.2.9");
	uint8_t *copy = malloc(len + !len); /* of just its size, so that a look behind it is seen */
	int rcode = -1;
	const char *why = NULL;
	size_t n;

	memcpy(copy, p, len);
	c.stream = stream;
	n = answer_message(&c, copy, len, out, &rcode);
	if (!n)
		why = len >= 12 && !(p[2] & 0x80) ? "no answer to a question" : NULL;
	else if (n > (stream ? PACKET_TCP_MAX : PACKET_UDP_MAX))
		why = "too long";
	else if (memcmp(out, p, 2) != 0 || !(out[2] & 0x80))
		why = "not the answer to this";
	else if (out[3] & 0xe0)
		why = "RA, Z or AD is set";
	else if (!is_sound(out, n))
		why = "not sound";
	free(copy);
	if (!why)
		return true;
	fprintf(stderr, "%s: %zu bytes:", why, len);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, " %02x", p[i]);
	fprintf(stderr, "\n");
	return false;
}

static void truncated_at_every_byte(void)
{
	CHECK(n_seeds >= 50);
	for (size_t i = 0; i < n_seeds; i++)
		for (size_t len = 0; len <= seeds[i].len; len++)
			CHECK(check_one(seeds[i].bytes, len, false) &&
				check_one(seeds[i].bytes, len, true));
}

/* A single address costs no more than 32 bytes beside the question, a cookie aside. */
static void amplification(void)
{
	unsigned seen = 0;

	for (size_t i = 0; i < 3 * ELEMENTSOF(names); i++) {
		struct answer_context c = fixture_context(zones, "192.0.2.9");
		uint8_t p[SEED_MAX], out[PACKET_UDP_MAX];
		size_t len = fixture_query(p, names[i / 3], DNS_A, 1), n;
		int rcode;

		if (i % 3)
			len = fixture_opt(p, len, 4096, 0, 0, options, i % 3 == 2 ? 12 : 0);
		n = answer_message(&c, p, len, out, &rcode);
		CHECK(n && n <= PACKET_UDP_MAX);
		if (rcode || get16(out + 6) != 1)
			continue;
		CHECK(n <= len + 32 + (i % 3 == 2 ? 16 : 0));
		seen++;
	}
	CHECK(seen >= 15);
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* One to four changes: a bit, a byte, a byte of a kind that means something, a cut, a copy. */
static size_t mutate(uint8_t *p, size_t len, uint64_t *state)
{
	static const uint8_t telling[] = {0, 1, 0x29, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff};

	for (uint64_t n = 1 + random_next(state) % 4; n && len; n--) {
		uint64_t r = random_next(state);
		size_t at = (r >> 8) % len, to = (r >> 24) % len;

		switch (r % 6) {
		case 0:
			p[at] ^= (uint8_t)(1u << (r >> 40) % 8);
			break;
		case 1:
			p[at] = (uint8_t)(r >> 40);
			break;
		case 2:
			p[at] = telling[(r >> 40) % sizeof(telling)];
			break;
		case 3:
			p[at] = (uint8_t)(p[at] + ((r >> 40) % 2 ? 1 : -1));
			break;
		case 4:
			len = at + 1;
			break;
		default:
			memmove(p + to, p + at, len - (at > to ? at : to));
		}
	}
	return len;
}

static void mutants(void)
{
	const char *wanted = getenv("MUTANTS");
	unsigned long n = wanted ? strtoul(wanted, NULL, 10) : 20000;
	uint64_t state = 88172645463325252ull;
	uint8_t p[SEED_MAX];

	for (unsigned long i = 0; i < n && !test_failed_checks; i++) {
		const struct seed *s = &seeds[i % n_seeds];
		size_t len;

		memcpy(p, s->bytes, s->len);
		len = mutate(p, s->len, &state);
		CHECK(check_one(p, len, i & 1));
	}
	if (wanted)
		printf("# %lu mutants\n", n);
}

int main(void)
{
	zones = fixture_zones();
	make_seeds();
	RUN(truncated_at_every_byte);
	RUN(amplification);
	RUN(mutants);
	zone_set_free(zones);
	return TEST_END();
}
