// SPDX-License-Identifier: MIT
// One tailnet as seen from outside: what the configuration says of it and what its supervisor does.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "config/config.h"
#include "ipc/control.h"

struct entry {
	char name[MSG_NAME_MAX];
	const struct tailnet_config *config; /* NULL: it is no longer configured */
	struct control_tailnet *live;	     /* NULL: nobody owns it, or nobody could be asked */
	pid_t pid;			     /* its supervisor, 0 = unknown */
	bool mute;			     /* a supervisor is there, but gave no answer */
};

/* Why it is not up, "" else. */
const char *entry_reason(const struct entry *e);
/* A word of the contract, or "unknown" where the supervisor gave no answer. */
const char *entry_state(const struct entry *e);
enum engine entry_engine(const struct entry *e);

/* The object of `list --json`; with DETAIL the fields of `status --json` too. NULL: out of
 * memory. */
json_t *entry_json(const struct entry *e, bool detail);
/* The object of `status --json` around its TAILNETS, which is taken over. */
json_t *entry_json_status(json_t *tailnets);
/* The tunnel addresses that are known. */
json_t *entry_json_addresses(const struct entry *e);
/* The peers that count are known. */
bool entry_has_peers(const struct entry *e);
/* The I-th tunnel address (from the node, else from the configuration), or NULL. */
const struct addr *entry_address(const struct entry *e, size_t i);
