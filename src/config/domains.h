// SPDX-License-Identifier: MIT
// What a domain name or an interface's name means to the world outside.
#pragma once

#include <stdbool.h>

/* Why NAME cannot be a suffix ("is reserved…"), or NULL. Any case. */
const char *domains_refused_suffix(const char *name);
/* NAME is one label and a well-known public top-level domain. */
bool domains_is_public(const char *name);
/* "10.1.2.3", "10-1-2-3", "fd00--1": the forms that stand for an address under a suffix. */
bool domains_is_address(const char *name);
/* As the kernel takes them, and without control characters and commas. */
bool domains_is_ifname(const char *name);
