// SPDX-License-Identifier: MIT
// Who may log in: names and hashes, and a keyed fingerprint in place of every comparison of secrets.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/msg.h"

#define USERS_MAX	  4096
#define USERS_FINGERPRINT 32

struct user {
	uint8_t name[USERS_FINGERPRINT]; /* of the name */
	char hash[MSG_HASH_MAX];
};

struct users {
	struct user *items;
	size_t n;
};

/* 0, -ENOSPC behind USERS_MAX, -ENOMEM. */
int users_add(struct users *u, const char *name, const char *hash);
bool users_equal(const struct users *a, const struct users *b);
void users_free(struct users *u); /* wipes */
/* The hash of NAME and true; or false and some hash all the same, for one name always the same one, so
 * that a name that nobody has costs as much to check. NULL only if there are no users. Takes as long
 * for any name. */
const char *users_find(const struct users *u, const char *name, size_t len, bool *ret_known);

/* BLAKE2b of the parts under a key that this process made for itself. */
void users_fingerprint(
	uint8_t ret[USERS_FINGERPRINT], const void *a, size_t a_len, const void *b, size_t b_len);
