// SPDX-License-Identifier: MIT
// The records of ipc/control.h, checked before anything of them is used.
#include "ipc/record.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"

#define CONTROL_ENGINE_LAST 1 /* of enum engine in config.h */
#define CONTROL_CODE_LAST   4 /* of tsgwctl's exit codes */

/* A text of ours is one line of UTF-8; its terminator must be inside. */
static bool text_ok(char *text, size_t size)
{
	if (!memchr(text, '\0', size))
		return false;
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return true;
}

static bool addr_ok(const struct addr *a, bool may_be_none)
{
	return a->family == 4 || a->family == 6 || (may_be_none && a->family == 0);
}

static bool name_ok(char *name)
{
	return text_ok(name, MSG_NAME_MAX) && parse_is_tailnet_name(name);
}

static bool prefixes_ok(const struct prefix *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!addr_ok(&p[i].addr, false) || p[i].len > addr_bits(&p[i].addr))
			return false;
	return true;
}

static bool tailnet_ok(struct control_tailnet *t)
{
	if (!name_ok(t->name) || !text_ok(t->link, sizeof(t->link)) ||
		!text_ok(t->reason, sizeof(t->reason)) ||
		!text_ok(t->login_url, sizeof(t->login_url)))
		return false;
	if (t->state >= TAILNET_STATES || t->engine > CONTROL_ENGINE_LAST)
		return false;
	if (t->n_addresses > CONTROL_ADDRS_MAX || t->n_listen > CONTROL_LISTEN_MAX)
		return false;
	for (size_t i = 0; i < t->n_addresses; i++)
		if (!addr_ok(&t->addresses[i], false))
			return false;
	for (size_t i = 0; i < t->n_listen; i++)
		if (!addr_ok(&t->listen[i].addr, false))
			return false;
	return addr_ok(&t->veth_host, true) && addr_ok(&t->veth_ns, true);
}

static bool peer_ok(struct control_peer *p)
{
	if (!text_ok(p->peer_name, sizeof(p->peer_name)) || !text_ok(p->relay, sizeof(p->relay)) ||
		p->n_addresses > CONTROL_ADDRS_MAX)
		return false;
	for (uint32_t i = 0; i < p->n_addresses; i++)
		if (!addr_ok(&p->addresses[i], false))
			return false;
	if (!text_ok(p->endpoint_name, sizeof(p->endpoint_name)) || p->state > PEER_DOWN ||
		!addr_ok(&p->endpoint.addr, true) || p->n_shown > MSG_PREFIXES)
		return false;
	return prefixes_ok(p->allowed, p->n_shown);
}

static bool event_ok(struct control_event *e)
{
	return name_ok(e->tailnet) && e->kind < EVENT_KINDS && e->state < TAILNET_STATES &&
		text_ok(e->subject, sizeof(e->subject)) && text_ok(e->text, sizeof(e->text));
}

static bool facts_ok(union control_any *m)
{
	switch (m->h.record) {
	case CONTROL_FACTS:
		return name_ok(m->facts.tailnet) && m->facts.end <= 1;
	case CONTROL_ROUTES:
		return name_ok(m->routes.tailnet) && m->routes.n <= MSG_PREFIXES &&
			prefixes_ok(m->routes.prefixes, m->routes.n);
	default:
		return name_ok(m->name.tailnet) && text_ok(m->name.name, sizeof(m->name.name)) &&
			*m->name.name && addr_ok(&m->name.addr, false);
	}
}

static bool connection_ok(struct control_connection *c)
{
	return text_ok(c->tailnet, sizeof(c->tailnet)) && text_ok(c->user, sizeof(c->user)) &&
		text_ok(c->asked, sizeof(c->asked)) && addr_ok(&c->client.addr, false) &&
		addr_ok(&c->resolved.addr, true) && c->protocol < CLIENT_PROTOCOLS &&
		c->state < CLIENT_STATES;
}

int record_check(union control_any *m, size_t size)
{
	static const size_t sizes[] = {
		[CONTROL_TAILNET] = sizeof(struct control_tailnet),
		[CONTROL_PEER] = sizeof(struct control_peer),
		[CONTROL_STEP] = sizeof(struct control_text),
		[CONTROL_PROBLEM] = sizeof(struct control_text),
		[CONTROL_END] = sizeof(struct control_end),
		[CONTROL_CONNECTION] = sizeof(struct control_connection),
		[CONTROL_EVENT] = sizeof(struct control_event),
		[CONTROL_FACTS] = sizeof(struct control_facts),
		[CONTROL_ROUTES] = sizeof(struct control_routes),
		[CONTROL_NAME] = sizeof(struct control_name),
		[CONTROL_TOLD] = sizeof(struct control_told),
		[CONTROL_DNS_COUNTS] = sizeof(struct control_dns),
	};
	bool ok = false;

	if (size < sizeof(m->h) || m->h.record >= ELEMENTSOF(sizes) || !sizes[m->h.record] ||
		m->h.size != size || size != sizes[m->h.record])
		return -EBADMSG;
	switch (m->h.record) {
	case CONTROL_TAILNET:
		ok = tailnet_ok(&m->tailnet);
		break;
	case CONTROL_PEER:
		ok = peer_ok(&m->peer);
		break;
	case CONTROL_CONNECTION:
		ok = connection_ok(&m->connection);
		break;
	case CONTROL_EVENT:
		ok = event_ok(&m->event);
		break;
	case CONTROL_FACTS:
	case CONTROL_ROUTES:
	case CONTROL_NAME:
		ok = facts_ok(m);
		break;
	case CONTROL_TOLD:
		ok = m->told.fresh <= 1;
		break;
	case CONTROL_DNS_COUNTS:
		ok = !*m->dns.tailnet || name_ok(m->dns.tailnet);
		break;
	case CONTROL_STEP:
	case CONTROL_PROBLEM:
		ok = text_ok(m->text.text, sizeof(m->text.text));
		break;
	case CONTROL_END:
		ok = text_ok(m->end.text, sizeof(m->end.text)) && m->end.code >= 0 &&
			m->end.code <= CONTROL_CODE_LAST;
		break;
	}
	return ok ? 0 : -EBADMSG;
}
