// SPDX-License-Identifier: MIT
// DNS messages: one question in, one answer out. Pure: bytes in, bytes out, no allocation.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"

#define PACKET_HEADER	  12
#define PACKET_UDP_MIN	  512	/* RFC 1035 4.2.1 */
#define PACKET_UDP_MAX	  1232	/* DNS flag day 2020: fits every path without fragments */
#define PACKET_TCP_MAX	  16384 /* the longest answer of ours */
#define PACKET_OPT	  11
#define PACKET_COOKIE_MAX 40

enum {
	DNS_FLAG_QR = 0x8000,
	DNS_FLAG_AA = 0x0400,
	DNS_FLAG_TC = 0x0200,
	DNS_FLAG_RD = 0x0100,
	DNS_FLAG_CD = 0x0010,
	DNS_OPCODE = 0x7800,
};

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_HINFO = 13,
	DNS_SIG = 24,
	DNS_KEY = 25,
	DNS_AAAA = 28,
	DNS_NXT = 30,
	DNS_DNAME = 39,
	DNS_OPT = 41,
	DNS_DS = 43,
	DNS_RRSIG = 46,
	DNS_NSEC = 47,
	DNS_DNSKEY = 48,
	DNS_NSEC3 = 50,
	DNS_NSEC3PARAM = 51,
	DNS_CDS = 59,
	DNS_CDNSKEY = 60,
	DNS_CSYNC = 62,
	DNS_SVCB = 64,
	DNS_HTTPS = 65,
	DNS_META_FIRST = 128, /* RFC 6895 3.1: questions that are no data, up to 255 */
	DNS_TKEY = 249,
	DNS_IXFR = 251,
	DNS_AXFR = 252,
	DNS_ANY = 255,
};
#define DNS_CLASS_IN 1

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16,
};

struct dns_query {
	uint16_t id;
	uint16_t flags;
	uint16_t type;
	uint16_t class;
	bool has_question; /* .name, .type, .class, .question_end are set */
	bool has_opt;
	bool dnssec_ok;
	uint16_t udp_size; /* as the client says, ≥ 512 */
	uint16_t question_end;
	uint8_t cookie_len; /* 0 = none, 8, or 16…40 */
	uint8_t cookie[PACKET_COOKIE_MAX];
	struct dns_name name;
};

/* Returns the rcode with which the message must be refused (FORMERR, NOTIMP, BADVERS), 0 if it is
 * a question, or -EBADMSG if no answer may be given at all (no header, or itself an answer). What
 * could be understood is in *RET. */
int packet_parse(const uint8_t *p, size_t len, struct dns_query *ret);

/* An answer under construction. */
struct dns_writer {
	uint8_t *p;
	size_t limit; /* never longer than this */
	size_t len;
	size_t reserve;	    /* for OPT at the end */
	uint16_t counts[4]; /* question, answer, authority, additional */
	bool full;	    /* a record did not fit */
};
enum { WRITER_ANSWER = 1, WRITER_AUTHORITY = 2 };

/* Starts the answer to Q (whose bytes are QUERY) in P of at least LIMIT bytes: header and question,
 * the question byte for byte as it came. */
void packet_begin(struct dns_writer *w, uint8_t *p, size_t limit, const uint8_t *query,
	const struct dns_query *q);
/* A record whose owner is the name at offset OWNER of the message. It is written whole or not at
 * all. */
void packet_record(struct dns_writer *w, int section, size_t owner, uint16_t type, uint32_t ttl,
	const uint8_t *data, size_t len);
/* Header flags, rcode and OPT (with COOKIE of COOKIE_LEN bytes if not 0). If a record did not fit,
 * all records go and TC is set. Returns the length. */
size_t packet_end(struct dns_writer *w, const struct dns_query *q, int rcode, bool authoritative,
	const uint8_t *cookie, size_t cookie_len);
