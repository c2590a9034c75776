// SPDX-License-Identifier: MIT
// One question from its bytes to the bytes of its answer: at once where the zones or the cache know, later
// where the tailnet has to be asked.
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "dns/answer.h"
#include "dns/server.h"

static const struct found failed = {.kind = RESOLVE_FAILED};

static void context_of(struct server *s, const struct addr *client, const struct addr *asked,
	bool stream, struct answer_context *ret)
{
	*ret = (struct answer_context){
		.zones = s->zones,
		.client = *client,
		.server = *asked,
		.now_s = (uint32_t)time(NULL),
		.stream = stream,
		.secret = s->secret,
	};
}

static void key_of(const struct server *s, const struct answer *a, struct cache_key *ret)
{
	*ret = (struct cache_key){
		.name = a->q.name.wire,
		.len = a->q.name.len,
		.link = a->d.zone->link->id,
		.type = a->d.probe ? DNS_A : a->q.type,
	};
	ret->hash = cache_hash(&s->cache, ret);
}

static void apply(struct answer *a, const struct found *f)
{
	struct dns_zone_stats *stats = a->d.zone->stats;
	unsigned unrouted;

	decide_found(&a->d, &a->q, f, &unrouted);
	if (stats && unrouted)
		STAT_ADD(stats->unrouted, unrouted);
}

/* True if the tailnet has been asked: the answer comes later. Else it is in A, with FOUND as its memory. */
static bool ask(struct server *s, struct answer *a, const uint8_t *p, size_t len,
	const struct asker *asker, struct found *found)
{
	const struct zone *z = a->d.zone;
	unsigned apex = a->d.what == DECIDE_PTR ? RESOLVE_REVERSE : a->d.apex;
	struct dns_zone_stats none, *stats = z->stats ?: &none;
	struct cache_key k;
	int r;

	key_of(s, a, &k);
	if (cache_get(&s->cache, &k, clock_now_ms(), found)) {
		STAT_ADD(stats->cache_hits, 1);
		apply(a, found);
		return false;
	}
	r = pending_ask(s, z->link, &k, apex, asker, p, len);
	if (r == 0)
		return true;
	STAT_ADD(*(r == -ENOTCONN ? &stats->down : &stats->full), 1);
	apply(a, &failed);
	return false;
}

static size_t finish(struct server *s, struct answer *a, const uint8_t *p, uint8_t *out)
{
	size_t n = answer_end(a, p, out);
	unsigned rcode = MIN((unsigned)a->d.rcode, 15u);

	STAT_ADD(*(a->c->stream ? &s->stats->all.queries_tcp : &s->stats->all.queries_udp), 1);
	STAT_ADD(s->stats->all.rcodes[rcode], 1);
	if (a->d.zone && a->d.zone->stats)
		STAT_ADD(a->d.zone->stats->rcodes[rcode], 1);
	return n;
}

int server_answer(
	struct server *s, const uint8_t *p, size_t len, const struct asker *asker, uint8_t *out)
{
	struct answer_context c;
	struct answer a;
	struct found found;

	context_of(s, &asker->client, &asker->asked, asker->conn != NULL, &c);
	if (answer_begin(&a, &c, p, len) < 0) {
		STAT_ADD(s->stats->all.dropped, 1);
		return 0;
	}
	if (a.d.ask && ask(s, &a, p, len, asker, &found))
		return SERVER_LATER;
	return (int)finish(s, &a, p, out);
}

/* ---- later ---- */

static void send_later(struct server *s, const struct waiter *w, uint8_t *out, size_t len)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = {0};
	struct iovec iov = {out, len};
	struct msghdr m = {.msg_name = (void *)&w->from,
		.msg_namelen = w->from_len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes};
	struct cmsghdr *h = &control.align;

	if (w->asked.family == 4) {
		struct in_pktinfo info = {0};

		memcpy(&info.ipi_spec_dst, w->asked.bytes, 4);
		h->cmsg_level = IPPROTO_IP;
		h->cmsg_type = IP_PKTINFO;
		h->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(h), &info, sizeof(info));
		m.msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = {0};

		memcpy(&info.ipi6_addr, w->asked.bytes, 16);
		h->cmsg_level = IPPROTO_IPV6;
		h->cmsg_type = IPV6_PKTINFO;
		h->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(h), &info, sizeof(info));
		m.msg_controllen = CMSG_SPACE(sizeof(info));
	}
	if (sendmsg(w->listener->udp_fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		STAT_ADD(s->stats->all.dropped, 1);
}

/* Is this, with the zones as they are now, still what L was asked? */
static bool is_same(const struct server *s, const struct answer *a, const struct link *l,
	const struct cache_key *k)
{
	struct cache_key now;

	if (!a->d.ask || a->d.zone->link != l)
		return false;
	key_of(s, a, &now);
	return now.hash == k->hash && now.type == k->type && now.len == k->len;
}

void server_reply(struct server *s, const struct waiter *w, const struct link *l,
	const struct cache_key *k, const struct found *f)
{
	static uint8_t out[PACKET_TCP_MAX];
	struct answer_context c;
	struct answer a;
	size_t n;

	context_of(s, &w->client, &w->asked, w->conn != NULL, &c);
	if (answer_begin(&a, &c, w->query, w->len) < 0)
		return;
	if (a.d.ask)
		apply(&a, is_same(s, &a, l, k) ? f : &failed);
	n = finish(s, &a, w->query, out);
	if (w->conn)
		tcp_reply(w->conn, out, n);
	else
		send_later(s, w, out, n);
}

/* ---- counters ---- */

void server_count_answer(const struct link *l, const struct resolve_answer *m)
{
	if (!l->stats)
		return;
	STAT_ADD(l->stats->answered, m->kind != RESOLVE_FAILED);
	STAT_ADD(l->stats->unrouted, m->unrouted);
}

void server_count_timeout(const struct link *l)
{
	if (l->stats)
		STAT_ADD(l->stats->timeouts, 1);
}
