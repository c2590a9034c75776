// SPDX-License-Identifier: MIT
// Any bytes as a question or an answer on resolve.sock: what passes its check can be read to its end.
#include <stdlib.h>
#include <string.h>

#include "ipc/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_question(const uint8_t *data, size_t size)
{
	struct resolve_question q;
	unsigned labels = 0;
	size_t at = 0;

	if (size > sizeof(q))
		return;
	memset(&q, 0xff, sizeof(q));
	memcpy(&q, data, size);
	if (resolve_check_question(&q, size) < 0)
		return;
	for (; q.name[at]; at += 1u + q.name[at])
		labels++;
	if (at + 1 != q.name_len || (q.suffix != RESOLVE_REVERSE && q.suffix >= labels))
		abort();
}

static void check_answer(const uint8_t *data, size_t size)
{
	struct resolve_answer *a = malloc(size < RESOLVE_ANSWER_HEAD ? sizeof(*a) : size);
	size_t at = 0, len, n = 0;
	unsigned sum = 0;
	const uint8_t *p;

	/* memory of just its size: what is read behind it, is found */
	memcpy(a, data, size < sizeof(*a) ? size : sizeof(*a));
	if (size <= sizeof(*a) && resolve_check_answer(a, size) == 0) {
		for (; (p = resolve_record(a, &at, &len)); n++)
			for (size_t i = 0; i < len; i++)
				sum += p[i];
		if (n != a->n || at != a->len || sum > 255 * RESOLVE_DATA_MAX)
			abort();
	}
	free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (data[0] & 1)
		check_question(data + 1, size - 1);
	else
		check_answer(data + 1, size - 1);
	return 0;
}
