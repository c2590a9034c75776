// SPDX-License-Identifier: MIT
// A small growing byte queue that owns no memory while it is empty.
#include "relay/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 512
#define BUF_MAX	  (1u << 20) /* far above every limit of those who use it */

uint8_t *buf_reserve(struct buf *b, size_t want)
{
	size_t cap = b->cap ? b->cap : BUF_FIRST;
	uint8_t *base;

	if (want > BUF_MAX - b->len)
		return NULL;
	if (b->base && b->off && b->off + b->len + want > b->cap) {
		memmove(b->base, b->base + b->off, b->len);
		b->off = 0;
	}
	if (b->base && b->off + b->len + want <= b->cap)
		return b->base + b->off + b->len;
	while (cap < b->len + want)
		cap *= 2;
	base = realloc(b->base, cap);
	if (!base)
		return NULL;
	b->base = base;
	b->cap = (uint32_t)cap;
	return b->base + b->off + b->len;
}

void buf_commit(struct buf *b, size_t n)
{
	b->len += (uint32_t)n;
}

int buf_append(struct buf *b, const void *data, size_t n)
{
	uint8_t *to;

	if (!n)
		return 0;
	to = buf_reserve(b, n);
	if (!to)
		return -ENOMEM;
	memcpy(to, data, n);
	buf_commit(b, n);
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	b->off += (uint32_t)n;
	b->len -= (uint32_t)n;
	if (!b->len)
		buf_free(b);
}

void buf_free(struct buf *b)
{
	free(b->base);
	*b = (struct buf){0};
}
