// SPDX-License-Identifier: MIT
// What a stock node prints, into our log: a line at a time, printable, and not more than is of use.
#pragma once

/* Takes over FD, the reading end of its pipe. */
void nodelog_open(int fd);
