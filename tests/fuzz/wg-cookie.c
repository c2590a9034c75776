// SPDX-License-Identifier: MIT
// Fuzz: one who sends handshake messages and one who asks for cookies, against a model of what must hold.
//
// Records of four bytes: what happens (low 3 bits), and how.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "same-random.h"
#include "wg/cookie.h"
#include "wg/ratelimit.h"

#define SECOND_NS 1000000000ull
#define SOURCES	  8
#define MAC	  16

/* Where a cookie comes from. */
struct origin {
	bool known;
	unsigned source;
	uint64_t secret_born_ns;
};

struct state {
	uint64_t now_ns, start_ns;
	struct cookie_checker checker;
	struct cookie_maker maker;
	uint8_t msg[148];
	size_t len; /* 0: none yet */
	uint32_t n_messages;
	struct origin msg_has;	   /* the cookie in mac2 */
	struct origin maker_has;   /* the one that it would use now */
	struct cookie_reply reply; /* the last one made */
	struct origin reply_has;
	bool reply_fits; /* answers the last message, and was not taken yet */
	struct ratelimit limit;
	uint64_t allowed[SOURCES];
};

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* The last two differ in the port, the two before in what is behind a /64. */
static struct hostport source(unsigned i)
{
	struct hostport h = {.addr = addr_v4(0xc6120000u + (i < 6 ? i : 6)), .port = 1000};

	if (i == 4 || i == 5) {
		h.addr = (struct addr){.family = 6, .bytes = {0x20, 1, 0xd, 0xb8}};
		h.addr.bytes[15] = (uint8_t)i;
	}
	h.port = (uint16_t)(h.port + (i == 7));
	return h;
}

static void make_message(struct state *s, const uint8_t *r)
{
	s->len = r[1] & 1 ? 148 : 92;
	memset(s->msg, r[2], sizeof(s->msg));
	s->msg[4] = r[3];
	memcpy(s->msg + 8, &s->n_messages, sizeof(s->n_messages)); /* no two are the same */
	s->n_messages++;
	s->msg_has = s->maker_has;
	s->msg_has.known &=
		s->maker.has_cookie && s->now_ns - s->maker.cookie_born_ns < COOKIE_FRESH_NS;
	cookie_add_macs(&s->maker, s->msg, s->len, s->now_ns);
	s->reply_fits = false;
	require(cookie_check_mac1(&s->checker, s->msg, s->len));
}

/* From R[1], with one byte changed if R[3] says so. */
static void check_message(struct state *s, const uint8_t *r)
{
	struct hostport from = source(r[1] % SOURCES);
	const struct origin *o = &s->msg_has;
	uint8_t copy[148];
	size_t at;
	bool good;

	if (!s->len)
		return;
	at = r[2] % s->len;
	memcpy(copy, s->msg, s->len);
	copy[at] ^= r[3];
	require(cookie_check_mac1(&s->checker, copy, s->len) == (!r[3] || at >= s->len - MAC));
	good = o->known && o->source == r[1] % SOURCES && s->checker.has_secret &&
		o->secret_born_ns == s->checker.secret_born_ns &&
		s->now_ns - s->checker.secret_born_ns < COOKIE_SECRET_AGE_NS && !r[3];
	require(cookie_check_mac2(&s->checker, copy, s->len, &from, s->now_ns) == good);
}

static void make_reply(struct state *s, const uint8_t *r)
{
	struct hostport from = source(r[1] % SOURCES);

	if (!s->len)
		return;
	cookie_make_reply(&s->checker, s->msg, s->len, &from, s->msg + 4, s->now_ns, &s->reply);
	require(s->reply.receiver[0] == s->msg[4]);
	s->reply_has = (struct origin){true, r[1] % SOURCES, s->checker.secret_born_ns};
	s->reply_fits = s->maker.has_last_mac1;
}

static void take_reply(struct state *s, const uint8_t *r)
{
	struct cookie_reply reply = s->reply;
	bool covered = r[2] % sizeof(reply) >= 8; /* type and index are not authentic */
	int err;

	((uint8_t *)&reply)[r[2] % sizeof(reply)] ^= r[3];
	err = cookie_consume_reply(&s->maker, &reply, s->now_ns);
	require((err == 0) == (s->reply_fits && (!r[3] || !covered)));
	if (err < 0)
		return;
	s->maker_has = s->reply_has;
	s->reply_fits = false;
}

/* Never more than the rate, however the sources take turns. */
static void limit(struct state *s, const uint8_t *r)
{
	unsigned i = r[1] % SOURCES;
	struct hostport from = source(i);

	i = i == 7 ? 6 : i == 5 ? 4 : i; /* a port or a host part makes no other source */
	s->allowed[i] += ratelimit_allow(&s->limit, &from.addr, false, s->now_ns);
	require(s->allowed[i] <=
		RATELIMIT_BURST + (s->now_ns - s->start_ns) * RATELIMIT_PER_SECOND / SECOND_NS);
}

static void step(struct state *s, const uint8_t *r)
{
	switch (r[0] & 7) {
	case 0:
		s->now_ns += (uint64_t)r[1] * SECOND_NS + (uint64_t)r[2] * (SECOND_NS / 100);
		break;
	case 1:
		make_message(s, r);
		break;
	case 2:
		check_message(s, r);
		break;
	case 3:
		make_reply(s, r);
		break;
	case 4:
		take_reply(s, r);
		break;
	default:
		limit(s, r);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t us[32] = {1};
	static bool started;
	struct state s = {.now_ns = 1000 * SECOND_NS, .start_ns = 1000 * SECOND_NS};

	if (!started) {
		same_random_install();
		require(sodium_init() >= 0);
		started = true;
	}
	same_random_state = 1;
	cookie_checker_init(&s.checker, us);
	cookie_maker_init(&s.maker, us);
	for (; size >= 4; data += 4, size -= 4)
		step(&s, data);
	ratelimit_free(&s.limit);
	return 0;
}
