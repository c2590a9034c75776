// SPDX-License-Identifier: MIT
// What a wg-quick file must obey as a whole: keys used once, allowed-ips given to one peer, families.
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "config/load.h"

#define MTU_IPV6 1280 /* RFC 8200, section 5 */

static struct where in_file(const struct tailnet_config *t, const struct wg_places *at,
	unsigned line, const char *section, const char *key)
{
	return (struct where){at->file, line, section, key, t->name};
}

static int compare_keys(const void *a, const void *b)
{
	const struct wg_peer_config *x = *(struct wg_peer_config *const *)a;
	const struct wg_peer_config *y = *(struct wg_peer_config *const *)b;
	int order = memcmp(x->public_key, y->public_key, sizeof(x->public_key));

	return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

static void check_keys(struct loader *l, const struct tailnet_config *t, const struct wg_places *at)
{
	struct wg_config *wg = t->wg;
	_cleanup_free_ struct wg_peer_config **sorted = calloc(wg->n_peers + 1, sizeof(*sorted));
	size_t first = 0;

	if (!sorted) {
		l->oom = true;
		return;
	}
	for (size_t i = 0; i < wg->n_peers; i++)
		sorted[i] = &wg->peers[i];
	qsort(sorted, wg->n_peers, sizeof(*sorted), compare_keys);
	for (size_t i = 0; i < wg->n_peers; i++) {
		const struct wg_peer_config *p = sorted[i];
		struct where w = in_file(t, at, p->line, "Peer", "PublicKey");

		if (sodium_is_zero(p->public_key, 32))
			continue;
		if (!memcmp(p->public_key, wg->public_key, 32))
			problem(l, &w, "this is our own key");
		if (memcmp(p->public_key, sorted[first]->public_key, 32))
			first = i;
		else if (i != first)
			problem(l, &w, "the peer of line %u has the same key", sorted[first]->line);
	}
}

static int compare_prefixes(const struct prefix *a, const struct prefix *b)
{
	int order = addr_compare(&a->addr, &b->addr);

	return order ? order : (int)a->len - (int)b->len;
}

static int compare_allowed(const void *a, const void *b)
{
	const struct allowed_line *x = a, *y = b;
	int order = compare_prefixes(&x->prefix, &y->prefix);

	/* then as in the file: peers follow one another there */
	return order		     ? order
		: x->peer != y->peer ? (x->peer < y->peer ? -1 : 1)
		: x->line != y->line ? (x->line < y->line ? -1 : 1)
				     : 0;
}

/* Sorts, notes a prefix that two peers have, drops repetitions. */
static void unify_allowed(struct loader *l, const struct tailnet_config *t, struct wg_places *at)
{
	struct allowed_line *a = at->allowed;
	char text[PREFIX_TEXT_MAX];
	size_t n = 0;

	if (!at->n_allowed)
		return;
	qsort(a, at->n_allowed, sizeof(*a), compare_allowed);
	for (size_t i = 0; i < at->n_allowed; i++) {
		if (!n || compare_prefixes(&a[n - 1].prefix, &a[i].prefix)) {
			a[n++] = a[i];
		} else if (a[n - 1].peer != a[i].peer) {
			struct where w = in_file(t, at, a[i].line, "Peer", "AllowedIPs");

			problem(l, &w, "%s belongs to the peer of line %u already",
				prefix_format(&a[i].prefix, text),
				t->wg->peers[a[n - 1].peer].line);
		}
	}
	at->n_allowed = n;
}

/* Gives every peer its list, sorted: so equal sets are equal lists for a reload. */
static void share_allowed(struct loader *l, struct wg_config *wg, const struct wg_places *at)
{
	for (size_t i = 0; i < at->n_allowed; i++) {
		struct prefix_list *list = &wg->peers[at->allowed[i].peer].allowed;

		if (!load_room(l, &list->items, list->n, sizeof(*list->items)))
			return;
		list->items[list->n++] = at->allowed[i].prefix;
	}
}

static bool has_family(const struct prefix_list *list, uint8_t family)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].addr.family == family)
			return true;
	return false;
}

static void check_family(struct loader *l, const struct tailnet_config *t,
	const struct wg_places *at, uint8_t family)
{
	const struct allowed_line *first = NULL;

	if (!t->wg->addresses.n || has_family(&t->wg->addresses, family))
		return;
	for (size_t i = 0; i < at->n_allowed; i++)
		if (at->allowed[i].prefix.addr.family == family &&
			(!first || at->allowed[i].line < first->line))
			first = &at->allowed[i];
	if (first) {
		struct where w = in_file(t, at, first->line, "Peer", "AllowedIPs");

		warning(l, &w, "there is no IPv%u Address, so nothing can be sent to these",
			family);
	}
}

static void check_mtu(struct loader *l, const struct tailnet_config *t, const struct wg_places *at,
	const struct where *mtu_key)
{
	struct where in_wg = in_file(t, at, at->mtu_line, "Interface", "MTU");
	uint16_t mtu = t->mtu ? t->mtu : t->wg->mtu;

	if (mtu && mtu < MTU_IPV6 && has_family(&t->wg->addresses, 6))
		problem(l, t->mtu ? mtu_key : &in_wg,
			"%u is too small for the IPv6 Address (at least %d)", mtu, MTU_IPV6);
}

void wgcheck(struct loader *l, struct tailnet_config *t, struct wg_places *at,
	const struct where *mtu_key)
{
	if (!t->wg || l->oom)
		return;
	check_keys(l, t, at);
	unify_allowed(l, t, at);
	share_allowed(l, t->wg, at);
	check_family(l, t, at, 4);
	check_family(l, t, at, 6);
	check_mtu(l, t, at, mtu_key);
}

bool wg_places_route(const struct wg_places *at, const struct addr *a)
{
	for (unsigned len = 0; len <= addr_bits(a); len++) {
		struct prefix p = {.addr = *a, .len = (uint8_t)len};
		size_t low = 0, high = at->n_allowed;

		p = prefix_canonical(&p);
		while (low < high) {
			size_t middle = low + (high - low) / 2;
			int order = compare_prefixes(&at->allowed[middle].prefix, &p);

			if (order == 0)
				return true;
			if (order < 0)
				low = middle + 1;
			else
				high = middle;
		}
	}
	return false;
}
