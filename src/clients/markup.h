// SPDX-License-Identifier: MIT
// Text within HTML and XML: what would be markup there stands as an entity.
#pragma once

#include <stdio.h>

/* S as the text of an element, or as an attribute's value between double quotes. */
void markup_text(FILE *out, const char *s);
