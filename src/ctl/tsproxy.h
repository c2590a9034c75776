// SPDX-License-Identifier: MIT
// A hand-made gateway of network namespaces, tailscaled, microsocks or danted, socat and CoreDNS, as its
// files tell it: units, scripts, a Corefile.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/addr.h"

#define TSPROXY_NETS_MAX  32
#define TSPROXY_NOTES_MAX 64
#define TSPROXY_HOSTS_MAX 256
#define TSPROXY_TEXT_MAX  256
#define TSPROXY_FILE_MAX  262144 /* bytes of one file */
#define TSPROXY_WORDS_MAX 256	 /* of one line */

struct tsproxy_net { /* one namespace with its tailnet */
	char netns[TSPROXY_TEXT_MAX];
	bool tailscaled;
	struct addr inner;   /* its side of the veth pair */
	uint16_t socks_port; /* of microsocks or danted inside, 0 = not found */
	bool password;
	uint16_t port; /* where socat exposes it, 0 = not found */
	char suffix[TSPROXY_TEXT_MAX];
	char state[TSPROXY_TEXT_MAX]; /* path of tailscaled's */
	char login_server[TSPROXY_TEXT_MAX], hostname[TSPROXY_TEXT_MAX],
		exit_node[TSPROXY_TEXT_MAX], advertise_routes[TSPROXY_TEXT_MAX],
		tags[TSPROXY_TEXT_MAX];
	bool accept_routes, accept_routes_known;
};

struct tsproxy_expose {	    /* a socat, or a proxy that listens in the host's namespace itself */
	struct hostport at; /* family 0: any address */
	struct hostport to;
	char unit[TSPROXY_TEXT_MAX];
};

struct tsproxy_host {
	char name[TSPROXY_TEXT_MAX];
	char zone[TSPROXY_TEXT_MAX];
	struct addr addr;
};

struct tsproxy {
	struct tsproxy_net nets[TSPROXY_NETS_MAX];
	size_t n_nets;
	struct tsproxy_expose exposes[TSPROXY_NETS_MAX];
	size_t n_exposes;
	char zones[TSPROXY_NETS_MAX][TSPROXY_TEXT_MAX];
	size_t n_zones;
	struct addr binds[TSPROXY_NETS_MAX]; /* of the DNS server */
	size_t n_binds;
	struct tsproxy_host hosts[TSPROXY_HOSTS_MAX];
	size_t n_hosts;
	char *notes[TSPROXY_NOTES_MAX]; /* what could not be carried over */
	size_t n_notes;
};

/* Takes in one file (TEXT is changed); NAME is its name without directory. What is none of the
 * installation is passed over. */
void tsproxy_feed(struct tsproxy *t, const char *name, char *text);
/* Joins what the files said. NULL, or what is missing for it to be such an installation. */
const char *tsproxy_finish(struct tsproxy *t);
/* The INI that replaces it, with comments. */
void tsproxy_print(const struct tsproxy *t, FILE *out);
void tsproxy_free(struct tsproxy *t);
