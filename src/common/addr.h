// SPDX-License-Identifier: MIT
// IP addresses, prefixes and socket addresses: strict text in, canonical text out, classes.
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* An IPv4 address fills the first 4 bytes of .bytes (network order), the rest is zero.
 * family 0 = none. Plain data: may travel in messages. */
struct addr {
	uint8_t family; /* 0, 4 or 6 (not AF_*: the wire format of our messages is fixed) */
	uint8_t zero[3];
	uint8_t bytes[16];
};

struct prefix {
	struct addr addr;
	uint8_t len; /* 0…32 or 0…128 */
	uint8_t zero[3];
};

/* An address with a port, in host order. */
struct hostport {
	struct addr addr;
	uint16_t port;
	uint16_t zero;
	uint32_t scope_id; /* IPv6 zone, 0 = none */
};

#define ADDR_TEXT_MAX	  46 /* with NUL */
#define PREFIX_TEXT_MAX	  50 /* with NUL */
#define HOSTPORT_TEXT_MAX 66 /* "[addr%4294967295]:65535" with NUL */

static inline unsigned addr_bits(const struct addr *a)
{
	return a->family == 4 ? 32 : 128;
}
static inline size_t addr_len(const struct addr *a)
{
	return a->family == 4 ? 4 : 16;
}

/* Strict: four decimal numbers without leading zeros, or RFC 4291 text without zone. 0 or -EINVAL. */
int addr_parse(const char *text, struct addr *ret);
int addr_parse_n(const char *text, size_t len, struct addr *ret);
/* "A.B.C.D/N", "X::/N"; a missing /N means a host prefix. Host bits are kept: see
 * prefix_canonical(). 0 or -EINVAL. */
int prefix_parse(const char *text, struct prefix *ret);
/* "A.B.C.D:PORT" or "[X::]:PORT" with PORT 1…65535. 0 or -EINVAL. */
int hostport_parse(const char *text, struct hostport *ret);

/* "fe80::1%eth0" (RFC 4007 section 11): a link-local address and the name of its interface, which need
 * not exist. 0 or -EINVAL. */
int addr_parse_zoned(const char *text, struct addr *ret, char ret_zone[IF_NAMESIZE]);

/* RFC 5952 text. BUF holds at least *_TEXT_MAX bytes; returns BUF. */
const char *addr_format(const struct addr *a, char *buf);
const char *prefix_format(const struct prefix *p, char *buf);
const char *hostport_format(const struct hostport *h, char *buf);

bool addr_equal(const struct addr *a, const struct addr *b);
int addr_compare(const struct addr *a, const struct addr *b);
bool hostport_equal(const struct hostport *a, const struct hostport *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
bool prefix_contains(const struct prefix *p, const struct addr *a);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
/* Clears the host bits. */
struct prefix prefix_canonical(const struct prefix *p);
struct prefix prefix_of_addr(const struct addr *a);
struct addr addr_v4(uint32_t host_order);
uint32_t addr_v4_host(const struct addr *a);

/* sockaddr <-> ours. addr_to_sockaddr returns the length; *_from_* return 0 or -EAFNOSUPPORT.
 * hostport_from_sockaddr turns a v4-mapped IPv6 address into IPv4. */
socklen_t hostport_to_sockaddr(const struct hostport *h, struct sockaddr_storage *ret);
int hostport_from_sockaddr(const struct sockaddr *sa, struct hostport *ret);

/* Classes that no proxy client may reach in any spelling (IANA special-purpose registries): */
bool addr_is_loopback(const struct addr *a);
bool addr_is_unspecified(const struct addr *a); /* 0.0.0.0/8 and :: */
bool addr_is_link_local(const struct addr *a);	/* 169.254/16, fe80::/10 */
bool addr_is_multicast(const struct addr *a);
bool addr_is_broadcast(const struct addr *a); /* 255.255.255.255 (and 240/4) */
/* The IPv4 address inside a v4-mapped (::ffff:0:0/96), v4-compatible, SIIT (::ffff:0:0:0/96),
 * NAT64 (64:ff9b::/96, 64:ff9b:1::/48 in the four forms of RFC 6052), 6to4 (2002::/16) or ISATAP
 * spelling: true and *ret. */
bool addr_embedded_v4(const struct addr *a, struct addr *ret);
/* Somebody's on the Internet: in none of the special-purpose registries, which hold the private,
 * shared, documentation and benchmark networks too. */
bool addr_is_public(const struct addr *a);
/* True for every class above but the last, looking through addr_embedded_v4(). */
bool addr_is_never_proxied(const struct addr *a);
