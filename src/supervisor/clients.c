// SPDX-License-Identifier: MIT
// The connections of a tailnet's listener, page by page from its tsgw-proxy to whoever asked.
//
// A page is asked for only when whoever asked has taken the one before it: so neither a worker with a
// million connections nor a client that does not read makes the supervisor wait or hold anything.
#include "supervisor/clients.h"

#include <errno.h>
#include <string.h>

#include "supervisor/control.h"
#include "supervisor/tailnet.h"

int clients_ask(struct tailnet *t, uint64_t after, void *asker)
{
	struct clients_page *p = &t->clients_page;
	struct msg_clients_wanted m = {.after = after};
	int r;

	if (p->left)
		return -EBUSY;
	if (!t->proxy.pid)
		return -ENOTCONN;
	m.id = ++p->id;
	r = worker_tell(&t->proxy, MSG_PROXY_CLIENTS_WANTED, &m);
	if (r < 0)
		return r;
	p->left = MSG_CLIENTS_PAGE + 1;
	p->asker = asker;
	return 0;
}

void clients_forget(struct tailnet *t, const void *asker)
{
	if (t->clients_page.asker == asker)
		t->clients_page.asker = NULL;
}

static bool client_ok(const struct msg_client *m)
{
	uint8_t family = m->resolved.addr.family;

	return memchr(m->user, '\0', sizeof(m->user)) && memchr(m->asked, '\0', sizeof(m->asked)) &&
		(m->client.addr.family == 4 || m->client.addr.family == 6) &&
		(family == 0 || family == 4 || family == 6) && m->protocol < CLIENT_PROTOCOLS &&
		m->state < CLIENT_STATES;
}

int clients_report(struct tailnet *t, const union msg *m)
{
	struct clients_page *p = &t->clients_page;
	void *asker = p->asker;
	bool end = m->h.type == MSG_PROXY_CLIENTS_END;

	if (!p->left || (end ? m->clients_end.id : m->client.id) != p->id)
		return -EBADMSG;
	if (end) {
		p->left = 0;
		p->asker = NULL;
		if (t->s->control)
			control_clients_end(t->s->control, asker, m->clients_end.more);
		return 0;
	}
	if (!--p->left || !client_ok(&m->client))
		return -EBADMSG;
	if (asker)
		control_clients_one(asker, t->name, &m->client);
	return 0;
}

void clients_lost(struct tailnet *t)
{
	void *asker = t->clients_page.asker;
	bool under_way = t->clients_page.left;

	t->clients_page.left = 0;
	t->clients_page.asker = NULL;
	if (under_way && t->s->control)
		control_clients_end(t->s->control, asker, false);
}
