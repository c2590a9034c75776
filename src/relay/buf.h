// SPDX-License-Identifier: MIT
// A small growing byte queue that owns no memory while it is empty.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *base;
	uint32_t off; /* first byte that is still wanted */
	uint32_t len; /* bytes from .off on */
	uint32_t cap;
};

static inline uint8_t *buf_data(const struct buf *b)
{
	return b->base + b->off;
}

/* Room for at least WANT more bytes behind the data, whose address is returned; NULL without
 * memory. */
uint8_t *buf_reserve(struct buf *b, size_t want);
/* N bytes were written where buf_reserve() said. */
void buf_commit(struct buf *b, size_t n);
/* 0 or -ENOMEM. */
int buf_append(struct buf *b, const void *data, size_t n);
/* Drops the first N bytes; the memory too if they were the last. */
void buf_consume(struct buf *b, size_t n);
void buf_free(struct buf *b);
