// SPDX-License-Identifier: MIT
// why, the names: which tailnet the target belongs to, and what the gateway's DNS says of it.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/dnsask.h"
#include "ctl/hostname.h"
#include "common/distance.h"
#include "report/text.h"
#include "ctl/why.h"

#define WHY_DNS_MS 3000

const struct wg_peer_config *why_route(
	const struct tailnet_config *t, const struct addr *a, struct prefix *ret)
{
	const struct wg_peer_config *best = NULL;

	for (size_t i = 0; t->wg && i < t->wg->n_peers; i++) {
		const struct wg_peer_config *p = &t->wg->peers[i];

		for (size_t k = 0; k < p->allowed.n; k++) {
			const struct prefix *x = &p->allowed.items[k];

			if (!prefix_contains(x, a) || (best && x->len < ret->len))
				continue;
			best = p;
			*ret = *x;
		}
	}
	return best;
}

/* The tailnet with the longest suffix that HOST is under, and how long that is. */
static const struct tailnet_config *by_suffix(
	const struct config *c, const char *host, const char **ret_suffix)
{
	const struct tailnet_config *best = NULL;
	size_t best_len = 0, len = strlen(host);

	for (size_t i = 0; i < c->n_tailnets; i++) {
		const struct tailnet_config *t = c->tailnets[i];

		for (size_t k = 0; k < t->n_suffixes; k++) {
			size_t n = strlen(t->suffixes[k]);

			if (n > len || n <= best_len || strcmp(host + len - n, t->suffixes[k]) ||
				(n < len && host[len - n - 1] != '.'))
				continue;
			best = t;
			best_len = n;
			*ret_suffix = t->suffixes[k];
		}
	}
	return best;
}

/* A list of the tailnets that route A, or that know NAME (A NULL). */
static size_t candidates(const struct why *w, const struct addr *a, const char *name,
	const struct tailnet_config **ret_one, char *list, size_t size)
{
	struct prefix route;
	size_t n = 0;

	*list = '\0';
	for (size_t i = 0; i < w->config->n_tailnets; i++) {
		const struct tailnet_config *t = w->config->tailnets[i];
		bool has = a && (why_route(t, a, &route) || why_node_has(w, t, a));
		struct addr found;

		for (size_t k = 0; !a && !has && k < t->n_hosts; k++)
			has = !strcmp(t->hosts[k].name, name);
		has = has || (!a && why_node_named(w, t, name, &found));
		if (!has)
			continue;
		n++;
		*ret_one = t;
		text_join(list, size, t->name);
	}
	return n;
}

static const char *nearest_suffix(const struct config *c, const char *host)
{
	const char *last = strrchr(host, '.'), *best = NULL;
	size_t best_distance = 3;

	for (size_t i = 0; i < c->n_tailnets; i++) {
		for (size_t k = 0; k < c->tailnets[i]->n_suffixes; k++) {
			const char *s = c->tailnets[i]->suffixes[k];
			size_t d = distance_edits(last ? last + 1 : host, s);

			if (d < best_distance && d < strlen(s)) {
				best_distance = d;
				best = s;
			}
		}
	}
	return best;
}

static enum hop_next no_tailnet(struct why *w, struct finding *f)
{
	const char *host = w->aim.host, *near = nearest_suffix(w->config, host);
	char list[256] = "";

	for (size_t i = 0; i < w->config->n_tailnets; i++)
		if (w->config->tailnets[i]->n_suffixes)
			text_join(list, sizeof(list), w->config->tailnets[i]->suffixes[0]);
	finding_set(f, FINDING_FAIL, NULL, "%s is under no suffix of this gateway", host);
	if (near)
		finding_advise(f, "Did you mean %.*s%s?",
			strrchr(host, '.') ? (int)(strrchr(host, '.') - host) + 1 : 0, host, near);
	else if (*list)
		finding_advise(f, "Write NAME.SUFFIX with one of these suffixes: %s.", list);
	else
		finding_advise(f, "Add a tailnet first: tsgwctl add.");
	return HOP_STOP;
}

/* A bare address or name: some tailnet must be the only one that has it. */
static enum hop_next pick(struct why *w, struct finding *f)
{
	const struct addr *a = w->aim.addr.family ? &w->aim.addr : NULL;
	const struct tailnet_config *one = NULL;
	char list[256];
	size_t n = candidates(w, a, w->aim.host, &one, list, sizeof(list));

	if (n == 1) {
		w->t = one;
		return HOP_NEXT;
	}
	if (n > 1) {
		finding_set(
			f, FINDING_FAIL, NULL, "%s is in several tailnets: %s", w->aim.host, list);
		finding_advise(f, "Say which: %s.%s, or --in=%s.", w->aim.host,
			one->n_suffixes ? one->suffixes[0] : one->name, one->name);
		return HOP_STOP;
	}
	if (w->config->n_tailnets == 1 && (a || !strchr(w->aim.host, '.'))) {
		w->t = w->config->tailnets[0];
		return HOP_NEXT;
	}
	if (!a)
		return no_tailnet(w, f);
	finding_set(f, FINDING_FAIL,
		"Name the tailnet (--in=NAME), or add the address to AllowedIPs of the peer that "
		"has it.",
		"no tailnet of this gateway routes %s", w->aim.host);
	return HOP_STOP;
}

static enum hop_next foreign(struct why *w, struct finding *f, const struct tailnet_config *other)
{
	finding_set(f, FINDING_FAIL, NULL,
		"%s is a name of tailnet %s: the listener of %s refuses it", w->aim.host,
		other->name, w->t->name);
	finding_advise(f, "Use the listener of %s, port %u.", other->name, other->port);
	return HOP_STOP;
}

enum hop_next why_name(struct why *w, struct finding *f)
{
	const char *in = args_option(w->args, "--in"), *suffix = NULL;
	const struct tailnet_config *t =
		w->aim.addr.family ? NULL : by_suffix(w->config, w->aim.host, &suffix);
	char host[HOSTNAME_MAX], text[ADDR_TEXT_MAX];

	if (in)
		w->t = config_find(w->config, in); /* it is there: the caller looked */
	if (in && t && t != w->t)
		return foreign(w, f, t);
	if (!w->t && t)
		w->t = t;
	if (!w->t && pick(w, f) == HOP_STOP)
		return HOP_STOP;
	if (t && !strcmp(w->aim.host, suffix)) {
		finding_set(f, FINDING_FAIL, NULL, "%s is the suffix itself, which has no address",
			suffix);
		finding_advise(f, "Put a name or an address before it: NAME.%s.", suffix);
		return HOP_STOP;
	}
	hostname_resolve(w->t, w->aim.host, host);
	if (addr_parse(host, &w->addr) == 0 || why_node_named(w, w->t, host, &w->addr))
		finding_set(f, FINDING_OK, NULL, "%s is %s in tailnet %s", w->aim.host,
			addr_format(&w->addr, text), w->t->name);
	else
		finding_set(
			f, FINDING_OK, NULL, "%s is a name in tailnet %s", w->aim.host, w->t->name);
	return HOP_NEXT;
}

/* ---- the gateway's DNS ---- */

static enum hop_next dns_silent(struct finding *f, const char *at, int r)
{
	finding_set(f, FINDING_WARN, NULL, "the gateway's DNS at %s: %s", at,
		r == -ETIMEDOUT		     ? "no answer"
			: r == -ECONNREFUSED ? "nobody is there"
					     : strerror(-r));
	finding_advise(f,
		"Programs that leave names to the proxy (socks5h) do without it; for the others "
		"start the front (tsgw.service); tsgwctl doctor says who has its port.");
	return HOP_NEXT;
}

static enum hop_next dns_none(struct why *w, struct finding *f, const char *at, bool exists)
{
	struct prefix route;

	/* then the route is what is broken, and the route's line says more */
	if (w->addr.family && !why_route(w->t, &w->addr, &route) &&
		!why_node_has(w, w->t, &w->addr)) {
		finding_set(f, FINDING_WARN, NULL, "the DNS at %s has no such name", at);
		return HOP_NEXT;
	}
	finding_set(f, FINDING_FAIL, NULL, "the DNS at %s says: %s", at,
		exists ? "the name has no address" : "no such name");
	finding_advise(
		f, "Correct the name, or give it one in [hosts %s]: NAME = ADDRESS.", w->t->name);
	return HOP_STOP;
}

static enum hop_next dns_judge(
	struct why *w, struct finding *f, const char *at, const struct dnsask *d)
{
	char text[ADDR_TEXT_MAX];

	switch (d->rcode) {
	case DNSASK_NOERROR:
		if (!d->n_addrs)
			return dns_none(w, f, at, true);
		finding_set(f, FINDING_OK, NULL, "%s, says the gateway's DNS at %s",
			addr_format(&d->addrs[0], text), at);
		if (!w->addr.family)
			w->addr = d->addrs[0];
		return HOP_NEXT;
	case DNSASK_NXDOMAIN:
		return dns_none(w, f, at, false);
	case DNSASK_REFUSED:
		finding_set(f, FINDING_SKIP, NULL,
			"the DNS at %s does not show %s to this host (see allow), or does not have "
			"it yet",
			at, w->t->name);
		return HOP_NEXT;
	default:
		finding_set(f, FINDING_WARN, NULL,
			"the DNS at %s says %s: it cannot ask the tailnet now", at,
			dnsask_rcode_text(d->rcode));
		return HOP_NEXT;
	}
}

enum hop_next why_dns(struct why *w, struct finding *f)
{
	struct hostport at = {.port = w->config->gateway.dns_port};
	char text[HOSTPORT_TEXT_MAX];
	const char *suffix;
	struct dnsask d;
	int r;

	/* neither a bare address nor a bare name is asked of the gateway */
	if (w->aim.addr.family || by_suffix(w->config, w->aim.host, &suffix) != w->t)
		return HOP_SKIPPED;
	if (!at.port || !w->expose.n) {
		finding_set(f, FINDING_SKIP, NULL, "the gateway has no DNS responder (%s)",
			at.port ? "no primary address is there" : "dns-port = 0");
		return HOP_NEXT;
	}
	at.addr = w->expose.addrs[0];
	r = dnsask(&at, w->aim.host, DNSASK_A, WHY_DNS_MS, &d);
	if (r == 0 && d.rcode == DNSASK_NOERROR && !d.n_addrs)
		r = dnsask(&at, w->aim.host, DNSASK_AAAA, WHY_DNS_MS, &d);
	hostport_format(&at, text);
	return r < 0 ? dns_silent(f, text, r) : dns_judge(w, f, text, &d);
}
