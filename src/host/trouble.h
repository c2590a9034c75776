// SPDX-License-Identifier: MIT
// What is wrong with a stock node that runs: its own warnings, and what they leave out.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/ipn.h"

/* tailscaled speaks of a control server that is gone after eight minutes. */
#define TROUBLE_GRACE_MS 8000
#define TROUBLE_EARLY_MS 2000

struct trouble {
	char heard[ENGINE_REASON_MAX]; /* its worst warning, "" = none */
	uint64_t offline_since_ms;     /* 0: it is in touch with the control server */
	bool offline;		       /* for longer than a moment */
	uint64_t up_since_ms;	       /* 0: it has not been up yet */
};

/* A look at the node at NOW_MS. True: look again soon. */
bool trouble_look(struct trouble *t, const struct ipn_status *s, uint64_t now_ms);
/* It has just come up and has no peers: perhaps it only does not know them yet. */
bool trouble_early(const struct trouble *t, const struct ipn_status *s, uint64_t now_ms);
/* "" = nothing is wrong. */
const char *trouble_text(const struct trouble *t);
/* An error of TLS that the clock may be to blame for, in words; others stay as they are. */
void trouble_explain(const char *error, char *ret, size_t size);
