// SPDX-License-Identifier: MIT
// What the files of a hand-made gateway said, joined, and as the configuration that replaces it.
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/parse.h"
#include "ctl/tsproxy.h"

#define FIRST_PORT 11080
#define NAME_MAX_  33

/* "tsFGPU" -> "fgpu": what people call it. */
static void short_name(const char *netns, char ret[TSPROXY_TEXT_MAX])
{
	size_t n = 0;

	if (!strncasecmp(netns, "ts", 2) && netns[2])
		netns += 2;
	netns += strspn(netns, "-_.");
	for (; *netns && n + 1 < TSPROXY_TEXT_MAX; netns++)
		if (isalnum((unsigned char)*netns) || *netns == '-')
			ret[n++] = (char)tolower((unsigned char)*netns);
	ret[n] = '\0';
}

static struct tsproxy_net *net_of_expose(struct tsproxy *t, const struct tsproxy_expose *e)
{
	struct tsproxy_net *only = NULL;
	size_t n = 0;

	for (size_t i = 0; i < t->n_nets; i++)
		if (t->nets[i].inner.family && addr_equal(&t->nets[i].inner, &e->to.addr))
			return &t->nets[i];
	for (size_t i = 0; i < t->n_nets; i++) {
		if (strstr(e->unit, t->nets[i].netns))
			return &t->nets[i];
		n += t->nets[i].tailscaled;
		only = t->nets[i].tailscaled ? &t->nets[i] : only;
	}
	return n == 1 ? only : NULL;
}

static void join_exposes(struct tsproxy *t)
{
	for (size_t i = 0; i < t->n_exposes; i++) {
		struct tsproxy_net *n = net_of_expose(t, &t->exposes[i]);

		if (n && !n->port && (!n->socks_port || n->socks_port == t->exposes[i].to.port))
			n->port = t->exposes[i].at.port;
	}
}

static void join_zones(struct tsproxy *t)
{
	char name[TSPROXY_TEXT_MAX];
	struct tsproxy_net *only = NULL;
	size_t tailnets = 0;

	for (size_t i = 0; i < t->n_nets; i++) {
		if (!t->nets[i].tailscaled)
			continue;
		tailnets++;
		only = &t->nets[i];
		short_name(t->nets[i].netns, name);
		for (size_t k = 0; k < t->n_zones; k++)
			if (!strcmp(t->zones[k], name))
				snprintf(t->nets[i].suffix, TSPROXY_TEXT_MAX, "%s", t->zones[k]);
	}
	if (tailnets == 1 && !*only->suffix && t->n_zones)
		snprintf(only->suffix, TSPROXY_TEXT_MAX, "%s", t->zones[0]);
}

const char *tsproxy_finish(struct tsproxy *t)
{
	size_t tailnets = 0;

	for (size_t i = 0; i < t->n_nets; i++) {
		tailnets += t->nets[i].tailscaled && *t->nets[i].netns;
	}
	if (!tailnets)
		return "no file there runs tailscaled in a network namespace: this is no tsproxy "
		       "installation";
	join_exposes(t);
	join_zones(t);
	return NULL;
}

/* ---- printing ---- */

static bool is_primary(const struct tsproxy *t, const struct addr *a, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (addr_equal(&t->exposes[i].at.addr, a))
			return true;
	return false;
}

static void print_gateway(const struct tsproxy *t, FILE *out)
{
	char text[ADDR_TEXT_MAX];
	size_t n = 0;

	fputs("[gateway]\n", out);
	for (size_t i = 0; i < t->n_exposes; i++) {
		const struct addr *a = &t->exposes[i].at.addr;

		if (a->family && !addr_is_unspecified(a) && !is_primary(t, a, i))
			fprintf(out, "%s%s", n++ ? ", " : "primary = ", addr_format(a, text));
	}
	for (size_t i = 0; !n && i < t->n_binds; i++)
		if (!addr_is_unspecified(&t->binds[i]) && !addr_is_loopback(&t->binds[i]))
			fprintf(out, "%s%s",
				n++ ? ", " : "primary = ", addr_format(&t->binds[i], text));
	if (n)
		fputs("\n; or the interface that has it, such as tailscale0: then it may change\n",
			out);
	else
		fputs("; no address was found on which it listened: name the interface or address "
		      "of your "
		      "clients\n; primary = tailscale0\n",
			out);
}

/* A name of the contract's kind that no net before has. */
static void tailnet_name(const struct tsproxy *t, size_t i, char ret[TSPROXY_TEXT_MAX])
{
	const struct tsproxy_net *n = &t->nets[i];

	snprintf(ret, TSPROXY_TEXT_MAX, "%s", n->suffix);
	if (!parse_is_tailnet_name(ret))
		short_name(n->netns, ret);
	if (!parse_is_tailnet_name(ret))
		snprintf(ret, TSPROXY_TEXT_MAX, "tailnet%zu", i + 1);
}

static void print_text(FILE *out, const char *key, const char *value)
{
	if (*value)
		fprintf(out, "%s = %s\n", key, value);
}

/* A port that neither another net nor this function before has. */
static uint16_t other_port(const struct tsproxy *t, size_t index)
{
	uint16_t port = (uint16_t)(FIRST_PORT + index);

	for (size_t i = 0; i < t->n_nets; i++)
		if (t->nets[i].port == port) {
			port = (uint16_t)(port + TSPROXY_NETS_MAX);
			i = (size_t)-1;
		}
	return port;
}

static void print_hosts(
	const struct tsproxy *t, const struct tsproxy_net *n, const char *name, FILE *out)
{
	char text[ADDR_TEXT_MAX];
	bool any = false;

	for (size_t i = 0; i < t->n_hosts; i++) {
		if (strcmp(t->hosts[i].zone, n->suffix) != 0)
			continue;
		if (!any)
			fprintf(out, "\n[hosts %s]\n", name);
		any = true;
		fprintf(out, "%s = %s\n", t->hosts[i].name, addr_format(&t->hosts[i].addr, text));
	}
}

static void print_net(const struct tsproxy *t, size_t i, FILE *out)
{
	const struct tsproxy_net *n = &t->nets[i];
	char name[TSPROXY_TEXT_MAX];

	tailnet_name(t, i, name);
	fprintf(out, "\n; namespace %s\n[tailnet %s]\nengine = tailscale\nnode = stock\n", n->netns,
		name);
	if (n->port) {
		fprintf(out, "port = %u\n", n->port);
	} else {
		fprintf(out,
			"; no socat was found that exposed its proxy: choose what your clients "
			"use\n"
			"port = %u\n",
			other_port(t, i));
	}
	if (*n->suffix && strcmp(n->suffix, name) != 0)
		print_text(out, "suffix", n->suffix);
	else if (!*n->suffix)
		fprintf(out, "; no zone of a Corefile was found for it: its names end in .%s\n",
			name);
	print_text(out, "login-server", n->login_server);
	print_text(out, "hostname", n->hostname);
	if (n->accept_routes_known)
		fprintf(out, "accept-routes = %s\n", n->accept_routes ? "yes" : "no");
	else
		fputs("; no `tailscale up` was found: without --accept-routes, set this to no\n"
		      "accept-routes = yes\n",
			out);
	print_text(out, "advertise-routes", n->advertise_routes);
	print_text(out, "exit-node", n->exit_node);
	print_text(out, "tags", n->tags);
	if (n->password)
		fprintf(out,
			"; its proxy asked for a password: tsgwctl passwd %s USER\n"
			"; users-file = %s.users\n",
			name, name);
	fprintf(out, "; it registers as a new machine: tsgwctl login %s, or auth-key-file = FILE\n",
		name);
	if (*n->state)
		fprintf(out, "; (its old registration is in %s)\n", n->state);
	print_hosts(t, n, name, out);
}

void tsproxy_print(const struct tsproxy *t, FILE *out)
{
	print_gateway(t, out);
	for (size_t i = 0; i < t->n_nets; i++)
		if (t->nets[i].tailscaled && *t->nets[i].netns)
			print_net(t, i, out);
	if (!t->n_notes)
		return;
	fputs("\n; Not carried over:\n", out);
	for (size_t i = 0; i < t->n_notes; i++) {
		bool twice = false;

		for (size_t k = 0; k < i; k++)
			twice |= !strcmp(t->notes[k], t->notes[i]);
		if (!twice)
			fprintf(out, "; - %s\n", t->notes[i]);
	}
}
