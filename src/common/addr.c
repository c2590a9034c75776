// SPDX-License-Identifier: MIT
// IP addresses, prefixes and socket addresses: strict text in, canonical text out, classes.
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/parse.h"

int addr_parse_n(const char *text, size_t len, struct addr *ret)
{
	char buf[ADDR_TEXT_MAX];
	struct addr a = {0};

	if (len == 0 || len >= sizeof(buf) || memchr(text, '\0', len))
		return -EINVAL;
	memcpy(buf, text, len);
	buf[len] = '\0';
	/* glibc's inet_pton is strict: no leading zeros, no zone, no hex for IPv4 */
	if (memchr(buf, ':', len)) {
		if (inet_pton(AF_INET6, buf, a.bytes) != 1)
			return -EINVAL;
		a.family = 6;
	} else {
		if (inet_pton(AF_INET, buf, a.bytes) != 1)
			return -EINVAL;
		a.family = 4;
	}
	*ret = a;
	return 0;
}

int addr_parse(const char *text, struct addr *ret)
{
	return addr_parse_n(text, strlen(text), ret);
}

int prefix_parse(const char *text, struct prefix *ret)
{
	const char *slash = strchr(text, '/');
	struct prefix p = {0};
	uint64_t len;

	if (addr_parse_n(text, slash ? (size_t)(slash - text) : strlen(text), &p.addr) < 0)
		return -EINVAL;
	len = addr_bits(&p.addr);
	if (slash && parse_u64(slash + 1, 0, addr_bits(&p.addr), &len) < 0)
		return -EINVAL;
	p.len = (uint8_t)len;
	*ret = p;
	return 0;
}

int hostport_parse(const char *text, struct hostport *ret)
{
	struct hostport h = {0};
	const char *colon, *start = text, *end;
	uint64_t port;

	colon = strrchr(text, ':');
	if (!colon || parse_u64(colon + 1, 1, 65535, &port) < 0)
		return -EINVAL;
	end = colon;
	if (*start == '[') {
		start++;
		if (end == start || end[-1] != ']')
			return -EINVAL;
		end--;
	}
	if (addr_parse_n(start, (size_t)(end - start), &h.addr) < 0)
		return -EINVAL;
	if ((h.addr.family == 6) != (*text == '['))
		return -EINVAL;
	h.port = (uint16_t)port;
	*ret = h;
	return 0;
}

int addr_parse_zoned(const char *text, struct addr *ret, char ret_zone[IF_NAMESIZE])
{
	const char *zone = strchr(text, '%');
	struct addr a;

	if (!zone || addr_parse_n(text, (size_t)(zone - text), &a) < 0 || !addr_is_link_local(&a) ||
		a.family != 6)
		return -EINVAL;
	zone++;
	/* as the kernel's dev_valid_name() */
	if (!*zone || strlen(zone) >= IF_NAMESIZE || strpbrk(zone, "/:% \t") ||
		!strcmp(zone, ".") || !strcmp(zone, ".."))
		return -EINVAL;
	*ret = a;
	strcpy(ret_zone, zone);
	return 0;
}

const char *addr_format(const struct addr *a, char *buf)
{
	if (!a->family)
		strcpy(buf, "none");
	else
		inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, buf, ADDR_TEXT_MAX);
	return buf;
}

const char *prefix_format(const struct prefix *p, char *buf)
{
	addr_format(&p->addr, buf);
	snprintf(buf + strlen(buf), 5, "/%u", p->len);
	return buf;
}

const char *hostport_format(const struct hostport *h, char *buf)
{
	char text[ADDR_TEXT_MAX], zone[12] = "";

	addr_format(&h->addr, text);
	if (h->scope_id)
		snprintf(zone, sizeof(zone), "%%%u", h->scope_id);
	snprintf(buf, HOSTPORT_TEXT_MAX, h->addr.family == 6 ? "[%s%s]:%u" : "%s%s:%u", text, zone,
		h->port);
	return buf;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole))
		return false;
	return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

bool hostport_equal(const struct hostport *a, const struct hostport *b)
{
	return a->port == b->port && a->scope_id == b->scope_id && addr_equal(&a->addr, &b->addr);
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	return p->addr.family == a->family && bits_equal(p->addr.bytes, a->bytes, p->len);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->addr.family == b->addr.family &&
		bits_equal(a->addr.bytes, b->addr.bytes, a->len < b->len ? a->len : b->len);
}

struct prefix prefix_canonical(const struct prefix *p)
{
	struct prefix c = *p;

	for (unsigned i = 0; i < 16; i++) {
		if (i * 8 >= c.len)
			c.addr.bytes[i] = 0;
		else if (c.len - i * 8 < 8)
			c.addr.bytes[i] &= (uint8_t)(0xff00 >> (c.len - i * 8));
	}
	return c;
}

struct prefix prefix_of_addr(const struct addr *a)
{
	return (struct prefix){.addr = *a, .len = (uint8_t)addr_bits(a)};
}

struct addr addr_v4(uint32_t host_order)
{
	struct addr a = {.family = 4};
	uint32_t n = htonl(host_order);

	memcpy(a.bytes, &n, 4);
	return a;
}

uint32_t addr_v4_host(const struct addr *a)
{
	uint32_t n;

	memcpy(&n, a->bytes, 4);
	return ntohl(n);
}

socklen_t hostport_to_sockaddr(const struct hostport *h, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (h->addr.family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;

		in->sin_family = AF_INET;
		in->sin_port = htons(h->port);
		memcpy(&in->sin_addr, h->addr.bytes, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(h->port);
	in6->sin6_scope_id = h->scope_id;
	memcpy(&in6->sin6_addr, h->addr.bytes, 16);
	return sizeof(*in6);
}

int hostport_from_sockaddr(const struct sockaddr *sa, struct hostport *ret)
{
	struct hostport h = {0};

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		h.addr.family = 4;
		memcpy(h.addr.bytes, &in->sin_addr, 4);
		h.port = ntohs(in->sin_port);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

		h.port = ntohs(in6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			h.addr.family = 4;
			memcpy(h.addr.bytes, in6->sin6_addr.s6_addr + 12, 4);
		} else {
			h.addr.family = 6;
			memcpy(h.addr.bytes, &in6->sin6_addr, 16);
			h.scope_id = in6->sin6_scope_id;
		}
	} else {
		return -EAFNOSUPPORT;
	}
	*ret = h;
	return 0;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return a->family == 4 ? a->bytes[0] == 127 : !memcmp(a->bytes, one, 16);
}

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t none[16];

	return a->family == 4 ? a->bytes[0] == 0 : !memcmp(a->bytes, none, 16);
}

bool addr_is_link_local(const struct addr *a)
{
	if (a->family == 4)
		return a->bytes[0] == 169 && a->bytes[1] == 254;
	return a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

bool addr_is_multicast(const struct addr *a)
{
	return a->family == 4 ? (a->bytes[0] & 0xf0) == 0xe0 : a->bytes[0] == 0xff;
}

bool addr_is_broadcast(const struct addr *a)
{
	return a->family == 4 && a->bytes[0] >= 240;
}

/* 64:ff9b:1::/48 (RFC 8215) is divided as each network likes, so the length of the NAT64 prefix is told by
 * where the zero suffix starts (RFC 6052 2.2): /48 and /56 and /64 put the address around the zero byte 8. */
static bool addr_local_nat64(const struct addr *a, struct addr *ret)
{
	static const uint8_t head[6] = {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01};
	static const uint8_t at[4][4] = {
		{6, 7, 9, 10}, {7, 9, 10, 11}, {9, 10, 11, 12}, {12, 13, 14, 15}};
	const uint8_t *b = a->bytes;
	int form = 3;

	if (memcmp(b, head, sizeof(head)))
		return false;
	if (!b[8] && !b[13] && !b[14] && !b[15])
		form = b[12] ? 2 : b[11] ? 1 : 0;
	*ret = (struct addr){.family = 4};
	for (int i = 0; i < 4; i++)
		ret->bytes[i] = b[at[form][i]];
	return true;
}

bool addr_embedded_v4(const struct addr *a, struct addr *ret)
{
	static const struct {
		uint8_t head[12];
		uint8_t head_len; /* bytes that must match */
		uint8_t at;	  /* where the IPv4 address starts */
	} forms[] = {
		{{[10] = 0xff, [11] = 0xff}, 12, 12}, /* ::ffff:0:0/96, RFC 4291 2.5.5.2 */
		{{0}, 12, 12},			      /* ::/96, RFC 4291 2.5.5.1 */
		{{[8] = 0xff, [9] = 0xff}, 12, 12},   /* ::ffff:0:0:0/96, RFC 2765 */
		{{0x00, 0x64, 0xff, 0x9b}, 12, 12},   /* 64:ff9b::/96, RFC 6052 */
		{{0x20, 0x02}, 2, 2},		      /* 2002::/16, RFC 3056 */
	};
	const uint8_t *v4 = NULL;

	if (a->family != 6)
		return false;
	if (addr_local_nat64(a, ret))
		return true;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]) && !v4; i++)
		if (!memcmp(a->bytes, forms[i].head, forms[i].head_len))
			v4 = a->bytes + forms[i].at;
	/* ISATAP, RFC 5214 6.1: interface identifier [02]00:5efe:a.b.c.d */
	if (!v4 && (a->bytes[8] & ~2) == 0 && a->bytes[9] == 0 && a->bytes[10] == 0x5e &&
		a->bytes[11] == 0xfe)
		v4 = a->bytes + 12;
	if (!v4)
		return false;
	*ret = (struct addr){.family = 4};
	memcpy(ret->bytes, v4, 4);
	return true;
}

bool addr_is_never_proxied(const struct addr *a)
{
	struct addr v4;

	if (addr_is_loopback(a) || addr_is_unspecified(a) || addr_is_link_local(a) ||
		addr_is_multicast(a) || addr_is_broadcast(a))
		return true;
	return addr_embedded_v4(a, &v4) && addr_is_never_proxied(&v4);
}

bool addr_is_public(const struct addr *a)
{
	static const char *const special[] = {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10",
		"127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/3", "2001:db8::/32", "3fff::/20"};
	struct prefix p;

	if (a->family == 6 && (a->bytes[0] & 0xe0) != 0x20)
		return false;
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (prefix_parse(special[i], &p) == 0 && prefix_contains(&p, a))
			return false;
	return a->family != 0;
}
