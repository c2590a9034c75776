// SPDX-License-Identifier: MIT
// Asks the tailnet's own resolver for a name, as often as its search list has it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "proxy/resolve.h"
#include "relay/loop.h"
#include "relay/timers.h"

#define ASK_TIME_MS		 4500 /* for all turns of one name */
#define ASK_QUESTIONS_MAX	 1024 /* different names under way */
#define ASK_QUESTIONS_SOURCE_MAX 256  /* of these of one client's address, IPv6: /64 */

enum ask_kind { /* of several turns the highest of the first five counts */
	ASK_ADDRS,
	ASK_FAILED,    /* no use: SERVFAIL, REFUSED, nonsense, a closed port */
	ASK_NO_NAME,   /* the resolver says so, or the name has no address */
	ASK_SILENT,    /* no answer in ASK_TIME_MS */
	ASK_DOWN,      /* the same, and no peer that routes a resolver is up */
	ASK_NO_SERVER, /* none is configured that the tailnet routes */
	ASK_LIMIT,     /* as many are under way as may be */
};

struct ask_answer {
	enum ask_kind kind;
	uint32_t ttl_s; /* that is left */
	int group;	/* who was asked: a group of split.h, or SPLIT_* */
	size_t n; /* with ASK_ADDRS at least 1: IPv6 and IPv4 by turns; the policy has not seen them */
	struct addr addrs[RESOLVE_ADDRS_MAX];
};

/* Embedded in whoever asks, all zero at first. */
struct ask {
	void (*done)(struct ask *a, const struct ask_answer *answer);
	struct addr source; /* of the client that it is for; family 0: nobody's */
	/* its own: */
	struct ask *next, *prev; /* who waits for the same answer */
	struct question *question;
	struct task task;
	struct timer timer;
	struct resolve_result name;
	uint8_t turn, worst; /* place in the search list; enum ask_kind */
	int16_t group;	     /* that the worst came from */
};

/* Asks for R, a RESOLVE_ASK. A->done is called once, later, never before this returns; the owner may
 * free A then. */
void ask_start(struct ask *a, const struct resolve_result *r);
/* A->done will not be called (any more). Does nothing to one that does not ask. */
void ask_cancel(struct ask *a);
/* Before the sandbox. SPLIT: there may be domains with resolvers of their own. 0 or -errno. */
int ask_open(bool split);
/* A new configuration is in force: where its resolvers are others, what was learned is forgotten. */
void ask_configured(void);
/* The node went or came: what was learned is forgotten. */
void ask_forget(void);
/* One line for people: why there is no address, and who said so. BUF has ASK_WHY_MAX bytes. */
#define ASK_WHY_MAX 512
const char *ask_why(const struct ask_answer *answer, char *buf);
