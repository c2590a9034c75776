// SPDX-License-Identifier: MIT
// A datagram of a UDP association: what its header says lies inside it, and nothing that nobody may
// reach gets past the policy.
#include "proxy/socksudp.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/policy.h"
#include "proxy/resolve.h"
#include "../unit/suffix-table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct resolve_names names;
static struct policy policy;

static void prepare(void)
{
	static const struct table_row foreign = {"blue", "blue", 1};
	static struct table table;
	struct prefix all4 = {.addr = {.family = 4}}, all6 = {.addr = {.family = 6}};

	if (names.n_suffixes)
		return;
	resolve_add_suffix(&names, "red");
	resolve_set_all(&names, table.e, 1, table_make(&table, &foreign, 1));
	resolve_seal(&names);
	prefixset_add(&policy.routes, &all4, 1, 10);
	prefixset_add(&policy.routes, &all6, 2, 10);
	policy.has_ipv6 = true;
	policy_seal(&policy);
}

static void must(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct socksudp h = {0};
	struct resolve_result r = {0};
	uint8_t again[SOCKSUDP_HEADER_MAX];
	uint32_t peer;

	prepare();
	if (size > 65536 || socksudp_parse(data, size, &h) != SOCKSUDP_OK)
		return 0;
	must(h.size <= size && h.port && !data[0] && !data[1] && !data[2]);
	if (h.addr.family) {
		struct hostport at = {.addr = h.addr, .port = h.port};

		/* there is one way to write an address */
		must(socksudp_header(again, &at) == h.size && !memcmp(again, data, h.size));
		if (policy_check(&policy, &h.addr, &peer) == POLICY_OK)
			must(!addr_is_never_proxied(&h.addr));
		return 0;
	}
	must(h.name_len && (const uint8_t *)h.name + h.name_len + 2 == data + h.size);
	resolve_text(&names, h.name, h.name_len, &r);
	for (size_t i = 0; i < r.n; i++)
		if (policy_check(&policy, &r.addrs[i], &peer) == POLICY_OK)
			must(!addr_is_never_proxied(&r.addrs[i]));
	return 0;
}
