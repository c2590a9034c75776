// SPDX-License-Identifier: MIT
// What tailscaled says in JSON, any bytes: status, DNS, a line of the bus; all of it within its tables.
#include "host/ipn.h"

#include <stdlib.h>
#include <string.h>

#include "common/parse.h"
#include "host/trouble.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void printable(const char *text, size_t size)
{
	must(memchr(text, '\0', size) != NULL);
	for (; *text; text++)
		must(*text >= ' ' && *text <= '~');
}

static void domain(const char text[MSG_DOMAIN_MAX])
{
	must(memchr(text, '\0', MSG_DOMAIN_MAX) != NULL);
	must(!*text || parse_is_dns_name(text));
}

static void status(const char *text, size_t size)
{
	struct ipn_status s;

	if (ipn_status_parse(text, size, &s) < 0)
		return;
	must(s.state < IPN_STATES && s.n_addresses <= IPN_ADDRS_MAX && s.n_peers <= IPN_PEERS_MAX);
	printable(s.auth_url, sizeof(s.auth_url));
	printable(s.version, sizeof(s.version));
	printable(s.warning, sizeof(s.warning));
	domain(s.name);
	domain(s.domain);
	for (size_t i = 0; i < s.n_peers; i++) {
		const struct ipn_peer *p = &s.peers[i];

		must(p->n_addresses <= IPN_ADDRS_MAX && p->n_routes <= IPN_ROUTES_MAX);
		domain(p->name);
		printable(p->live.relay, sizeof(p->live.relay));
		for (uint32_t k = 0; k < p->n_routes; k++) {
			struct prefix c = prefix_canonical(&p->routes[k]);

			must(prefix_equal(&c, &p->routes[k]));
		}
	}
	ipn_status_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ipn_dns dns;
	struct ipn_notify n;
	const char *text = (const char *)data;
	char error[ENGINE_REASON_MAX], said[ENGINE_REASON_MAX];

	status(text, size);
	if (ipn_dns_parse(text, size, &dns) == 0) {
		must(dns.n_servers <= MSG_SERVERS && dns.n_search <= MSG_SEARCH_MAX &&
			dns.n_splits <= IPN_SPLITS_MAX);
		for (uint32_t i = 0; i < dns.n_search; i++)
			domain(dns.search[i]);
		for (uint32_t i = 0; i < dns.n_splits; i++) {
			domain(dns.splits[i].domain);
			must(dns.splits[i].n <= MSG_SERVERS);
		}
	}
	if (ipn_notify_parse(text, size, &n) == 0) {
		printable(n.error, sizeof(n.error));
		printable(n.trouble, sizeof(n.trouble));
		printable(n.login_error, sizeof(n.login_error));
	}
	ipn_error(text, size, error, sizeof(error));
	printable(error, sizeof(error));
	trouble_explain(error, said, sizeof(said));
	printable(said, sizeof(said));
	return 0;
}
