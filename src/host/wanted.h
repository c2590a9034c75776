// SPDX-License-Identifier: MIT
// What the configuration wants of a stock node, as it is told message by message.
#pragma once

#include "host/ipn.h"
#include "host/prefs.h"

struct wanted {
	bool any, logged_out, has_key;
	struct prefs_wanted prefs;
	char exit_node[MSG_DOMAIN_MAX]; /* name or address; .prefs.exit_id is who that is */
	char key[ENGINE_KEY_MAX];
};

/* An item: 0 or -EBADMSG. */
int wanted_take(struct wanted *w, const union msg *m);
/* Looks for the exit node among the peers; TROUBLE says why there is none, "" if all is well. */
void wanted_choose_exit(
	struct wanted *w, const struct ipn_status *status, char *trouble, size_t size);
/* How long a registration waits that has failed so often. */
uint64_t wanted_pause_s(unsigned failures);
