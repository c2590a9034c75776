// SPDX-License-Identifier: MIT
// One answer of a resolver, off the wire: addresses, or how long there are none.
//
// c-ares parses; only the SOA of a negative answer, which its parsers do not show in the versions that
// we build with, is looked for here, with c-ares' own reader of names.
#include "proxy/dnsreply.h"

#define CARES_NO_DEPRECATED
#include <ares.h>
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"

#define HEADER	    12
#define TYPE_SOA    6
#define CLASS_IN    1
#define RECORDS_MAX 64 /* that are looked at before an SOA */

static int result_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
		return 0;
	case ARES_ENOMEM:
		return -ENOMEM;
	default:
		return -EBADMSG;
	}
}

static void take(struct dnsreply *r, uint8_t family, const void *bytes, int ttl)
{
	struct addr a = {.family = family};
	uint32_t ttl_s = ttl > 0 ? (uint32_t)ttl : 0;

	memcpy(a.bytes, bytes, addr_len(&a));
	r->ttl_s = r->n ? MIN(r->ttl_s, ttl_s) : ttl_s;
	r->addrs[r->n++] = a;
}

int dnsreply_addresses(const uint8_t *p, size_t len, int family, struct dnsreply *ret)
{
	struct ares_addrttl v4[RESOLVE_ADDRS_MAX];
	struct ares_addr6ttl v6[RESOLVE_ADDRS_MAX];
	struct dnsreply r = {0};
	int n = RESOLVE_ADDRS_MAX, status;

	if (family == 4)
		status = ares_parse_a_reply(p, (int)len, NULL, v4, &n);
	else
		status = ares_parse_aaaa_reply(p, (int)len, NULL, v6, &n);
	for (int i = 0; status == ARES_SUCCESS && i < n; i++) {
		if (family == 4)
			take(&r, 4, &v4[i].ipaddr, v4[i].ttl);
		else
			take(&r, 6, &v6[i].ip6addr, v6[i].ttl);
	}
	if (result_of(status) == 0)
		*ret = r;
	return result_of(status);
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* What follows the name at AT; NULL: broken. */
static const uint8_t *skip_name(const uint8_t *p, size_t len, const uint8_t *at)
{
	char *name = NULL;
	long size = 0;

	if (at >= p + len || ares_expand_name(at, p, (int)len, &name, &size) != ARES_SUCCESS)
		return NULL;
	ares_free_string(name);
	return size > 0 && size <= p + len - at ? at + size : NULL;
}

/* DATA = mname, rname, serial, refresh, retry, expire, minimum (RFC 1035, section 3.3.13). */
static uint32_t soa_minimum(const uint8_t *p, size_t len, const uint8_t *data, const uint8_t *end)
{
	data = skip_name(p, len, data);
	if (data)
		data = skip_name(p, len, data);
	return data && end - data == 20 ? get32(data + 16) : 0;
}

uint32_t dnsreply_negative_ttl(const uint8_t *p, size_t len)
{
	const uint8_t *at = p + HEADER, *end = p + len;
	uint32_t records;

	if (len < HEADER || len > UINT16_MAX || get16(p + 4) > 1)
		return 0;
	if (get16(p + 4)) {
		at = skip_name(p, len, at);
		if (!at || end - at < 4)
			return 0;
		at += 4;
	}
	records = MIN(get16(p + 6) + get16(p + 8), (uint32_t)RECORDS_MAX);
	for (; records; records--) {
		uint32_t size;

		at = skip_name(p, len, at);
		if (!at || end - at < 10)
			return 0;
		size = get16(at + 8);
		if (end - at - 10 < (ptrdiff_t)size)
			return 0;
		if (get16(at) == TYPE_SOA && get16(at + 2) == CLASS_IN) {
			uint32_t minimum = soa_minimum(p, len, at + 10, at + 10 + size);

			return MIN(get32(at + 4), minimum);
		}
		at += 10 + size;
	}
	return 0;
}

size_t dnsreply_merge(
	const struct dnsreply *v4, const struct dnsreply *v6, struct addr ret[RESOLVE_ADDRS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < RESOLVE_ADDRS_MAX; i++) {
		if (i < v6->n && n < RESOLVE_ADDRS_MAX)
			ret[n++] = v6->addrs[i];
		if (i < v4->n && n < RESOLVE_ADDRS_MAX)
			ret[n++] = v4->addrs[i];
	}
	return n;
}
