// SPDX-License-Identifier: MIT
// The values of forward and publish: "PORT[/udp] -> HOST:PORT".
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "config/lines.h"
#include "config/values.h"

/* "10.0.0.300" is a mistake, and "127.1" means different things to different readers. */
static bool ends_in_a_number(const char *name)
{
	const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;

	return strspn(last, "0123456789") == strlen(last);
}

/* HOST:PORT. Cuts TEXT; .name points into it. */
static bool split_target(char *text, struct port_map *ret)
{
	char *colon = strrchr(text, ':');
	uint64_t port;

	if (hostport_parse(text, &ret->to) == 0)
		return true;
	if (!colon || parse_u64(colon + 1, 1, 65535, &port) < 0)
		return false;
	*colon = '\0';
	ret->to.port = (uint16_t)port;
	ret->name = text;
	return parse_is_dns_name(text) && !ends_in_a_number(text);
}

static bool split_map(char *text, struct port_map *ret)
{
	char *arrow = strstr(text, "->"), *slash;
	uint64_t port;

	if (!arrow)
		return false;
	*arrow = '\0';
	text = lines_trim(text);
	slash = strchr(text, '/');
	if (slash) {
		*slash = '\0';
		if (strcmp(slash + 1, "udp"))
			return false;
	}
	if (parse_u64(text, 1, 65535, &port) < 0)
		return false;
	ret->port = (uint16_t)port;
	ret->udp = slash != NULL;
	return split_target(lines_trim(arrow + 2), ret);
}

static bool is_known(struct value *v, const struct port_maps *list, const struct port_map *m)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i].port != m->port || list->items[i].udp != m->udp)
			continue;
		problem(v->l, &v->where, "%u%s is used already, in line %u", m->port,
			m->udp ? "/udp" : "", list->items[i].line);
		return true;
	}
	return false;
}

static void add_map(struct value *v, struct port_map *m)
{
	struct port_maps *list = (void *)((char *)v->target + v->key->offset);

	if (is_known(v, list, m))
		return;
	if (list->n >= CONFIG_PORTS_MAX) {
		problem(v->l, &v->where, "has more than %d entries", CONFIG_PORTS_MAX);
		return;
	}
	m->line = v->where.line;
	if (m->name)
		m->name = load_strdup(v->l, m->name);
	if (!v->l->oom && load_room(v->l, &list->items, list->n, sizeof(*m)))
		list->items[list->n++] = *m;
	else
		free(m->name);
}

static bool parse_map(struct value *v, char *copy, size_t size, struct port_map *ret)
{
	snprintf(copy, size, "%s", v->text);
	if (split_map(copy, ret))
		return true;
	problem(v->l, &v->where, CLIP " is not of the form PORT[/udp] -> HOST:PORT", v->text);
	return false;
}

static void parse_forward(struct value *v)
{
	char copy[CONFIG_LINE_MAX + 1], text[ADDR_TEXT_MAX];
	struct port_map m = {0};

	if (!parse_map(v, copy, sizeof(copy), &m))
		return;
	if (!m.name && addr_is_never_proxied(&m.to.addr))
		problem(v->l, &v->where, "%s cannot be reached through a tailnet",
			addr_format(&m.to.addr, text));
	else
		add_map(v, &m);
}

static void parse_publish(struct value *v)
{
	char copy[CONFIG_LINE_MAX + 1], text[ADDR_TEXT_MAX];
	const struct addr *a;
	struct port_map m = {0};

	if (!parse_map(v, copy, sizeof(copy), &m))
		return;
	a = &m.to.addr;
	if (!m.name &&
		(addr_is_unspecified(a) || addr_is_multicast(a) || addr_is_broadcast(a) ||
			(a->family == 6 && addr_is_link_local(a))))
		problem(v->l, &v->where, "%s is not the address of one host", addr_format(a, text));
	else
		add_map(v, &m);
}

static void print_maps(const struct key *k, const void *target, FILE *out)
{
	const struct port_maps *list = (const void *)((const char *)target + k->offset);
	char text[PORT_TARGET_MAX];

	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%u%s -> %s\n", list->items[i].port, list->items[i].udp ? "/udp" : "",
			port_map_target(&list->items[i], text));
}

const struct key_type type_forward = {parse_forward, print_maps};
const struct key_type type_publish = {parse_publish, print_maps};
