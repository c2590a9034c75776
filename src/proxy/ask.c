// SPDX-License-Identifier: MIT
// Asks the tailnet's own resolver for a name, as often as its search list has it.
//
//   ask       one client's wish; goes through the turns of its search list (search.c)
//   question  one full name under way, its A and its AAAA; all asks for the name wait at it
//
// A question that nobody waits for any more goes on: its answer is worth keeping (answers.c), and its
// end frees it. It tells those who wait as soon as both families are known, or RFC 8305's resolution
// delay after the first one that has addresses; a family that is later still only reaches the cache.
// Everything is told from a task, so nobody is called back from within his own call.
#include "proxy/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "proxy/answers.h"
#include "proxy/dnsreply.h"
#include "proxy/inquire.h"
#include "proxy/peers.h"
#include "proxy/query.h"
#include "proxy/resolvers.h"
#include "proxy/search.h"
#include "proxy/setup.h"
#include "proxy/split.h"
#include "proxy/suspects.h"
#include "relay/clients.h"

#define ASK_BUCKETS   256
#define AAAA_DELAY_MS 50 /* RFC 8305, section 3: A is here, AAAA is not */
#define A_DELAY_MS    500 /* the other way round; longer, as there would be nothing to fall back to */

struct half { /* one family of a question */
	bool pending;
	enum query_status status;
	struct dnsreply reply;
};

struct question {
	struct question *next; /* in the bucket */
	struct ask *waiting;
	struct task task;
	struct timer delay;
	struct half v4, v6;
	int16_t group;
	uint32_t negative_ttl_s;
	bool told;	    /* who waits, and who still comes, gets what is there */
	struct addr source; /* whose share it is of, also when nobody waits any more */
	char name[MSG_DOMAIN_MAX];
};

static struct question *questions[ASK_BUCKETS];
static unsigned n_questions;
static struct clients askers; /* how many questions each source has */

static void ask_turn(struct ask *a);

/* ---- telling ---- */

static void unlink_ask(struct ask *a)
{
	if (!a->question)
		return;
	*(a->prev ? &a->prev->next : &a->question->waiting) = a->next;
	if (a->next)
		a->next->prev = a->prev;
	a->next = a->prev = NULL;
	a->question = NULL;
}

void ask_cancel(struct ask *a)
{
	unlink_ask(a);
	loop_task_cancel(&a->task);
	timers_cancel(&a->timer);
}

static void end(struct ask *a, const struct ask_answer *answer)
{
	ask_cancel(a);
	a->done(a, answer);
}

static void end_without(struct ask *a, enum ask_kind kind)
{
	if (kind == ASK_SILENT || kind == ASK_DOWN)
		STAT_ADD(setup_stats->dns_timeouts, 1);
	end(a, &(struct ask_answer){.kind = kind, .group = a->group});
}

/* What silence of GROUP means. */
static enum ask_kind silent(int group)
{
	return peers_node_alive() && resolvers_peer_up(group) ? ASK_SILENT : ASK_DOWN;
}

static void ask_timeout(struct timer *t)
{
	struct ask *a = container_of(t, struct ask, timer);

	a->group = a->question ? a->question->group : a->group;
	end_without(a, silent(a->group));
}

/* Later turns may know more. One "no such name" is an answer, even if the resolver will not hear of other
 * domains; but where it was silent, the name may exist. */
static void next_turn(struct ask *a, enum ask_kind kind, int group)
{
	if ((unsigned)kind > a->worst) {
		a->worst = (uint8_t)kind;
		a->group = (int16_t)group;
	}
	a->turn++;
	ask_turn(a);
}

static void ask_got(struct ask *a, enum ask_kind kind, int group, uint32_t ttl_s,
	const struct addr *addrs, size_t n)
{
	struct ask_answer answer = {.kind = kind, .group = group, .ttl_s = ttl_s, .n = n};

	if (kind != ASK_ADDRS) {
		next_turn(a, kind, group);
		return;
	}
	memcpy(answer.addrs, addrs, n * sizeof(*addrs));
	end(a, &answer);
}

/* ---- questions ---- */

static struct question **find(const char *name)
{
	uint32_t h = 5381;
	struct question **at;

	for (const char *p = name; *p; p++)
		h = h * 33 ^ (uint8_t)*p;
	at = &questions[h % ASK_BUCKETS];
	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	return at;
}

static bool is_over(const struct question *q)
{
	return !q->v4.pending && !q->v6.pending;
}

static void question_unlink(struct question *q)
{
	*find(q->name) = q->next;
	timers_cancel(&q->delay);
	loop_task_cancel(&q->task);
	if (q->source.family)
		clients_leave(&askers, &q->source);
	n_questions--;
}

/* No name in one family is none in the other. */
static enum ask_kind kind_of(const struct question *q)
{
	if (q->v4.reply.n || q->v6.reply.n)
		return ASK_ADDRS;
	if (q->v4.status == QUERY_NO_NAME || q->v6.status == QUERY_NO_NAME)
		return ASK_NO_NAME;
	if (q->v4.status == QUERY_SILENT || q->v6.status == QUERY_SILENT)
		return silent(q->group);
	if (q->v4.status == QUERY_FAILED || q->v6.status == QUERY_FAILED)
		return silent(q->group) == ASK_DOWN ? ASK_DOWN : ASK_FAILED;
	return ASK_NO_NAME;
}

static uint32_t ttl_of(const struct question *q)
{
	if (q->v4.reply.n && q->v6.reply.n)
		return MIN(q->v4.reply.ttl_s, q->v6.reply.ttl_s);
	return q->v4.reply.n ? q->v4.reply.ttl_s : q->v6.reply.ttl_s;
}

static bool is_known(const struct half *h)
{
	return h->status == QUERY_ANSWER || h->status == QUERY_NO_DATA;
}

/* What is kept is what is whole: both families answered, or the name does not exist at all. */
static void keep(const struct question *q, enum ask_kind kind)
{
	struct answers_entry e = {.ttl_s = q->negative_ttl_s};

	if (kind == ASK_ADDRS && is_known(&q->v4) && is_known(&q->v6)) {
		e.n = dnsreply_merge(&q->v4.reply, &q->v6.reply, e.addrs);
		e.ttl_s = ttl_of(q);
	} else if (kind != ASK_NO_NAME) {
		return;
	}
	answers_put(q->name, &e, loop_now());
}

static void tell(struct question *q)
{
	enum ask_kind kind = kind_of(q);
	struct addr addrs[RESOLVE_ADDRS_MAX];
	size_t n = dnsreply_merge(&q->v4.reply, &q->v6.reply, addrs);
	uint32_t ttl_s = ttl_of(q);
	int group = q->group;
	bool over = is_over(q);
	struct ask *a;

	if (over) {
		keep(q, kind);
		if (kind == ASK_ADDRS || kind == ASK_NO_NAME)
			STAT_ADD(setup_stats->dns_answered, 1);
		question_unlink(q); /* who is told may ask again */
	}
	while ((a = q->waiting)) {
		unlink_ask(a);
		ask_got(a, kind, group, ttl_s, addrs, n);
	}
	if (over)
		free(q);
}

static void question_task(struct task *t)
{
	struct question *q = container_of(t, struct question, task);

	q->told = true;
	tell(q);
}

static void question_delay(struct timer *t)
{
	loop_task(&container_of(t, struct question, delay)->task);
}

static void half_done(struct question *q, struct half *h, int family, enum query_status status,
	const uint8_t *reply, size_t len)
{
	h->pending = false;
	h->status = status;
	if (status == QUERY_ANSWER && dnsreply_addresses(reply, len, family, &h->reply) < 0)
		h->status = QUERY_FAILED;
	if (status == QUERY_NO_NAME && reply)
		q->negative_ttl_s = dnsreply_negative_ttl(reply, len);
	if (status == QUERY_CANCELLED)
		return; /* ask_forget() knows */
	if (is_over(q) || q->told)
		loop_task(&q->task);
	else if (h->reply.n)
		(void)timers_set(
			&q->delay, loop_now() + (family == 4 ? AAAA_DELAY_MS : A_DELAY_MS));
}

static void v4_done(void *owner, enum query_status status, const uint8_t *reply, size_t len)
{
	struct question *q = owner;

	half_done(q, &q->v4, 4, status, reply, len);
}

static void v6_done(void *owner, enum query_status status, const uint8_t *reply, size_t len)
{
	struct question *q = owner;

	half_done(q, &q->v6, 6, status, reply, len);
}

/* GROUP has somebody to ask. */
static void question_send(struct question *q, int group)
{
	q->group = (int16_t)group;
	q->v4 = q->v6 = (struct half){.pending = true};
	q->told = false;
	STAT_ADD(setup_stats->dns_asked, 1);
	query_start((size_t)group, q->name, QUERY_AAAA, v6_done, q);
	query_start((size_t)group, q->name, QUERY_A, v4_done, q);
}

static void join(struct ask *a, struct question *q)
{
	a->question = q;
	a->prev = NULL;
	a->next = q->waiting;
	if (a->next)
		a->next->prev = a;
	q->waiting = a;
	if (q->told)
		loop_task(&q->task);
}

/* NULL: at the limit, or no memory. */
static struct question *question_new(const char *name, const struct addr *client)
{
	struct question *q = NULL, **at = find(name);
	struct addr source = suspects_source(client);

	if (n_questions < ASK_QUESTIONS_MAX)
		q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	if (source.family && clients_enter(&askers, &source, ASK_QUESTIONS_SOURCE_MAX) <= 0) {
		free(q);
		return NULL;
	}
	q->source = source;
	memcpy(q->name, name, strlen(name) + 1);
	q->task.run = question_task;
	q->delay.fire = question_delay;
	q->next = *at;
	*at = q;
	n_questions++;
	return q;
}

/* ---- asks ---- */

/* 1: an answer that was kept has been told. */
static bool ask_remembered(struct ask *a, const char *name, int group)
{
	struct answers_entry e;

	if (!answers_get(name, loop_now(), &e))
		return false;
	STAT_ADD(setup_stats->dns_cache_hits, 1);
	ask_got(a, e.n ? ASK_ADDRS : ASK_NO_NAME, group, e.ttl_s, e.addrs, e.n);
	return true;
}

/* The next name of A that somebody knows of. False: there is none any more. */
static bool ask_find_turn(struct ask *a, char ret_name[MSG_DOMAIN_MAX], int *ret_group)
{
	const struct search *s = &setup_now()->search;

	for (; a->turn < SEARCH_TURNS(s); a->turn++) {
		if (!search_name(s, &a->name, a->turn, ret_name))
			continue;
		*ret_group = resolvers_group(ret_name);
		if (*ret_group >= 0)
			return true;
		if (*ret_group == SPLIT_NONE)
			a->worst = MAX(a->worst, (uint8_t)ASK_NO_NAME);
		a->group = a->worst ? a->group : (int16_t)*ret_group;
	}
	return false;
}

static void ask_turn(struct ask *a)
{
	char name[MSG_DOMAIN_MAX];
	struct question *q;
	int group;

	if (!ask_find_turn(a, name, &group)) {
		end_without(a,
			a->worst			   ? (enum ask_kind)a->worst
				: a->group == SPLIT_NOBODY ? ASK_NO_SERVER
							   : ASK_NO_NAME);
		return;
	}
	if (ask_remembered(a, name, group))
		return;
	q = *find(name);
	if (q) {
		join(a, q);
		return;
	}
	q = question_new(name, &a->source);
	if (!q) {
		STAT_ADD(setup_stats->dns_limit, 1);
		end_without(a, ASK_LIMIT);
		return;
	}
	join(a, q);
	question_send(q, group);
}

static void ask_task(struct task *t)
{
	ask_turn(container_of(t, struct ask, task));
}

void ask_start(struct ask *a, const struct resolve_result *r)
{
	a->name = *r;
	a->turn = 0;
	a->worst = ASK_ADDRS;
	a->group = 0;
	a->task.run = ask_task;
	a->timer.fire = ask_timeout;
	a->question = NULL;
	/* without memory for a deadline it still ends with its questions */
	(void)timers_set(&a->timer, loop_now() + ASK_TIME_MS);
	loop_task(&a->task);
}

/* ---- what changes ---- */

static void question_again(struct question *q)
{
	int group = resolvers_group(q->name);

	if (group >= 0) {
		question_send(q, group);
		return;
	}
	q->v4.status = q->v6.status = QUERY_FAILED;
	loop_task(&q->task);
}

/* All queries were cancelled: questions that somebody waits for are asked anew. */
static void ask_again(void)
{
	for (size_t i = 0; i < ASK_BUCKETS; i++) {
		struct question *next;

		for (struct question *q = questions[i]; q; q = next) {
			next = q->next;
			timers_cancel(&q->delay);
			loop_task_cancel(&q->task);
			if (q->waiting) {
				question_again(q);
			} else {
				question_unlink(q);
				free(q);
			}
		}
	}
}

int ask_open(bool split)
{
	return resolvers_open(split);
}

void ask_configured(void)
{
	if (resolvers_configured())
		ask_forget();
}

void ask_forget(void)
{
	answers_flush();
	query_forget();
	ask_again();
	inquire_again();
}

const char *ask_why(const struct ask_answer *answer, char *buf)
{
	static const char *const texts[] = {
		[ASK_ADDRS] = "knows the name",
		[ASK_NO_NAME] = "knows no such name",
		[ASK_FAILED] = "gave no answer (it failed, refused, or is not running)",
		[ASK_SILENT] = "did not answer in time",
		[ASK_DOWN] = "could not be reached: no peer on the way to it is up",
		[ASK_LIMIT] = "has too many questions open already",
	};
	const struct addr *servers;
	size_t n_servers = resolvers_servers(answer->group, &servers);
	char text[ADDR_TEXT_MAX];
	int n;

	if (answer->kind == ASK_NO_SERVER) {
		snprintf(buf, ASK_WHY_MAX,
			"Nothing here knows the name, and the tailnet has no resolver that it "
			"routes to be asked (DNS, dns-server).");
		return buf;
	}
	n = snprintf(buf, ASK_WHY_MAX, "The tailnet's %s", n_servers ? "resolver" : "netmap");
	for (size_t i = 0; i < n_servers && n < ASK_WHY_MAX / 2; i++)
		n += snprintf(buf + n, ASK_WHY_MAX - (size_t)n, "%s %s", i ? "," : "",
			addr_format(&servers[i], text));
	snprintf(buf + n, ASK_WHY_MAX - (size_t)n, " %s.", texts[answer->kind]);
	return buf;
}
