// SPDX-License-Identifier: MIT
// One DNS message in, one out: parse, decide, build. Pure.
#include "dns/answer.h"

#include <string.h>

#include "common/cleanup.h"
#include "dns/decide.h"
#include "dns/packet.h"

#define SOA_REFRESH_S 3600
#define SOA_RETRY_S   600
#define SOA_EXPIRE_S  86400
#define DATA_MAX      600 /* two names and five numbers */

static const uint8_t label_ns[] = "\2ns";
static const uint8_t label_mail[] = "\12hostmaster";

static size_t put_bytes(uint8_t *p, size_t at, const void *data, size_t len)
{
	memcpy(p + at, data, len);
	return at + len;
}

static size_t put_u32(uint8_t *p, size_t at, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		p[at++] = (uint8_t)(v >> shift);
	return at;
}

static bool is_reverse(const struct answer *a)
{
	return a->d.target.len != 0;
}

/* Where the zone's apex stands in the message. A reverse name is a zone of its own: nobody gave us
 * the ones above it. */
static size_t apex_offset(const struct answer *a)
{
	return PACKET_HEADER + (is_reverse(a) ? 0u : a->q.name.at[a->d.apex]);
}

/* LABEL under the zone's name: by pointer, but for reverse names, whose server is under the suffix. */
static size_t put_under_apex(
	const struct answer *a, uint8_t *p, size_t at, const uint8_t *label, size_t len)
{
	unsigned pointer = 0xc000u | (unsigned)apex_offset(a);
	uint8_t bytes[2] = {(uint8_t)(pointer >> 8), (uint8_t)pointer};

	/* under a suffix that leaves no room for a label, the apex itself */
	if (a->d.suffix->len + len <= NAME_WIRE_MAX)
		at = put_bytes(p, at, label, len);
	if (is_reverse(a))
		return put_bytes(p, at, a->d.suffix->wire, a->d.suffix->len);
	return put_bytes(p, at, bytes, sizeof(bytes));
}

/* RFC 2308 5: the TTL of a negative answer is that of its SOA. */
static void answer_soa(struct answer *a, int section, uint32_t ttl)
{
	uint8_t data[DATA_MAX];
	size_t n = put_under_apex(a, data, 0, label_ns, sizeof(label_ns) - 1);

	n = put_under_apex(a, data, n, label_mail, sizeof(label_mail) - 1);
	n = put_u32(data, n, a->c->zones->serial);
	n = put_u32(data, n, SOA_REFRESH_S);
	n = put_u32(data, n, SOA_RETRY_S);
	n = put_u32(data, n, SOA_EXPIRE_S);
	n = put_u32(data, n, ANSWER_NEGATIVE_TTL_S);
	packet_record(&a->w, section, apex_offset(a), DNS_SOA, ttl, data, n);
}

static void answer_addr(struct answer *a, const struct addr *addr)
{
	uint8_t family = a->q.type == DNS_A ? 4 : 6;

	if (addr->family == family)
		packet_record(&a->w, WRITER_ANSWER, PACKET_HEADER, a->q.type, ANSWER_TTL_S,
			addr->bytes, addr_len(addr));
}

/* The tailnet's own records, under the name that was asked. */
static void answer_found(struct answer *a)
{
	const struct found *f = a->d.found;
	const struct dns_name *suffix = a->d.suffix;
	uint32_t ttl = MIN(f->ttl_s, (uint32_t)CACHE_TTL_MAX_S);
	uint8_t name[2 * NAME_WIRE_MAX];

	for (size_t at = 0, len; at < f->len; at += 2 + len) {
		const uint8_t *data = f->data + at + 2;
		size_t n;

		len = n = (size_t)f->data[at] << 8 | f->data[at + 1];
		if (!decide_may_tell(&a->d, a->q.type, data, n))
			continue;
		if (f->relative && n && n - 1 + suffix->len <= NAME_WIRE_MAX) {
			memcpy(name, data, n - 1);
			memcpy(name + n - 1, suffix->wire, suffix->len);
			n += suffix->len - 1u;
			data = name;
		}
		packet_record(&a->w, WRITER_ANSWER, PACKET_HEADER, a->q.type, ttl, data, n);
	}
}

static void answer_records(struct answer *a)
{
	static const uint8_t rfc8482[] = "\7RFC8482"; /* and an empty string: the final zero byte */
	const struct decision *d = &a->d;
	uint8_t data[NAME_WIRE_MAX + 8];
	size_t n;

	switch (d->what) {
	case DECIDE_NONE:
		break;
	case DECIDE_ADDRS:
		answer_addr(a, &d->addr);
		for (size_t i = 0; i < d->n_hosts; i++)
			answer_addr(a, &d->hosts[i].addr);
		break;
	case DECIDE_SOA:
		answer_soa(a, WRITER_ANSWER, ANSWER_TTL_S);
		break;
	case DECIDE_NS:
		n = put_under_apex(a, data, 0, label_ns, sizeof(label_ns) - 1);
		packet_record(&a->w, WRITER_ANSWER, PACKET_HEADER, DNS_NS, ANSWER_TTL_S, data, n);
		break;
	case DECIDE_HINFO:
		packet_record(&a->w, WRITER_ANSWER, PACKET_HEADER, DNS_HINFO, ANSWER_TTL_S, rfc8482,
			sizeof(rfc8482));
		break;
	case DECIDE_FOUND:
		answer_found(a);
		break;
	case DECIDE_PTR:
		packet_record(&a->w, WRITER_ANSWER, PACKET_HEADER, DNS_PTR, ANSWER_TTL_S,
			d->target.wire, d->target.len);
		break;
	}
	if (d->negative)
		answer_soa(a, WRITER_AUTHORITY,
			d->found ? MIN(d->found->ttl_s, (uint32_t)ANSWER_NEGATIVE_TTL_S)
				 : ANSWER_NEGATIVE_TTL_S);
}

static size_t answer_limit(const struct answer_context *c, const struct dns_query *q)
{
	if (c->stream)
		return PACKET_TCP_MAX;
	return MIN((size_t)q->udp_size, (size_t)PACKET_UDP_MAX);
}

int answer_begin(struct answer *a, const struct answer_context *c, const uint8_t *p, size_t len)
{
	int r = packet_parse(p, len, &a->q);

	if (r < 0)
		return r;
	a->c = c;
	if (r)
		a->d = (struct decision){.rcode = r};
	else
		decide_query(c->zones, &a->q, &c->client, &c->server, &a->d);
	return 0;
}

size_t answer_end(struct answer *a, const uint8_t *p, uint8_t *out)
{
	const struct answer_context *c = a->c;
	uint8_t cookie[COOKIE_FULL];
	size_t cookie_len = a->q.cookie_len ? COOKIE_FULL : 0;

	packet_begin(&a->w, out, answer_limit(c, &a->q), p, &a->q);
	answer_records(a);
	if (cookie_len)
		cookie_answer(
			c->secret, a->q.cookie, a->q.cookie_len, &c->client, c->now_s, cookie);
	return packet_end(&a->w, &a->q, a->d.rcode, a->d.authoritative, cookie, cookie_len);
}

size_t answer_message(
	const struct answer_context *c, const uint8_t *p, size_t len, uint8_t *out, int *ret_rcode)
{
	struct answer a;

	if (answer_begin(&a, c, p, len) < 0)
		return 0;
	*ret_rcode = a.d.rcode;
	return answer_end(&a, p, out);
}
