// SPDX-License-Identifier: MIT
// One password at a time, against its hash, in a thread of its own.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ipc/msg.h"

#define VERIFY_PASSWORD_MAX 255

/* Starts to check PASSWORD against HASH; DONE is called from the loop. Only while !verify_busy().
 * 0 or -errno. */
int verify_start(const char *hash, const char *password, size_t len, void (*done)(bool right));
bool verify_busy(void);
