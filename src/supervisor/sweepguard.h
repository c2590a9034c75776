// SPDX-License-Identifier: MIT
// The moment between a crash and the start that follows it.
#pragma once

#include <stdbool.h>

/* In a process of its own: returns once it is certain what has become of our unit. True: it was stopped before it
 * could start again. False: it starts, or nobody can tell. */
bool sweepguard_was_stopped(void);
