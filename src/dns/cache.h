// SPDX-License-Identifier: MIT
// What tailnets have answered, for as long as it holds. Pure: the clock is the caller's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_ENTRIES_MAX 4096
#define CACHE_BYTES_MAX	  (1 << 20)
#define CACHE_TTL_MAX_S	  300
#define CACHE_NO_MAX_S	  30 /* that something does not exist; at least a second */
#define CACHE_FAILED_S	  1  /* RFC 9520: a failure is not asked for again at once */

struct cache_key {
	uint64_t hash;	     /* cache_hash() of the rest */
	const uint8_t *name; /* wire form, lower case */
	uint32_t link;	     /* whose answer it is */
	uint16_t type;
	uint8_t len;
};

struct found { /* an answer, see struct resolve_answer */
	const uint8_t *data;
	uint32_t ttl_s;
	uint16_t n, len;
	uint8_t kind; /* enum resolve_kind_of_answer */
	bool relative;
};

struct cache_entry;
struct cache { /* zero-initialised = empty */
	struct cache_entry **buckets;
	struct cache_entry *newest, *oldest; /* by last use */
	size_t n, bytes;
	uint64_t evicted; /* ever, for want of room */
	uint8_t secret[16];
};

/* 0, -ENOMEM, -EIO. */
int cache_init(struct cache *c);
uint64_t cache_hash(const struct cache *c, const struct cache_key *k);
/* Keeps F for its ttl_s within the limits above; what was known under K goes. */
void cache_put(struct cache *c, const struct cache_key *k, const struct found *f, uint64_t now_ms);
/* False: not known (any more). RET->data holds until the next change. */
bool cache_get(struct cache *c, const struct cache_key *k, uint64_t now_ms, struct found *ret);
void cache_forget(struct cache *c, uint32_t link);
