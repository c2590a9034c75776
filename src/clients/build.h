// SPDX-License-Identifier: MIT
// Within clients/: putting a card together.
#pragma once

#include <stdbool.h>

#include "clients/clients.h"

struct builder {
	const struct clients_view *view;
	struct clients_card *card;
	char host[CLIENTS_HOST_MAX + 2]; /* with brackets if it is an IPv6 address */
	char address[ADDR_TEXT_MAX];
	FILE *out;
	FILE *spare; /* takes what there is no memory for */
	size_t size;
	bool failed;
};

/* A new block; what is printed into the result is its code. */
FILE *build_code(struct builder *b, const char *title);
/* Now its undo. */
FILE *build_undo(struct builder *b);

/* Every suffix of every tailnet. */
#define EACH_TAILNET(v, t)                                                                         \
	for (const struct clients_tailnet *t = (v)->tailnets; t < (v)->tailnets + (v)->n_tailnets; \
		t++)
#define EACH_SUFFIX(t, s) \
	for (char *const *s = (t)->suffixes; s < (t)->suffixes + (t)->n_suffixes; s++)

/* systems.c */
void systems_macos(struct builder *b);
void systems_ios(struct builder *b);
void systems_windows(struct builder *b);
void systems_android(struct builder *b);
/* linux.c */
void linux_card(struct builder *b);
/* tools.c */
void tools_ssh(struct builder *b);
void tools_curl(struct builder *b);
void tools_git(struct builder *b);
void tools_env(struct builder *b);
void tools_docker(struct builder *b);
void tools_kubectl(struct builder *b);
void tools_pac(struct builder *b);
void tools_firefox(struct builder *b);
/* splitdns.c */
void splitdns_tailscale(struct builder *b);
void splitdns_headscale(struct builder *b);
void splitdns_terraform(struct builder *b);
