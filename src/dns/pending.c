// SPDX-License-Identifier: MIT
// Questions that a tailnet has been asked, and the clients that wait for the answers.
//
// The same question of several clients is asked once. A client waits PENDING_WAIT_MS, then gets SERVFAIL;
// its question goes on for a while, since the client will ask again and a late answer is then there. A
// waiter keeps its query as it came: its answer is made by the same way as an immediate one, only with
// what was found. All deadlines are the same distance away, so both lists are in their order by nature.
#include "dns/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "dns/cookie.h"
#include "dns/link.h"
#include "dns/server.h"

struct question {
	struct question *next; /* in the bucket */
	struct question *after, *before;
	struct link *link;
	struct waiter *waiters;
	uint64_t end_ms;
	uint32_t id;	      /* slot and generation */
	struct cache_key key; /* .name points to .name below */
	uint8_t name[];
};

static const struct found failed = {.kind = RESOLVE_FAILED};

/* ---- waiters ---- */

static uint16_t load_of(const struct server *s, const struct addr *client)
{
	size_t len = client->family == 4 ? 4 : 8;

	return (uint16_t)(cookie_siphash(s->cache.secret, client->bytes, len) %
		PENDING_QUESTIONS_MAX);
}

static void waiter_unlink(struct server *s, struct waiter *w)
{
	struct pending *p = &s->pending;
	struct waiter **at = &w->question->waiters;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	*(w->before ? &w->before->after : &p->first) = w->after;
	*(w->after ? &w->after->before : &p->last) = w->before;
	p->n_waiters--;
	p->load[w->load]--;
}

static int waiter_new(struct server *s, struct question *q, const struct asker *a,
	const uint8_t *query, size_t len)
{
	struct pending *p = &s->pending;
	uint16_t load = load_of(s, &a->client);
	struct waiter *w = NULL;

	if (p->n_waiters >= PENDING_WAITERS_MAX || p->load[load] >= PENDING_CLIENT_MAX)
		return -EBUSY;
	w = malloc(sizeof(*w) + len);
	if (!w)
		return -ENOMEM;
	*w = (struct waiter){.next = q->waiters,
		.before = p->last,
		.question = q,
		.deadline_ms = clock_now_ms() + PENDING_WAIT_MS,
		.client = a->client,
		.asked = a->asked,
		.listener = a->listener,
		.conn = a->conn,
		.from_len = a->from_len,
		.load = load,
		.len = (uint16_t)len};
	if (a->from)
		memcpy(&w->from, a->from, a->from_len);
	memcpy(w->query, query, len);
	q->waiters = w;
	*(p->last ? &p->last->after : &p->first) = w;
	p->last = w;
	p->n_waiters++;
	p->load[load]++;
	return 0;
}

static void waiter_end(struct server *s, struct waiter *w, const struct found *f)
{
	const struct link *l = w->question->link;
	struct cache_key k = w->question->key;
	uint8_t name[NAME_WIRE_MAX]; /* the question may end before the answer is out */

	memcpy(name, k.name, k.len);
	k.name = name;
	waiter_unlink(s, w);
	server_reply(s, w, l, &k, f);
	free(w);
}

/* ---- questions ---- */

static void question_unlink(struct server *s, struct question *q)
{
	struct pending *p = &s->pending;
	struct question **at = &p->buckets[q->key.hash % PENDING_QUESTIONS_MAX];

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	*(q->before ? &q->before->after : &p->first_question) = q->after;
	*(q->after ? &q->after->before : &p->last_question) = q->before;
	p->slots[q->id % PENDING_QUESTIONS_MAX] = NULL;
	p->n_questions--;
	q->link->pending--;
}

/* Tells all who wait, and ends it. */
static void question_end(struct server *s, struct question *q, const struct found *f)
{
	question_unlink(s, q);
	while (q->waiters)
		waiter_end(s, q->waiters, f);
	free(q);
}

static struct question *question_find(
	const struct pending *p, const struct link *l, const struct cache_key *k)
{
	struct question *q = p->buckets[k->hash % PENDING_QUESTIONS_MAX];

	while (q &&
		(q->link != l || q->key.hash != k->hash || q->key.type != k->type ||
			q->key.len != k->len || memcmp(q->name, k->name, k->len) != 0))
		q = q->next;
	return q;
}

static int question_send(struct question *q, unsigned apex)
{
	struct resolve_question m = {
		.id = q->id, .type = q->key.type, .suffix = (uint8_t)apex, .name_len = q->key.len};

	memcpy(m.name, q->name, q->key.len);
	return link_send(q->link, &m);
}

/* 0, -EBUSY, -ENOMEM, or what link_send() says. */
static int question_new(struct server *s, struct link *l, const struct cache_key *k, unsigned apex,
	struct question **ret)
{
	struct pending *p = &s->pending;
	struct question *q, **at = &p->buckets[k->hash % PENDING_QUESTIONS_MAX];
	unsigned slot = p->next_slot;
	int r;

	if (p->n_questions >= PENDING_QUESTIONS_MAX || l->pending >= PENDING_LINK_MAX)
		return -EBUSY;
	while (p->slots[slot])
		slot = (slot + 1) % PENDING_QUESTIONS_MAX;
	q = malloc(sizeof(*q) + k->len);
	if (!q)
		return -ENOMEM;
	*q = (struct question){.before = p->last_question,
		.next = *at,
		.link = l,
		.end_ms = clock_now_ms() + PENDING_KEEP_MS,
		.id = ++p->generation * PENDING_QUESTIONS_MAX + slot,
		.key = *k};
	memcpy(q->name, k->name, k->len);
	q->key.name = q->name;
	r = question_send(q, apex);
	if (r < 0) {
		free(q);
		return r;
	}
	*at = q;
	*(p->last_question ? &p->last_question->after : &p->first_question) = q;
	p->last_question = q;
	p->slots[slot] = q;
	p->next_slot = (slot + 1) % PENDING_QUESTIONS_MAX;
	p->n_questions++;
	l->pending++;
	if (l->stats)
		STAT_ADD(l->stats->asked, 1);
	*ret = q;
	return 0;
}

int pending_ask(struct server *s, struct link *l, const struct cache_key *k, unsigned apex,
	const struct asker *a, const uint8_t *query, size_t len)
{
	struct question *q = question_find(&s->pending, l, k);
	int r = 0;

	if (l->fd < 0)
		return -ENOTCONN;
	if (s->pending.load[load_of(s, &a->client)] >= PENDING_CLIENT_MAX)
		return -EBUSY; /* nothing is asked on its behalf */
	if (!q)
		r = question_new(s, l, k, apex, &q);
	return r < 0 ? r : waiter_new(s, q, a, query, len);
}

void pending_answer(struct server *s, struct link *l, const struct resolve_answer *m)
{
	struct question *q = s->pending.slots[m->id % PENDING_QUESTIONS_MAX];
	struct found f = {.data = m->data,
		.ttl_s = m->ttl_s,
		.n = m->n,
		.len = m->len,
		.kind = m->kind,
		.relative = m->relative};

	if (!q || q->id != m->id || q->link != l)
		return; /* too late */
	server_count_answer(l, m);
	cache_put(&s->cache, &q->key, &f, clock_now_ms());
	question_end(s, q, &f);
}

void pending_fail(struct server *s, struct link *l)
{
	struct question *after;

	for (struct question *q = s->pending.first_question; q && l->pending; q = after) {
		after = q->after;
		if (q->link == l)
			question_end(s, q, &failed);
	}
}

void pending_leave(struct server *s, const struct listener *l, const struct tcp_conn *c)
{
	struct waiter *after;

	for (struct waiter *w = s->pending.first; w; w = after) {
		after = w->after;
		if (w->listener != l || w->conn != c)
			continue;
		waiter_unlink(s, w);
		free(w);
	}
}

int pending_expire(struct server *s, uint64_t now_ms)
{
	struct pending *p = &s->pending;
	uint64_t next = UINT64_MAX;

	while (p->first && p->first->deadline_ms <= now_ms) {
		cache_put(&s->cache, &p->first->question->key, &failed, now_ms);
		server_count_timeout(p->first->question->link);
		waiter_end(s, p->first, &failed);
	}
	while (p->first_question && p->first_question->end_ms <= now_ms)
		question_end(s, p->first_question, &failed);
	if (p->first)
		next = p->first->deadline_ms;
	if (p->first_question)
		next = MIN(next, p->first_question->end_ms);
	return next == UINT64_MAX ? -1 : (int)(next - now_ms);
}
