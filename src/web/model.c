// SPDX-License-Identifier: MIT
// The gateway as the page knows it: what the configuration says, and the last records of the tailnets.
#include "web/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "ipc/record.h"

#define MODEL_NAMES_MAX 300

int model_new(struct model **ret)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	*ret = m;
	return 0;
}

static void free_ports(struct port_maps *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->items[i].name);
	free(p->items);
}

static void free_tailnet(struct web_tailnet *t)
{
	for (size_t i = 0; i < t->config.n_suffixes; i++)
		free(t->config.suffixes[i]);
	free(t->config.suffixes);
	free(t->config.allow.items);
	free(t->config.broken);
	free_ports(&t->config.forwards);
	free_ports(&t->config.publishes);
	free(t->addresses.addresses.items);
	free(t->routes.items);
	free(t);
}

void model_free(struct model *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_tailnets; i++)
		free_tailnet(m->tailnets[i]);
	free(m->tailnets);
	for (size_t i = 0; i < m->n_names; i++)
		free(m->names[i]);
	free(m->names);
	free(m->allow.items);
	free(m);
}

/* ---- items ---- */

static bool terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static int add_string(char ***list, size_t *n, const char *text)
{
	char **more = reallocarray(*list, *n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	*list = more;
	more[*n] = strdup(text);
	if (!more[*n])
		return -ENOMEM;
	++*n;
	return 0;
}

static int add_prefixes(struct prefix_list *l, const struct msg_prefixes *m)
{
	struct prefix *more;

	if (m->n > MSG_PREFIXES || l->n + m->n > CONFIG_ALLOWED_MAX)
		return -EBADMSG;
	for (uint32_t i = 0; i < m->n; i++)
		if ((m->prefixes[i].addr.family != 4 && m->prefixes[i].addr.family != 6) ||
			m->prefixes[i].len > addr_bits(&m->prefixes[i].addr))
			return -EBADMSG;
	more = reallocarray(l->items, l->n + m->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	memcpy(more + l->n, m->prefixes, m->n * sizeof(*more));
	l->items = more;
	l->n += m->n;
	return 0;
}

static int item_config(struct model *m, const struct msg_web_config *c)
{
	if (m->configured || !terminated(c->hostname, sizeof(c->hostname)) ||
		!terminated(c->fqdn, sizeof(c->fqdn)))
		return -EBADMSG;
	m->configured = true;
	memcpy(m->hostname, c->hostname, sizeof(m->hostname));
	memcpy(m->fqdn, c->fqdn, sizeof(m->fqdn));
	m->dns_port = c->dns_port;
	m->web_port = c->web_port;
	return 0;
}

static int item_tailnet(struct model *m, const struct msg_web_tailnet *c)
{
	struct web_tailnet **more, *t;

	if (!terminated(c->name, sizeof(c->name)) || !parse_is_tailnet_name(c->name) ||
		!terminated(c->broken, sizeof(c->broken)) || c->engine > ENGINE_TAILSCALE ||
		m->n_tailnets >= CONFIG_TAILNETS_MAX)
		return -EBADMSG;
	more = reallocarray(m->tailnets, m->n_tailnets + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	m->tailnets = more;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	m->tailnets[m->n_tailnets++] = t;
	memcpy(t->config.name, c->name, sizeof(t->config.name));
	t->config.enabled = c->enabled;
	t->config.engine = (enum engine)c->engine;
	t->config.port = c->port;
	t->config.wg = &t->addresses;
	if (!*c->broken)
		return 0;
	t->config.broken = strdup(c->broken);
	return t->config.broken ? 0 : -ENOMEM;
}

static int item_port(struct web_tailnet *t, const struct msg_port *p)
{
	struct port_maps *maps = p->local ? &t->config.publishes : &t->config.forwards;
	struct port_map *more, map = {.port = p->at.port, .udp = p->udp, .to.port = p->port};

	if (!terminated(p->host, sizeof(p->host)) || maps->n >= CONFIG_PORTS_MAX)
		return -EBADMSG;
	more = reallocarray(maps->items, maps->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	maps->items = more;
	if (addr_parse(p->host, &map.to.addr) < 0) {
		map.name = strdup(p->host);
		if (!map.name)
			return -ENOMEM;
	}
	maps->items[maps->n++] = map;
	return 0;
}

int model_item(struct model *m, const union msg *item)
{
	struct web_tailnet *t = m->n_tailnets ? m->tailnets[m->n_tailnets - 1] : NULL;

	switch (item->h.type) {
	case MSG_WEB_CONFIG:
		return item_config(m, &item->web_config);
	case MSG_WEB_NAME:
		if (!terminated(item->web_name.name, sizeof(item->web_name.name)) ||
			m->n_names >= MODEL_NAMES_MAX)
			return -EBADMSG;
		return add_string(&m->names, &m->n_names, item->web_name.name);
	case MSG_WEB_ALLOW:
		return add_prefixes(&m->allow, &item->prefixes);
	case MSG_WEB_TAILNET:
		return item_tailnet(m, &item->web_tailnet);
	}
	if (!t)
		return -EBADMSG;
	switch (item->h.type) {
	case MSG_WEB_SUFFIX:
		if (!terminated(item->dns_suffix.suffix, sizeof(item->dns_suffix.suffix)) ||
			!parse_is_dns_name(item->dns_suffix.suffix) ||
			t->config.n_suffixes >= CONFIG_LIST_MAX)
			return -EBADMSG;
		return add_string(
			&t->config.suffixes, &t->config.n_suffixes, item->dns_suffix.suffix);
	case MSG_WEB_SEES:
		return add_prefixes(&t->config.allow, &item->prefixes);
	case MSG_WEB_ROUTE:
		return add_prefixes(&t->routes, &item->prefixes);
	case MSG_WEB_ADDRESS:
		return add_prefixes(&t->addresses.addresses, &item->prefixes);
	case MSG_WEB_PORT:
		return item_port(t, &item->port);
	default:
		return -EBADMSG;
	}
}

/* ---- records ---- */

void model_inherit(struct model *m, const struct model *old)
{
	for (size_t i = 0; old && i < m->n_tailnets; i++) {
		struct web_tailnet *t = m->tailnets[i];
		const struct web_tailnet *was = model_find(old, t->config.name);

		if (!was)
			continue;
		t->known = was->known;
		t->pid = was->pid;
		t->live = was->live;
		t->has_dns = was->has_dns;
		t->dns = was->dns;
	}
}

int model_record(struct model *m, const struct msg_web_record *r)
{
	union control_any any;
	struct web_tailnet *t;

	if (!terminated(r->tailnet, sizeof(r->tailnet)))
		return -EBADMSG;
	t = model_find(m, r->tailnet);
	if (!t)
		return 0; /* of a configuration that is on its way */
	t->known = r->known;
	t->pid = r->pid;
	if (!r->known)
		return 0;
	if (r->n != sizeof(any.tailnet))
		return -EBADMSG;
	memcpy(&any.tailnet, r->record, sizeof(any.tailnet));
	if (any.h.record != CONTROL_TAILNET || record_check(&any, sizeof(any.tailnet)) < 0 ||
		strcmp(any.tailnet.name, t->config.name))
		return -EBADMSG;
	t->live = any.tailnet;
	return 0;
}

void model_dns(struct model *m, const struct msg_web_dns *d)
{
	struct web_tailnet *t =
		terminated(d->tailnet, sizeof(d->tailnet)) ? model_find(m, d->tailnet) : NULL;

	if (!t)
		return;
	t->has_dns = true;
	t->dns = d->zone;
}

/* ---- questions ---- */

static bool list_contains(const struct prefix_list *l, const struct addr *a)
{
	for (size_t i = 0; i < l->n; i++)
		if (prefix_contains(&l->items[i], a))
			return true;
	return false;
}

bool model_admits(const struct model *m, const struct addr *client)
{
	return list_contains(&m->allow, client);
}

bool model_sees(const struct web_tailnet *t, const struct addr *client)
{
	return list_contains(&t->config.allow, client);
}

struct web_tailnet *model_find(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->n_tailnets; i++)
		if (!strcmp(m->tailnets[i]->config.name, name))
			return m->tailnets[i];
	return NULL;
}

struct entry model_entry(struct web_tailnet *t)
{
	struct entry e = {.config = &t->config};

	memcpy(e.name, t->config.name, sizeof(e.name));
	if (t->known) {
		e.live = &t->live;
		e.pid = t->pid;
	}
	return e;
}

enum tailnet_state model_state(const struct web_tailnet *t)
{
	return t->known ? (enum tailnet_state)t->live.state : TAILNET_DOWN;
}

bool model_serves(const struct web_tailnet *t)
{
	return t->config.n_suffixes && t->config.port && (t->config.enabled || t->known);
}
