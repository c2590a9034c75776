// SPDX-License-Identifier: MIT
// Files of the configuration that belong to somebody else than root.
#pragma once

/* open(2) for reading. Where root may not look past the rights of files (the units leave it no CAP_DAC_OVERRIDE that
 * it has no other use for), a file that only its owner may read is opened as its owner. A descriptor, or -1 and errno. */
int owner_open(const char *path, int flags);
