// SPDX-License-Identifier: MIT
// What a request asks for: Host header, path, client system. Pure.
#include "web/request.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/distance.h"
#include "common/parse.h"

#define NEAREST_MAX 64 /* bytes of a path that are worth a guess */

/* ---- escapes ---- */

static int digit(char c)
{
	return c >= '0' && c <= '9'    ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : -1;
}

size_t request_unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		int high = *from == '%' ? digit(from[1]) : -1;
		int low = high >= 0 ? digit(from[2]) : -1;

		if (low >= 0 && (high || low)) {
			*to++ = (char)(high << 4 | low);
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

/* ---- Host ---- */

static int host_port(const char *text)
{
	uint64_t port;

	return *text == '\0' ||
			(*text == ':' &&
				(text[1] == '\0' || parse_u64(text + 1, 1, 65535, &port) == 0))
		? 0
		: -EINVAL;
}

static int host_literal6(const char *value, char ret[CLIENTS_HOST_MAX], struct addr *ret_literal)
{
	const char *end = strchr(value, ']');
	size_t n = end ? (size_t)(end - value) - 1 : 0;
	struct addr a;

	if (!end || n >= ADDR_TEXT_MAX || addr_parse_n(value + 1, n, &a) < 0 || a.family != 6 ||
		host_port(end + 1) < 0)
		return -EINVAL;
	addr_format(&a, ret);
	*ret_literal = a;
	return 0;
}

int request_host(const char *value, char ret[CLIENTS_HOST_MAX], struct addr *ret_literal)
{
	char name[CLIENTS_HOST_MAX];
	size_t n = strcspn(value, ":");
	struct addr a = {0};

	if (*value == '[')
		return host_literal6(value, ret, ret_literal);
	if (n == 0 || n >= sizeof(name) || host_port(value + n) < 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		name[i] = value[i] >= 'A' && value[i] <= 'Z' ? (char)(value[i] | 0x20) : value[i];
	if (n > 1 && name[n - 1] == '.')
		n--;
	name[n] = '\0';
	if (addr_parse(name, &a) < 0 && !parse_is_dns_name(name))
		return -EINVAL;
	memcpy(ret, name, n + 1);
	*ret_literal = a;
	return 0;
}

/* ---- path ---- */

static const struct {
	const char *path;
	enum route route;
} paths[] = {
	{"/", ROUTE_PAGE},
	{"/status.json", ROUTE_STATUS},
	{"/metrics", ROUTE_METRICS},
	{"/healthz", ROUTE_HEALTH},
	{"/readyz", ROUTE_READY},
	{"/proxy.pac", ROUTE_PAC},
	{"/tsgw.mobileconfig", ROUTE_PROFILE},
	{"/setup", ROUTE_KINDS},
	{"/setup/", ROUTE_KINDS},
	{"/page.css", ROUTE_CSS},
	{"/page.js", ROUTE_JS},
	{"/icon.svg", ROUTE_ICON},
};

static void note_wrong(struct request *r, const char *word, size_t n)
{
	n = MIN(n, sizeof(r->wrong) - 1);
	for (size_t i = 0; i < n; i++)
		r->wrong[i] = word[i] > 0x20 && word[i] < 0x7f ? word[i] : '?';
	r->wrong[n] = '\0';
}

static bool take_tailnet(struct request *r, const char *name, size_t n)
{
	if (n >= sizeof(r->tailnet))
		return false;
	memcpy(r->tailnet, name, n);
	r->tailnet[n] = '\0';
	return parse_is_tailnet_name(r->tailnet);
}

/* "KIND" or "KIND/NAME" */
static void path_setup(const char *rest, struct request *r)
{
	size_t n = strcspn(rest, "/");
	char word[16];

	r->route = ROUTE_SETUP;
	r->kind = -1;
	if (n < sizeof(word)) {
		memcpy(word, rest, n);
		word[n] = '\0';
		r->kind = clients_kind_parse(word);
	}
	if (r->kind < 0)
		note_wrong(r, rest, n);
	else if (rest[n] && rest[n + 1] && !take_tailnet(r, rest + n + 1, strlen(rest + n + 1)))
		note_wrong(r, rest + n + 1, strlen(rest + n + 1));
}

void request_path(const char *path, struct request *ret)
{
	size_t n = strlen(path);

	*ret = (struct request){.kind = -1};
	for (size_t i = 0; i < ELEMENTSOF(paths); i++)
		if (!strcmp(paths[i].path, path)) {
			ret->route = paths[i].route;
			return;
		}
	if (!strncmp(path, "/setup/", 7)) {
		path_setup(path + 7, ret);
	} else if (n > 5 && !strcmp(path + n - 4, ".pac") && *path == '/') {
		ret->route = ROUTE_PAC;
		if (!take_tailnet(ret, path + 1, n - 5))
			ret->route = ROUTE_NONE;
	}
}

const char *request_nearest(const char *path)
{
	size_t best = 4;
	const char *found = NULL;

	if (strlen(path) > NEAREST_MAX)
		return NULL;
	for (size_t i = 1; i < ELEMENTSOF(paths); i++) {
		size_t d = distance_edits(path, paths[i].path);

		if (d < best) {
			best = d;
			found = paths[i].path;
		}
	}
	return found;
}

/* ---- the rest ---- */

int request_system(const char *user_agent)
{
	static const struct {
		const char *word;
		enum clients_kind kind;
	} systems[] = {
		/* in this order: the later words also stand in the earlier ones' headers */
		{"iPhone", CLIENTS_IOS},
		{"iPad", CLIENTS_IOS},
		{"Android", CLIENTS_ANDROID},
		{"Windows", CLIENTS_WINDOWS},
		{"Macintosh", CLIENTS_MACOS},
		{"Darwin", CLIENTS_MACOS},
		{"Linux", CLIENTS_LINUX},
		{"X11", CLIENTS_LINUX},
		{"curl/", CLIENTS_CURL},
		{"git/", CLIENTS_GIT},
	};

	for (size_t i = 0; user_agent && i < ELEMENTSOF(systems); i++)
		if (strstr(user_agent, systems[i].word))
			return (int)systems[i].kind;
	return -1;
}

/* The number of bytes of the UTF-8 character at P, 0 if there is none. Too long spellings, surrogates
 * and what is beyond U+10FFFF are none (RFC 3629). */
static size_t utf8_length(const uint8_t *p)
{
	uint32_t c, least;
	size_t n;

	if (*p < 0x80)
		return 1;
	n = (*p & 0xe0) == 0xc0 ? 2 : (*p & 0xf0) == 0xe0 ? 3 : (*p & 0xf8) == 0xf0 ? 4 : 0;
	if (!n)
		return 0;
	c = *p & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	least = n == 2 ? 0x80 : n == 3 ? 0x800 : 0x10000;
	return c >= least && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) && c > 0x9f &&
			(c & 0xfffe) != 0xfffe
		? n
		: 0;
}

bool request_ssid_ok(const char *ssid)
{
	const uint8_t *p = (const uint8_t *)ssid;
	size_t n = strlen(ssid), step;

	if (n == 0 || n > CLIENTS_SSID_MAX)
		return false;
	for (; *p; p += step) {
		step = utf8_length(p);
		if (!step || *p < 0x20 || *p == 0x7f)
			return false;
	}
	return true;
}
