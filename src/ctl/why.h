// SPDX-License-Identifier: MIT
// Inside `why` only: what is known on the way from hop to hop.
#pragma once

#include "config/config.h"
#include "config/expose.h"
#include "ctl/aim.h"
#include "ctl/client.h"
#include "ctl/report.h"

struct why {
	const struct args *args;
	struct aim aim;
	struct config *config;
	struct link_address *addresses; /* of this host */
	size_t n_addresses;
	struct expose expose;
	const struct tailnet_config *t; /* that the name leads to */
	struct control_tailnet live;
	bool has_live;
	bool blind;	  /* its supervisor does not answer the likes of us */
	struct addr addr; /* of the destination, family 0 = not known */
	const struct wg_peer_config *peer;
	int sock; /* connected through the listener */
	uint16_t port;
};

enum hop_next {
	HOP_NEXT,
	HOP_SKIPPED,
	HOP_STOP
}; /* SKIPPED: it does not apply, so there is no line */

/* Each fills in F and says how to go on. */
enum hop_next why_name(struct why *w, struct finding *f);
enum hop_next why_dns(struct why *w, struct finding *f);
enum hop_next why_connect(struct why *w, struct finding *f);
enum hop_next why_first_byte(struct why *w, struct finding *f);

/* The peer with the longest of its allowed-ips that contain A, and that one. NULL: none. */
const struct wg_peer_config *why_route(
	const struct tailnet_config *t, const struct addr *a, struct prefix *ret);
