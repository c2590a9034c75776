// SPDX-License-Identifier: MIT
// What somebody takes away from outside comes back: pins, sockets, links.
#pragma once

#include "supervisor/supervisor.h"

#define HEAL_FEW 64 /* tailnets of which each is looked at whenever addresses change */

/* Watches the directories in which things of ours lie. Without it nothing comes back before the next
 * start; that is no error. */
void heal_open(struct supervisor *s);
/* Everything has been started: the run directory is watched, too. */
void heal_begin(struct supervisor *s);
void heal_close(struct supervisor *s);
/* T has been made: its own directory is watched, too. */
void heal_watch(struct tailnet *t);
/* The host's addresses have changed: is a veth gone? */
void heal_links(struct supervisor *s);
