// SPDX-License-Identifier: MIT
// list, status and ip: what there is and how it does.
#include "ctl/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "config/names.h"
#include "ctl/client.h"
#include "ctl/target.h"
#include "ctl/unit.h"
#include "report/dnscounts.h"
#include "report/text.h"
#include "ctl/view.h"

static const char *engine_name(const struct entry *e)
{
	if (!e->live && !e->config)
		return "-";
	return entry_engine(e) == ENGINE_WIREGUARD ? "wireguard" : "tailscale";
}

static const char *join_addresses(const struct entry *e, char *buf, size_t size)
{
	const struct addr *a;
	char text[ADDR_TEXT_MAX];

	*buf = '\0';
	for (size_t i = 0; (a = entry_address(e, i)); i++)
		text_join(buf, size, addr_format(a, text));
	return buf;
}

static const char *join_listen(const struct entry *e, char *buf, size_t size)
{
	char text[HOSTPORT_TEXT_MAX];

	*buf = '\0';
	for (size_t i = 0; e->live && i < e->live->n_listen; i++)
		text_join(buf, size, hostport_format(&e->live->listen[i], text));
	return buf;
}

static const char *join_suffixes(const struct entry *e, char *buf, size_t size)
{
	*buf = '\0';
	for (size_t i = 0; e->config && i < e->config->n_suffixes; i++)
		text_join(buf, size, e->config->suffixes[i]);
	return buf;
}

static int list_row(struct table *t, const struct entry *e)
{
	const struct control_tailnet *l = e->live;
	bool counters = l && l->has_counters;
	char text[TEXT_CELL_MAX], size[TEXT_SIZE_MAX];
	int r = 0;

	r |= table_add(t, "%s", e->name);
	r |= table_add(t, "%s", entry_state(e));
	r |= table_add(t, "%s", engine_name(e));
	r |= table_add(t, "%s", join_addresses(e, text, sizeof(text)));
	r |= table_add(t, "%s", join_listen(e, text, sizeof(text)));
	r |= table_add(t, "%s", join_suffixes(e, text, sizeof(text)));
	if (entry_has_peers(e))
		r |= table_add(t, "%" PRIu32 "/%" PRIu32, l->peers_up, l->peers);
	else
		r |= table_add(t, "-");
	if (counters)
		r |= table_add(t, "%" PRIu64, l->clients);
	else
		r |= table_add(t, "-");
	r |= table_add(t, "%s", counters ? text_bytes(l->rx_bytes, size) : "-");
	r |= table_add(t, "%s", counters ? text_bytes(l->tx_bytes, size) : "-");
	r |= table_add(t, "%s", l && l->has_uptime ? text_duration(l->uptime_s, size) : "-");
	return r;
}

/* States, by how much they ask for somebody's attention. */
static const char *list_colour(size_t row, size_t column, const char *text)
{
	static const struct {
		const char *state, *sgr;
	} colours[] = {{"up", "32"}, {"degraded", "33"}, {"starting", "33"}, {"needs-login", "33"},
		{"needs-approval", "33"}, {"failed", "31;1"}, {"unknown", "31"}, {"down", "2"}};

	if (!row)
		return "1";
	for (size_t i = 0; column == 1 && i < sizeof(colours) / sizeof(colours[0]); i++)
		if (!strcmp(colours[i].state, text))
			return colours[i].sgr;
	return NULL;
}

static int list_print(const struct view *v)
{
	static const char *const heads[] = {"NAME", "STATE", "ENGINE", "ADDRESS", "LISTEN",
		"SUFFIX", "PEERS", "CLIENTS", "RX", "TX", "UP"};
	struct table t = {.columns = sizeof(heads) / sizeof(heads[0]), .colour = list_colour};
	int r = 0;

	for (size_t i = 0; i < t.columns; i++)
		r |= table_add(&t, "%s", heads[i]);
	for (size_t i = 0; i < v->table.n; i++)
		r |= list_row(&t, view_at(v, i));
	if (r == 0)
		table_print(&t, stdout);
	else
		fputs("tsgwctl: out of memory\n", stderr);
	table_free(&t);
	return r == 0 ? CTL_DONE : CTL_FAILED;
}

/* Problems of the configuration that belong to no tailnet; those of one are its reason. */
static int show_problems(const struct view *v)
{
	const struct config *c = v->config;

	for (size_t i = 0; c->fatal && i < c->n_problems; i++)
		if (!c->problems[i].warning && !c->problems[i].tailnet)
			fprintf(stderr, "tsgwctl: %s\n", c->problems[i].text);
	return c->fatal ? CTL_FAILED : CTL_DONE;
}

static int show_errors(const struct args *a, const struct view *v)
{
	if (!v->first_error)
		return CTL_DONE;
	client_complain(a->run_dir, *v->error_name ? v->error_name : NULL, v->first_error);
	return CTL_FAILED;
}

static json_t *show_json(const struct view *v, bool detail)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->table.n; i++)
		json_array_append_new(list, entry_json(view_at(v, i), detail));
	return list;
}

static int show_no_memory(void)
{
	fputs("tsgwctl: out of memory\n", stderr);
	return CTL_FAILED;
}

int show_list_once(const struct args *a, bool compact)
{
	struct view v;
	int code, bad;

	if (view_load_list(a, &v) < 0)
		return show_no_memory();
	if (compact)
		code = text_print_json_line(show_json(&v, false));
	else
		code = a->json ? text_print_json(show_json(&v, false)) : list_print(&v);
	bad = show_problems(&v) | show_errors(a, &v);
	view_free(&v);
	return code ? code : bad;
}

int show_list(const struct args *a)
{
	return args_option(a, "--watch") ? events_list(a) : show_list_once(a, false);
}

static void status_line(const char *key, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void status_line(const char *key, const char *fmt, ...)
{
	char text[TEXT_CELL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (*text)
		printf("  %-10s %s\n", key, text);
}

/* What systemd makes of it: is it enabled, does it run there? */
static void status_unit(const struct args *a, const struct entry *e)
{
	struct unit_state s;
	char unit[64];

	snprintf(unit, sizeof(unit), "tsgw@%s.service", e->name);
	if (act_may_use_unit(a) && unit_query(unit, &s) == 0 && s.exists)
		status_line("unit", "%s, %s, %s", unit, s.enabled ? "enabled" : "disabled",
			s.failed	   ? "failed"
				: s.active ? "active"
					   : "inactive");
}

/* One that is down or has failed has no namespace to look into. */
static bool status_built(const struct control_tailnet *t)
{
	return t->state != TAILNET_DOWN && t->state != TAILNET_FAILED;
}

/* Those that run; a tailnet with a stock node has no tsgw-wg. */
static void status_processes(const struct entry *e)
{
	const struct control_tailnet *t = e->live;
	const struct {
		const char *name;
		int pid;
		uint32_t restarts;
	} of[] = {{"tsgwd", (int)e->pid, 0}, {"tsgw-wg", t->pid_wg, t->restarts_wg},
		{"tsgw-proxy", t->pid_proxy, t->restarts_proxy},
		{"tsgw-host", t->pid_host, t->restarts_host}};
	char pids[TEXT_CELL_MAX] = "", restarts[TEXT_CELL_MAX] = "", item[64];

	for (size_t i = 0; i < ELEMENTSOF(of); i++) {
		snprintf(item, sizeof(item), "%s%s %d", *pids ? " " : "", of[i].name, of[i].pid);
		if (of[i].pid)
			text_join(pids, sizeof(pids), item);
		snprintf(item, sizeof(item), "%s%s %u", *restarts ? " " : "", of[i].name,
			of[i].restarts);
		if (of[i].restarts)
			text_join(restarts, sizeof(restarts), item);
	}
	status_line("processes", "%s", pids);
	status_line("restarts", "%s", restarts);
}

static void status_live(const struct entry *e)
{
	const struct control_tailnet *t = e->live;
	char a[TEXT_SIZE_MAX], b[TEXT_SIZE_MAX], host[ADDR_TEXT_MAX], ns[ADDR_TEXT_MAX];

	if (entry_has_peers(e))
		status_line("peers", "%u of %u up", t->peers_up, t->peers);
	if (t->has_counters)
		status_line("traffic", "%s received, %s sent, %" PRIu64 " client%s",
			text_bytes(t->rx_bytes, a), text_bytes(t->tx_bytes, b), t->clients,
			t->clients == 1 ? "" : "s");
	if (t->veth_host.family)
		status_line("veth", "%s here, %s inside (proxy for this host: %s:1080)",
			addr_format(&t->veth_host, host), addr_format(&t->veth_ns, ns), ns);
	status_processes(e);
	if (!status_built(t))
		return;
	if (entry_engine(e) == ENGINE_WIREGUARD)
		status_line("more", "tsgwctl peers %s; wg show %s", e->name, t->link);
	else
		status_line("more", "tsgwctl peers %s; tsgwctl tailscale %s -- status", e->name,
			e->name);
}

/* As many as fit on a line. */
static const char *join_ports(const struct port_maps *maps, char *buf, size_t size)
{
	char text[PORT_TARGET_MAX], item[PORT_TARGET_MAX + 16];

	*buf = '\0';
	for (size_t i = 0; i < maps->n; i++) {
		snprintf(item, sizeof(item), "%u%s -> %s", maps->items[i].port,
			maps->items[i].udp ? "/udp" : "", port_map_target(&maps->items[i], text));
		text_join(buf, size, item);
	}
	return buf;
}

static const char *expiry_text(uint64_t s, char *buf, size_t size)
{
	time_t at = (time_t)s;
	struct tm tm;

	if (!localtime_r(&at, &tm) || !strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, size, "?");
	return buf;
}

static void status_print(const struct args *a, const struct entry *e)
{
	char text[TEXT_CELL_MAX], path[64], up[TEXT_SIZE_MAX], when[32];
	const struct control_tailnet *t = e->live;

	bool counts = t && t->has_uptime && t->state != TAILNET_FAILED;

	/* what is known is how long it runs, not how long it has been degraded */
	printf("%s: %s%s%s%s%s\n", e->name, entry_state(e),
		!counts				 ? ""
			: t->state == TAILNET_UP ? " for "
						 : ", started ",
		counts ? text_duration(t->uptime_s, up) : "",
		counts && t->state != TAILNET_UP ? " ago" : "",
		!e->config		     ? " (no longer in the configuration)"
			: e->config->enabled ? ""
					     : " (not enabled)");
	names_netns_path(e->name, path, sizeof(path));
	status_line("reason", "%s", entry_reason(e));
	if (e->live && *e->live->login_url)
		status_line("log in at", "%s", e->live->login_url);
	if (e->live && e->live->key_expiry_s)
		status_line("key expires", "%s",
			expiry_text(e->live->key_expiry_s, when, sizeof(when)));
	status_line("engine", "%s", engine_name(e));
	status_line("address", "%s", join_addresses(e, text, sizeof(text)));
	status_line("listen", "%s", join_listen(e, text, sizeof(text)));
	status_line("suffix", "%s", join_suffixes(e, text, sizeof(text)));
	if (e->config) {
		status_line("forward", "%s", join_ports(&e->config->forwards, text, sizeof(text)));
		status_line("publish", "%s", join_ports(&e->config->publishes, text, sizeof(text)));
	}
	if (t && status_built(t))
		status_line("namespace", "%s, link %s", path, t->link);
	if (t && *t->uplink)
		status_line("uplink", "%s", t->uplink);
	status_unit(a, e);
	if (t)
		status_live(e);
}

/* Asks nobody but the tailnet's own supervisor. */
static int status_one(const struct args *a)
{
	struct entry e = {0};
	struct control_tailnet live;
	struct config *config;
	json_t *list;
	int code = target_status(a, &live, &e.pid);

	if (code != CTL_DONE)
		return code;
	if (config_load(a->config_path, &config) < 0)
		return show_no_memory();
	snprintf(e.name, sizeof(e.name), "%s", a->name);
	e.config = config_find(config, a->name);
	e.live = &live;
	if (a->json) {
		list = json_array();
		json_array_append_new(list, entry_json(&e, true));
		code = text_print_json(entry_json_status(list));
	} else {
		status_print(a, &e);
	}
	config_free(config);
	return code;
}

static int status_on_dns(void *arg, const union control_any *m)
{
	if (m->h.record != CONTROL_DNS_COUNTS)
		return -EBADMSG;
	dnscounts_json(arg, &m->dns);
	return 0;
}

/* What the front's DNS responder has counted; null: there is none here, or it could not be asked. */
static json_t *status_dns(const struct args *a)
{
	struct control_request q = {.verb = CONTROL_DNS};
	struct control_end end;
	json_t *j;
	int fd = -1, r = client_open(a->run_dir, NULL, &fd, NULL);

	if (r < 0)
		return json_null();
	j = json_object();
	r = client_ask(fd, &q, CLIENT_PATIENCE_MS, status_on_dns, j, &end);
	fd_close(fd);
	if (r == 0 && end.code == 0 && json_object_size(j))
		return j;
	json_decref(j);
	return json_null();
}

static int status_all(const struct args *a, const struct view *v)
{
	if (!v->supervisors && !v->first_error) {
		fprintf(stderr,
			"tsgwctl: no supervisor is running (nobody serves a socket below %s)\n",
			a->run_dir);
		return CTL_NO_SUPERVISOR;
	}
	if (a->json) {
		json_t *j = entry_json_status(show_json(v, true));

		json_object_set_new(j, "dns", status_dns(a));
		return text_print_json(j);
	}
	for (size_t i = 0; i < v->table.n; i++) {
		if (i)
			putchar('\n');
		status_print(a, view_at(v, i));
	}
	return CTL_DONE;
}

int show_status(const struct args *a)
{
	struct view v;
	int code;

	if (a->name)
		return status_one(a);
	if (view_load(a, &v) < 0)
		return show_no_memory();
	code = status_all(a, &v);
	if (code == CTL_DONE)
		code = show_errors(a, &v);
	view_free(&v);
	return code;
}

int show_ip(const struct args *a)
{
	struct entry e = {0};
	struct control_tailnet live;
	const struct addr *addr;
	char buf[ADDR_TEXT_MAX];
	int code = target_status(a, &live, NULL);

	if (code != CTL_DONE)
		return code;
	e.live = &live;
	if (!live.n_addresses) {
		fprintf(stderr, "tsgwctl: %s: it has no address yet%s%s\n", a->name,
			*live.reason ? ": " : "", live.reason);
		return CTL_FAILED;
	}
	if (a->json)
		return text_print_json(entry_json_addresses(&e));
	for (size_t i = 0; (addr = entry_address(&e, i)); i++)
		puts(addr_format(addr, buf));
	return CTL_DONE;
}
