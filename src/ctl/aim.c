// SPDX-License-Identifier: MIT
// What a person points at: a URL, "host:port", "user@host", an address, a name.
#include "ctl/aim.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/parse.h"

#define FAIL(...) (snprintf(error, error_size, __VA_ARGS__), -EINVAL)

static const struct scheme {
	const char *name;
	uint16_t port;
	enum aim_talk talk;
} schemes[] = {
	{"http", 80, AIM_HTTP},
	{"https", 443, AIM_TLS},
	{"ws", 80, AIM_HTTP},
	{"wss", 443, AIM_TLS},
	{"ssh", 22, AIM_BANNER},
	{"sftp", 22, AIM_BANNER},
	{"git+ssh", 22, AIM_BANNER},
	{"git", 9418, AIM_UNKNOWN},
	{"ftp", 21, AIM_BANNER},
	{"vnc", 5900, AIM_BANNER},
	{"rdp", 3389, AIM_UNKNOWN},
	{"ldap", 389, AIM_UNKNOWN},
	{"ldaps", 636, AIM_TLS},
	{"mysql", 3306, AIM_BANNER},
	{"postgres", 5432, AIM_UNKNOWN},
	{"postgresql", 5432, AIM_UNKNOWN},
	{"redis", 6379, AIM_UNKNOWN},
	{"mongodb", 27017, AIM_UNKNOWN},
	{"smtp", 25, AIM_BANNER},
	{"imap", 143, AIM_BANNER},
	{"imaps", 993, AIM_TLS},
};

enum aim_talk aim_talk_of_port(uint16_t port)
{
	/* what people run web servers on; a request there surprises nobody */
	static const uint16_t web[] = {80, 3000, 5000, 8000, 8008, 8080, 8081, 8888, 9000, 9090};
	static const uint16_t tls[] = {443, 8443, 6443, 9443};

	for (size_t i = 0; i < ELEMENTSOF(web); i++)
		if (web[i] == port)
			return AIM_HTTP;
	for (size_t i = 0; i < ELEMENTSOF(tls); i++)
		if (tls[i] == port)
			return AIM_TLS;
	for (size_t i = 0; i < ELEMENTSOF(schemes); i++)
		if (schemes[i].port == port)
			return schemes[i].talk;
	return AIM_UNKNOWN;
}

/* Cuts "scheme://" off *TEXT. NULL in *ret: there is none. */
static int cut_scheme(const char **text, const struct scheme **ret, char *error, size_t error_size)
{
	const char *end = strstr(*text, "://");
	size_t len = end ? (size_t)(end - *text) : 0;

	*ret = NULL;
	if (!end || strcspn(*text, "/?#@[") < len)
		return 0;
	for (size_t i = 0; i < ELEMENTSOF(schemes); i++)
		if (strlen(schemes[i].name) == len && !strncasecmp(schemes[i].name, *text, len))
			*ret = &schemes[i];
	if (!*ret)
		return FAIL("\"%.*s\" is no scheme that is known here: write HOST:PORT", (int)len,
			*text);
	*text = end + strlen("://");
	return 0;
}

/* "HOST", "HOST:PORT", "[V6]", "[V6]:PORT", "V6" in place: *ret_port is NULL where there is none. */
static int split_port(char *authority, char **ret_host, const char **ret_port)
{
	struct addr a;
	char *end;

	*ret_port = NULL;
	*ret_host = authority;
	if (*authority == '[') {
		end = strchr(authority, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		*end = '\0';
		*ret_host = authority + 1;
		*ret_port = end[1] ? end + 2 : NULL;
		return addr_parse(*ret_host, &a) == 0 && a.family == 6 ? 0 : -EINVAL;
	}
	if (addr_parse(authority, &a) == 0)
		return 0;
	end = strrchr(authority, ':');
	if (end) {
		*end = '\0';
		*ret_port = end + 1;
	}
	return 0;
}

static int take_host(struct aim *aim, char *host, char *error, size_t error_size)
{
	size_t len = strlen(host);

	if (len > 1 && host[len - 1] == '.')
		host[--len] = '\0';
	for (char *c = host; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (addr_parse(host, &aim->addr) < 0 && !parse_is_dns_name(host))
		return FAIL("\"%.80s\" is neither a name nor an address", host);
	snprintf(aim->host, sizeof(aim->host), "%s", host);
	return 0;
}

int aim_parse(const char *text, struct aim *ret, char *error, size_t error_size)
{
	char authority[AIM_TEXT_MAX], *host, *user;
	const struct scheme *scheme;
	struct aim aim = {.path = "/"};
	const char *port;
	uint64_t number;
	size_t len;
	int r;

	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return FAIL("there is a blank or a control character in what to reach");
	if (strlen(text) >= AIM_TEXT_MAX)
		return FAIL("what to reach is longer than %d bytes", AIM_TEXT_MAX - 1);
	r = cut_scheme(&text, &scheme, error, error_size);
	if (r < 0)
		return r;
	len = strcspn(text, "/?#");
	snprintf(authority, sizeof(authority), "%.*s", (int)len, text);
	if (text[len] == '/' && strlen(text + len) < sizeof(aim.path))
		snprintf(aim.path, sizeof(aim.path), "%.*s", (int)strcspn(text + len, "#"),
			text + len);
	user = strrchr(authority, '@');
	if (split_port(user ? user + 1 : authority, &host, &port) < 0)
		return FAIL(
			"\"%.80s\": an IPv6 address is written [ADDRESS] or [ADDRESS]:PORT", text);
	if (port && parse_u64(port, 1, 65535, &number) < 0)
		return FAIL("\"%.80s\" is no port", port);
	r = take_host(&aim, host, error, error_size);
	if (r < 0)
		return r;
	aim.port = port ? (uint16_t)number : scheme ? scheme->port : 0;
	aim.talk = scheme ? scheme->talk : aim_talk_of_port(aim.port);
	*ret = aim;
	return 0;
}
