// SPDX-License-Identifier: MIT
// The gateway as the page knows it: what the configuration says, and the last records of the tailnets.
#pragma once

#include <stdbool.h>

#include "config/config.h"
#include "ipc/control.h"
#include "ipc/msg.h"
#include "report/entry.h"

struct web_tailnet {
	struct tailnet_config config; /* what the page needs of it; .allow is who may see it */
	struct wg_config addresses;   /* of its .wg: the addresses alone */
	struct prefix_list routes;
	bool known;
	pid_t pid;
	struct control_tailnet live;
	bool has_dns;
	struct dns_zone_stats dns;
};

struct model {
	char hostname[MSG_DOMAIN_MAX], fqdn[MSG_DOMAIN_MAX];
	char **names; /* lower case */
	size_t n_names;
	struct prefix_list allow; /* who may see the page */
	uint16_t dns_port, web_port;
	struct web_tailnet **tailnets;
	size_t n_tailnets;
	bool configured; /* MSG_WEB_CONFIG was there */
};

int model_new(struct model **ret);
void model_free(struct model *m); /* NULL is fine */
/* One item of a configuration. 0, -EBADMSG or -ENOMEM. */
int model_item(struct model *m, const union msg *item);
/* The records that OLD (may be NULL) has of M's tailnets. */
void model_inherit(struct model *m, const struct model *old);
/* What the DNS responder has counted for a tailnet. */
void model_dns(struct model *m, const struct msg_web_dns *d);
/* 0 or -EBADMSG. */
int model_record(struct model *m, const struct msg_web_record *r);

bool model_admits(const struct model *m, const struct addr *client);
bool model_sees(const struct web_tailnet *t, const struct addr *client);
struct web_tailnet *model_find(const struct model *m, const char *name);
struct entry model_entry(struct web_tailnet *t);
enum tailnet_state model_state(const struct web_tailnet *t);
/* Is it of use to clients: enabled, or running though it is not? */
bool model_serves(const struct web_tailnet *t);
