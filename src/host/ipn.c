// SPDX-License-Identifier: MIT
// What tailscaled's LocalAPI says, from JSON to plain structs: texts, times, the bus, DNS.
//
// tailscaled has it from the control server, so none of it is to be trusted: every table has its maximum,
// every text is a name or becomes printable, and what is of another type than it should be is not there.
#include "host/ipn.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "host/ipnjson.h"

/* Go's zero time is the year 1; a key that never expires has it, or none at all. */
#define YEAR_MIN 1971
#define YEAR_MAX 9999

void ipn_clean(const char *text, char *ret, size_t size)
{
	size_t n = 0;
	bool blank = true;

	for (; text && *text && n + 1 < size; text++) {
		unsigned char c = (unsigned char)*text;
		bool space = c <= ' ' || c == 0x7f;

		if (space && blank)
			continue;
		blank = space;
		ret[n++] = (char)(space ? ' ' : c < 0x7f ? c : '?');
	}
	while (n && ret[n - 1] == ' ')
		n--;
	ret[n] = '\0';
}

uint64_t ipn_time(const char *text)
{
	struct tm tm = {0};
	int year, month, hours = 0, minutes = 0, n = 0;
	char sign = 'Z';
	int64_t s;

	if (!text ||
		sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &tm.tm_mday, &tm.tm_hour,
			&tm.tm_min, &tm.tm_sec, &n) != 6 ||
		year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12)
		return 0;
	text += n;
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	if (sscanf(text, "%c%2d:%2d", &sign, &hours, &minutes) < 1 ||
		(sign != 'Z' && sign != '+' && sign != '-'))
		return 0;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	s = timegm(&tm) - (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return s > 0 ? (uint64_t)s : 0;
}

void ipn_domain(const char *text, char ret[MSG_DOMAIN_MAX])
{
	size_t len = text ? strlen(text) : 0;

	ret[0] = '\0';
	if (len && text[len - 1] == '.')
		len--;
	if (!len || len >= MSG_DOMAIN_MAX)
		return;
	for (size_t i = 0; i < len; i++)
		ret[i] = (char)tolower((unsigned char)text[i]);
	ret[len] = '\0';
	if (!parse_is_dns_name(ret))
		ret[0] = '\0';
}

const char *ipn_string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

json_t *ipn_load(const char *text, size_t len)
{
	/* duplicate keys: a second one would hide the first from whoever looked at that */
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	if (root && !json_is_object(root)) {
		json_decref(root);
		return NULL;
	}
	return root;
}

void ipn_error(const char *text, size_t len, char *ret, size_t size)
{
	json_t *root = ipn_load(text, len);
	const char *said = root ? ipn_string(root, "Error") : "";
	char copy[ENGINE_REASON_MAX * 2];

	if (root && !*said)
		said = ipn_string(root, "error");
	snprintf(copy, sizeof(copy), "%.*s", (int)MIN(len, sizeof(copy) - 1), text);
	ipn_clean(*said ? said : copy, ret, size);
	json_decref(root);
}

/* ---- DNS ---- */

/* "10.1.0.53", "10.1.0.53:53"; of others (DNS over HTTPS) and other ports nothing is known here. */
static bool resolver_addr(const char *text, struct addr *ret)
{
	struct hostport h;

	if (addr_parse(text, ret) == 0)
		return true;
	if (hostport_parse(text, &h) < 0 || h.port != 53)
		return false;
	*ret = h.addr;
	return true;
}

static uint32_t take_resolvers(const json_t *list, struct addr *ret)
{
	uint32_t n = 0;
	const json_t *item;
	size_t i;

	json_array_foreach(list, i,
		item) if (n < MSG_SERVERS && resolver_addr(ipn_string(item, "Addr"), &ret[n])) n++;
	return n;
}

int ipn_dns_parse(const char *text, size_t len, struct ipn_dns *ret)
{
	json_t *root = ipn_load(text, len), *routes;
	const json_t *item;
	const char *suffix;
	void *next;
	size_t i;

	if (!root)
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	ret->n_servers = take_resolvers(json_object_get(root, "Resolvers"), ret->servers);
	json_array_foreach(json_object_get(root, "Domains"), i, item)
	{
		if (ret->n_search == MSG_SEARCH_MAX)
			break;
		ipn_domain(json_string_value(item), ret->search[ret->n_search]);
		ret->n_search += *ret->search[ret->n_search] != '\0';
	}
	routes = json_object_get(root, "Routes");
	json_object_foreach_safe(routes, next, suffix, item)
	{
		struct ipn_split *s = &ret->splits[ret->n_splits];

		if (ret->n_splits == IPN_SPLITS_MAX)
			break;
		ipn_domain(suffix, s->domain);
		s->n = take_resolvers(item, s->servers);
		s->nobody = !s->n && json_array_size(item);
		ret->n_splits += *s->domain != '\0';
	}
	json_decref(root);
	return 0;
}

/* ---- the bus ---- */

/* Warnings that say why the node is not what it should be, the worst first. Others are advice. */
static const char *const troubles[] = {"wantrunning-false", "not-in-map-poll", "no-derp-home",
	"no-derp-connection", "derp-timed-out", "derp-region-error", "no-udp4-bind",
	"mapresponse-timeout", "control-health", "tls-connection-failed"};

static const char *warning_text(const json_t *warnings, const char *code)
{
	const json_t *w = json_object_get(warnings, code);

	return ipn_string(w, "Text");
}

/* "You are logged out. The last login error was: X" is X. Without one it is no refusal: a login that took
 * the place of another says it of that one, and one that goes on by itself. */
static const char *login_error(const char *text)
{
	static const char out[] = "You are logged out", last[] = "The last login error was: ";

	if (strncmp(text, out, strlen(out)) != 0)
		return text;
	text += strlen(out);
	text += strspn(text, ". ");
	return !strncmp(text, last, strlen(last)) ? text + strlen(last) : text;
}

static void take_health(const json_t *health, struct ipn_notify *ret)
{
	const json_t *warnings = json_object_get(health, "Warnings");
	const char *text;

	ret->has_health = true;
	for (size_t i = 0; i < ELEMENTSOF(troubles) && !*ret->trouble; i++)
		ipn_clean(warning_text(warnings, troubles[i]), ret->trouble, sizeof(ret->trouble));
	text = login_error(warning_text(warnings, "login-state"));
	ret->has_login_error = *text;
	ipn_clean(text, ret->login_error, sizeof(ret->login_error));
}

int ipn_notify_parse(const char *text, size_t len, struct ipn_notify *ret)
{
	static const char *const changes[] = {"State", "Prefs", "NetMap", "SelfChange",
		"PeersChanged", "PeersRemoved", "PeerChangedPatch", "BrowseToURL", "LoginFinished",
		"InitialStatus"};
	json_t *root = ipn_load(text, len);
	const json_t *health;

	if (!root)
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
		const json_t *v = json_object_get(root, changes[i]);

		ret->changed |= v && !json_is_null(v);
	}
	ipn_clean(ipn_string(root, "ErrMessage"), ret->error, sizeof(ret->error));
	ret->has_error = *ret->error;
	health = json_object_get(root, "Health");
	if (json_is_object(health))
		take_health(health, ret);
	json_decref(root);
	return 0;
}
