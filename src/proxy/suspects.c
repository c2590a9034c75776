// SPDX-License-Identifier: MIT
// Sources that gave wrong passwords: each has to wait before the next one is looked at.
#include "proxy/suspects.h"

#include <string.h>

#include "common/cleanup.h"

static struct suspect {
	struct addr source;
	uint32_t failures; /* 0 = free */
	uint64_t last_ms;
} suspects[SUSPECTS_MAX];

struct addr suspects_source(const struct addr *a)
{
	struct addr s = *a;

	if (s.family == 6)
		memset(s.bytes + 8, 0, 8);
	return s;
}

static struct suspect *find(const struct addr *source, uint64_t now_ms)
{
	for (size_t i = 0; i < SUSPECTS_MAX; i++)
		if (suspects[i].failures && now_ms - suspects[i].last_ms < SUSPECTS_FORGET_MS &&
			addr_equal(&suspects[i].source, source))
			return &suspects[i];
	return NULL;
}

uint64_t suspects_ready_ms(const struct addr *a, uint64_t now_ms, uint32_t *ret_failures)
{
	struct addr source = suspects_source(a);
	const struct suspect *s = find(&source, now_ms);
	uint64_t wait_ms;

	*ret_failures = s ? s->failures : 0;
	if (!s)
		return 0;
	wait_ms = (uint64_t)SUSPECTS_FIRST_MS << MIN(s->failures - 1, 16u);
	return s->last_ms + MIN(wait_ms, (uint64_t)SUSPECTS_LONGEST_MS);
}

bool suspects_failed(const struct addr *a, uint64_t now_ms)
{
	struct addr source = suspects_source(a);
	struct suspect *s = find(&source, now_ms), *oldest = &suspects[0];
	bool displaced = false;

	for (size_t i = 0; !s && i < SUSPECTS_MAX; i++) {
		struct suspect *k = &suspects[i];

		if (!k->failures || now_ms - k->last_ms >= SUSPECTS_FORGET_MS) {
			*k = (struct suspect){.source = source};
			s = k;
		} else if (k->last_ms < oldest->last_ms) {
			oldest = k;
		}
	}
	if (!s) {
		*oldest = (struct suspect){.source = source};
		s = oldest;
		displaced = true;
	}
	s->failures += s->failures < UINT32_MAX;
	s->last_ms = now_ms;
	return displaced;
}
