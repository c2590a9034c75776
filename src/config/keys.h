// SPDX-License-Identifier: MIT
// The one table of every key in tsgw.ini: what it is, its range, its default, whether it works yet.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/load.h"

enum {
	KEY_LIST = 1,	    /* several values, by commas or by lines */
	KEY_EMPTY = 4,	    /* no value means: not set */
	KEY_REQUIRED = 8,   /* with the engine that it belongs to */
	KEY_WIREGUARD = 16, /* says nothing with engine = tailscale, node = stock */
	KEY_TAILSCALE = 32, /* says nothing with engine = wireguard */
	KEY_MACVLAN = 64,   /* says nothing without uplink = macvlan:IFACE */
};

/* One value on its way into the struct. */
struct value {
	struct loader *l;
	const struct key *key;
	struct section *section;
	struct where where;
	void *target; /* struct gateway_config or tailnet_config */
	char *text;   /* one item of a list, or the whole; trimmed */
};

struct key_type {
	/* Notes its own errors; stores nothing then. */
	void (*parse)(struct value *v);
	/* Writes the value, or the items of a list one by one. */
	void (*print)(const struct key *k, const void *target, FILE *out);
};

struct key {
	enum section_kind section;
	const char *name;
	const struct key_type *type;
	size_t offset; /* of the value in the target */
	uint64_t min, max;
	const char *choices;  /* of a type with names: "auto on off" */
	const char *def;      /* parsed into the target first; NULL: none */
	const char *def_text; /* what the man page says when there is no .def */
	unsigned flags;
};

extern const struct key config_keys[];
extern const size_t config_n_keys;

/* NULL if unknown. */
const struct key *key_find(enum section_kind section, const char *name);
/* The known key that NAME most likely means, or NULL. */
const char *key_nearest(enum section_kind section, const char *name);
/* Edit distance, for suggestions; over 30 bytes: 99. */
unsigned key_distance(const char *a, const char *b);
/* "auto, on, off", or "". */
void key_choices(const struct key *k, char *buf, size_t size);
/* "1 to 65535", "1 s to 10 min", "auto, on, off", or "". */
void key_range(const struct key *k, char *buf, size_t size);

/* Does key K have an effect in tailnet T? */
bool key_counts(const struct key *k, const struct tailnet_config *t);
/* Where key K of section S stands, or the section's own line if it was not given. */
struct where key_where(const struct section *s, const struct key *k);
/* Makes .defaults; false: out of memory. */
bool key_template(struct loader *l);
/* Fills in the defaults of keys that section S did not set, and notes required ones. */
void key_defaults(struct loader *l, struct section *s);
/* One "key = value" line. */
void key_set(
	struct loader *l, struct section *s, unsigned line, const char *name, const char *value);
