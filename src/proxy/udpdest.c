// SPDX-License-Identifier: MIT
// Where the datagrams of a UDP association may go, and who may answer.
//
// An address is judged when it is first used, and again after every change of the configuration. A name
// that only the tailnet's resolver knows is asked for once; its datagrams wait, a few of them, and go
// when the answer is there. Then the name stays at the address that was chosen, since all datagrams of
// a flow must go to the same one: also when it is asked for again, if the new answer still has it.
#include "proxy/udpdest.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "proxy/ask.h"
#include "proxy/setup.h"

struct waiting {
	struct waiting *next;
	uint16_t port;
	size_t len;
	uint8_t payload[];
};

struct udpname {
	struct udpdest *dest;
	struct udpname *next;
	struct ask ask;
	bool asking;
	struct addr addr;    /* family 0: none yet */
	uint32_t generation; /* of the configuration that was asked under */
	uint64_t until_ms;
	struct waiting *first, **last;
	char name[MSG_DOMAIN_MAX];
};

static bool may_reach(const struct hostport *to)
{
	uint32_t peer;

	return policy_check_port(&setup_now()->policy, to, true, &peer) == POLICY_OK;
}

/* Judged before under the present configuration? */
static bool is_known(struct udpdest *d, const struct hostport *to)
{
	struct dest *k = destset_find(&d->known, to);

	if (!k || k->judged != setup_now()->generation)
		return false;
	destset_use(&d->known, k);
	return true;
}

static void remember(struct udpdest *d, const struct hostport *to)
{
	struct dest *k = destset_find(&d->known, to);

	if (k)
		destset_use(&d->known, k);
	else
		k = destset_add(&d->known, to);
	if (k)
		k->judged = setup_now()->generation;
}

static int judge_address(struct udpdest *d, const struct hostport *to)
{
	if (is_known(d, to))
		return UDPDEST_GO;
	if (!may_reach(to))
		return PROXY_UDP_POLICY;
	remember(d, to);
	return UDPDEST_GO;
}

/* ---- names that the resolver is asked for ---- */

static void drop_waiting(struct udpname *n, int why)
{
	unsigned count = 0;

	while (n->first) {
		struct waiting *w = n->first;

		n->first = w->next;
		n->dest->waiting_bytes -= w->len;
		n->dest->n_waiting--;
		free(w);
		count++;
	}
	n->last = &n->first;
	if (count && why >= 0)
		n->dest->drop(n->dest, (enum proxy_udp_drop)why, count);
}

static void name_free(struct udpname *n)
{
	drop_waiting(n, -1);
	ask_cancel(&n->ask);
	n->dest->n_names--;
	free(n);
}

static void unlink_name(struct udpname *n)
{
	struct udpname **p = &n->dest->names;

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
}

static int result_of(enum ask_kind kind)
{
	switch (kind) {
	case ASK_DOWN:
		return PROXY_UDP_DOWN;
	case ASK_LIMIT:
		return PROXY_UDP_FULL;
	default:
		return PROXY_UDP_NO_NAME;
	}
}

/* The address that the name is at already, or the first one that may be reached. */
static bool choose(struct udpname *n, const struct ask_answer *a)
{
	const struct addr *first = NULL;

	for (size_t i = 0; i < a->n; i++) {
		struct hostport any = {
			.addr = a->addrs[i]}; /* a name may be used with several ports */

		if (!may_reach(&any))
			continue;
		if (addr_equal(&a->addrs[i], &n->addr))
			return true;
		if (!first)
			first = &a->addrs[i];
	}
	if (first)
		n->addr = *first;
	return first;
}

static void send_waiting(struct udpname *n)
{
	struct udpdest *d = n->dest;

	while (n->first) {
		struct waiting *w = n->first;
		struct hostport to = {.addr = n->addr, .port = w->port};

		n->first = w->next;
		d->waiting_bytes -= w->len;
		d->n_waiting--;
		remember(d, &to);
		d->go(d, &to, w->payload, w->len);
		free(w);
	}
	n->last = &n->first;
}

static void answered(struct ask *a, const struct ask_answer *answer)
{
	struct udpname *n = container_of(a, struct udpname, ask);
	bool good = answer->kind == ASK_ADDRS && choose(n, answer);

	n->asking = false;
	if (good) {
		n->until_ms =
			loop_now() + MAX(answer->ttl_s, (uint32_t)UDPDEST_KEEP_MIN_S) * 1000ull;
		send_waiting(n);
		return;
	}
	drop_waiting(n, answer->kind == ASK_ADDRS ? PROXY_UDP_POLICY : result_of(answer->kind));
	unlink_name(n);
	name_free(n);
}

static int wait(struct udpname *n, uint16_t port, const void *payload, size_t len)
{
	struct udpdest *d = n->dest;
	struct waiting *w;

	if (d->n_waiting == UDPDEST_WAITING_MAX || d->waiting_bytes + len > UDPDEST_WAITING_BYTES)
		return PROXY_UDP_FULL;
	w = malloc(sizeof(*w) + len);
	if (!w)
		return PROXY_UDP_FULL;
	w->next = NULL;
	w->port = port;
	w->len = len;
	if (len)
		memcpy(w->payload, payload, len);
	*n->last = w;
	n->last = &w->next;
	d->n_waiting++;
	d->waiting_bytes += len;
	return UDPDEST_WAITS;
}

/* Makes room: of those that ask nobody the one that was used longest ago goes. False: all of them ask. */
static bool make_room(struct udpdest *d)
{
	struct udpname *oldest = NULL;

	for (struct udpname *n = d->names; n; n = n->next)
		if (!n->asking)
			oldest = n;
	if (!oldest)
		return false;
	unlink_name(oldest);
	name_free(oldest);
	return true;
}

/* The entry of NAME as the first one. NULL: no room, no memory. */
static struct udpname *name_get(struct udpdest *d, const char *name)
{
	struct udpname *n = d->names;

	while (n && strcmp(n->name, name))
		n = n->next;
	if (n) {
		unlink_name(n);
	} else {
		if (d->n_names == UDPDEST_NAMES_MAX && !make_room(d))
			return NULL;
		n = calloc(1, sizeof(*n));
		if (!n)
			return NULL;
		n->dest = d;
		n->last = &n->first;
		n->ask.done = answered;
		n->ask.source = d->client;
		memcpy(n->name, name, sizeof(n->name));
		d->n_names++;
	}
	n->next = d->names;
	d->names = n;
	return n;
}

static int ask_for(struct udpdest *d, const struct resolve_result *r, uint16_t port,
	const void *payload, size_t len, struct hostport *ret)
{
	struct udpname *n = name_get(d, r->name);
	int result;

	if (!n)
		return PROXY_UDP_FULL;
	if (!n->asking && n->addr.family && n->generation == setup_now()->generation &&
		loop_now() < n->until_ms) {
		ret->addr = n->addr;
		return judge_address(d, ret);
	}
	result = wait(n, port, payload, len);
	if (result != UDPDEST_WAITS || n->asking)
		return result;
	n->asking = true;
	n->generation = setup_now()->generation;
	ask_start(&n->ask, r);
	return result;
}

/* ---- */

int udpdest_judge(struct udpdest *d, const struct socksudp *h, const void *payload, size_t len,
	struct hostport *ret)
{
	struct resolve_result r;
	int result = PROXY_UDP_POLICY;

	*ret = (struct hostport){.addr = h->addr, .port = h->port};
	if (h->addr.family)
		return judge_address(d, ret);
	resolve_text(&setup_now()->names, h->name, h->name_len, &r);
	switch (r.kind) {
	case RESOLVE_BAD:
		return PROXY_UDP_MALFORMED;
	case RESOLVE_FOREIGN:
		return PROXY_UDP_POLICY;
	case RESOLVE_NONE:
		return PROXY_UDP_NO_NAME;
	case RESOLVE_ASK:
		return ask_for(d, &r, h->port, payload, len, ret);
	case RESOLVE_ADDRS:
		break;
	}
	for (size_t i = 0; i < r.n && result != UDPDEST_GO; i++) {
		ret->addr = r.addrs[i];
		result = judge_address(d, ret);
	}
	return result;
}

bool udpdest_may_answer(struct udpdest *d, const struct hostport *from)
{
	struct dest *k = destset_find(&d->known, from);

	if (!k)
		return false;
	if (k->judged == setup_now()->generation)
		return true;
	if (!may_reach(from))
		return false;
	k->judged = setup_now()->generation;
	return true;
}

void udpdest_free(struct udpdest *d)
{
	while (d->names) {
		struct udpname *n = d->names;

		d->names = n->next;
		name_free(n);
	}
	destset_free(&d->known);
}
