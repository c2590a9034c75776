// SPDX-License-Identifier: MIT
// DNS messages: one question in, one answer out. Pure: bytes in, bytes out, no allocation.
#include "dns/packet.h"

#include <errno.h>
#include <string.h>

#define OPTION_COOKIE 10      /* RFC 7873 */
#define OPT_DO	      0x8000u /* in the low half of OPT's TTL */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* RFC 6891 6.1.2; RFC 7873 5.2.2: a cookie is 8 bytes, or 8 and a server's 8…32. */
static int packet_options(const uint8_t *p, size_t len, struct dns_query *ret)
{
	for (size_t at = 0; at < len;) {
		unsigned code, n;

		if (at + 4 > len)
			return DNS_FORMERR;
		code = get16(p + at);
		n = get16(p + at + 2);
		at += 4;
		if (at + n > len)
			return DNS_FORMERR;
		if (code == OPTION_COOKIE && !ret->cookie_len) {
			if (n != 8 && (n < 16 || n > PACKET_COOKIE_MAX))
				return DNS_FORMERR;
			memcpy(ret->cookie, p + at, n);
			ret->cookie_len = (uint8_t)n;
		}
		at += n;
	}
	return 0;
}

/* One additional record. Only OPT means anything here. Returns the offset behind it or -rcode. */
static int packet_additional(
	const uint8_t *p, size_t len, size_t at, struct dns_query *ret, int *ret_version)
{
	int end = name_skip(p, len, at);
	size_t data, n;

	if (end < 0 || (size_t)end + 10 > len)
		return -DNS_FORMERR;
	data = (size_t)end + 10;
	n = get16(p + end + 8);
	if (data + n > len)
		return -DNS_FORMERR;
	if (get16(p + end) == DNS_OPT) {
		if (ret->has_opt || p[at] != 0)
			return -DNS_FORMERR;
		ret->has_opt = true;
		ret->udp_size = get16(p + end + 2);
		*ret_version = p[end + 5];
		ret->dnssec_ok = (get16(p + end + 6) & OPT_DO) != 0;
		if (packet_options(p + data, n, ret))
			return -DNS_FORMERR;
	}
	return (int)(data + n);
}

static int packet_question(const uint8_t *p, size_t len, struct dns_query *ret)
{
	int end = name_read(p, len, PACKET_HEADER, &ret->name);

	if (end < 0 || (size_t)end + 4 > len)
		return -DNS_FORMERR;
	ret->type = get16(p + end);
	ret->class = get16(p + end + 2);
	ret->question_end = (uint16_t)(end + 4);
	ret->has_question = true;
	return end + 4;
}

int packet_parse(const uint8_t *p, size_t len, struct dns_query *ret)
{
	unsigned qd, ar;
	int at, version = 0;

	*ret = (struct dns_query){.udp_size = PACKET_UDP_MIN, .question_end = PACKET_HEADER};
	if (len < PACKET_HEADER || (p[2] & 0x80))
		return -EBADMSG;
	ret->id = get16(p);
	ret->flags = get16(p + 2);
	if (ret->flags & DNS_OPCODE)
		return DNS_NOTIMP;
	qd = get16(p + 4);
	ar = get16(p + 10);
	/* RFC 9619: exactly one question; a query has no answer and (but for IXFR) no authority */
	if (qd != 1 || get16(p + 6) != 0)
		return DNS_FORMERR;
	at = packet_question(p, len, ret);
	if (at > 0 && get16(p + 8)) /* refused by its type, whatever its serial number */
		return ret->type == DNS_IXFR ? 0 : DNS_FORMERR;
	for (unsigned i = 0; i < ar && at > 0; i++)
		at = packet_additional(p, len, (size_t)at, ret, &version);
	if (at < 0 || (size_t)at != len)
		return DNS_FORMERR;
	if (ret->type == DNS_OPT) /* RFC 6891 6.1.1: never asked for */
		return DNS_FORMERR;
	if (ret->udp_size < PACKET_UDP_MIN)
		ret->udp_size = PACKET_UDP_MIN;
	return version ? DNS_BADVERS : 0;
}

void packet_begin(struct dns_writer *w, uint8_t *p, size_t limit, const uint8_t *query,
	const struct dns_query *q)
{
	*w = (struct dns_writer){.p = p, .limit = limit};
	w->len = q->has_question ? q->question_end : PACKET_HEADER;
	w->counts[0] = q->has_question;
	memcpy(p + PACKET_HEADER, query + PACKET_HEADER, w->len - PACKET_HEADER);
	w->reserve = q->has_opt ? PACKET_OPT + (q->cookie_len ? 4 + 24 : 0) : 0;
}

void packet_record(struct dns_writer *w, int section, size_t owner, uint16_t type, uint32_t ttl,
	const uint8_t *data, size_t len)
{
	uint8_t *p = w->p + w->len;

	if (w->full || w->len + 12 + len + w->reserve > w->limit) {
		w->full = true;
		return;
	}
	put16(p, 0xc000u | (unsigned)owner);
	put16(p + 2, type);
	put16(p + 4, DNS_CLASS_IN);
	put32(p + 6, ttl);
	put16(p + 10, (unsigned)len);
	memcpy(p + 12, data, len);
	w->len += 12 + len;
	w->counts[section]++;
}

static void packet_opt(struct dns_writer *w, const struct dns_query *q, int rcode,
	const uint8_t *cookie, size_t cookie_len)
{
	uint8_t *p = w->p + w->len;

	*p = 0;
	put16(p + 1, DNS_OPT);
	put16(p + 3, PACKET_UDP_MAX);
	put32(p + 5, (uint32_t)rcode >> 4 << 24 | (q->dnssec_ok ? OPT_DO : 0));
	put16(p + 9, cookie_len ? 4u + (unsigned)cookie_len : 0);
	w->len += PACKET_OPT;
	w->counts[3]++;
	if (!cookie_len)
		return;
	put16(p + 11, OPTION_COOKIE);
	put16(p + 13, (unsigned)cookie_len);
	memcpy(p + 15, cookie, cookie_len);
	w->len += 4 + cookie_len;
}

size_t packet_end(struct dns_writer *w, const struct dns_query *q, int rcode, bool authoritative,
	const uint8_t *cookie, size_t cookie_len)
{
	unsigned flags = DNS_FLAG_QR | (q->flags & (DNS_OPCODE | DNS_FLAG_RD | DNS_FLAG_CD)) |
		((unsigned)rcode & 15);

	if (w->full) { /* RFC 2181 9: the asker comes again by TCP; a part of the truth is no use to it */
		w->len = q->has_question ? q->question_end : PACKET_HEADER;
		w->counts[1] = w->counts[2] = 0;
		flags |= DNS_FLAG_TC;
	}
	if (authoritative)
		flags |= DNS_FLAG_AA;
	if (q->has_opt)
		packet_opt(w, q, rcode, cookie, cookie_len);
	put16(w->p, q->id);
	put16(w->p + 2, flags);
	for (int i = 0; i < 4; i++)
		put16(w->p + 4 + 2 * i, w->counts[i]);
	return w->len;
}
