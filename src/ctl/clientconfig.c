// SPDX-License-Identifier: MIT
// client-config: how a kind of client is set up, in the very words of the gateway's page.
#include "ctl/clientconfig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/clients.h"
#include "common/cleanup.h"
#include "common/parse.h"
#include "config/expose.h"
#include "ctl/client.h"
#include "ctl/host.h"
#include "ctl/install.h"
#include "ctl/target.h"
#include "ctl/view.h"
#include "report/text.h"

struct setup {
	const struct args *args;
	enum clients_kind kind;
	const char *only; /* the tailnet, NULL = all */
	struct view view;
	char host[CLIENTS_HOST_MAX];
	struct addr address;
	struct clients_tailnet *tailnets;
	struct prefix_list *routes; /* of each of them */
	size_t n;
};

static void setup_free(struct setup *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->routes[i].items);
	free(s->routes);
	free(s->tailnets);
	view_free(&s->view);
}

/* ---- where the gateway is ---- */

/* The first address that is of use to others; loopback only if there is nothing else. */
static void choose(struct addr *best, const struct addr *a)
{
	if (!best->family || (addr_is_loopback(best) && !addr_is_loopback(a)))
		*best = *a;
}

static struct addr find_address(const struct view *v)
{
	struct link_address *addresses = NULL;
	struct addr best = {0};
	struct expose e = {0};
	size_t n = 0;

	if (host_addresses(&addresses, &n) == 0)
		expose_find(&v->config->gateway, addresses, n, &e);
	free(addresses);
	for (size_t i = 0; i < e.n; i++)
		choose(&best, &e.addrs[i]);
	for (size_t i = 0; !best.family && i < v->table.n; i++)
		for (size_t k = 0; view_at(v, i)->live && k < view_at(v, i)->live->n_listen; k++)
			choose(&best, &view_at(v, i)->live->listen[k].addr);
	return best;
}

static int setup_host(struct setup *s)
{
	const char *host = args_option(s->args, "--host");
	struct addr literal;

	s->address = find_address(&s->view);
	if (!host && !s->address.family) {
		fputs("tsgwctl: no primary address is there yet: say --host=NAME\n", stderr);
		return CTL_FAILED;
	}
	if (!host) {
		addr_format(&s->address, s->host);
		return CTL_DONE;
	}
	if (addr_parse(host, &literal) == 0) {
		s->address = literal;
		addr_format(&literal, s->host);
		return CTL_DONE;
	}
	if (!parse_is_dns_name(host)) {
		fprintf(stderr, "tsgwctl: --host=%s: neither a name nor an address\n", host);
		return CTL_USAGE;
	}
	snprintf(s->host, sizeof(s->host), "%s", host);
	return CTL_DONE;
}

/* ---- what its tailnets route ---- */

static int on_record(void *arg, const union control_any *m)
{
	struct prefix_list *l = arg;
	struct prefix *more;

	if (m->h.record == CONTROL_TOLD)
		return -ECANCELED; /* that was all of it */
	if (m->h.record != CONTROL_ROUTES)
		return 0;
	more = reallocarray(l->items, l->n + m->routes.n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	memcpy(more + l->n, m->routes.prefixes, m->routes.n * sizeof(*more));
	l->items = more;
	l->n += m->routes.n;
	return 0;
}

/* Of a netmap only its supervisor knows. */
static int live_routes(const struct args *a, const char *name, struct prefix_list *ret)
{
	struct control_request q = {.verb = CONTROL_WATCH};
	struct control_end end;
	_cleanup_close_ int fd = -1;
	int r = client_open(a->run_dir, name, &fd, NULL);

	snprintf(q.name, sizeof(q.name), "%s", name);
	if (r == 0)
		r = client_ask(fd, &q, CLIENT_PATIENCE_MS, on_record, ret, &end);
	return r == -ECANCELED || r == -ENOENT ? 0 : r;
}

static int use_tailnet(struct setup *s, const struct tailnet_config *t)
{
	struct prefix_list *routes = &s->routes[s->n];
	int r = t->wg			 ? config_routes(t, routes)
		: s->kind == CLIENTS_PAC ? live_routes(s->args, t->name, routes)
					 : 0;

	if (r < 0)
		return r;
	s->tailnets[s->n++] = (struct clients_tailnet){.name = t->name,
		.port = t->port,
		.suffixes = t->suffixes,
		.n_suffixes = t->n_suffixes,
		.routes = routes->items,
		.n_routes = routes->n};
	return 0;
}

/* As on the page: what is enabled, or runs though it is not. */
static int setup_tailnets(struct setup *s)
{
	const struct config *c = s->view.config;
	int r = 0;

	s->tailnets = calloc(c->n_tailnets + 1, sizeof(*s->tailnets));
	s->routes = calloc(c->n_tailnets + 1, sizeof(*s->routes));
	if (!s->tailnets || !s->routes)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_tailnets && r == 0; i++) {
		const struct tailnet_config *t = c->tailnets[i];
		const struct entry *e = view_find(&s->view, t->name);

		if ((s->only && strcmp(s->only, t->name) != 0) || !t->port || !t->n_suffixes ||
			!(t->enabled || (e && e->live)))
			continue;
		r = use_tailnet(s, t);
	}
	return r;
}

/* ---- the card ---- */

static int print_json(const struct setup *s, const char *text)
{
	return text_print_json(json_pack("{s:s, s:o, s:o}", "kind", clients_kind_name(s->kind),
		"tailnet", s->only ? text_json(s->only) : json_null(), "text", text_json(text)));
}

static int show(const struct setup *s, const struct clients_card *card)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return CTL_FAILED;
	clients_print(card, out);
	if (fclose(out) == EOF)
		return CTL_FAILED;
	if (s->args->json)
		return print_json(s, text);
	return fputs(text, stdout) == EOF || fflush(stdout) == EOF ? CTL_FAILED : CTL_DONE;
}

static int use(const struct setup *s)
{
	const struct args *a = s->args;
	const struct clients_view view = {.host = s->host,
		.address = s->address,
		.dns_port = s->view.config->gateway.dns_port,
		.web_port = s->view.config->gateway.web_port,
		.tailnets = s->tailnets,
		.n_tailnets = s->n};
	struct clients_card card;
	int code;

	if (clients_card(s->kind, &view, &card) < 0) {
		fputs("tsgwctl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	code = args_option(a, "--install")
		? install_card(&card, args_option(a, "--undo"), args_option(a, "--yes"))
		: show(s, &card);
	clients_card_free(&card);
	return code;
}

/* One line, and the exit code, for a line that cannot be done. */
static int check_line(const struct args *a, struct setup *ret)
{
	int kind = clients_kind_parse(a->words[0]), near;
	struct args named = *a;

	if (kind < 0) {
		near = clients_kind_nearest(a->words[0]);
		fprintf(stderr, "tsgwctl: %s: no kind of client%s%s%s\n", a->words[0],
			near >= 0 ? "; did you mean " : "",
			near >= 0 ? clients_kind_name((enum clients_kind)near) : "",
			near >= 0 ? "?" : "");
		return CTL_USAGE;
	}
	ret->kind = (enum clients_kind)kind;
	if (args_option(a, "--undo") && !args_option(a, "--install")) {
		fputs("tsgwctl: --undo goes with --install\n", stderr);
		return CTL_USAGE;
	}
	if (args_option(a, "--install") && !install_knows(ret->kind)) {
		fprintf(stderr, "tsgwctl: --install is there for ssh and env, not for %s\n",
			a->words[0]);
		return CTL_USAGE;
	}
	if (a->n_words < 2)
		return CTL_DONE;
	named.name = ret->only = a->words[1];
	return target_configured(&named);
}

int clientconfig_show(const struct args *a)
{
	struct setup s = {.args = a};
	int code = check_line(a, &s), r;

	if (code != CTL_DONE)
		return code;
	r = view_load(a, &s.view);
	if (r == 0)
		r = setup_tailnets(&s);
	if (r == 0)
		code = setup_host(&s);
	if (r == 0 && code == CTL_DONE)
		code = use(&s);
	if (r < 0) {
		fprintf(stderr, "tsgwctl: %s\n", strerror(-r));
		code = CTL_FAILED;
	}
	setup_free(&s);
	return code;
}
