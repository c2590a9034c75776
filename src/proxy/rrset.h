// SPDX-License-Identifier: MIT
// One answer of a resolver, off the wire: the RRset that was asked for, at the end of its aliases.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ipc/resolve.h"

/* Puts into *RET the records of TYPE that the reply P of LEN bytes has for its question's name, or for
 * what that is an alias of: their rdata without compression, the lowest TTL on the way. As many as there
 * is room for, of addresses; of other types all or -ENOSPC. 0 (RET->n may be 0) or -EBADMSG. P may be any
 * bytes. */
int rrset_take(const uint8_t *p, size_t len, uint16_t type, struct resolve_answer *ret);
