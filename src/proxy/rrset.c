// SPDX-License-Identifier: MIT
// One answer of a resolver, off the wire: the RRset that was asked for, at the end of its aliases.
//
// c-ares has checked that the reply belongs to the question, no more. Aliases may stand in any order, so
// each step of the chain looks at all records; steps and records are bounded, and a pointer in a name must
// lead backwards, so that whoever writes replies cannot make us busy.
#include "proxy/rrset.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"

#define HEADER	    12
#define FIXED	    10 /* type, class, ttl, length */
#define CLASS_IN    1
#define CHAIN_MAX   16
#define RECORDS_MAX 512 /* of a reply that are looked at */
#define TTL_MAX	    0x7fffffffu

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_AAAA = 28, TYPE_NAPTR = 35 };

struct name { /* wire form, lower case */
	size_t len;
	uint8_t wire[RESOLVE_NAME_MAX];
};

struct record {
	uint16_t type, class;
	uint32_t ttl;
	const uint8_t *data;
	size_t len;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Appends the label at P to RET, as it is. */
static int take_label(const uint8_t *p, size_t len, size_t at, struct name *ret)
{
	size_t n = 1u + p[at];

	if (p[at] > 63 || at + n > len || ret->len + n > RESOLVE_NAME_MAX)
		return -EBADMSG;
	memcpy(ret->wire + ret->len, p + at, n);
	ret->len += n;
	return 0;
}

/* The name at P[AT]. Returns the offset behind it or -EBADMSG. RET may be NULL. */
static int expand(const uint8_t *p, size_t len, size_t at, struct name *ret)
{
	struct name n = {0};
	size_t start = at;
	int end = -EBADMSG;

	for (;;) {
		if (at >= len)
			return -EBADMSG;
		if ((p[at] & 0xc0) == 0xc0) {
			if (at + 2 > len)
				return -EBADMSG;
			if (end < 0)
				end = (int)at + 2;
			at = (size_t)(get16(p + at) & 0x3fff);
			if (at >= start)
				return -EBADMSG;
			start = at;
			continue;
		}
		if (take_label(p, len, at, &n) < 0)
			return -EBADMSG;
		if (!p[at])
			break;
		at += 1u + p[at];
	}
	if (ret)
		*ret = n;
	return end < 0 ? (int)at + 1 : end;
}

static void fold(struct name *n)
{
	for (size_t i = 0; i < n->len; i++)
		n->wire[i] = lower(n->wire[i]); /* lengths are below 'A' */
}

/* The record at P[AT], whose owner becomes *ret_owner. Returns the offset behind it or -EBADMSG. */
static int read_record(
	const uint8_t *p, size_t len, size_t at, struct name *ret_owner, struct record *ret)
{
	int end = expand(p, len, at, ret_owner);

	if (end < 0 || (size_t)end + FIXED > len)
		return -EBADMSG;
	fold(ret_owner);
	ret->type = get16(p + end);
	ret->class = get16(p + end + 2);
	ret->ttl = get32(p + end + 4);
	ret->len = get16(p + end + 8);
	ret->data = p + end + FIXED;
	return (size_t)end + FIXED + ret->len > len ? -EBADMSG : end + FIXED + (int)ret->len;
}

/* Where names stand in the rdata of types that may be compressed (RFC 3597, section 4): after how many
 * bytes, and how many. */
static const struct shape {
	uint8_t type, before, names;
} shapes[] = {{2, 0, 1}, {3, 0, 1}, {4, 0, 1}, {5, 0, 1}, {6, 0, 2}, {7, 0, 1}, {8, 0, 1},
	{9, 0, 1}, {12, 0, 1}, {14, 0, 2}, {15, 2, 1}, {17, 0, 2}, {18, 2, 1}, {21, 2, 1},
	{26, 2, 2}, {33, 6, 1}, {36, 2, 1}, {39, 0, 1}};

static bool shape_of(const struct record *r, struct shape *ret)
{
	size_t at = 4;

	for (size_t i = 0; i < ELEMENTSOF(shapes); i++) {
		if (shapes[i].type != r->type)
			continue;
		*ret = shapes[i];
		return true;
	}
	*ret = (struct shape){0};
	if (r->type != TYPE_NAPTR)
		return true;
	for (int i = 0; i < 3 && at < r->len;
		i++) /* RFC 3403: two numbers, three strings, a name */
		at += 1u + r->data[at];
	*ret = (struct shape){TYPE_NAPTR, (uint8_t)at, 1};
	return at < r->len && at <= UINT8_MAX;
}

/* The rdata of R, which lies in the message P, written out into RET. Its length or -EBADMSG. */
static int write_out(const uint8_t *p, const struct record *r, uint8_t ret[RESOLVE_DATA_MAX])
{
	size_t at = (size_t)(r->data - p), end = at + r->len, n;
	struct shape s;
	struct name name;

	if ((r->type == TYPE_A && r->len != 4) || (r->type == TYPE_AAAA && r->len != 16) ||
		!shape_of(r, &s) || s.before > r->len)
		return -EBADMSG;
	memcpy(ret, r->data, s.before);
	n = s.before;
	at += s.before;
	for (unsigned i = 0; i < s.names; i++) {
		int next = expand(p, end, at, &name);

		if (next < 0)
			return -EBADMSG;
		memcpy(ret + n, name.wire, name.len);
		n += name.len;
		at = (size_t)next;
	}
	/* behind its names only an SOA has more: five numbers */
	if (s.names && end - at != (r->type == TYPE_SOA ? 20 : 0))
		return -EBADMSG;
	if (n + end - at > RESOLVE_DATA_MAX)
		return -ENOSPC;
	memcpy(ret + n, p + at, end - at);
	return (int)(n + end - at);
}

static int add(const uint8_t *p, const struct record *r, struct resolve_answer *ret)
{
	uint8_t data[RESOLVE_DATA_MAX];
	int n = write_out(p, r, data);

	if (n >= 0)
		n = resolve_add(ret, data, (size_t)n);
	/* of addresses, those that fit are as good as all */
	return n == -ENOSPC && (r->type == TYPE_A || r->type == TYPE_AAAA) ? 0 : n;
}

/* What the N records at P[AT] have for OWNER: records of TYPE into RET, or an alias into *ret_alias. 1
 * an alias, 0 none, -EBADMSG, -ENOSPC. */
static int look(const uint8_t *p, size_t len, size_t at, unsigned n, const struct name *owner,
	uint16_t type, struct resolve_answer *ret, struct name *ret_alias)
{
	bool alias = false;

	for (unsigned i = 0; i < n; i++) {
		struct record r;
		struct name name;
		int next = read_record(p, len, at, &name, &r), e = 0;

		if (next < 0)
			return next;
		at = (size_t)next;
		if (r.class != CLASS_IN || name.len != owner->len ||
			memcmp(name.wire, owner->wire, name.len) != 0 ||
			(r.type != type && r.type != TYPE_CNAME))
			continue;
		ret->ttl_s = MIN(ret->ttl_s, r.ttl > TTL_MAX ? 0u : r.ttl);
		if (r.type == type) {
			e = add(p, &r, ret);
		} else {
			e = expand(p, (size_t)next, (size_t)(r.data - p), ret_alias);
			fold(ret_alias);
			alias = true;
		}
		if (e < 0)
			return e;
	}
	return alias && !ret->n;
}

int rrset_take(const uint8_t *p, size_t len, uint16_t type, struct resolve_answer *ret)
{
	struct name owner, alias = {0};
	unsigned n;
	int at, r = 1;

	ret->n = ret->len = 0;
	ret->ttl_s = TTL_MAX;
	if (len < HEADER || len > UINT16_MAX || get16(p + 4) != 1)
		return -EBADMSG;
	n = MIN((unsigned)get16(p + 6), (unsigned)RECORDS_MAX);
	at = expand(p, len, HEADER, &owner);
	if (at < 0 || (size_t)at + 4 > len)
		return -EBADMSG;
	fold(&owner);
	for (int i = 0; i < CHAIN_MAX && r > 0; i++) {
		r = look(p, len, (size_t)at + 4, n, &owner, type, ret, &alias);
		owner = alias;
	}
	return r < 0 ? r : 0;
}
