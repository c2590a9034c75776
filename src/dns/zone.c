// SPDX-License-Identifier: MIT
// The zones: what the supervisor said about each tailnet, and what a question about them comes to.
#include "dns/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/hash.h"

struct zone_suffix {
	const struct zone *zone; /* NULL = free */
	const struct dns_name *name;
};

int zone_set_new(struct zone_set **ret)
{
	struct zone_set *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*ret = s;
	return 0;
}

static void zone_free(struct zone *z)
{
	for (size_t i = 0; i < z->n_hosts; i++)
		free(z->hosts[i].name);
	free(z->hosts);
	free(z->suffixes);
	ranges_free(&z->routes);
	ranges_free(&z->allow);
	free(z);
}

void zone_set_free(struct zone_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_zones; i++)
		zone_free(s->zones[i]);
	free(s->zones);
	free(s->index);
	free(s);
}

/* Room for one more item, doubling at every power of two. */
static int zone_room(void *items, size_t n, size_t max, size_t size)
{
	void *p;

	if (n >= max)
		return -E2BIG;
	if (n & (n - 1))
		return 0;
	p = reallocarray(*(void **)items, n ? 2 * n : 1, size);
	if (!p)
		return -ENOMEM;
	*(void **)items = p;
	return 0;
}

int zone_set_add(struct zone_set *s, const char *tailnet, struct zone **ret)
{
	struct zone *z;
	int r = zone_room(&s->zones, s->n_zones, ZONES_MAX, sizeof(struct zone *));

	if (r < 0)
		return r;
	z = calloc(1, sizeof(*z));
	if (!z)
		return -ENOMEM;
	strncpy(z->tailnet, tailnet, sizeof(z->tailnet) - 1);
	s->zones[s->n_zones++] = *ret = z;
	return 0;
}

int zone_add_suffix(struct zone *z, const char *suffix)
{
	int r = zone_room(&z->suffixes, z->n_suffixes, ZONE_SUFFIXES_MAX, sizeof(*z->suffixes));

	if (r == 0)
		r = name_from_text(suffix, &z->suffixes[z->n_suffixes]);
	if (r == 0)
		z->n_suffixes++;
	return r;
}

static int zone_put_host(struct zone *z, const uint8_t *wire, uint8_t len, const struct addr *a)
{
	int r = zone_room(
		&z->hosts, z->n_hosts, ZONE_HOSTS_MAX * NAME_LABELS_MAX, sizeof(*z->hosts));
	struct zone_host h = {.len = len, .addr = *a};

	if (r < 0)
		return r;
	h.name = malloc(len);
	if (!h.name)
		return -ENOMEM;
	memcpy(h.name, wire, len);
	z->hosts[z->n_hosts++] = h;
	return 0;
}

int zone_add_host(struct zone *z, const char *name, const struct addr *a)
{
	static const struct addr none;
	struct dns_name n;
	int r;

	if (z->host_names >= ZONE_HOSTS_MAX)
		return -E2BIG;
	if ((a->family != 4 && a->family != 6) || name_from_text(name, &n) < 0)
		return -EINVAL;
	r = zone_put_host(z, n.wire, n.len, a);
	for (unsigned i = 1; i < n.labels && r == 0; i++)
		r = zone_put_host(z, n.wire + n.at[i], (uint8_t)(n.len - n.at[i]), &none);
	z->host_names += r == 0;
	return r;
}

static int compare_names(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int r = memcmp(a, b, MIN(a_len, b_len));

	return r ? r : (a_len > b_len) - (a_len < b_len);
}

static int compare_hosts(const void *a, const void *b)
{
	const struct zone_host *x = a, *y = b;
	int r = compare_names(x->name, x->len, y->name, y->len);

	return r ? r : addr_compare(&x->addr, &y->addr);
}

/* Sorts, drops what is there twice, and gives up what is more than an answer can hold. */
static void zone_finish(struct zone *z)
{
	size_t n = 0, same = 0;

	if (z->n_hosts)
		qsort(z->hosts, z->n_hosts, sizeof(*z->hosts), compare_hosts);
	for (size_t i = 0; i < z->n_hosts; i++) {
		bool named = n &&
			!compare_names(z->hosts[n - 1].name, z->hosts[n - 1].len, z->hosts[i].name,
				z->hosts[i].len);

		bool again = named && addr_equal(&z->hosts[n - 1].addr, &z->hosts[i].addr);

		same = named ? same + !again : 0;
		if (again || same >= ZONE_RRSET_MAX)
			free(z->hosts[i].name);
		else
			z->hosts[n++] = z->hosts[i];
	}
	z->n_hosts = n;
	ranges_finish(&z->routes);
	ranges_finish(&z->allow);
}

static void zone_set_index(struct zone_set *s, const struct zone *z, const struct dns_name *name)
{
	size_t i = hash_bytes(name->wire, name->len) & (s->index_size - 1);

	while (s->index[i].zone)
		i = (i + 1) & (s->index_size - 1);
	s->index[i] = (struct zone_suffix){z, name};
	s->labels_max = MAX(s->labels_max, (unsigned)name->labels);
}

int zone_set_finish(struct zone_set *s, uint32_t serial)
{
	size_t n = 0;

	s->serial = serial;
	for (size_t i = 0; i < s->n_zones; i++) {
		zone_finish(s->zones[i]);
		n += s->zones[i]->n_suffixes;
	}
	for (s->index_size = 4; s->index_size < 2 * n; s->index_size *= 2)
		;
	s->index = calloc(s->index_size, sizeof(*s->index));
	if (!s->index)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_zones; i++)
		for (size_t k = 0; k < s->zones[i]->n_suffixes; k++)
			zone_set_index(s, s->zones[i], &s->zones[i]->suffixes[k]);
	return 0;
}

const struct zone *zone_find(const struct zone_set *s, const struct dns_name *name,
	const struct addr *client, unsigned *ret_label, const struct dns_name **ret_suffix)
{
	unsigned first = name->labels > s->labels_max ? name->labels - s->labels_max : 0;

	for (unsigned l = first; l < name->labels; l++) {
		const uint8_t *wire = name->wire + name->at[l];
		size_t len = (size_t)name->len - name->at[l];
		size_t i = hash_bytes(wire, len) & (s->index_size - 1);

		for (; s->index[i].zone; i = (i + 1) & (s->index_size - 1)) {
			const struct zone_suffix *e = &s->index[i];

			if (!name_ends(name, l, e->name) || !ranges_have(&e->zone->allow, client))
				continue;
			*ret_label = l;
			*ret_suffix = e->name;
			return e->zone;
		}
	}
	return NULL;
}

const struct zone *zone_routing(
	const struct zone_set *s, const struct addr *a, const struct addr *client)
{
	const struct zone *found = NULL;

	for (size_t i = 0; i < s->n_zones; i++) {
		const struct zone *z = s->zones[i];

		if (!z->n_suffixes || !zone_reaches(z, a) || !ranges_have(&z->allow, client))
			continue;
		if (found)
			return NULL;
		found = z;
	}
	return found;
}

const struct zone_host *zone_hosts(
	const struct zone *z, const struct dns_name *name, unsigned labels, size_t *ret_n)
{
	size_t len = name->at[labels], low = 0, high = z->n_hosts, end;
	uint8_t wire[NAME_WIRE_MAX];

	memcpy(wire, name->wire, len);
	wire[len++] = 0;
	while (low < high) { /* the first that is not less */
		size_t mid = low + (high - low) / 2;

		if (compare_names(z->hosts[mid].name, z->hosts[mid].len, wire, len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low; end < z->n_hosts; end++)
		if (compare_names(z->hosts[end].name, z->hosts[end].len, wire, len) != 0)
			break;
	*ret_n = end - low;
	return end > low ? &z->hosts[low] : NULL;
}

bool zone_reaches(const struct zone *z, const struct addr *a)
{
	return ranges_have(&z->routes, a) && !addr_is_never_proxied(a);
}
