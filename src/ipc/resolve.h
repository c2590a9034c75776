// SPDX-License-Identifier: MIT
// What tsgw-dns asks of a tailnet's own tsgw-proxy over a connection to RUN/NAME/resolve.sock, and what
// that answers. Root makes the connection and hands it over; neither side trusts the other.
//
// SOCK_SEQPACKET, one struct a datagram. A question has a fixed size; an answer ends behind its records.
// A datagram that fails its check ends the connection.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RESOLVE_NAME_MAX    255	 /* wire form with the root's zero byte */
#define RESOLVE_DATA_MAX    8192 /* all records of an answer, with their lengths */
#define RESOLVE_RECORDS_MAX 256
#define RESOLVE_PENDING_MAX 512 /* questions of one connection that are not answered yet */
#define RESOLVE_REVERSE	    0xff

/* What is the name's RRset of a type? NAME in wire form, lower case, labels from .suffix on are the
 * tailnet's suffix; RESOLVE_REVERSE: it stands under in-addr.arpa or ip6.arpa. */
struct resolve_question {
	uint32_t id; /* of the asker's, comes back */
	uint16_t type;
	uint8_t suffix;
	uint8_t name_len;
	uint8_t name[RESOLVE_NAME_MAX];
	uint8_t zero;
};

enum resolve_kind_of_answer {
	RESOLVE_RECORDS, /* .n may be 0: the name exists, but not so */
	RESOLVE_NO_SUCH, /* there is no such name */
	RESOLVE_FAILED,	 /* nobody who could know has answered */
	RESOLVE_FORGET,	 /* no answer: what was learned so far may be wrong (.id 0) */
	RESOLVE_ANSWERS
};

struct resolve_answer {
	uint32_t id;
	uint32_t ttl_s; /* of all records, or how long there are none */
	uint8_t kind;	/* enum resolve_kind_of_answer */
	/* the names that the records hold (of type PTR) lack the suffix */
	uint8_t relative;
	uint16_t unrouted; /* addresses that were left out: the tailnet does not route them */
	uint16_t n;
	uint16_t len; /* of .data: N times a length in network order and so many bytes of rdata */
	uint8_t data[RESOLVE_DATA_MAX];
};
#define RESOLVE_ANSWER_HEAD offsetof(struct resolve_answer, data)

/* Does a datagram of SIZE bytes obey this page? 0 or -EBADMSG. */
int resolve_check_question(const struct resolve_question *q, size_t size);
int resolve_check_answer(const struct resolve_answer *a, size_t size);
/* The next record of A, from *AT (0 at first) on: its rdata and length, NULL behind the last. A must
 * have passed its check. */
const uint8_t *resolve_record(const struct resolve_answer *a, size_t *at, size_t *ret_len);
/* Adds one. 0 or -ENOSPC. */
int resolve_add(struct resolve_answer *a, const uint8_t *data, size_t len);
