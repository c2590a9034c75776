// SPDX-License-Identifier: MIT
// One question to one DNS server over UDP: a client's view of the gateway's own responder.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

#define DNSASK_SIZE_MAX	 1232
#define DNSASK_ADDRS_MAX 8

enum dnsask_type { DNSASK_A = 1, DNSASK_SOA = 6, DNSASK_AAAA = 28 };
enum dnsask_rcode {
	DNSASK_NOERROR = 0,
	DNSASK_SERVFAIL = 2,
	DNSASK_NXDOMAIN = 3,
	DNSASK_REFUSED = 5
};

struct dnsask {
	uint8_t rcode;
	bool authoritative;
	size_t n_answers;
	struct addr addrs[DNSASK_ADDRS_MAX];
	size_t n_addrs;
};

/* Writes the question for NAME; returns its length, or -EINVAL for what is no name. */
int dnsask_question(
	const char *name, enum dnsask_type type, uint16_t id, uint8_t ret[DNSASK_SIZE_MAX]);
/* Is P an answer to question ID? 0, or -EBADMSG. Takes any bytes. */
int dnsask_answer(const uint8_t *p, size_t len, uint16_t id, struct dnsask *ret);
/* Asks SERVER, three times within PATIENCE_MS. 0; -ETIMEDOUT; -ECONNREFUSED: nobody is there; -errno. */
int dnsask(const struct hostport *server, const char *name, enum dnsask_type type,
	unsigned patience_ms, struct dnsask *ret);
/* "no such name", "refused", … */
const char *dnsask_rcode_text(unsigned rcode);
