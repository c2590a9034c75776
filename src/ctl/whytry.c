// SPDX-License-Identifier: MIT
// why, the trial: a connection through the listener, as a client makes it, and what comes over it.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "ctl/probe.h"
#include "ctl/reach.h"
#include "ctl/socks.h"
#include "ctl/why.h"

#define WHY_BYTE_MS   5000 /* for a first byte that must come */
#define WHY_BANNER_MS 1500 /* for one that may */
#define WHY_GRACE_MS  10000

enum { CODE_POLICY = 2, CODE_DOWN = 3, CODE_UNREACHABLE = 4, CODE_REFUSED = 5, CODE_SILENT = 6 };

static bool find_listener(const struct why *w, struct hostport *ret)
{
	struct args named = *w->args;
	struct places places = {0};

	named.name = w->t->name;
	if (w->has_live)
		places_of_live(&places, &w->live);
	else
		places_of_config(&places, &named);
	if (places.n)
		*ret = places.at[0];
	return places.n;
}

static void refused_by_code(const struct why *w, struct finding *f, int code, const char *at)
{
	const char *name = w->t->name;

	switch (code) {
	case CODE_POLICY:
		finding_advise(f,
			"Add the network of %s to AllowedIPs of its peer (or accept-routes), then "
			"tsgwctl reload.",
			w->aim.host);
		break;
	case CODE_DOWN:
		finding_advise(f, "See tsgwctl peers %s: no peer for %s has shaken hands lately.",
			name, w->aim.host);
		break;
	case CODE_UNREACHABLE:
		finding_advise(f,
			"See that the name exists in the tailnet and that its host is on: tsgwctl "
			"ping %s %s.",
			name, w->aim.host);
		break;
	case CODE_REFUSED:
		finding_advise(f,
			"Start the service on %s, let it listen on more than loopback, or name "
			"another port.",
			w->aim.host);
		break;
	case CODE_SILENT:
		finding_advise(f,
			"Switch the host on, or let its firewall (or the tailnet's ACL) pass %s.",
			at);
		break;
	default:
		finding_advise(f, "See tsgwctl logs %s.", name);
		break;
	}
}

static void connect_failed(const struct why *w, struct finding *f, const struct probe *p)
{
	char at[AIM_HOST_MAX + 8];

	snprintf(at, sizeof(at), "%s:%u", p->host, p->port);
	if (p->code == PROBE_NO_LISTENER)
		finding_set(f, FINDING_FAIL, NULL, "the listener does not accept connections");
	else if (p->code == -EPIPE && !w->has_live)
		finding_set(f, FINDING_FAIL, NULL,
			"the listener closed the connection: this host is not in allow");
	else if (p->code == -EACCES)
		finding_set(f, FINDING_SKIP,
			"Be root: then the listener's inner side is asked, which wants no "
			"password.",
			"the listener wants a user name and a password");
	else if (p->code == CODE_SILENT || p->code == -EAGAIN)
		finding_set(f, FINDING_FAIL, NULL, "%s gives no answer", at);
	else
		finding_set(f, FINDING_FAIL, NULL, "%s: %s", at,
			p->code > 0 ? socks_reply_text((uint8_t)p->code) : strerror(-p->code));
	if (f->kind == FINDING_FAIL)
		refused_by_code(w, f, p->code == -EAGAIN ? CODE_SILENT : p->code, at);
}

/* Without a port, a few that hosts often have: a refusal is an answer, too. */
static size_t choose_ports(const struct why *w, uint16_t ret[PROBE_CONNECTS_MAX])
{
	static const uint16_t usual[] = {22, 443, 80};

	if (w->aim.port) {
		ret[0] = w->aim.port;
		return 1;
	}
	memcpy(ret, usual, sizeof(usual));
	return ELEMENTSOF(usual);
}

static const struct probe *best_of(const struct probe *all, size_t n)
{
	const struct probe *best = &all[0];

	for (size_t i = 0; i < n; i++)
		if (all[i].code == 0 || (all[i].code == CODE_REFUSED && best->code != 0))
			best = &all[i];
	return best;
}

enum hop_next why_connect(struct why *w, struct finding *f)
{
	struct probe all[PROBE_CONNECTS_MAX] = {0};
	uint16_t ports[PROBE_CONNECTS_MAX];
	size_t n = choose_ports(w, ports);
	struct hostport listener;
	const struct probe *best;

	if (!find_listener(w, &listener)) {
		finding_set(f, FINDING_FAIL, NULL, "there is no listener to connect to");
		return HOP_STOP;
	}
	for (size_t i = 0; i < n; i++)
		all[i] = (struct probe){.listener = listener,
			.host = w->aim.host,
			.port = ports[i],
			.patience_ms = w->t->connect_timeout_s * 1000 + WHY_GRACE_MS};
	probe_connect(all, n);
	best = best_of(all, n);
	if (best->code == 0) {
		w->port = best->port;
		w->sock = best->fd;
		all[best - all].fd = -1;
		finding_set(f, FINDING_OK, NULL, "connected to %s:%u", best->host, best->port);
	} else if (best->code == CODE_REFUSED && !w->aim.port) {
		finding_set(f, FINDING_OK, NULL,
			"%s answers: it refuses port %u; name a port to try more", best->host,
			best->port);
	} else {
		connect_failed(w, f, best);
	}
	probe_close(all, n);
	return w->port ? HOP_NEXT : HOP_STOP;
}

/* ---- the first byte ---- */

static void judge_answer(const struct aim *aim, struct finding *f, const struct first_byte *b)
{
	bool http = !strncmp(b->banner, "HTTP/", 5);

	switch (aim->talk) {
	case AIM_TLS:
		/* a handshake record or an alert: what is printable of it is nothing */
		if (*b->banner)
			finding_set(f, FINDING_WARN, "Try http:// instead of https://.",
				"it answers, but not with TLS: \"%s\"", b->banner);
		else
			finding_set(f, FINDING_OK, NULL, "it answers with TLS");
		break;
	case AIM_HTTP:
		if (http)
			finding_set(f, FINDING_OK, NULL, "it answers: %s", b->banner);
		else
			finding_set(f, FINDING_WARN, "Try https://, or another port.",
				"it answers, but not with HTTP%s%s%s", *b->banner ? ": \"" : "",
				b->banner, *b->banner ? "\"" : "");
		break;
	case AIM_BANNER:
	case AIM_UNKNOWN:
		finding_set(f, FINDING_OK, NULL, "it says%s%s%s",
			*b->banner ? ": \"" : " something", b->banner, *b->banner ? "\"" : "");
		break;
	}
}

enum hop_next why_first_byte(struct why *w, struct finding *f)
{
	struct aim aim = w->aim;
	struct first_byte b;
	bool must;
	int r;

	if (!aim.port) {
		aim.port = w->port;
		aim.talk = aim_talk_of_port(w->port);
	}
	must = aim.talk != AIM_UNKNOWN;
	r = probe_first_byte(w->sock, &aim, must ? WHY_BYTE_MS : WHY_BANNER_MS, &b);
	if (r == 0 && b.n)
		judge_answer(&aim, f, &b);
	else if (r == -ETIMEDOUT && !must)
		finding_set(f, FINDING_OK, NULL,
			"it waits to be spoken to, as many services do: the way is free");
	else if (r == -ETIMEDOUT)
		finding_set(f, FINDING_FAIL,
			"The service hangs, or big packets get lost on the way: tsgwctl doctor "
			"looks for that.",
			"connected, but no byte came in %d s", WHY_BYTE_MS / 1000);
	else if (r == 0 || r == -ECONNRESET || r == -EPIPE)
		finding_set(f, FINDING_FAIL,
			"Look into the service's own log: it takes the connection and drops it.",
			"the service hung up without a word");
	else
		finding_set(
			f, FINDING_FAIL, "Look into the service's own log.", "%s", strerror(-r));
	return HOP_STOP;
}
