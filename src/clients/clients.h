// SPDX-License-Identifier: MIT
// How each kind of client is set up: the texts of the page and of `tsgwctl client-config`.
//
// Pure: a view of the gateway as one client may see it goes in, text comes out. Names in it were checked
// by whoever made it (configuration, Host header), so they are safe in every language that is written.
#pragma once

#include <stdio.h>

#include "common/addr.h"

#define CLIENTS_BLOCKS_MAX 24
#define CLIENTS_HOST_MAX   256
#define CLIENTS_SSID_MAX   32 /* bytes of the name of a wireless network */

struct clients_tailnet {
	const char *name;
	uint16_t port;
	char *const *suffixes;
	size_t n_suffixes;
	const struct prefix *routes;
	size_t n_routes;
};

struct clients_view {
	const char *host; /* how clients reach the gateway: a name or an address without brackets */
	struct addr address; /* of the gateway, where only an address will do */
	uint16_t dns_port;   /* 0 = there is none */
	uint16_t web_port;
	const struct clients_tailnet *tailnets;
	size_t n_tailnets;
};

enum clients_kind {
	CLIENTS_MACOS,
	CLIENTS_IOS,
	CLIENTS_WINDOWS,
	CLIENTS_LINUX,
	CLIENTS_ANDROID,
	CLIENTS_SSH,
	CLIENTS_CURL,
	CLIENTS_GIT,
	CLIENTS_ENV,
	CLIENTS_DOCKER,
	CLIENTS_KUBECTL,
	CLIENTS_PAC,
	CLIENTS_FIREFOX,
	CLIENTS_TAILSCALE,
	CLIENTS_HEADSCALE,
	CLIENTS_TERRAFORM,
	CLIENTS_KINDS
};

/* "macos", …; -1 if TEXT is none of them. */
const char *clients_kind_name(enum clients_kind kind);
int clients_kind_parse(const char *text);
/* The kind whose name is nearest to TEXT, or -1 if none is near. */
int clients_kind_nearest(const char *text);
/* For people: "macOS", "SSH". */
const char *clients_kind_title(enum clients_kind kind);

struct clients_block {
	const char *title; /* what it is and where it goes: one line */
	char *code;	   /* to be pasted as it is; "" = the title says it all */
	char *undo;	   /* how to take it back: lines */
};

struct clients_card {
	enum clients_kind kind;
	const char *intro; /* one paragraph, may be empty */
	struct clients_block blocks[CLIENTS_BLOCKS_MAX];
	size_t n;
};

/* 0 or -ENOMEM; free with clients_card_free(). */
int clients_card(enum clients_kind kind, const struct clients_view *view, struct clients_card *ret);
void clients_card_free(struct clients_card *c);
/* The card as plain text: what is not to be pasted is a comment of the language at hand. */
void clients_print(const struct clients_card *c, FILE *out);

/* The PAC file (JavaScript). */
void clients_pac(const struct clients_view *view, FILE *out);
/* An Apple configuration profile with the PAC's address: for the whole system, or with SSID for one
 * wireless network (which is what an iPhone without management takes). */
void clients_profile(const struct clients_view *view, const char *ssid, FILE *out);

/* "demon", "[fd00::1]": HOST as it stands before a port. BUF has CLIENTS_HOST_MAX + 2. */
const char *clients_authority(const struct clients_view *view, char buf[CLIENTS_HOST_MAX + 2]);
