// SPDX-License-Identifier: MIT
// The addresses a tailnet routes, as sorted ranges without overlap: "is it in?" by binary search.
#include "dns/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static int ranges_grow(void **items, size_t *room, size_t n, size_t size)
{
	size_t want = *room ? *room * 2 : 16;
	void *p;

	if (n >= RANGES_PREFIXES_MAX)
		return -E2BIG;
	if (n < *room)
		return 0;
	p = reallocarray(*items, want, size);
	if (!p)
		return -ENOMEM;
	*items = p;
	*room = want;
	return 0;
}

static void range6_of(const struct prefix *p, struct range6 *ret)
{
	struct prefix c = prefix_canonical(p);

	memcpy(ret->first, c.addr.bytes, 16);
	memcpy(ret->last, c.addr.bytes, 16);
	for (unsigned bit = c.len; bit < 128; bit++)
		ret->last[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

int ranges_add(struct ranges *r, const struct prefix *p)
{
	int e;

	if (p->addr.family == 4) {
		uint32_t mask = p->len ? ~0u << (32 - p->len) : 0;
		uint32_t base = addr_v4_host(&p->addr) & mask;

		e = ranges_grow((void **)&r->v4, &r->room4, r->n4, sizeof(*r->v4));
		if (e == 0)
			r->v4[r->n4++] = (struct range4){base, base | ~mask};
		return e;
	}
	e = ranges_grow((void **)&r->v6, &r->room6, r->n6, sizeof(*r->v6));
	if (e == 0)
		range6_of(p, &r->v6[r->n6++]);
	return e;
}

static int compare4(const void *a, const void *b)
{
	const struct range4 *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static int compare6(const void *a, const void *b)
{
	const struct range6 *x = a, *y = b;

	return memcmp(x->first, y->first, 16);
}

void ranges_finish(struct ranges *r)
{
	size_t n = 0;

	if (r->n4)
		qsort(r->v4, r->n4, sizeof(*r->v4), compare4);
	for (size_t i = 0; i < r->n4; i++)
		if (n && r->v4[i].first <= r->v4[n - 1].last)
			r->v4[n - 1].last = MAX(r->v4[n - 1].last, r->v4[i].last);
		else
			r->v4[n++] = r->v4[i];
	r->n4 = n;
	if (r->n6)
		qsort(r->v6, r->n6, sizeof(*r->v6), compare6);
	n = 0;
	for (size_t i = 0; i < r->n6; i++)
		if (!n || memcmp(r->v6[i].first, r->v6[n - 1].last, 16) > 0)
			r->v6[n++] = r->v6[i];
		else if (memcmp(r->v6[i].last, r->v6[n - 1].last, 16) > 0)
			memcpy(r->v6[n - 1].last, r->v6[i].last, 16);
	r->n6 = n;
}

void ranges_free(struct ranges *r)
{
	free(r->v4);
	free(r->v6);
	*r = (struct ranges){0};
}

static bool ranges_have4(const struct ranges *r, uint32_t a)
{
	size_t low = 0, high = r->n4;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (a < r->v4[mid].first)
			high = mid;
		else if (a > r->v4[mid].last)
			low = mid + 1;
		else
			return true;
	}
	return false;
}

bool ranges_have(const struct ranges *r, const struct addr *a)
{
	size_t low = 0, high = r->n6;

	if (a->family == 4)
		return ranges_have4(r, addr_v4_host(a));
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(a->bytes, r->v6[mid].first, 16) < 0)
			high = mid;
		else if (memcmp(a->bytes, r->v6[mid].last, 16) > 0)
			low = mid + 1;
		else
			return true;
	}
	return false;
}

/* Some X ≡ LOW modulo STEP with FIRST ≤ X ≤ LAST. */
static bool range_has_low(uint64_t first, uint64_t last, uint32_t low, uint64_t step)
{
	uint64_t x = (first & ~(step - 1)) | low;

	if (x < first)
		x += step;
	return x <= last;
}

bool ranges_have_low(const struct ranges *r, uint32_t low, unsigned n_octets)
{
	/* what addr_is_never_proxied() leaves of IPv4 */
	static const struct range4 proxied[] = {
		{0x01000000, 0x7effffff}, {0x80000000, 0xa9fdffff}, {0xa9ff0000, 0xdfffffff}};
	uint64_t step = 1ull << (8 * n_octets);

	for (size_t i = 0; i < r->n4; i++)
		for (size_t k = 0; k < ELEMENTSOF(proxied); k++) {
			uint32_t first = MAX(r->v4[i].first, proxied[k].first);
			uint32_t last = MIN(r->v4[i].last, proxied[k].last);

			if (first <= last && range_has_low(first, last, low, step))
				return true;
		}
	return false;
}
