// SPDX-License-Identifier: MIT
// What tsgw-dns and tsgw-proxy say to each other about names: the checks of both sides.
#include "ipc/resolve.h"

#include <errno.h>
#include <string.h>

/* Labels of 1…63 bytes, one zero byte at the very end. -EBADMSG or their number. */
static int check_name(const uint8_t *name, size_t len)
{
	size_t at = 0;
	int labels = 0;

	while (at < len && name[at]) {
		if (name[at] > 63)
			return -EBADMSG;
		at += 1u + name[at];
		labels++;
	}
	return at + 1 == len ? labels : -EBADMSG;
}

int resolve_check_question(const struct resolve_question *q, size_t size)
{
	int labels;

	if (size != sizeof(*q) || !q->name_len || q->zero)
		return -EBADMSG;
	labels = check_name(q->name, q->name_len);
	if (labels < 0)
		return labels;
	for (size_t i = 0; i < q->name_len; i++)
		if (q->name[i] >= 'A' && q->name[i] <= 'Z')
			return -EBADMSG; /* a length is at most 63, and so is before 'A' */
	return q->suffix == RESOLVE_REVERSE || (q->suffix > 0 && q->suffix < labels) ? 0 : -EBADMSG;
}

int resolve_check_answer(const struct resolve_answer *a, size_t size)
{
	size_t at = 0;

	if (size < RESOLVE_ANSWER_HEAD || a->len > RESOLVE_DATA_MAX ||
		size != RESOLVE_ANSWER_HEAD + a->len || a->kind >= RESOLVE_ANSWERS ||
		a->relative > 1 || a->n > RESOLVE_RECORDS_MAX)
		return -EBADMSG;
	if (a->kind != RESOLVE_RECORDS && a->n)
		return -EBADMSG;
	for (unsigned i = 0; i < a->n; i++) {
		size_t len;

		if (at + 2 > a->len)
			return -EBADMSG;
		len = (size_t)a->data[at] << 8 | a->data[at + 1];
		at += 2 + len;
		if (at > a->len || (a->relative && check_name(a->data + at - len, len) < 0))
			return -EBADMSG;
	}
	return at == a->len ? 0 : -EBADMSG;
}

const uint8_t *resolve_record(const struct resolve_answer *a, size_t *at, size_t *ret_len)
{
	const uint8_t *p = a->data + *at;

	if (*at >= a->len)
		return NULL;
	*ret_len = (size_t)p[0] << 8 | p[1];
	*at += 2 + *ret_len;
	return p + 2;
}

int resolve_add(struct resolve_answer *a, const uint8_t *data, size_t len)
{
	uint8_t *p = a->data + a->len;

	if (a->n >= RESOLVE_RECORDS_MAX || a->len + 2 + len > RESOLVE_DATA_MAX)
		return -ENOSPC;
	p[0] = (uint8_t)(len >> 8);
	p[1] = (uint8_t)len;
	memcpy(p + 2, data, len);
	a->len = (uint16_t)(a->len + 2 + len);
	a->n++;
	return 0;
}
