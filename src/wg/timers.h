// SPDX-License-Identifier: MIT
// When to shake hands, keep alive, give up and forget (whitepaper §6): events in, deadlines and actions out.
//
// Feed it what happened ("data sent", "authentic packet received") with the time; when the earliest
// deadline has come, timers_expire() says what to do. The policy stays in here: callers never compare
// ages, except for keys (keypair_may_send() and so on in peer.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SECOND_NS	      1000000000ull
#define REKEY_AFTER_TIME_NS   (120 * SECOND_NS)
#define REJECT_AFTER_TIME_NS  (180 * SECOND_NS)
#define REKEY_TIMEOUT_NS      (5 * SECOND_NS)
#define REKEY_ATTEMPT_TIME_NS (90 * SECOND_NS)
#define KEEPALIVE_TIMEOUT_NS  (10 * SECOND_NS)
#define REKEY_JITTER_MAX_MS   333
#define UNANSWERED_NS \
	(15 * SECOND_NS) /* KEEPALIVE_TIMEOUT + REKEY_TIMEOUT: the peer counts as down */
#define HEAL_NS (30 * SECOND_NS)

enum timer {
	TIMER_RETRANSMIT,    /* the initiation has not been answered */
	TIMER_KEEPALIVE,     /* data came, nothing went back */
	TIMER_NEW_HANDSHAKE, /* data went, nothing came back */
	TIMER_FORGET,	     /* keys are old: wipe them */
	TIMER_PERSISTENT,
	TIMER_UNANSWERED, /* the peer counts as down now */
	TIMER_HEAL,	  /* a peer that never answered is tried again */
	TIMERS
};

/* Bits that timers_expire() returns. */
enum timers_action {
	TIMERS_SEND_INITIATION = 1, /* anew or again; see .attempts */
	TIMERS_SEND_KEEPALIVE = 2,
	TIMERS_DROP_STAGED = 4,
	TIMERS_FORGET_KEYS = 8,
	TIMERS_FORGET_SOURCE = 16, /* choose our source address anew */
	TIMERS_PEER_DOWN = 32,
};

struct timers {
	uint64_t due_ns[TIMERS];      /* 0 = off */
	uint64_t last_initiation_ns;  /* 0 = none yet */
	uint32_t dice;		      /* of the jitter, 0 = not seeded yet */
	uint64_t attempt_start_ns;    /* or the last time that somebody wanted to send */
	uint64_t unanswered_since_ns; /* 0 = nothing is missing */
	uint16_t persistent_s;
	uint8_t heal;	  /* try on for ever until the first answer */
	uint8_t answered; /* a handshake has ever been completed */
};

/* The earliest deadline, UINT64_MAX if none. */
uint64_t timers_next(const struct timers *t);
/* Bits of enum timers_action for all deadlines that have passed. */
unsigned timers_expire(struct timers *t, uint64_t now_ns);

/* May a new handshake start? At most one initiation in REKEY_TIMEOUT (§6.1). */
bool timers_may_initiate(const struct timers *t, uint64_t now_ns);
/* Under the key we have now nothing has been sent yet: an initiation may go at once. */
void timers_identity_changed(struct timers *t);
/* Somebody wants a handshake: the 90 s of §6.4 start anew. */
void timers_begin_attempt(struct timers *t, uint64_t now_ns);
void timers_initiation_sent(struct timers *t, uint64_t now_ns);
/* An initiation is wanted but cannot go yet: it will, unless one is on its way anyhow. */
void timers_postpone_initiation(struct timers *t, uint64_t now_ns);
void timers_response_sent(struct timers *t, uint64_t now_ns);
void timers_handshake_complete(struct timers *t, uint64_t now_ns);
void timers_session_derived(struct timers *t, uint64_t now_ns);
void timers_data_sent(struct timers *t, uint64_t now_ns);
void timers_data_received(struct timers *t, uint64_t now_ns);
/* Any authentic packet: handshake, keepalive or data. */
void timers_packet_sent(struct timers *t, uint64_t now_ns);
void timers_packet_received(struct timers *t, uint64_t now_ns);
/* SECONDS 0: off. Returns true if a keepalive is to be sent at once. */
bool timers_set_persistent(struct timers *t, uint16_t seconds, uint64_t now_ns);
