// SPDX-License-Identifier: MIT
// Credentials that were right a short while ago, as fingerprints: they need not be hashed again.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy/users.h"

#define KNOWN_MAX 256	  /* the one that was used longest ago makes room */
#define KNOWN_MS  3600000 /* since they were checked in earnest */

bool known_has(const uint8_t fingerprint[USERS_FINGERPRINT], uint64_t now_ms);
void known_add(const uint8_t fingerprint[USERS_FINGERPRINT], uint64_t now_ms);
void known_forget(void); /* all of them */
