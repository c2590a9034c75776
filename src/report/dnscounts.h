// SPDX-License-Identifier: MIT
// What the DNS responder has counted, as JSON: "dns" of `status --json`.
#pragma once

#include <jansson.h>

#include "ipc/control.h"

/* Puts R into J, the object that all records of one answer go to. */
void dnscounts_json(json_t *j, const struct control_dns *r);
