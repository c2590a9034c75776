// SPDX-License-Identifier: MIT
// The files of one tailnet in tsgw.d, for `add` and `remove`: where they are, and what is in them.
#pragma once

#include <limits.h>

#include "config/config.h"
#include "ctl/command.h"

struct addition {
	char ini[PATH_MAX];  /* tsgw.d/NAME.ini */
	char wg[PATH_MAX];   /* tsgw.d/NAME.conf: our copy of the wg-quick file */
	const char *wg_path; /* the wg-quick file that the user has named, or NULL */
	char *text;	     /* what belongs into INI; of the heap */
	char *wg_text;	     /* what belongs into WG, NULL = nothing; wiped when freed */
};

/* Fills in the paths. 0 or -ENAMETOOLONG. */
int addition_paths(const struct args *a, struct addition *ret);
/* The options of the line as the text of a section. PORT is used where none was given. 0 or -ENOMEM. */
int addition_text(const struct args *a, uint16_t port, struct addition *n);
/* From 11080 on, a port that neither C nor another program of this host uses; 0 = none. */
uint16_t addition_free_port(const struct config *c);
void addition_free(struct addition *n);

/* The configuration with N's files as they are to be. With TEXT NULL: without them. 0 or -ENOMEM. */
int addition_load(const struct args *a, const struct addition *n, struct config **ret);
/* Prints the errors of NOW that BEFORE does not have; returns how many. */
size_t addition_new_errors(
	const struct config *before, const struct config *now, const struct addition *n);
/* Do both say the same? */
bool addition_same(const struct config *a, const struct config *b);
/* Tells every supervisor to read the configuration again; complains, but goes on. */
void addition_reload(const struct args *a);
