// SPDX-License-Identifier: MIT
// A users-file: one "user:hash" a line, the hash as libsodium's crypto_pwhash_str() writes it.
#pragma once

#include "config/config.h"

/* What checking one password may cost: libsodium's MODERATE memory (256 MiB), passed over four times. */
#define USERS_HASH_KIB_MAX  262144u
#define USERS_HASH_COST_MAX (4ull * USERS_HASH_KIB_MAX)
#define USER_NAME_MAX	    255 /* RFC 1929 */
#define USER_PASSWORD_MAX   255

struct loader;

struct user_line {
	struct user_config user;
	unsigned line;
};

struct users_reading { /* while a file is read */
	struct user_line *lines;
	size_t n;
	bool overflow;
};

/* Reads the text of FILE (an index) into t->users; notes what is wrong with it. */
void users_parse(struct loader *l, struct tailnet_config *t, unsigned file, char *text, size_t len);
void users_free(struct tailnet_config *t); /* wipes the hashes */
/* NULL, or why NAME is no user's name, HASH no hash: a constant text. */
const char *users_bad_name(const char *name);
const char *users_bad_hash(const char *hash);
/* The same users (or none asked for) in both? */
bool users_equal(const struct tailnet_config *a, const struct tailnet_config *b);
