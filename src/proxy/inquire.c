// SPDX-License-Identifier: MIT
// One question of tsgw-dns: what this tailnet's names, or its own resolver, have for it.
//
// A name under the suffix goes through the same turns of the search list as one that a client of the
// listener uses (search.c), so that a name means one thing. Records end it. So does a name that exists
// without such records; but of addresses the two families belong together: where the other family is not
// there either, the next turn may know the name (as ask.c sees it, which waits for both).
//
// Queries cannot be taken back, so an inquiry lives until its last one has ended, wanted or not.
#include "proxy/inquire.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "proxy/ask.h"
#include "proxy/dnsreply.h"
#include "proxy/query.h"
#include "proxy/resolvers.h"
#include "proxy/rrset.h"
#include "proxy/search.h"
#include "proxy/setup.h"
#include "proxy/split.h"
#include "relay/loop.h"
#include "relay/timers.h"

#define HOST_TTL_S 60
#define TYPE_PTR   12

struct inquiry {
	struct inquiry *next, *prev;
	struct task task; /* the next turn; or, when it is over, its burial */
	struct timer timer;
	inquire_done *done; /* NULL: nobody wants it any more */
	void *owner;
	struct resolve_question q;
	struct resolve_result name;
	size_t turn;
	uint32_t ttl_s; /* of "no" */
	bool pending;	/* a query is under way */
	bool other;	/* it is the one for the other family */
	bool elsewhere; /* the name has other records: no later turn may stand in for it */
	bool exists, missing, silent;
	bool asked;
	bool nobody; /* the name is in a domain of which nobody can be asked */
};

static struct inquiry *inquiries;
static unsigned n_inquiries;
static struct resolve_answer answer; /* under construction; given out at once */

/* ---- names ---- */

/* The labels FROM … of the question's name as text. False: there is no such text. */
static bool text_of(
	const struct resolve_question *q, size_t *at, unsigned labels, char *to, size_t size)
{
	size_t n = 0;

	for (unsigned i = 0; i < labels && q->name[*at]; i++) {
		size_t len = q->name[*at];

		if (n && n + 1 < size)
			to[n++] = '.';
		for (size_t k = 0; k < len; k++) {
			char c = (char)q->name[*at + 1 + k];

			if (!c || n + 3 > size)
				return false;
			if (c == '.' || c == '\\')
				to[n++] = '\\';
			to[n++] = c;
		}
		*at += 1 + len;
	}
	to[n] = '\0';
	return true;
}

static bool name_of(const struct resolve_question *q, struct resolve_result *ret)
{
	bool reverse = q->suffix == RESOLVE_REVERSE;
	char rest[MSG_DOMAIN_MAX];
	size_t at = 0, n, m;

	*ret = (struct resolve_result){.kind = RESOLVE_ASK, .absolute = reverse};
	if (!text_of(q, &at, reverse ? UINT8_MAX : q->suffix, ret->name, sizeof(ret->name)))
		return false;
	if (reverse)
		return true;
	n = ret->relative = strlen(ret->name);
	if (!text_of(q, &at, UINT8_MAX, rest, sizeof(rest)))
		return false;
	m = strlen(rest);
	if (n + 1 + m >= sizeof(ret->name))
		return false;
	ret->name[n] = '.';
	memcpy(ret->name + n + 1, rest, m + 1);
	return true;
}

/* ---- the end ---- */

static void inquiry_unlink(struct inquiry *i)
{
	*(i->prev ? &i->prev->next : &inquiries) = i->next;
	if (i->next)
		i->next->prev = i->prev;
	timers_cancel(&i->timer);
	loop_task_cancel(&i->task);
	n_inquiries--;
	free(i);
}

static void inquiry_task(struct task *t);

/* Tells who waits. I may be gone then. */
static void inquiry_tell(struct inquiry *i, unsigned kind, uint32_t ttl_s)
{
	inquire_done *done = i->done;

	i->done = NULL;
	timers_cancel(&i->timer);
	if (!done)
		return;
	answer.id = i->q.id;
	answer.kind = (uint8_t)kind;
	answer.ttl_s = ttl_s;
	if (kind == RESOLVE_RECORDS || kind == RESOLVE_NO_SUCH)
		STAT_ADD(setup_stats->dns_answered, 1);
	done(i->owner, &answer);
}

static void answer_clear(void)
{
	memset(&answer, 0, RESOLVE_ANSWER_HEAD);
}

static void inquiry_end(struct inquiry *i, unsigned kind, uint32_t ttl_s)
{
	inquiry_tell(i, kind, ttl_s);
	if (!i->pending)
		loop_task(&i->task); /* its burial */
}

static void inquiry_timeout(struct timer *t)
{
	struct inquiry *i = container_of(t, struct inquiry, timer);

	STAT_ADD(setup_stats->dns_timeouts, 1);
	answer_clear();
	inquiry_end(i, RESOLVE_FAILED, 0);
}

/* ---- what an answer becomes ---- */

static bool is_address(const struct resolve_question *q)
{
	return q->type == QUERY_A || q->type == QUERY_AAAA;
}

/* Clients are told of no address that the listener would refuse. */
static void drop_unrouted(struct resolve_answer *a, uint8_t family)
{
	const struct policy *policy = &setup_now()->policy;
	size_t at = 0, len = a->len, size;

	a->n = a->len = 0;
	for (; at < len; at += size) {
		struct addr address = {.family = family};
		uint32_t peer;

		size = 2 + addr_len(&address);
		memcpy(address.bytes, a->data + at + 2, addr_len(&address));
		if (policy_check(policy, &address, &peer) == POLICY_OK)
			(void)resolve_add(a, address.bytes, addr_len(&address));
		else
			a->unrouted++;
	}
}

/* DOMAIN, a DNS name in lower case, in wire form. */
static size_t wire_of(const char *domain, uint8_t ret[RESOLVE_NAME_MAX])
{
	size_t n = 0;

	while (*domain) {
		size_t len = strcspn(domain, ".");

		ret[n++] = (uint8_t)len;
		memcpy(ret + n, domain, len);
		n += len;
		domain += len + (domain[len] == '.');
	}
	ret[n] = 0;
	return n + 1;
}

static bool equal_folded(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (tolower(a[i]) != b[i]) /* lengths are below 'A' */
			return false;
	return true;
}

/* TARGET less the search domain that it is in, in wire form; 0: it is in none. */
static size_t less_domain(const uint8_t *target, size_t len, uint8_t ret[RESOLVE_NAME_MAX])
{
	const struct search *s = &setup_now()->search;
	uint8_t domain[RESOLVE_NAME_MAX];

	for (size_t i = 0; i < s->n; i++) {
		size_t n = wire_of(s->domains[i], domain), at = 0;

		while (len - at > n)
			at += 1u + target[at];
		if (!at || len - at != n || !equal_folded(target + at, domain, n))
			continue;
		memcpy(ret, target, at);
		ret[at] = 0;
		return at + 1;
	}
	return 0;
}

/* The name of an address is told as clients use it: gpu1 for gpu1.corp.example, if that is the domain
 * that their names are looked for in. */
static void shorten_targets(struct resolve_answer *a)
{
	uint8_t name[RESOLVE_NAME_MAX];
	const uint8_t *target;
	size_t at = 0, len, n;

	while ((target = resolve_record(a, &at, &len))) {
		n = less_domain(target, len, name);
		if (!n)
			continue;
		a->n = a->len = 0;
		a->relative = 1;
		(void)resolve_add(a, name, n);
		return;
	}
}

/* Names of the configuration and of peers. True if it was one. */
static bool answer_known(struct inquiry *i)
{
	struct resolve_result r;
	uint8_t family = i->q.type == QUERY_A ? 4 : 6;

	if (i->q.suffix == RESOLVE_REVERSE)
		return false;
	resolve_text(&setup_now()->names, i->name.name, strlen(i->name.name), &r);
	if (r.kind != RESOLVE_ADDRS && r.kind != RESOLVE_FOREIGN)
		return false;
	answer_clear();
	for (size_t k = 0; k < r.n && is_address(&i->q) && r.kind == RESOLVE_ADDRS; k++)
		if (r.addrs[k].family == family)
			(void)resolve_add(&answer, r.addrs[k].bytes, addr_len(&r.addrs[k]));
	if (is_address(&i->q))
		drop_unrouted(&answer, family);
	inquiry_end(i, r.kind == RESOLVE_FOREIGN ? RESOLVE_NO_SUCH : RESOLVE_RECORDS, HOST_TTL_S);
	return true;
}

/* ---- turns ---- */

static void note_no(struct inquiry *i, const uint8_t *reply, size_t len)
{
	uint32_t ttl_s = reply ? dnsreply_negative_ttl(reply, len) : 0;

	i->ttl_s = MIN(i->ttl_s, ttl_s);
}

static bool has_later_turn(const struct inquiry *i)
{
	const struct search *s = &setup_now()->search;
	char name[MSG_DOMAIN_MAX];

	for (size_t turn = i->turn + 1; turn < SEARCH_TURNS(s); turn++)
		if (search_name(s, &i->name, turn, name))
			return true;
	return false;
}

/* Of the other family, while its query is under way. */
static uint16_t type_of(const struct inquiry *i)
{
	if (!i->other)
		return i->q.type;
	return i->q.type == QUERY_A ? QUERY_AAAA : QUERY_A;
}

/* The reply has records, though perhaps not such ones: 1 it ended I, 0 none, -EBADMSG and others. */
static int got_records(struct inquiry *i, const uint8_t *reply, size_t len)
{
	int r;

	answer_clear();
	r = rrset_take(reply, len, type_of(i), &answer);
	if (r < 0)
		return r;
	i->elsewhere = i->other && answer.n;
	if (!answer.n || i->other) {
		note_no(i, reply, len);
		return 0;
	}
	if (is_address(&i->q))
		drop_unrouted(&answer, i->q.type == QUERY_A ? 4 : 6);
	if (i->q.type == TYPE_PTR && i->q.suffix == RESOLVE_REVERSE)
		shorten_targets(&answer);
	inquiry_end(i, RESOLVE_RECORDS, answer.ttl_s);
	return 1;
}

/* After a turn without records: where next? */
static void next_turn(struct inquiry *i, enum query_status status)
{
	bool no_data = status == QUERY_ANSWER || status == QUERY_NO_DATA;

	i->exists |= no_data;
	i->missing |= status == QUERY_NO_NAME;
	i->silent |= status == QUERY_SILENT;
	if (no_data && !is_address(&i->q)) {
		i->elsewhere = true;
	} else if (no_data && !i->other && has_later_turn(i)) {
		i->other = true;
	} else {
		i->other = false;
		i->turn++;
	}
	loop_task(&i->task);
}

static void inquiry_got(void *owner, enum query_status status, const uint8_t *reply, size_t len)
{
	struct inquiry *i = owner;
	int r;

	i->pending = false;
	if (!i->done) {
		loop_task(&i->task);
		return;
	}
	if (status == QUERY_CANCELLED)
		return; /* inquire_again() knows */
	r = status == QUERY_ANSWER ? got_records(i, reply, len) : 0;
	if (r > 0)
		return;
	if (r < 0)
		status = QUERY_FAILED;
	if (status == QUERY_NO_NAME || status == QUERY_NO_DATA)
		note_no(i, reply, len);
	next_turn(i, status);
}

/* No turn is left. One "no such name" is an answer, even if the resolver will not hear of other domains;
 * but where it was silent, the name may exist. */
static void inquiry_over(struct inquiry *i)
{
	answer_clear();
	if (i->elsewhere || (i->exists && !i->silent && !i->nobody))
		inquiry_end(i, RESOLVE_RECORDS, i->ttl_s);
	else if (i->silent || i->nobody || (!i->missing && i->asked))
		inquiry_end(i, RESOLVE_FAILED, 0);
	else
		inquiry_end(i, RESOLVE_NO_SUCH, i->missing ? i->ttl_s : 0);
}

/* The name of the next turn that somebody knows of; false: there is none any more. */
static bool inquiry_find_turn(struct inquiry *i, char ret_name[MSG_DOMAIN_MAX], int *ret_group)
{
	const struct search *s = &setup_now()->search;

	for (; i->turn < SEARCH_TURNS(s); i->turn++, i->other = false) {
		if (!search_name(s, &i->name, i->turn, ret_name))
			continue;
		*ret_group = resolvers_group(ret_name);
		if (*ret_group >= 0)
			return true;
		if (*ret_group == SPLIT_NONE)
			note_no(i, NULL, 0);
		i->missing |= *ret_group == SPLIT_NONE;
		i->nobody |= *ret_group == SPLIT_NOBODY &&
			split_find(&setup_now()->splits, ret_name) != 0;
	}
	return false;
}

static void inquiry_turn(struct inquiry *i)
{
	char name[MSG_DOMAIN_MAX];
	int group;

	if (i->elsewhere || !inquiry_find_turn(i, name, &group)) {
		inquiry_over(i);
		return;
	}
	i->pending = i->asked = true;
	STAT_ADD(setup_stats->dns_asked, 1);
	query_start((size_t)group, name, type_of(i), inquiry_got, i);
}

static void inquiry_task(struct task *t)
{
	struct inquiry *i = container_of(t, struct inquiry, task);

	if (i->done)
		inquiry_turn(i);
	else if (!i->pending)
		inquiry_unlink(i);
}

/* ---- from outside ---- */

int inquire_start(const struct resolve_question *q, inquire_done *done, void *owner)
{
	struct inquiry *i;

	if (n_inquiries >= INQUIRE_MAX)
		return -ENOSPC;
	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	i->task.run = inquiry_task;
	i->timer.fire = inquiry_timeout;
	i->done = done;
	i->owner = owner;
	i->q = *q;
	i->ttl_s = UINT32_MAX;
	i->next = inquiries;
	if (i->next)
		i->next->prev = i;
	inquiries = i;
	n_inquiries++;
	(void)timers_set(&i->timer, loop_now() + ASK_TIME_MS);
	answer_clear();
	if (!name_of(q, &i->name))
		inquiry_end(i, RESOLVE_NO_SUCH, 0);
	else if (!answer_known(i))
		loop_task(&i->task);
	return 0;
}

void inquire_leave(void *owner)
{
	for (struct inquiry *i = inquiries; i; i = i->next) {
		if (i->owner != owner || !i->done)
			continue;
		i->done = NULL;
		timers_cancel(&i->timer);
		if (!i->pending)
			loop_task(&i->task);
	}
}

void inquire_again(void)
{
	for (struct inquiry *i = inquiries; i; i = i->next) {
		i->turn = 0;
		i->other = i->elsewhere = i->exists = i->missing = i->silent = i->nobody =
			i->asked = false;
		i->ttl_s = UINT32_MAX;
		loop_task(&i->task);
	}
}
