// SPDX-License-Identifier: MIT
// Names that follow from a tailnet's name: namespace, link, files.
#include "config/names.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

void names_link(const char *tailnet, char ret[LINK_NAME_MAX])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	if (strlen(tailnet) <= LINK_NAME_MAX - 1 - strlen("tsgw-")) {
		snprintf(ret, LINK_NAME_MAX, "tsgw-%.10s", tailnet);
		return;
	}
	crypto_hash_sha256(hash, (const unsigned char *)tailnet, strlen(tailnet));
	snprintf(ret, LINK_NAME_MAX, "tsgw-%02x%02x%02x%02x%02x", hash[0], hash[1], hash[2],
		hash[3], hash[4]);
}

void names_netns(const char *tailnet, char *ret, size_t size)
{
	snprintf(ret, size, "tsgw-%s", tailnet);
}

void names_netns_path(const char *tailnet, char *ret, size_t size)
{
	snprintf(ret, size, "/run/netns/tsgw-%s", tailnet);
}
