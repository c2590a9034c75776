// SPDX-License-Identifier: MIT
// Every suffix of the gateway and where it is served: one table for all tsgw-proxy of a supervisor.
//
// It lies in a sealed memfd (MSG_PROXY_SUFFIXES), which every worker maps read-only: told one by one, a thousand
// tailnets would be a million messages, and each worker would keep a copy.
#pragma once

#include <stdint.h>

#include "ipc/msg.h"

#define SUFFIXES_MAX 65536
#define SUFFIXES_BYTES_MAX \
	(SUFFIXES_MAX * (sizeof(struct suffix_entry) + MSG_DOMAIN_MAX + MSG_NAME_MAX))

/* The entries, sorted by their suffixes, then the words, each with a NUL: so the file's last byte is one. */
struct suffix_entry {
	uint32_t text, tailnet; /* where the word begins in the file; .text is in lower case */
	uint16_t port;		/* of its listener */
	uint16_t zero;
};

static inline const char *suffix_word(const struct suffix_entry *table, uint32_t at)
{
	return (const char *)table + at;
}
