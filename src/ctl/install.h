// SPDX-License-Identifier: MIT
// A card's text put into a file of the user's own, between two marks, and taken out again.
#pragma once

#include <stdbool.h>

#include "clients/clients.h"
#include "ctl/command.h"

/* Is there a file on this machine into which cards of KIND go? */
bool install_knows(enum clients_kind kind);
/* Shows what would change in the user's file, asks unless YES, and writes it; with UNDO it takes the
 * block out. Returns the exit code. */
int install_card(const struct clients_card *card, bool undo, bool yes);

/* The pure part: TEXT with our block replaced by BLOCK ("" = taken out), in front of everything else
 * (AT_TOP) or behind it where there was none. Fresh memory, NULL without. */
char *install_merge(const char *text, const char *block, bool at_top);
