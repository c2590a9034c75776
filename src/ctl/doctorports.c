// SPDX-License-Identifier: MIT
// doctor, the ports: does every one that we want on the primary addresses belong to us?
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "ctl/doctor.h"
#include "ctl/procnet.h"

#define WORKER_UIDS (8u * (1u << 14)) /* as many as the widest pool usually has */

struct wanted {
	const char *owner; /* a tailnet, or NULL: the front */
	const char *key;
	uint16_t port;
	bool udp;
	bool runs; /* somebody should have it now */
};

struct ports {
	struct doctor *d;
	struct bound *bound;
	size_t n;
	size_t good, taken;
};

static bool same_place(const struct bound *b, const struct addr *a, const struct wanted *w)
{
	if (b->port != w->port || b->udp != w->udp)
		return false;
	/* a wildcard takes ours, IPv6's that of IPv4 too */
	return addr_equal(&b->addr, a) ||
		(addr_is_unspecified(&b->addr) && (b->addr.family == 6 || a->family == 4));
}

/* A process of a supervisor of ours, or one with a uid of our workers: also of one that was killed. */
static bool is_ours(const struct doctor *d, const struct holder *h)
{
	uint32_t base = d->view.config->gateway.uid_base;

	if (h->pid && h->uid >= base && h->uid - base < WORKER_UIDS)
		return true;
	for (size_t i = 0; i < d->n_owners; i++)
		if (h->pid == d->owners[i] || h->parent == d->owners[i])
			return true;
	return false;
}

static void say_taken(
	struct ports *p, const struct wanted *w, const struct bound *b, const char *at)
{
	struct holder h;
	char who[96], advice[256];

	procnet_holder(b->inode, &h);
	/* nobody to be seen but systemd, which keeps it for us, and somebody of ours should have it: leave it to the
	 * listeners' own check */
	if (is_ours(p->d, &h) || (h.pid <= PROCNET_INIT && w->runs)) {
		p->good++;
		return;
	}
	p->taken++;
	if (!h.pid && !p->d->root) {
		doctor_say(p->d, "port", FINDING_SKIP, "Be root.",
			"%s %s%s is in use; only root sees whether by us", w->key, at,
			w->udp ? "/udp" : "");
		return;
	}
	if (h.pid)
		snprintf(who, sizeof(who), "%s (pid %d)", h.name, (int)h.pid);
	else
		snprintf(who, sizeof(who), "the kernel, or a process of another pid namespace");
	snprintf(advice, sizeof(advice),
		"Stop %s, move it to other addresses, or choose another %s%s%s.",
		h.pid ? h.name : "it", w->key, w->owner ? " for " : "", w->owner ? w->owner : "");
	doctor_say(p->d, "port", FINDING_FAIL, advice, "%s %s%s is taken by %s", w->key, at,
		w->udp ? "/udp" : "", who);
}

static void look(struct ports *p, const struct wanted *w)
{
	const struct doctor *d = p->d;
	char at[HOSTPORT_TEXT_MAX];

	for (size_t i = 0; w->port && i < d->expose.n; i++) {
		struct hostport h = {.addr = d->expose.addrs[i], .port = w->port};

		for (size_t k = 0; k < p->n; k++) {
			if (!same_place(&p->bound[k], &h.addr, w))
				continue;
			say_taken(p, w, &p->bound[k], hostport_format(&h, at));
			break;
		}
	}
}

static bool runs(const struct entry *e)
{
	return e->live && e->live->state != TAILNET_DOWN && e->live->state != TAILNET_FAILED;
}

void doctor_ports(struct doctor *d)
{
	const struct gateway_config *g = &d->view.config->gateway;
	struct ports p = {.d = d};
	const struct wanted front[] = {
		{NULL, "dns-port", g->dns_port, true, d->has_front},
		{NULL, "dns-port", g->dns_port, false, d->has_front},
		{NULL, "web-port", g->web_port, false, d->has_front},
	};

	if (procnet_bound(&p.bound, &p.n) < 0) {
		doctor_say(d, "port", FINDING_SKIP, NULL, "/proc/net could not be read");
		return;
	}
	for (size_t i = 0; i < ELEMENTSOF(front); i++)
		look(&p, &front[i]);
	for (size_t i = 0; i < d->view.table.n; i++) {
		const struct entry *e = view_at(&d->view, i);
		const struct tailnet_config *t = e->config;

		if (!t)
			continue;
		look(&p, &(struct wanted){e->name, "port", t->port, false, runs(e)});
		for (size_t k = 0; k < t->forwards.n; k++)
			look(&p,
				&(struct wanted){e->name, "forward", t->forwards.items[k].port,
					t->forwards.items[k].udp, runs(e)});
	}
	if (!p.taken)
		doctor_say(d, "port", FINDING_OK, NULL,
			"no port is taken by others; %zu are ours now", p.good);
	free(p.bound);
}
