// SPDX-License-Identifier: MIT
// A SOCKS client's bytes in pieces: the decision may not depend on where they are cut, and names go on
// to the resolver and the policy.
#include "proxy/socks.h"

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
	struct addr a = addr_v4(0x0a000001);

	if (names.n_suffixes)
		return;
	resolve_add_suffix(&names, "red");
	resolve_set_all(&names, table.e, 1, table_make(&table, &foreign, 1));
	resolve_add_host(&names, "grafana", &a);
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

static void judge(const struct socks_request *r)
{
	struct resolve_result got;
	uint32_t peer;

	must(r->command == SOCKS_CONNECT || r->command == SOCKS_UDP_ASSOCIATE);
	must(r->port || r->command == SOCKS_UDP_ASSOCIATE);
	must(r->addr.family || r->name_len);
	if (r->addr.family)
		policy_check(&policy, &r->addr, &peer);
	else
		resolve_text(&names, r->name, r->name_len, &got);
	for (size_t i = 0; !r->addr.family && i < got.n; i++)
		if (policy_check(&policy, &got.addrs[i], &peer) == POLICY_OK)
			must(!addr_is_never_proxied(&got.addrs[i]));
	must(r->addr.family || !memchr(r->name, 0, r->name_len) || got.kind == RESOLVE_BAD);
}

/* The first decision on a growing prefix must be the one on all of it. */
static void grow(const uint8_t *data, size_t size,
	enum socks_status (*parse)(const uint8_t *, size_t, struct socks_request *))
{
	struct socks_request whole = {0}, part = {0};
	enum socks_status s = parse(data, size, &whole), p = SOCKS_MORE;

	for (size_t n = 0; n <= size && p == SOCKS_MORE; n++)
		p = parse(data, n, &part);
	must(s == p);
	if (s != SOCKS_DONE)
		return;
	must(whole.size <= size && whole.size == part.size && whole.port == part.port);
	must(whole.name_len == part.name_len && !memcmp(whole.name, part.name, whole.name_len));
	judge(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct socks_login login;
	size_t greeting = 0;

	prepare();
	if (size > 2048)
		return 0;
	grow(data, size, socks4_request);
	if (socks5_greeting(data, size, size ? data[size - 1] & 2 : 0, &greeting) == SOCKS_DONE) {
		must(greeting <= size);
		data += greeting;
		size -= greeting;
	}
	if (socks5_login(data, size, &login) == SOCKS_DONE) {
		must(login.size <= size && login.user_len && login.password_len);
		must((const uint8_t *)login.password + login.password_len == data + login.size);
		data += login.size;
		size -= login.size;
	}
	grow(data, size, socks5_request);
	return 0;
}
