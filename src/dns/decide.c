// SPDX-License-Identifier: MIT
// What a question comes to: which zone, which rcode, which records. Pure.
//
// Below a suffix the tree is this, and it decides between NXDOMAIN ("neither this nor anything below")
// and NODATA ("it exists, but not so"), which RFC 8020 lets a client act upon:
//
//   fgpu                      the apex: SOA, NS
//   ns.fgpu                   ourselves, at the address that was asked
//   grafana.fgpu              [hosts]; b.fgpu exists, empty, where [hosts] has a.b
//   141.fgpu, 10.141.fgpu, …  empty as long as some routed address ends so
//   10.100.10.141.fgpu        A, if the tailnet routes the address; nothing is below it
//   10-100-10-141.fgpu        the same; fd7a--1.fgpu has AAAA
//   anything else             the tailnet's own resolver may know: .ask
//
// So it may for the empty nodes of [hosts], and for the name of an address that has none there. What a zone
// says of itself (NS, SOA, DS, …) only the apex has: others' zones are not delegated from ours.
//
// An address that no client may reach (127.0.0.1, …) does not exist, in whatever spelling.
#include "dns/decide.h"

#include <string.h>

#include "common/cleanup.h"
#include "ipc/resolve.h"

static const uint8_t arpa4[] = "\7in-addr\4arpa";
static const uint8_t arpa6[] = "\3ip6\4arpa";

/* "0" … "255" without leading zeros, or -1. */
static int octet_of(const uint8_t *label, unsigned len)
{
	int v = 0;

	if (len < 1 || len > 3 || (len > 1 && label[0] == '0'))
		return -1;
	for (unsigned i = 0; i < len; i++) {
		if (label[i] < '0' || label[i] > '9')
			return -1;
		v = v * 10 + label[i] - '0';
	}
	return v <= 255 ? v : -1;
}

/* The octets that labels FROM … TO-1 are, most significant first: false if one is none. */
static bool octets_of(const struct dns_name *n, unsigned from, unsigned to, uint32_t *ret)
{
	uint32_t v = 0;

	for (unsigned i = from; i < to; i++) {
		unsigned len;
		const uint8_t *label = name_label(n, i, &len);
		int o = octet_of(label, len);

		if (o < 0)
			return false;
		v = v << 8 | (uint32_t)o;
	}
	*ret = v;
	return true;
}

/* "10-100-10-141", "fd7a-115c--1": an address written into one label. */
static bool dashed_of(const struct dns_name *n, unsigned i, struct addr *ret)
{
	char v4[64], v6[64];
	unsigned len;
	const uint8_t *label = name_label(n, i, &len);

	for (unsigned k = 0; k < len; k++) {
		char c = (char)label[k];

		if (c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'f'))
			return false;
		v4[k] = c == '-' ? '.' : c;
		v6[k] = c == '-' ? ':' : c;
	}
	return addr_parse_n(v4, len, ret) == 0 || addr_parse_n(v6, len, ret) == 0;
}

static void say_negative(struct decision *d, int rcode)
{
	d->rcode = rcode;
	d->what = DECIDE_NONE;
	d->negative = true;
}

/* Nobody who could know can be asked. */
static void say_failed(struct decision *d)
{
	d->rcode = DNS_SERVFAIL;
	d->what = DECIDE_NONE;
	d->negative = d->authoritative = false;
}

/* The name exists and has addresses: HOSTS or ADDR. */
static void say_addresses(struct decision *d, const struct dns_query *q)
{
	uint8_t family = q->type == DNS_A ? 4 : q->type == DNS_AAAA ? 6 : 0;
	bool any = d->addr.family && d->addr.family == family;

	for (size_t i = 0; i < d->n_hosts && family; i++)
		any |= d->hosts[i].addr.family == family;
	/* an empty node sorts before the addresses of its name */
	if (any)
		d->what = DECIDE_ADDRS;
	else if (q->type == DNS_ANY && (d->addr.family || d->hosts[d->n_hosts - 1].addr.family))
		d->what = DECIDE_HINFO;
	else
		say_negative(d, DNS_NOERROR);
}

static void say_address(struct decision *d, const struct dns_query *q, const struct addr *a)
{
	if (!zone_reaches(d->zone, a)) {
		if (d->zone->unsure && !addr_is_never_proxied(a))
			say_failed(d);
		else
			say_negative(d, DNS_NXDOMAIN);
		return;
	}
	d->addr = *a;
	say_addresses(d, q);
}

static void decide_apex(struct decision *d, const struct dns_query *q)
{
	if (q->type == DNS_SOA)
		d->what = DECIDE_SOA;
	else if (q->type == DNS_NS)
		d->what = DECIDE_NS;
	else if (q->type == DNS_ANY)
		d->what = DECIDE_HINFO;
	else
		say_negative(d, DNS_NOERROR);
}

/* Names made of an address. Returns false if this is none. */
static bool decide_numeric(struct decision *d, const struct dns_query *q)
{
	const struct dns_name *n = &q->name;
	unsigned from = d->apex > 4 ? d->apex - 4 : 0;
	struct addr a;
	uint32_t v;

	if (dashed_of(n, d->apex - 1, &a)) {
		if (d->apex == 1)
			say_address(d, q, &a);
		else
			say_negative(d, DNS_NXDOMAIN);
		return true;
	}
	if (!octets_of(n, from, d->apex, &v))
		return false;
	if (d->apex == 4) {
		a = addr_v4(v);
		say_address(d, q, &a);
		return true;
	}
	if (d->apex > 4) {
		say_negative(d, DNS_NXDOMAIN);
		return true;
	}
	if (!ranges_have_low(&d->zone->routes, v, d->apex))
		return false;
	say_negative(d, DNS_NOERROR);
	return true;
}

/* What a zone says about itself, what is no data at all; and ANY, which RFC 8482 lets us say little to. */
static bool is_about_zone(uint16_t type)
{
	static const uint16_t types[] = {DNS_NS, DNS_SOA, DNS_SIG, DNS_KEY, DNS_NXT, DNS_DNAME,
		DNS_DS, DNS_RRSIG, DNS_NSEC, DNS_DNSKEY, DNS_NSEC3, DNS_NSEC3PARAM, DNS_CDS,
		DNS_CDNSKEY, DNS_CSYNC, DNS_ANY};

	for (size_t i = 0; i < ELEMENTSOF(types); i++)
		if (types[i] == type)
			return true;
	return type >= DNS_META_FIRST && type < DNS_ANY;
}

static void say_ask(struct decision *d, const struct dns_query *q)
{
	d->ask = d->zone->asks;
	d->probe = is_about_zone(q->type);
}

static void decide_under(struct decision *d, const struct dns_query *q, const struct addr *server)
{
	unsigned len;

	d->authoritative = true;
	if (d->apex == 0) {
		decide_apex(d, q);
		return;
	}
	d->hosts = zone_hosts(d->zone, &q->name, d->apex, &d->n_hosts);
	if (d->hosts) {
		say_addresses(d, q);
		/* an empty node sorts before the addresses of its name, so it is the last if alone */
		if (!d->hosts[d->n_hosts - 1].addr.family)
			say_ask(d, q);
		return;
	}
	if (decide_numeric(d, q))
		return;
	if (d->apex == 1 && !memcmp(name_label(&q->name, 0, &len), "ns", 2) && len == 2) {
		d->addr = *server;
		say_addresses(d, q);
		return;
	}
	say_ask(d, q);
	say_negative(d, DNS_NXDOMAIN);
}

/* "141.10.100.10.in-addr.arpa", 32 nibbles under ip6.arpa. */
static bool reverse_of(const struct dns_name *n, struct addr *ret)
{
	struct addr a = {0};

	if (n->labels == 6 && n->len - n->at[4] == sizeof(arpa4) &&
		!memcmp(n->wire + n->at[4], arpa4, sizeof(arpa4))) {
		uint32_t v;

		if (!octets_of(n, 0, 4, &v))
			return false;
		*ret = addr_v4(__builtin_bswap32(v));
		return true;
	}
	if (n->labels != 34 || n->len - n->at[32] != sizeof(arpa6) ||
		memcmp(n->wire + n->at[32], arpa6, sizeof(arpa6)) != 0)
		return false;
	a.family = 6;
	for (unsigned i = 0; i < 32; i++) {
		unsigned len;
		uint8_t c = *name_label(n, i, &len);
		unsigned at = 31 - i;

		if (len != 1 || !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		a.bytes[at / 2] |=
			(uint8_t)((c <= '9' ? c - '0' : c - 'a' + 10) << (at % 2 ? 0 : 4));
	}
	*ret = a;
	return true;
}

/* The name of A in Z: its line in [hosts], else the address spelled so that a URL can hold it. */
static bool name_of_addr(
	const struct zone *z, const struct addr *a, struct dns_name *ret, bool *ret_spelled)
{
	const struct dns_name *suffix = &z->suffixes[0];
	const uint8_t *head = NULL;
	size_t head_len = 0;
	struct dns_name own;
	char text[ADDR_TEXT_MAX];
	uint8_t wire[2 * NAME_WIRE_MAX];

	for (size_t i = 0; i < z->n_hosts && !head; i++)
		if (addr_equal(&z->hosts[i].addr, a)) {
			head = z->hosts[i].name;
			head_len = z->hosts[i].len - 1u;
		}
	*ret_spelled = !head;
	if (!head) {
		addr_format(a, text);
		for (char *c = text; *c && a->family == 6; c++)
			if (*c == ':')
				*c = '-';
		if (name_from_text(text, &own) < 0)
			return false;
		head = own.wire;
		head_len = own.len - 1u;
	}
	memcpy(wire, head, head_len);
	memcpy(wire + head_len, suffix->wire, suffix->len);
	return name_read(wire, head_len + suffix->len, 0, ret) >= 0;
}

static void decide_reverse(const struct zone_set *s, const struct dns_query *q,
	const struct addr *client, struct decision *d)
{
	struct addr a;
	bool spelled;

	d->rcode = DNS_REFUSED;
	if (!reverse_of(&q->name, &a))
		return;
	d->zone = zone_routing(s, &a, client);
	if (!d->zone || !name_of_addr(d->zone, &a, &d->target, &spelled))
		return;
	d->suffix = &d->zone->suffixes[0];
	d->rcode = DNS_NOERROR;
	d->authoritative = true;
	if (q->type == DNS_PTR) {
		d->what = DECIDE_PTR;
		d->ask = spelled && d->zone->asks;
	} else if (q->type == DNS_ANY) {
		d->what = DECIDE_HINFO;
	} else {
		say_negative(d, DNS_NOERROR);
	}
}

/* The IPv4 and IPv6 hints of an HTTPS or SVCB record (RFC 9460, sections 2.2 and 7.3): a client may go
 * there without asking for an address. Malformed ones are not told. */
static bool hints_are_routed(const struct zone *z, const uint8_t *data, size_t len)
{
	struct dns_name target;
	int at = len > 2 ? name_read(data, len, 2, &target) : -1;

	while (at > 0 && (size_t)at < len) {
		size_t i = (size_t)at, n, size;
		unsigned key;

		if (i + 4 > len)
			return false;
		key = (unsigned)data[i] << 8 | data[i + 1];
		n = (size_t)data[i + 2] << 8 | data[i + 3];
		i += 4;
		if (i + n > len)
			return false;
		at = (int)(i + n);
		size = key == 4 ? 4 : 16;
		for (; (key == 4 || key == 6) && i < (size_t)at; i += size) {
			struct addr a = {.family = (uint8_t)key};

			if (i + size > (size_t)at)
				return false;
			memcpy(a.bytes, data + i, size);
			if (!zone_reaches(z, &a))
				return false;
		}
	}
	return at > 0;
}

bool decide_may_tell(const struct decision *d, uint16_t type, const uint8_t *data, size_t len)
{
	struct addr a = {.family = type == DNS_A ? 4 : 6};

	if (type == DNS_HTTPS || type == DNS_SVCB)
		return hints_are_routed(d->zone, data, len);
	if (type != DNS_A && type != DNS_AAAA)
		return true;
	if (len != addr_len(&a))
		return false;
	memcpy(a.bytes, data, len);
	return zone_reaches(d->zone, &a);
}

static unsigned count_told(
	const struct decision *d, uint16_t type, const struct found *f, unsigned *ret_unrouted)
{
	unsigned n = 0;

	for (size_t at = 0; at < f->len;) {
		size_t len = (size_t)f->data[at] << 8 | f->data[at + 1];

		if (decide_may_tell(d, type, f->data + at + 2, len))
			n++;
		else
			++*ret_unrouted;
		at += 2 + len;
	}
	return n;
}

void decide_found(struct decision *d, const struct dns_query *q, const struct found *f,
	unsigned *ret_unrouted)
{
	bool reverse = d->what == DECIDE_PTR;

	*ret_unrouted = 0;
	if (f->kind == RESOLVE_RECORDS && f->n && !d->probe) {
		d->found = f;
		d->negative = false;
		d->rcode = DNS_NOERROR;
		d->what = DECIDE_FOUND;
		if (!count_told(d, q->type, f, ret_unrouted))
			say_negative(d, DNS_NOERROR);
	} else if (reverse) {
		return; /* the address itself is name enough */
	} else if (f->kind == RESOLVE_RECORDS) {
		say_negative(d, DNS_NOERROR);
		d->found = f;
		if (q->type != DNS_ANY)
			return;
		d->negative = false;
		d->what = DECIDE_HINFO;
	} else if (f->kind == RESOLVE_NO_SUCH) {
		d->found = f; /* an empty node of ours is there all the same */
	} else {
		say_failed(d);
	}
}

void decide_query(const struct zone_set *s, const struct dns_query *q, const struct addr *client,
	const struct addr *server, struct decision *ret)
{
	*ret = (struct decision){.rcode = DNS_REFUSED};
	if (q->class != DNS_CLASS_IN)
		return;
	if (q->type >= DNS_TKEY && q->type <= DNS_AXFR) /* TKEY, TSIG, IXFR, AXFR */
		return;
	ret->zone = zone_find(s, &q->name, client, &ret->apex, &ret->suffix);
	if (!ret->zone) {
		decide_reverse(s, q, client, ret);
		return;
	}
	ret->rcode = DNS_NOERROR;
	decide_under(ret, q, server);
}
