// SPDX-License-Identifier: MIT
// Inside config/ only: what one run of config_load() knows beyond the struct that it fills in.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"

#define KEYS_MAX 64 /* rows of the key table: as many as section.given has bits */

/* struct config and what its pointers into the loader's work need to stay alive. */
struct loaded {
	struct config c; /* first */
	char **files;	 /* as they are printed */
	size_t n_files;
};

/* Where a problem is. Every part but .file may be missing. */
struct where {
	unsigned file; /* index into .files */
	unsigned line; /* 0 = the file as a whole */
	const char *section;
	const char *key;
	const char *tailnet; /* that it belongs to */
};

enum section_kind { SECTION_GATEWAY, SECTION_TAILNET, SECTION_HOSTS, SECTION_IGNORED };

struct host_line {
	struct host_entry entry;
	unsigned line;
};

struct section {
	enum section_kind kind;
	char title[52];
	char tailnet[50]; /* of [tailnet NAME] and [hosts NAME], valid or not */
	unsigned file, line;
	uint64_t given;		  /* bit I: key I of the table stands in it */
	unsigned *key_lines;	  /* where: one for each bit, from the lowest on */
	struct tailnet_config *t; /* TAILNET; HOSTS: the one it belongs to, found at the end */
	struct host_line *hosts;
	size_t n_hosts;
	bool hosts_overflow;
	char *broken; /* of HOSTS: its first error, while its tailnet is not known yet */
};

struct noted {
	struct problem p;
	unsigned file, line, sequence;
};

/* A prefix of AllowedIPs with the line that it came from, until the checks are done. */
struct allowed_line {
	struct prefix prefix;
	unsigned peer, line;
};

/* Where the parts of a tailnet's wg-quick file stand. */
struct wg_places {
	unsigned file;
	unsigned interface_line, mtu_line, listen_port_line, address_line, dns_line;
	struct allowed_line *allowed;
	size_t n_allowed; /* in the order of the file; after wgcheck() sorted and unique */
	bool allowed_overflow;
};

struct source { /* a file as it was read */
	char *text;
	size_t len;
	mode_t mode;
};

/* Sections by their titles; titles.c. */
struct titles {
	struct section **places;
	size_t size, n;
};

struct loader {
	struct loaded *out;
	struct config *c; /* &out->c */
	bool oom;
	int shortage; /* of what, if not of memory: EMFILE, ENFILE; then .oom, too */
	struct section **sections;
	size_t n_sections;
	struct section *current; /* NULL: none yet, or one that was refused */
	bool seen_section;
	struct section *gateway;
	size_t n_hosts_sections;
	struct titles titles;
	struct tailnet_config *defaults; /* what every tailnet starts with */
	uint64_t missed[SECTION_HOSTS];	 /* keys.c: by kind */
	struct wg_places *wg;		 /* one for each tailnet, in order */
	struct noted *noted;
	size_t n_noted, n_warnings;
	unsigned n_errors; /* noted or dropped */
	size_t dropped, dropped_errors;
	unsigned file;			   /* that is being read */
	const struct config_overlay *over; /* files that are read as these texts */
	size_t n_over;
	const char *const *only; /* tailnets whose files are read; .n_only 0: all */
	size_t n_only;
	bool view; /* no public key is made */
	/* Opens, checks and reads a regular file: source_read(), or the fuzzer's. 0 or -errno. */
	int (*read)(const char *path, struct source *ret);
};

int source_read(const char *path, struct source *ret);
void source_free(struct source *s); /* wipes */
/* NULL if there is none. */
struct section *titles_find(const struct titles *t, const char *title);
struct section *titles_section(const struct titles *t, const char *word, const char *name);
bool titles_add(struct titles *t, struct section *s); /* false: out of memory */
void titles_free(struct titles *t);
/* The main file and those of tsgw.d; then the wg-quick and users files that they name. */
void source_load_all(struct loader *l, const char *path);
void source_load_named(struct loader *l);

/* Makes room in *ITEMS_PTR for one more than N items of SIZE bytes. False and .oom if there is
 * none. */
bool load_room(struct loader *l, void *items_ptr, size_t n, size_t size);
char *load_strdup(struct loader *l, const char *text); /* NULL and .oom */
/* Registers a file's name for messages; returns its index. */
unsigned load_file_name(struct loader *l, const char *name);
/* Parses one INI file's text (and wipes nothing: it holds no secrets). */
void load_ini(struct loader *l, unsigned file, char *text, size_t len);
/* All of config_load() but the files: for the fuzzer too. */
int load_begin(struct loader *l, const char *path);
int load_end(struct loader *l, struct config **ret);

/* Where KEY (of keys.h) of section S stands, or the section's own line if it was not given. */
struct where section_where(const struct section *s, const char *key);

void problem(struct loader *l, const struct where *w, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void warning(struct loader *l, const struct where *w, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A file of tailnet W that systemd brings with its unit: nothing is wrong, but the tailnet cannot run yet. */
void credential_awaited(struct loader *l, const struct where *w, const char *path);
/* Sorts what was noted into c->problems and marks the broken tailnets. */
void problems_finish(struct loader *l);

/* wgquick.c: reads FILE (an index) into fresh t->wg, notes what is wrong with it. */
void wgquick_parse(
	struct loader *l, struct tailnet_config *t, struct wg_places *at, char *text, size_t len);
/* TEXT as a number; false: what is wrong with it has been noted. */
bool wgquick_number(struct loader *l, const struct where *w, const char *text, uint64_t min,
	uint64_t max, uint64_t *ret);
/* wgendpoint.c: TEXT (cut up) as RET's Endpoint; what is only known later is its endpoint_name. */
void wgendpoint_parse(
	struct loader *l, const struct where *w, char *text, struct wg_peer_config *ret);
void wg_config_free(struct wg_config *wg);
/* wgcheck.c: what a whole wg-quick file must obey. */
void wgcheck(struct loader *l, struct tailnet_config *t, struct wg_places *at,
	const struct where *mtu_key);
/* A sorted .allowed holds a prefix that contains A. */
bool wg_places_route(const struct wg_places *at, const struct addr *a);
/* portcheck.c: who listens where. */
void portcheck(struct loader *l);
/* enginecheck.c: what fits to the engine, its node and its uplink. */
void enginecheck(struct loader *l, struct section *s);
/* check.c: everything across keys, sections and files. */
void check_all(struct loader *l);
