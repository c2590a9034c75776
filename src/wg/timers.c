// SPDX-License-Identifier: MIT
// When to shake hands, keep alive, give up and forget (whitepaper §6): events in, deadlines and actions out.
#include "wg/timers.h"

#include <sodium.h>
#include <string.h>

/* Peers must not act in step; nobody gains by foreseeing it. So no system call for each packet: an
 * xorshift generator (Marsaglia 2003), seeded once. */
static uint64_t jitter_ns(struct timers *t)
{
	while (!t->dice)
		t->dice = randombytes_random();
	t->dice ^= t->dice << 13;
	t->dice ^= t->dice >> 17;
	t->dice ^= t->dice << 5;
	return (uint64_t)(t->dice % (REKEY_JITTER_MAX_MS + 1)) * 1000000u;
}

static void arm(struct timers *t, enum timer which, uint64_t at_ns)
{
	t->due_ns[which] = at_ns;
}

static void disarm(struct timers *t, enum timer which)
{
	t->due_ns[which] = 0;
}

uint64_t timers_next(const struct timers *t)
{
	uint64_t next = UINT64_MAX;

	for (int i = 0; i < TIMERS; i++)
		if (t->due_ns[i] && t->due_ns[i] < next)
			next = t->due_ns[i];
	return next;
}

bool timers_may_initiate(const struct timers *t, uint64_t now_ns)
{
	return !t->last_initiation_ns || now_ns - t->last_initiation_ns >= REKEY_TIMEOUT_NS;
}

void timers_identity_changed(struct timers *t)
{
	t->last_initiation_ns = 0;
}

void timers_begin_attempt(struct timers *t, uint64_t now_ns)
{
	t->attempt_start_ns = now_ns;
}

/* The first packet that wants an answer starts the clock after which the peer counts as down. */
static void expect_answer(struct timers *t, uint64_t now_ns)
{
	if (t->unanswered_since_ns)
		return;
	t->unanswered_since_ns = now_ns;
	arm(t, TIMER_UNANSWERED, now_ns + UNANSWERED_NS);
}

void timers_initiation_sent(struct timers *t, uint64_t now_ns)
{
	t->last_initiation_ns = now_ns;
	arm(t, TIMER_RETRANSMIT, now_ns + REKEY_TIMEOUT_NS + jitter_ns(t));
	disarm(t, TIMER_HEAL);
	expect_answer(t, now_ns);
	timers_packet_sent(t, now_ns);
}

void timers_postpone_initiation(struct timers *t, uint64_t now_ns)
{
	uint64_t from_ns = timers_may_initiate(t, now_ns) ? now_ns : t->last_initiation_ns;

	if (!t->due_ns[TIMER_RETRANSMIT])
		arm(t, TIMER_RETRANSMIT, from_ns + REKEY_TIMEOUT_NS + jitter_ns(t));
}

void timers_response_sent(struct timers *t, uint64_t now_ns)
{
	t->last_initiation_ns = now_ns; /* the other side has begun: no need to begin, too */
	timers_packet_sent(t, now_ns);
}

void timers_handshake_complete(struct timers *t, uint64_t now_ns)
{
	disarm(t, TIMER_RETRANSMIT);
	disarm(t, TIMER_HEAL);
	t->attempt_start_ns = 0;
	t->answered = 1;
}

void timers_session_derived(struct timers *t, uint64_t now_ns)
{
	arm(t, TIMER_FORGET, now_ns + 3 * REJECT_AFTER_TIME_NS);
}

void timers_data_sent(struct timers *t, uint64_t now_ns)
{
	if (!t->due_ns[TIMER_NEW_HANDSHAKE])
		arm(t, TIMER_NEW_HANDSHAKE,
			now_ns + KEEPALIVE_TIMEOUT_NS + REKEY_TIMEOUT_NS + jitter_ns(t));
	expect_answer(t, now_ns);
}

void timers_data_received(struct timers *t, uint64_t now_ns)
{
	if (!t->due_ns[TIMER_KEEPALIVE])
		arm(t, TIMER_KEEPALIVE, now_ns + KEEPALIVE_TIMEOUT_NS);
}

static void traversal(struct timers *t, uint64_t now_ns)
{
	if (t->persistent_s)
		arm(t, TIMER_PERSISTENT, now_ns + t->persistent_s * SECOND_NS);
}

void timers_packet_sent(struct timers *t, uint64_t now_ns)
{
	disarm(t, TIMER_KEEPALIVE);
	traversal(t, now_ns);
}

void timers_packet_received(struct timers *t, uint64_t now_ns)
{
	disarm(t, TIMER_NEW_HANDSHAKE);
	disarm(t, TIMER_UNANSWERED);
	t->unanswered_since_ns = 0;
	traversal(t, now_ns);
}

bool timers_set_persistent(struct timers *t, uint16_t seconds, uint64_t now_ns)
{
	bool start = seconds && !t->persistent_s;

	if (seconds == t->persistent_s)
		return false;
	t->persistent_s = seconds;
	disarm(t, TIMER_PERSISTENT);
	traversal(t, now_ns);
	return start;
}

/* §6.4: for 90 s again and again, then the peer is left alone until there is new traffic. One that has
 * never answered may be tried on, slowly, so that a network heals by itself. */
static unsigned expire_retransmit(struct timers *t, uint64_t now_ns)
{
	if (now_ns - t->attempt_start_ns < REKEY_ATTEMPT_TIME_NS)
		return TIMERS_SEND_INITIATION | TIMERS_FORGET_SOURCE;
	disarm(t, TIMER_KEEPALIVE);
	if (!t->due_ns[TIMER_FORGET])
		arm(t, TIMER_FORGET, now_ns + 3 * REJECT_AFTER_TIME_NS);
	if (t->heal && !t->answered)
		arm(t, TIMER_HEAL, now_ns + HEAL_NS + 10 * jitter_ns(t));
	return TIMERS_DROP_STAGED;
}

static unsigned expire_one(struct timers *t, enum timer which, uint64_t now_ns)
{
	disarm(t, which);
	switch (which) {
	case TIMER_RETRANSMIT:
		return expire_retransmit(t, now_ns);
	case TIMER_KEEPALIVE:
		return TIMERS_SEND_KEEPALIVE;
	case TIMER_NEW_HANDSHAKE:
		timers_begin_attempt(t, now_ns);
		return TIMERS_SEND_INITIATION | TIMERS_FORGET_SOURCE;
	case TIMER_FORGET:
		return TIMERS_FORGET_KEYS;
	case TIMER_PERSISTENT:
		return t->persistent_s ? TIMERS_SEND_KEEPALIVE : 0;
	case TIMER_UNANSWERED:
		return TIMERS_PEER_DOWN;
	case TIMER_HEAL:
		/* one try: the attempt's 90 s are over when its answer is missed */
		t->attempt_start_ns =
			now_ns > REKEY_ATTEMPT_TIME_NS ? now_ns - REKEY_ATTEMPT_TIME_NS : 0;
		return TIMERS_SEND_INITIATION | TIMERS_FORGET_SOURCE;
	case TIMERS:
		break;
	}
	return 0;
}

unsigned timers_expire(struct timers *t, uint64_t now_ns)
{
	unsigned actions = 0;

	for (int i = 0; i < TIMERS; i++)
		if (t->due_ns[i] && t->due_ns[i] <= now_ns)
			actions |= expire_one(t, (enum timer)i, now_ns);
	return actions;
}
