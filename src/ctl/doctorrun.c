// SPDX-License-Identifier: MIT
// doctor, what runs: tailnets, units, the front's services, the clock and the host's own resolver.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "ctl/dnsask.h"
#include "ctl/doctor.h"
#include "ctl/reach.h"
#include "ctl/unit.h"
#include "report/text.h"

#define DAY_S		   86400
#define KEY_NEAR_S	   (7 * DAY_S)
#define FRONT_MS	   3000
#define CLOCK_WRONG_BEFORE 1735689600 /* 2025-01-01: this program did not exist yet */

static void say_tailnet(struct doctor *d, const struct entry *e)
{
	char advice[128];

	switch (e->live->state) {
	case TAILNET_FAILED:
		snprintf(advice, sizeof(advice), "Mend the reason, then tsgwctl restart %s.",
			e->name);
		doctor_say(d, "tailnet", FINDING_FAIL, advice, "%s has failed: %s", e->name,
			e->live->reason);
		return;
	case TAILNET_DOWN:
		snprintf(advice, sizeof(advice), "tsgwctl up %s, if it is to run.", e->name);
		doctor_say(d, "tailnet", FINDING_WARN, advice, "%s is down", e->name);
		return;
	case TAILNET_NEEDS_LOGIN:
		snprintf(advice, sizeof(advice), "tsgwctl login %s", e->name);
		break;
	case TAILNET_NEEDS_APPROVAL:
		snprintf(
			advice, sizeof(advice), "Let an administrator of it approve this machine.");
		break;
	default:
		snprintf(advice, sizeof(advice), "tsgwctl peers %s shows who is missing.", e->name);
		break;
	}
	doctor_say(d, "tailnet", FINDING_WARN, advice, "%s is %s%s%s", e->name,
		tailnet_state_name(e->live->state), *e->live->reason ? ": " : "", e->live->reason);
}

void doctor_tailnets(struct doctor *d)
{
	const struct view *v = &d->view;
	size_t up = 0, wanted = 0;
	char advice[128];

	if (v->first_error == -EACCES || v->first_error == -EPERM) {
		doctor_say(d, "tailnet", FINDING_SKIP, "Be root, or in group tsgw.",
			"the supervisors answer root and the group tsgw only");
		return;
	}
	for (size_t i = 0; i < v->table.n; i++) {
		const struct entry *e = view_at(v, i);

		wanted += e->config && e->config->enabled;
		if (e->mute) {
			doctor_say(d, "tailnet", FINDING_FAIL,
				"Restart tsgwd: it hangs, or is of another version.",
				"the supervisor of %s gives no answer", e->name);
		} else if (!e->live && e->config && e->config->enabled) {
			snprintf(advice, sizeof(advice),
				"systemctl enable --now tsgw@%s, or enabled = no.", e->name);
			doctor_say(d, "tailnet", FINDING_WARN, advice, "nothing runs %s", e->name);
		} else if (e->live && e->live->state != TAILNET_UP) {
			say_tailnet(d, e);
		} else {
			up += e->live != NULL;
		}
	}
	if (up)
		doctor_say(d, "tailnet", FINDING_OK, NULL, "%zu of %zu up", up, MAX(up, wanted));
}

/* ---- keys that expire ---- */

void doctor_keys(struct doctor *d)
{
	uint64_t now = (uint64_t)time(NULL);
	char advice[128], text[TEXT_SIZE_MAX];

	for (size_t i = 0; i < d->view.table.n; i++) {
		const struct entry *e = view_at(&d->view, i);
		uint64_t expiry = e->live ? e->live->key_expiry_s : 0;

		if (!expiry)
			continue;
		snprintf(advice, sizeof(advice), "tsgwctl login %s renews it.", e->name);
		if (expiry <= now)
			doctor_say(d, "key", FINDING_FAIL, advice,
				"the key of %s has expired %s ago", e->name,
				text_duration(now - expiry, text));
		else
			doctor_say(d, "key", expiry - now < KEY_NEAR_S ? FINDING_WARN : FINDING_OK,
				expiry - now < KEY_NEAR_S ? advice : NULL,
				"the key of %s expires in %s", e->name,
				text_duration(expiry - now, text));
	}
}

/* ---- systemd ---- */

/* True if it is as it is to be. NAME is NULL for the front, which the tailnets' units pull in. */
static bool unit_one(struct doctor *d, const char *unit, const char *name, bool enabled)
{
	struct unit_state s;
	char advice[160];
	int r = unit_query(unit, &s);

	if (r < 0) {
		doctor_say(d, "unit", FINDING_SKIP, NULL, "%s: %s", unit, strerror(-r));
		return false;
	}
	snprintf(advice, sizeof(advice), "systemctl enable --now %s", unit);
	if (!s.exists)
		doctor_say(d, "unit", FINDING_WARN,
			"Install the units (make install, or the package).", "%s is not installed",
			unit);
	else if (s.failed)
		doctor_say(d, "unit", FINDING_FAIL,
			"journalctl says why; then systemctl restart it.", "%s has failed", unit);
	else if (name && enabled && !s.enabled && s.active)
		doctor_say(d, "unit", FINDING_WARN, advice, "%s runs, but will not after a reboot",
			unit);
	else if (s.enabled && !s.active && enabled)
		doctor_say(
			d, "unit", FINDING_WARN, advice, "%s is enabled, but does not run", unit);
	else if (s.enabled && !enabled && name)
		doctor_say(d, "unit", FINDING_WARN, "systemctl disable it, or enabled = yes.",
			"%s is enabled, but %s has enabled = no", unit, name);
	else
		return true;
	return false;
}

void doctor_units(struct doctor *d)
{
	const struct config *c = d->view.config;
	char unit[64];
	bool good;

	if (!unit_available()) {
		doctor_say(d, "unit", FINDING_SKIP, NULL, "systemd does not run here");
		return;
	}
	good = unit_one(d, "tsgw.service", NULL, c->n_tailnets > 0);
	for (size_t i = 0; i < c->n_tailnets; i++) {
		snprintf(unit, sizeof(unit), "tsgw@%s.service", c->tailnets[i]->name);
		good &= unit_one(d, unit, c->tailnets[i]->name, c->tailnets[i]->enabled);
	}
	if (good)
		doctor_say(d, "unit", FINDING_OK, NULL,
			"what is enabled runs, and what runs is enabled");
}

/* ---- the clock ---- */

/* When this program was made or, which is later, put here; and some, for time zones and slow clocks. */
static time_t made_at(void)
{
	struct stat st;

	return stat("/proc/self/exe", &st) < 0 ? 0 : MAX(st.st_mtime - DAY_S, CLOCK_WRONG_BEFORE);
}

void doctor_clock(struct doctor *d)
{
	struct timex t = {0};
	time_t now = time(NULL);
	int state = adjtimex(&t);

	if (now < made_at())
		doctor_say(d, "clock", FINDING_FAIL, "Set the time (timedatectl set-ntp true).",
			"the clock shows a time before this program was made: WireGuard peers and "
			"TLS will refuse us");
	else if (state >= 0 && (t.status & STA_UNSYNC))
		doctor_say(d, "clock", FINDING_WARN,
			"Run a time service (systemd-timesyncd, chrony).",
			"nobody says that the clock is right: it is not synchronised");
	else
		doctor_say(d, "clock", FINDING_OK, NULL, "sane%s",
			state < 0 ? "" : ", and synchronised");
}

/* ---- the host's resolver ---- */

static bool is_exposed_dns(const struct doctor *d, const char *server)
{
	struct addr a;

	return addr_parse(server, &a) == 0 && expose_has(&d->expose, &a) &&
		d->view.config->gateway.dns_port == 53 && !addr_is_loopback(&a);
}

static bool needs_names(const struct config *c)
{
	for (size_t i = 0; i < c->n_tailnets; i++) {
		const struct tailnet_config *t = c->tailnets[i];

		if (t->engine == ENGINE_TAILSCALE)
			return true;
		for (size_t k = 0; t->wg && k < t->wg->n_peers; k++)
			if (t->wg->peers[k].endpoint_name)
				return true;
	}
	return false;
}

void doctor_resolv(struct doctor *d)
{
	_cleanup_fclose_ FILE *f = fopen("/etc/resolv.conf", "re");
	_cleanup_free_ char *line = NULL;
	char server[128];
	size_t size = 0, servers = 0;
	bool ours = false;

	while (f && getline(&line, &size, f) > 0) {
		if (sscanf(line, " nameserver %127s", server) != 1)
			continue;
		servers++;
		ours = ours || is_exposed_dns(d, server);
	}
	if (ours)
		doctor_say(d, "resolv", FINDING_WARN,
			"Ask it for the suffixes only: see the snippets for systemd-resolved and "
			"dnsmasq.",
			"/etc/resolv.conf sends all names to the gateway's DNS, which refuses all "
			"but its suffixes");
	else if (!servers && needs_names(d->view.config))
		doctor_say(d, "resolv", FINDING_FAIL, "Give the host a resolver.",
			"/etc/resolv.conf names no server, and peers or login servers have names");
	else
		doctor_say(d, "resolv", FINDING_OK, NULL, "/etc/resolv.conf is the host's own");
}

/* ---- DNS and page ---- */

static const char *any_suffix(const struct doctor *d)
{
	for (size_t i = 0; i < d->view.table.n; i++) {
		const struct entry *e = view_at(&d->view, i);

		if (e->live && e->config && e->config->n_suffixes)
			return e->config->suffixes[0];
	}
	return NULL;
}

static void front_dns(struct doctor *d, const struct hostport *at)
{
	const char *suffix = any_suffix(d);
	char text[HOSTPORT_TEXT_MAX];
	struct dnsask a;
	int r;

	hostport_format(at, text);
	r = dnsask(at, suffix ? suffix : "tsgw.invalid", DNSASK_SOA, FRONT_MS, &a);
	if (r < 0)
		doctor_say(d, "dns", FINDING_FAIL,
			"See whether the port is taken, and the log of the front (journalctl -u "
			"tsgw).",
			"the responder at %s: %s", text,
			r == -ETIMEDOUT ? "no answer" : strerror(-r));
	else if (suffix && a.rcode == DNSASK_REFUSED)
		doctor_say(d, "dns", FINDING_WARN, "See allow; tsgwctl reload, if it was changed.",
			"the responder at %s refuses this host the names of %s", text, suffix);
	else if (suffix && (a.rcode != DNSASK_NOERROR || !a.authoritative))
		doctor_say(d, "dns", FINDING_FAIL, "See whether that server is ours.",
			"%s says %s for %s, not as its owner", text, dnsask_rcode_text(a.rcode),
			suffix);
	else
		doctor_say(d, "dns", FINDING_OK, NULL, "answers at %s", text);
}

static void front_web(struct doctor *d, const struct hostport *at)
{
	static const char request[] =
		"GET /healthz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n";
	char text[HOSTPORT_TEXT_MAX], buf[512] = "";
	_cleanup_close_ int fd = -1;
	struct pollfd p = {.events = POLLIN};
	int r = reach_one(at, &fd);
	ssize_t n = -1;

	hostport_format(at, text);
	if (r == 0) {
		snprintf(buf, sizeof(buf), request, text);
		r = fd_write_all(fd, buf, strlen(buf));
		p.fd = fd;
		if (r == 0 && poll(&p, 1, FRONT_MS) > 0)
			n = recv(fd, buf, sizeof(buf) - 1, 0);
		buf[n > 0 ? n : 0] = '\0';
		buf[strcspn(buf, "\r\n")] = '\0';
	}
	if (r == -ECONNREFUSED) /* names and proxies do without it */
		doctor_say(d, "page", FINDING_WARN, "tsgwctl reload, or web-port = 0.",
			"nobody serves the page at %s", text);
	else if (r < 0)
		doctor_say(d, "page", FINDING_FAIL,
			"See whether the port is taken, and the log of the front (journalctl -u "
			"tsgw).",
			"the page at %s: %s", text, strerror(-r));
	else if (strncmp(buf, "HTTP/1.1 200", 12) != 0)
		doctor_say(d, "page", FINDING_WARN,
			"See web-allow, and whether that server is ours.",
			"the page at %s answers: %.60s", text, *buf ? buf : "nothing");
	else
		doctor_say(d, "page", FINDING_OK, NULL, "http://%s/ answers", text);
}

void doctor_front(struct doctor *d)
{
	const struct gateway_config *g = &d->view.config->gateway;

	if (!d->has_front && !g->dns_port && !g->web_port)
		return;
	if (!d->has_front) {
		doctor_say(d, "front", FINDING_WARN, "systemctl start tsgw, or tsgwd --front.",
			"the front services do not run: no DNS, no page");
		return;
	}
	for (size_t i = 0; i < d->expose.n; i++) {
		if (g->dns_port)
			front_dns(d,
				&(struct hostport){
					.addr = d->expose.addrs[i], .port = g->dns_port});
		if (g->web_port)
			front_web(d,
				&(struct hostport){
					.addr = d->expose.addrs[i], .port = g->web_port});
	}
}
