// SPDX-License-Identifier: MIT
// Requests to the page: path, Host, ssid, User-Agent, one line each; what passes is safe to be written.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/parse.h"
#include "web/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_host(const char *value)
{
	char host[CLIENTS_HOST_MAX];
	struct addr literal = {0}, again;

	if (request_host(value, host, &literal) < 0)
		return;
	/* it goes into HTML, JavaScript and shell lines */
	if (literal.family ? addr_parse(host, &again) < 0 || !addr_equal(&again, &literal)
			   : !parse_is_dns_name(host))
		abort();
	for (const char *c = host; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			abort();
}

static void check_path(char *path)
{
	struct request r;
	size_t n = request_unescape(path);

	if (n != strlen(path))
		abort();
	request_path(path, &r);
	if (r.kind < -1 || r.kind >= CLIENTS_KINDS ||
		(r.route == ROUTE_SETUP && r.kind < 0 && *r.tailnet))
		abort();
	if (*r.tailnet && (r.route == ROUTE_PAC || (r.route == ROUTE_SETUP && !*r.wrong)) &&
		!parse_is_tailnet_name(r.tailnet))
		abort();
	for (const char *c = r.wrong; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f)
			abort();
	(void)request_nearest(path);
}

static void check_ssid(const char *ssid)
{
	if (!request_ssid_ok(ssid))
		return;
	if (strlen(ssid) > CLIENTS_SSID_MAX || strpbrk(ssid, "\n\r\t\x7f"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *lines[4] = {0}, *save = text;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < 4; i++) {
		lines[i] = strsep(&save, "\n");
		if (!lines[i])
			lines[i] = text + size;
	}
	check_host(lines[1]);
	check_ssid(lines[2]);
	(void)request_system(lines[3]);
	check_path(lines[0]);
	free(text);
	return 0;
}
