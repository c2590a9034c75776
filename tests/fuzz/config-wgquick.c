// SPDX-License-Identifier: MIT
// Any bytes as a wg-quick file. What is accepted obeys the limits that the rest of tsgw relies on.
#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/load.h"

#define FUZZ_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *wg_text;
static size_t wg_len;

static int read_wg(const char *path, struct source *ret)
{
	ret->text = malloc(wg_len + 1);
	if (!ret->text)
		return -ENOMEM;
	memcpy(ret->text, wg_text, wg_len);
	ret->text[wg_len] = '\0';
	ret->len = wg_len;
	ret->mode = 0600;
	return 0;
}

static void require(bool what)
{
	if (!what)
		abort();
}

static void check_peer(const struct wg_peer_config *p)
{
	require(!sodium_is_zero(p->public_key, 32));
	require(!p->endpoint_name || p->endpoint.addr.family == 0);
	require(p->endpoint.port || (!p->endpoint_name && !p->endpoint.addr.family));
	for (size_t i = 0; i < p->allowed.n; i++) {
		struct prefix c = prefix_canonical(&p->allowed.items[i]);

		require(prefix_equal(&c, &p->allowed.items[i]));
	}
}

static void check_wg(const struct wg_config *wg)
{
	require(!sodium_is_zero(wg->private_key, 32) && !sodium_is_zero(wg->public_key, 32));
	require(wg->addresses.n > 0 && wg->n_peers <= CONFIG_PEERS_MAX);
	require(!wg->mtu || wg->mtu >= 576);
	for (size_t i = 0; i < wg->n_peers; i++)
		check_peer(&wg->peers[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char ini[] =
		"[tailnet a]\nport = 1080\nwg-config = a.conf\n[hosts a]\nx = 10.1.2.3, fd00::1\n";
	struct config *c = NULL;
	struct loader l;

	if (size > FUZZ_MAX)
		return 0;
	wg_text = data;
	wg_len = size;
	require(load_begin(&l, "/etc/tsgw/tsgw.ini") == 0);
	l.read = read_wg;
	load_ini(&l, load_file_name(&l, "/etc/tsgw/tsgw.ini"), ini, strlen(ini));
	require(load_end(&l, &c) == 0);
	require(c->n_tailnets == 1 && c->tailnets[0]->wg && !c->fatal);
	require(c->errors == (c->tailnets[0]->broken != NULL));
	if (!c->errors)
		check_wg(c->tailnets[0]->wg);
	(void)config_has_ipv6(c->tailnets[0]);
	config_free(c);
	return 0;
}
