// SPDX-License-Identifier: MIT
// systemd's descriptor store: what is put there outlives this process and comes back at the next start.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"

/* An entry is named OWNER/OBJECT: a tailnet (or "-", the front) and what the descriptor is. Without
 * systemd nothing is kept, and nothing is found. */
#define FDSTORE_NAME_MAX 160

/* Receives what the store has; two entries of one name are none. 0 or -errno. */
int fdstore_open(void);

/* Each of whom something was received. */
void fdstore_each_owner(void (*each)(void *arg, const char *owner), void *arg);
/* Has it anything of OWNER? */
bool fdstore_has(const char *owner);
/* The caller's descriptor from then on; the store keeps its own. -ENOENT. */
int fdstore_take(const char *owner, const char *object);
/* Any that was not taken yet and whose OBJECT starts with PREFIX; RET_OBJECT has FDSTORE_NAME_MAX
 * bytes. -ENOENT. */
int fdstore_take_any(const char *owner, const char *prefix, char *ret_object);

/* A socket's address as part of a name: "127.0.0.1_53". */
void fdstore_place(const struct hostport *at, char ret[HOSTPORT_TEXT_MAX]);
/* Puts a copy of FD in the place of what is there under this name. */
void fdstore_put(const char *owner, const char *object, int fd);
void fdstore_drop(const char *owner, const char *object); /* none is fine */
/* Everything of OWNER, taken or not. */
void fdstore_clear(const char *owner);
/* What was received and never taken: nobody wants it any more. */
void fdstore_close_rest(void);
