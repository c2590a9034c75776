// SPDX-License-Identifier: MIT
// One question of tsgw-dns: what this tailnet's names, or its own resolver, have for it.
#pragma once

#include <stdbool.h>

#include "ipc/resolve.h"

#define INQUIRE_MAX 1024 /* under way, of all connections */

typedef void inquire_done(void *owner, const struct resolve_answer *a);

/* Asks Q, which has passed its check; DONE is called once with the answer, perhaps before this returns.
 * 0, -ENOSPC or -ENOMEM (then DONE is not called). */
int inquire_start(const struct resolve_question *q, inquire_done *done, void *owner);
/* OWNER is gone: nobody is told. */
void inquire_leave(void *owner);
/* All queries have been cancelled: those that somebody waits for are asked anew. */
void inquire_again(void);
