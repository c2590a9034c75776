// SPDX-License-Identifier: MIT
// Which peer has the longest prefix that holds an address: a path-compressed binary trie for each family.
//
// A node is a prefix; its children are longer prefixes of it, told apart by the bit behind it. Nodes
// without owner only join two children, so a trie of n entries has at most 2n - 1 nodes and a lookup
// visits at most 33 or 129 of them. Both families use the same 128-bit keys; an IPv4 address sits at the
// top of its key.
#include "wg/allowedips.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct key {
	uint64_t hi, lo;
};

struct allowed_entry {
	struct key key;
	struct allowed_entry *child[2];
	struct allowed_entry *parent;
	struct allowed_owner *owner;	   /* NULL: only joins */
	struct allowed_entry *next, *prev; /* of the same owner */
	uint8_t len;
	uint8_t family;
};

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static inline struct key key4(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return (struct key){.hi = (uint64_t)be32toh(v) << 32};
}

static inline struct key key6(const uint8_t *p)
{
	return (struct key){.hi = load64(p), .lo = load64(p + 8)};
}

static inline unsigned key_bit(struct key k, unsigned at)
{
	return at < 64 ? k.hi >> (63 - at) & 1 : k.lo >> (127 - at) & 1;
}

/* How many leading bits A and B share, 0…128. */
static inline unsigned key_common(struct key a, struct key b)
{
	if (a.hi != b.hi)
		return (unsigned)__builtin_clzll(a.hi ^ b.hi);
	if (a.lo != b.lo)
		return 64 + (unsigned)__builtin_clzll(a.lo ^ b.lo);
	return 128;
}

static struct key key_masked(struct key k, unsigned len)
{
	k.hi = len == 0 ? 0 : len < 64 ? k.hi & ~(UINT64_MAX >> len) : k.hi;
	k.lo = len <= 64 ? 0 : len < 128 ? k.lo & ~(UINT64_MAX >> (len - 64)) : k.lo;
	return k;
}

static struct allowed_owner *lookup(const struct allowed_entry *e, struct key k, unsigned bits)
{
	struct allowed_owner *best = NULL;

	while (e && key_common(e->key, k) >= e->len) {
		if (e->owner)
			best = e->owner;
		if (e->len == bits)
			break;
		e = e->child[key_bit(k, e->len)];
	}
	return best;
}

struct allowed_owner *allowedips_lookup4(const struct allowedips *a, const uint8_t *address)
{
	return lookup(a->root4, key4(address), 32);
}

struct allowed_owner *allowedips_lookup6(const struct allowedips *a, const uint8_t *address)
{
	return lookup(a->root6, key6(address), 128);
}

static void own(struct allowedips *a, struct allowed_entry *e, struct allowed_owner *owner)
{
	e->owner = owner;
	e->prev = NULL;
	e->next = owner->first;
	if (e->next)
		e->next->prev = e;
	owner->first = e;
	owner->n++;
	a->n++;
}

static void disown(struct allowedips *a, struct allowed_entry *e)
{
	if (e->next)
		e->next->prev = e->prev;
	if (e->prev)
		e->prev->next = e->next;
	else
		e->owner->first = e->next;
	e->owner->n--;
	e->owner = NULL;
	a->n--;
}

static struct allowed_entry **root_of(struct allowedips *a, uint8_t family)
{
	return family == 4 ? &a->root4 : &a->root6;
}

/* Where the pointer to E is. */
static struct allowed_entry **slot_of(struct allowedips *a, struct allowed_entry *e)
{
	if (!e->parent)
		return root_of(a, e->family);
	return &e->parent->child[e->parent->child[1] == e];
}

static void adopt(struct allowed_entry *parent, struct allowed_entry *child)
{
	parent->child[key_bit(child->key, parent->len)] = child;
	child->parent = parent;
}

static struct allowed_entry *entry_new(uint8_t family, struct key k, unsigned len)
{
	struct allowed_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->family = family;
	e->len = (uint8_t)len;
	e->key = key_masked(k, len);
	return e;
}

/* Puts a new node for K/LEN at SLOT, where DOWN (or nothing) hangs below PARENT now. */
static struct allowed_entry *graft(struct allowed_entry **slot, struct allowed_entry *parent,
	uint8_t family, struct key k, unsigned len)
{
	struct allowed_entry *down = *slot, *e = entry_new(family, k, len), *join = NULL;
	unsigned common;

	if (!e)
		return NULL;
	common = down ? key_common(down->key, e->key) : len;
	common = common < len ? common : len;
	if (common < len) {
		join = entry_new(family, k, common);
		if (!join) {
			free(e);
			return NULL;
		}
		adopt(join, e);
	}
	if (down)
		adopt(join ? join : e, down);
	*slot = join ? join : e;
	(*slot)->parent = parent;
	return e;
}

static struct key prefix_key(const struct prefix *p)
{
	struct key k = p->addr.family == 4 ? key4(p->addr.bytes) : key6(p->addr.bytes);

	return key_masked(k, p->len);
}

/* The exact node, or the slot below *ret_parent where it belongs. */
static struct allowed_entry **find(struct allowedips *a, const struct prefix *p, struct key k,
	struct allowed_entry **ret_parent)
{
	struct allowed_entry **slot = root_of(a, p->addr.family), *parent = NULL;

	while (*slot && (*slot)->len < p->len && key_common((*slot)->key, k) >= (*slot)->len) {
		parent = *slot;
		slot = &parent->child[key_bit(k, parent->len)];
	}
	*ret_parent = parent;
	return slot;
}

static bool is_exactly(const struct allowed_entry *e, struct key k, unsigned len)
{
	return e && e->len == len && e->key.hi == k.hi && e->key.lo == k.lo;
}

int allowedips_insert(
	struct allowedips *a, const struct prefix *prefix, struct allowed_owner *owner)
{
	struct key k = prefix_key(prefix);
	struct allowed_entry *parent, **slot = find(a, prefix, k, &parent), *e = *slot;
	bool exact = is_exactly(e, k, prefix->len);

	if (exact && e->owner == owner)
		return 0;
	if (exact && e->owner)
		disown(a, e);
	else if (a->n >= a->max)
		return -ENOSPC;
	else if (!exact)
		e = graft(slot, parent, prefix->addr.family, k, prefix->len);
	if (!e)
		return -ENOMEM;
	own(a, e, owner);
	return 0;
}

/* Takes a node without owner and with at most one child out of the trie. */
static void prune(struct allowedips *a, struct allowed_entry *e)
{
	while (e && !e->owner && !(e->child[0] && e->child[1])) {
		struct allowed_entry *child = e->child[0] ? e->child[0] : e->child[1],
				     *parent = e->parent;

		*slot_of(a, e) = child;
		if (child)
			child->parent = parent;
		free(e);
		e = parent;
	}
}

int allowedips_remove(
	struct allowedips *a, const struct prefix *prefix, struct allowed_owner *owner)
{
	struct key k = prefix_key(prefix);
	struct allowed_entry *parent, *e = *find(a, prefix, k, &parent);

	if (!is_exactly(e, k, prefix->len) || e->owner != owner)
		return -ENOENT;
	disown(a, e);
	prune(a, e);
	return 0;
}

void allowedips_remove_owner(struct allowedips *a, struct allowed_owner *owner)
{
	while (owner->first) {
		struct allowed_entry *e = owner->first;

		disown(a, e);
		prune(a, e);
	}
}

const struct allowed_entry *allowedips_next(const struct allowed_entry *e)
{
	return e->next;
}

struct prefix allowedips_prefix(const struct allowed_entry *e)
{
	struct prefix p = {.len = e->len, .addr.family = e->family};
	uint64_t hi = htobe64(e->key.hi), lo = htobe64(e->key.lo);

	if (e->family == 4) {
		memcpy(p.addr.bytes, &hi, 4);
	} else {
		memcpy(p.addr.bytes, &hi, 8);
		memcpy(p.addr.bytes + 8, &lo, 8);
	}
	return p;
}
