// SPDX-License-Identifier: MIT
// Names that follow from a tailnet's name: namespace, link, files.
#pragma once

#include <stddef.h>

#define LINK_NAME_MAX 16 /* IFNAMSIZ */

/* "tsgw-NAME", or "tsgw-" and the first 10 hex digits of SHA-256(NAME) where that is over 15
 * characters. */
void names_link(const char *tailnet, char ret[LINK_NAME_MAX]);
/* "tsgw-NAME": the file below /run/netns. RET holds at least 40 bytes. */
void names_netns(const char *tailnet, char *ret, size_t size);
/* "/run/netns/tsgw-NAME" */
void names_netns_path(const char *tailnet, char *ret, size_t size);
