// SPDX-License-Identifier: MIT
// /metrics: the counters in Prometheus' text format, one family after the other.
#include <inttypes.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "web/answer.h"

struct writer {
	const struct visit *v;
	FILE *out;
};

/* Where a number of a tailnet's record is. */
#define NODE(field)  offsetof(struct control_tailnet, node.field)
#define PROXY(field) offsetof(struct control_tailnet, proxy.field)
#define HOST(field)  offsetof(struct control_tailnet, published.field)

struct labelled {
	const char *label; /* NULL: none */
	size_t at;
};

static void family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The tailnets that the client may see. */
static struct web_tailnet *next(const struct visit *v, size_t *at)
{
	const struct model *m = v->site->model;

	while (*at < m->n_tailnets) {
		struct web_tailnet *t = m->tailnets[(*at)++];

		if (model_sees(t, &v->client))
			return t;
	}
	return NULL;
}

#define EACH(w, t)                                       \
	for (size_t _i = 0, _once = 1; _once; _once = 0) \
		for (struct web_tailnet * t; (t = next((w)->v, &_i));)

static uint64_t number_at(const struct web_tailnet *t, size_t at)
{
	uint64_t n;

	__builtin_memcpy(&n, (const char *)&t->live + at, sizeof(n));
	return n;
}

static bool counts(const struct web_tailnet *t)
{
	return t->known && t->live.has_counters;
}

/* A family out of records, with one sample for each tailnet and row. */
static void numbers(const struct writer *w, const char *name, const char *type, const char *help,
	const char *label, const struct labelled *rows, size_t n)
{
	family(w->out, name, type, help);
	EACH(w, t)
	for (size_t i = 0; counts(t) && i < n; i++) {
		fprintf(w->out, "%s{tailnet=\"%s\"", name, t->config.name);
		if (rows[i].label)
			fprintf(w->out, ",%s=\"%s\"", label, rows[i].label);
		fprintf(w->out, "} %" PRIu64 "\n", number_at(t, rows[i].at));
	}
}

static void number(
	const struct writer *w, const char *name, const char *type, const char *help, size_t at)
{
	const struct labelled row = {NULL, at};

	numbers(w, name, type, help, NULL, &row, 1);
}

/* ---- state ---- */

static void states(const struct writer *w)
{
	family(w->out, "tsgw_tailnet_state", "gauge", "1 for the state in which the tailnet is.");
	EACH(w, t)
	for (unsigned s = 0; s < TAILNET_STATES; s++)
		fprintf(w->out, "tsgw_tailnet_state{tailnet=\"%s\",state=\"%s\"} %d\n",
			t->config.name, tailnet_state_name(s), model_state(t) == s);
	family(w->out, "tsgw_tailnet_up", "gauge", "1 if the tailnet is up.");
	EACH(w, t)
	fprintf(w->out, "tsgw_tailnet_up{tailnet=\"%s\"} %d\n", t->config.name,
		model_state(t) == TAILNET_UP);
	family(w->out, "tsgw_tailnet_enabled", "gauge",
		"1 if the configuration enables the tailnet.");
	EACH(w, t)
	fprintf(w->out, "tsgw_tailnet_enabled{tailnet=\"%s\"} %d\n", t->config.name,
		t->config.enabled);
	family(w->out, "tsgw_tailnet_uptime_seconds", "gauge",
		"Time since the tailnet was started.");
	EACH(w, t)
	if (t->known && t->live.has_uptime)
		fprintf(w->out, "tsgw_tailnet_uptime_seconds{tailnet=\"%s\"} %" PRIu64 "\n",
			t->config.name, t->live.uptime_s);
}

static void peers(const struct writer *w)
{
	family(w->out, "tsgw_tailnet_peers", "gauge", "Peers that count for the state.");
	EACH(w, t)
	if (counts(t))
		fprintf(w->out, "tsgw_tailnet_peers{tailnet=\"%s\"} %u\n", t->config.name,
			t->live.peers);
	family(w->out, "tsgw_tailnet_peers_up", "gauge",
		"Peers whose last handshake that was tried succeeded.");
	EACH(w, t)
	if (counts(t))
		fprintf(w->out, "tsgw_tailnet_peers_up{tailnet=\"%s\"} %u\n", t->config.name,
			t->live.peers_up);
	family(w->out, "tsgw_tailnet_last_handshake_timestamp_seconds", "gauge",
		"When the newest handshake with any peer was, in Unix time; its age is time() less "
		"this.");
	EACH(w, t)
	if (counts(t) && t->live.last_handshake_s)
		fprintf(w->out,
			"tsgw_tailnet_last_handshake_timestamp_seconds{tailnet=\"%s\"} %" PRIu64
			"\n",
			t->config.name, t->live.last_handshake_s);
}

/* ---- counters ---- */

static void node(const struct writer *w)
{
	static const struct labelled drops[] = {{"no_peer", NODE(dropped_no_peer)},
		{"source", NODE(dropped_source)}, {"veth", NODE(dropped_veth)},
		{"ecn", NODE(dropped_ecn)}, {"loop", NODE(dropped_loop)},
		{"replay", NODE(dropped_replay)}, {"invalid", NODE(dropped_invalid)},
		{"queue", NODE(dropped_queue)}};

	number(w, "tsgw_tailnet_receive_bytes_total", "counter",
		"Bytes that came through the tunnel.", offsetof(struct control_tailnet, rx_bytes));
	number(w, "tsgw_tailnet_transmit_bytes_total", "counter",
		"Bytes that went through the tunnel.", offsetof(struct control_tailnet, tx_bytes));
	number(w, "tsgw_tailnet_handshakes_total", "counter", "Handshakes that were completed.",
		NODE(handshakes));
	numbers(w, "tsgw_tailnet_dropped_packets_total", "counter",
		"Packets that the node dropped.", "reason", drops, ELEMENTSOF(drops));
	number(w, "tsgw_tailnet_cookies_sent_total", "counter",
		"Cookie replies: handshakes came faster than they could be answered.",
		NODE(cookies_sent));
}

static void listener(const struct writer *w)
{
	static struct labelled results[PROXY_RESULTS];

	for (unsigned i = 0; i < PROXY_RESULTS; i++)
		results[i] = (struct labelled){
			proxy_result_name(i), PROXY(results) + i * sizeof(uint64_t)};
	number(w, "tsgw_tailnet_clients", "gauge", "Clients of the listener now.",
		offsetof(struct control_tailnet, clients));
	number(w, "tsgw_tailnet_accepted_connections_total", "counter",
		"Connections that the listener accepted.", PROXY(accepted));
	numbers(w, "tsgw_tailnet_connections_total", "counter",
		"Connections by how their request ended.", "result", results, PROXY_RESULTS);
	number(w, "tsgw_tailnet_client_transmit_bytes_total", "counter",
		"Bytes from clients into the tailnet.", PROXY(up_bytes));
	number(w, "tsgw_tailnet_client_receive_bytes_total", "counter",
		"Bytes from the tailnet to clients.", PROXY(down_bytes));
}

static void udp(const struct writer *w)
{
	static const struct labelled drops[] = {{"source", PROXY(udp.dropped[PROXY_UDP_SOURCE])},
		{"malformed", PROXY(udp.dropped[PROXY_UDP_MALFORMED])},
		{"fragment", PROXY(udp.dropped[PROXY_UDP_FRAGMENT])},
		{"policy", PROXY(udp.dropped[PROXY_UDP_POLICY])},
		{"no_name", PROXY(udp.dropped[PROXY_UDP_NO_NAME])},
		{"down", PROXY(udp.dropped[PROXY_UDP_DOWN])},
		{"unreachable", PROXY(udp.dropped[PROXY_UDP_UNREACHABLE])},
		{"too_long", PROXY(udp.dropped[PROXY_UDP_TOO_LONG])},
		{"full", PROXY(udp.dropped[PROXY_UDP_FULL])},
		{"stranger", PROXY(udp.dropped[PROXY_UDP_STRANGER])}};
	static const struct labelled moved[] = {{"up", PROXY(udp.up)}, {"down", PROXY(udp.down)}};

	number(w, "tsgw_tailnet_udp_associations", "gauge", "UDP associations now.",
		PROXY(udp.associations));
	numbers(w, "tsgw_tailnet_udp_datagrams_total", "counter", "Datagrams of UDP associations.",
		"direction", moved, ELEMENTSOF(moved));
	numbers(w, "tsgw_tailnet_udp_dropped_datagrams_total", "counter",
		"Datagrams of UDP associations that were dropped.", "reason", drops,
		ELEMENTSOF(drops));
}

static void resolver(const struct writer *w)
{
	number(w, "tsgw_tailnet_resolver_questions_total", "counter",
		"Names that the tailnet's resolver was asked for.", PROXY(dns_asked));
	number(w, "tsgw_tailnet_resolver_answers_total", "counter",
		"Names that the tailnet's resolver answered.", PROXY(dns_answered));
	number(w, "tsgw_tailnet_resolver_timeouts_total", "counter",
		"Names that no resolver of the tailnet answered in time.", PROXY(dns_timeouts));
	number(w, "tsgw_tailnet_resolver_cache_hits_total", "counter",
		"Names that were still known.", PROXY(dns_cache_hits));
}

static void published(const struct writer *w)
{
	static const struct labelled results[] = {{"ok", HOST(results[PUBLISH_OK])},
		{"no_name", HOST(results[PUBLISH_NO_NAME])},
		{"unreachable", HOST(results[PUBLISH_UNREACHABLE])},
		{"refused", HOST(results[PUBLISH_REFUSED])},
		{"timeout", HOST(results[PUBLISH_TIMEOUT])},
		{"limit", HOST(results[PUBLISH_LIMIT])},
		{"internal", HOST(results[PUBLISH_INTERNAL])}};

	number(w, "tsgw_tailnet_published_connections", "gauge",
		"Connections to published services now.", HOST(connections));
	numbers(w, "tsgw_tailnet_published_connections_total", "counter",
		"Connections to published services by how they ended.", "result", results,
		ELEMENTSOF(results));
	number(w, "tsgw_tailnet_forwarded_connections_total", "counter",
		"Connections that came by a port of forward.", PROXY(forwarded));
}

/* Every bound that something ran into. */
static void limits(const struct writer *w)
{
	static const struct labelled rows[] = {{"max-clients", PROXY(results[PROXY_LIMIT])},
		{"max-clients-per-address", PROXY(results[PROXY_LIMIT_ADDRESS])},
		{"descriptors", PROXY(accept_paused)}, {"logins", PROXY(login_queue_full)},
		{"login-sources", PROXY(login_sources_full)}, {"lookups", PROXY(dns_limit)},
		{"udp-buffers", PROXY(udp.dropped[PROXY_UDP_FULL])},
		{"forward-udp-sessions", PROXY(forward_udp.full)},
		{"publish-connections", HOST(results[PUBLISH_LIMIT])},
		{"publish-descriptors", HOST(accept_paused)},
		{"publish-lookups", HOST(lookups_full)}, {"publish-udp-sessions", HOST(udp.full)},
		{"node-queue", NODE(dropped_queue)},
		{"node-unreachable-replies", NODE(unreachable_limited)}};

	numbers(w, "tsgw_tailnet_limit_hits_total", "counter",
		"Times that one of the tailnet's bounds was reached.", "limit", rows,
		ELEMENTSOF(rows));
}

/* ---- processes ---- */

static void restarts(const struct writer *w)
{
	const struct msg_web_front *f = &w->v->site->front;

	family(w->out, "tsgw_worker_restarts_total", "counter",
		"Times that a worker had to be started again.");
	EACH(w, t)
	{
		const char *name = t->config.name;

		if (!t->known)
			continue;
		fprintf(w->out, "tsgw_worker_restarts_total{tailnet=\"%s\",worker=\"wg\"} %u\n",
			name, t->live.restarts_wg);
		fprintf(w->out, "tsgw_worker_restarts_total{tailnet=\"%s\",worker=\"proxy\"} %u\n",
			name, t->live.restarts_proxy);
		fprintf(w->out, "tsgw_worker_restarts_total{tailnet=\"%s\",worker=\"host\"} %u\n",
			name, t->live.restarts_host);
	}
	fprintf(w->out, "tsgw_worker_restarts_total{tailnet=\"\",worker=\"dns\"} %u\n",
		f->restarts_dns);
	fprintf(w->out, "tsgw_worker_restarts_total{tailnet=\"\",worker=\"web\"} %u\n",
		f->restarts_web);
}

/* N of a worker of TAILNET, "" = of the front; 0: it does not run, or the kernel does not say. */
static void memory_line(const struct writer *w, const char *name, const char *tailnet,
	const char *worker, uint64_t n)
{
	if (n)
		fprintf(w->out, "%s{tailnet=\"%s\",worker=\"%s\"} %" PRIu64 "\n", name, tailnet,
			worker, n);
}

static uint64_t resident(const struct process_memory *m)
{
	return m->resident;
}

static uint64_t proportional(const struct process_memory *m)
{
	return m->proportional;
}

static void memory_family(const struct writer *w, const char *name, const char *help,
	uint64_t (*of)(const struct process_memory *m))
{
	const struct msg_web_front *f = &w->v->site->front;
	const struct process_memory supervisor = {f->resident_supervisor,
					    f->proportional_supervisor},
				    dns = {f->resident_dns, f->proportional_dns},
				    web = {f->resident_web, f->proportional_web};

	family(w->out, name, "gauge", help);
	EACH(w, t)
	if (t->known) {
		memory_line(w, name, t->config.name, "wg", of(&t->live.memory_wg));
		memory_line(w, name, t->config.name, "proxy", of(&t->live.memory_proxy));
		memory_line(w, name, t->config.name, "host", of(&t->live.memory_host));
	}
	memory_line(w, name, "", "supervisor", of(&supervisor));
	memory_line(w, name, "", "dns", of(&dns));
	memory_line(w, name, "", "web", of(&web));
}

static void memory(const struct writer *w)
{
	memory_family(w, "tsgw_worker_resident_memory_bytes",
		"Memory of a worker, shared pages counted in full (RSS).", resident);
	memory_family(w, "tsgw_worker_proportional_memory_bytes",
		"Memory of a worker, shared pages counted by its share (PSS).", proportional);
}

/* ---- the front ---- */

static void rcodes(FILE *out, const char *name, const char *tailnet, const uint64_t counts[16])
{
	static const char *const names[16] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
		"NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE", "11",
		"12", "13", "14", "BADVERS"};

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		if (i > 5 && !counts[i])
			continue;
		fprintf(out, "%s{", name);
		if (tailnet)
			fprintf(out, "tailnet=\"%s\",", tailnet);
		fprintf(out, "rcode=\"%s\"} %" PRIu64 "\n", names[i], counts[i]);
	}
}

static void dns_limits(const struct writer *w)
{
	const struct dns_counts *d = &w->v->site->dns;
	const struct {
		const char *limit;
		uint64_t n;
	} rows[] = {{"tcp-connections", d->tcp_evicted}, {"tcp-per-client", d->tcp_refused},
		{"descriptors", d->tcp_paused}, {"cache", d->cache_evicted},
		{"zones", d->zones_full}};

	family(w->out, "tsgw_dns_limit_hits_total", "counter",
		"Times that a bound of the DNS responder was reached.");
	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		fprintf(w->out, "tsgw_dns_limit_hits_total{limit=\"%s\"} %" PRIu64 "\n",
			rows[i].limit, rows[i].n);
}

static void dns_tailnets(const struct writer *w)
{
	const char *name = "tsgw_tailnet_dns_responses_total";

	family(w->out, name, "counter", "Answers about the tailnet's names.");
	EACH(w, t)
	if (t->has_dns)
		rcodes(w->out, name, t->config.name, t->dns.rcodes);
	name = "tsgw_tailnet_dns_limit_hits_total";
	family(w->out, name, "counter", "Questions refused: too many under way into the tailnet.");
	EACH(w, t)
	if (t->has_dns)
		fprintf(w->out, "%s{tailnet=\"%s\"} %" PRIu64 "\n", name, t->config.name,
			t->dns.full);
}

static void dns(const struct writer *w)
{
	const struct dns_counts *d = &w->v->site->dns;

	if (!w->v->site->front.has_dns)
		return;
	family(w->out, "tsgw_dns_queries_total", "counter", "Questions to the gateway's DNS.");
	fprintf(w->out, "tsgw_dns_queries_total{transport=\"udp\"} %" PRIu64 "\n", d->queries_udp);
	fprintf(w->out, "tsgw_dns_queries_total{transport=\"tcp\"} %" PRIu64 "\n", d->queries_tcp);
	family(w->out, "tsgw_dns_responses_total", "counter", "Answers of the gateway's DNS.");
	rcodes(w->out, "tsgw_dns_responses_total", NULL, d->rcodes);
	family(w->out, "tsgw_dns_dropped_total", "counter", "Questions that got no answer.");
	fprintf(w->out, "tsgw_dns_dropped_total %" PRIu64 "\n", d->dropped);
	dns_limits(w);
	dns_tailnets(w);
}

static void one(
	const struct writer *w, const char *name, const char *type, const char *help, uint64_t n)
{
	family(w->out, name, type, help);
	fprintf(w->out, "%s %" PRIu64 "\n", name, n);
}

static void web(const struct writer *w)
{
	const struct web_stats *s = w->v->site->stats;

	family(w->out, "tsgw_web_responses_total", "counter",
		"Answers of this page by class of code.");
	for (unsigned i = 2; i < ELEMENTSOF(s->responses); i++)
		fprintf(w->out, "tsgw_web_responses_total{class=\"%uxx\"} %" PRIu64 "\n", i,
			s->responses[i]);
	one(w, "tsgw_web_connections", "gauge", "Connections to this page now.", s->connections);
	one(w, "tsgw_web_accepted_connections_total", "counter", "Connections to this page.",
		s->accepted);
	one(w, "tsgw_web_refused_connections_total", "counter",
		"Connections from outside web-allow, closed at once.", s->refused);
	one(w, "tsgw_web_misdirected_requests_total", "counter",
		"Requests whose Host header names somebody else.", s->misdirected);
	family(w->out, "tsgw_web_limit_hits_total", "counter",
		"Times that a bound of this page was reached.");
	fprintf(w->out, "tsgw_web_limit_hits_total{limit=\"connections\"} %" PRIu64 "\n", s->limit);
	fprintf(w->out, "tsgw_web_limit_hits_total{limit=\"time\"} %" PRIu64 "\n", s->slow);
}

void metrics_write(const struct visit *v, FILE *out)
{
	const struct writer w = {v, out};

	family(out, "tsgw_build_info", "gauge", "1, with the version.");
	fprintf(out, "tsgw_build_info{version=\"%s\"} 1\n", TSGW_VERSION);
	states(&w);
	peers(&w);
	node(&w);
	listener(&w);
	udp(&w);
	resolver(&w);
	published(&w);
	limits(&w);
	restarts(&w);
	memory(&w);
	dns(&w);
	web(&w);
}
