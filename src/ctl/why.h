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
	struct control_peer node; /* of a tailnet with a control server: who has the address */
	bool has_node;
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

/* Asks the supervisor of T. As client_ask(). */
int why_ask(const struct why *w, const struct tailnet_config *t, enum control_verb verb,
	int (*each)(void *arg, const union control_any *m), void *arg);

/* whynode.c: tailnets with a control server */
bool why_node_has(const struct why *w, const struct tailnet_config *t, const struct addr *a);
/* Its node's address, by the name that the tailnet gave it, whole or without the domain. */
bool why_node_named(
	const struct why *w, const struct tailnet_config *t, const char *name, struct addr *ret);
enum hop_next why_node_route(struct why *w, struct finding *f);
enum hop_next why_node_state(struct why *w, struct finding *f);
/* The route hop's last word: nobody has it. */
enum hop_next why_not_routed(struct why *w, struct finding *f);

/* The peer with the longest of its allowed-ips that contain A, and that one. NULL: none. */
const struct wg_peer_config *why_route(
	const struct tailnet_config *t, const struct addr *a, struct prefix *ret);
