// SPDX-License-Identifier: MIT
// tsgw-wg standing alone, in the place of wireguard-go: `tsgw-wg [-f] IFNAME`.
#pragma once

/* Everything from the arguments to the exit code (0 fine, 1 failed, 2 usage). Calls the node's
 * loop, see loop.h. */
int alone_main(int argc, char **argv);
