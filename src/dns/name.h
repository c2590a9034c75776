// SPDX-License-Identifier: MIT
// Domain names in wire form, lower case: read from packets and from text.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_WIRE_MAX	255 /* RFC 1035 3.1, with the root's zero byte */
#define NAME_LABELS_MAX 127

struct dns_name {
	uint8_t len;			 /* bytes of .wire, with the final zero byte */
	uint8_t labels;			 /* without the root */
	uint8_t at[NAME_LABELS_MAX + 1]; /* where each label starts; .at[.labels] is the root */
	uint8_t wire[NAME_WIRE_MAX];
};

/* Reads the uncompressed name at P[AT] of LEN bytes. Returns the offset behind it or -EBADMSG (also
 * for a compression pointer: in a question there is nothing to point to). */
int name_read(const uint8_t *p, size_t len, size_t at, struct dns_name *ret);
/* Skips any name at P[AT], compressed or not, without following pointers, which must lead
 * backwards. Returns the offset behind it or -EBADMSG. */
int name_skip(const uint8_t *p, size_t len, size_t at);
/* "a.b.c" without a trailing dot. 0 or -EINVAL. */
int name_from_text(const char *text, struct dns_name *ret);

/* Label I without its length byte. */
static inline const uint8_t *name_label(const struct dns_name *n, unsigned i, unsigned *ret_len)
{
	*ret_len = n->wire[n->at[i]];
	return n->wire + n->at[i] + 1;
}
/* The last labels of A, from label I on, are the whole of B. */
bool name_ends(const struct dns_name *a, unsigned i, const struct dns_name *b);
