// SPDX-License-Identifier: MIT
// Endpoint of a wg-quick file: an address, a name, or a link-local address with its interface.
#include <string.h>

#include "common/parse.h"
#include "config/load.h"
#include "config/values.h"

static void endpoint_address(struct loader *l, const struct where *w, const struct hostport *h,
	struct wg_peer_config *ret)
{
	if (addr_is_unspecified(&h->addr) || addr_is_multicast(&h->addr) ||
		addr_is_broadcast(&h->addr)) {
		problem(l, w, "a peer cannot be at this address");
		return;
	}
	if (h->addr.family == 6 && addr_is_link_local(&h->addr))
		warning(l, w,
			"a link-local address is only reached with its interface: "
			"[fe80::1%%eth0]:51820");
	ret->endpoint = *h;
}

/* "[ADDRESS%ZONE]" without its brackets if it is that, or NULL. */
static char *zoned(char *host)
{
	size_t n = strlen(host);
	char zone[IF_NAMESIZE];
	struct addr a;

	if (n < 2 || host[0] != '[' || host[n - 1] != ']')
		return NULL;
	host[n - 1] = '\0';
	if (addr_parse_zoned(host + 1, &a, zone) == 0)
		return host + 1;
	host[n - 1] = ']';
	return NULL;
}

void wgendpoint_parse(
	struct loader *l, const struct where *w, char *text, struct wg_peer_config *ret)
{
	char *colon = strrchr(text, ':'), *name = text;
	struct hostport h = {0};
	uint64_t port;

	if (hostport_parse(text, &h) == 0) {
		endpoint_address(l, w, &h, ret);
		return;
	}
	if (colon) {
		*colon = '\0';
		name = zoned(text);
		*colon = ':';
	}
	if (!name && (strchr(text, '[') || strchr(text, ':') != colon))
		colon = NULL;
	if (!colon) {
		problem(l, w, CLIP " is not of the form HOST:PORT or [IPV6]:PORT", text);
		return;
	}
	if (!wgquick_number(l, w, colon + 1, 1, 65535, &port))
		return;
	*colon = '\0';
	/* "10.0.0.300" is no name: it could never be looked up */
	if (!name && (!parse_is_dns_name(text) || strspn(text, "0123456789.") == strlen(text))) {
		problem(l, w, CLIP " is neither an IP address nor a domain name", text);
		return;
	}
	ret->endpoint.port = (uint16_t)port;
	ret->endpoint_name = load_strdup(l, name ? name : text);
}
