// SPDX-License-Identifier: MIT
// What this host is called, as far as its own files say it.
#pragma once

#include <stdbool.h>

#include "ipc/msg.h"

/* The host's name, and its full name ("" = not known). No resolver is asked. */
void hostnames_get(char ret_name[MSG_DOMAIN_MAX], char ret_fqdn[MSG_DOMAIN_MAX]);
/* The pure part: the full name that HOSTS (hosts(5)) has for NAME. False: none. */
bool hostnames_find(const char *hosts, const char *name, char ret[MSG_DOMAIN_MAX]);
