// SPDX-License-Identifier: MIT
// The types of keys that are not in this version: their syntax is checked, nothing is stored.
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "config/domains.h"
#include "config/values.h"

static void print_nothing(const struct key *k, const void *target, FILE *out)
{
}

static void parse_later_bool(struct value *v)
{
	bool on;

	if (parse_bool(v->text, &on) < 0)
		problem(v->l, &v->where, CLIP " is neither yes nor no", v->text);
}

const struct key_type type_later_bool = {parse_later_bool, print_nothing};

static void parse_later_choice(struct value *v)
{
	if (!value_is_choice(v->key->choices, v->text))
		value_bad_choice(v);
}

const struct key_type type_later_choice = {parse_later_choice, print_nothing};

static void parse_uplink(struct value *v)
{
	static const char macvlan[] = "macvlan:";

	if (!strcmp(v->text, "host"))
		return;
	if (!strncmp(v->text, macvlan, strlen(macvlan))) {
		if (!domains_is_ifname(v->text + strlen(macvlan))) {
			problem(v->l, &v->where, CLIP " does not name an interface", v->text);
			return;
		}
	} else if (strcmp(v->text, "pasta") && strcmp(v->text, "veth")) {
		value_bad_choice(v);
		return;
	}
	problem(v->l, &v->where, CLIP " is not in this version (only host)", v->text);
}

const struct key_type type_later_uplink = {parse_uplink, value_print_default};

static void parse_later_prefix(struct value *v)
{
	struct prefix p;

	if (prefix_parse(v->text, &p) < 0 || !strchr(v->text, '/'))
		problem(v->l, &v->where, CLIP " is not an address with a prefix length", v->text);
}

const struct key_type type_later_prefix = {parse_later_prefix, print_nothing};

static void parse_later_prefixes(struct value *v)
{
	struct prefix p;

	(void)value_network(v, &p);
}

const struct key_type type_later_prefixes = {parse_later_prefixes, print_nothing};

static void parse_later_addr(struct value *v)
{
	struct addr a;

	if (addr_parse(v->text, &a) < 0)
		problem(v->l, &v->where, CLIP " is not an IP address", v->text);
}

const struct key_type type_later_addr = {parse_later_addr, print_nothing};

/* SCHEME://HOST[:PORT][/PATH], the host a name or an address. */
static bool is_url(const char *text, const char *schemes)
{
	const char *sep = strstr(text, "://"), *host, *end;
	char word[256];
	struct hostport hp;
	struct addr a;

	if (!sep || (size_t)(sep - text) >= sizeof(word))
		return false;
	snprintf(word, sizeof(word), "%.*s", (int)(sep - text), text);
	if (!value_is_choice(schemes, word))
		return false;
	host = sep + strlen("://");
	end = host + strcspn(host, "/");
	snprintf(word, sizeof(word), "%.*s", (int)(end - host), host);
	for (const char *p = end; *p; p++)
		if (!isgraph((unsigned char)*p))
			return false;
	if (hostport_parse(word, &hp) == 0)
		return true;
	if (word[0] == '[')
		return word[strlen(word) - 1] == ']' &&
			addr_parse_n(word + 1, strlen(word) - 2, &a) == 0;
	char *colon = strchr(word, ':');
	uint64_t port;

	if (colon && parse_u64(colon + 1, 1, 65535, &port) < 0)
		return false;
	if (colon)
		*colon = '\0';
	return parse_is_dns_name(word);
}

static void parse_later_url(struct value *v)
{
	if (!is_url(v->text, v->key->choices))
		problem(v->l, &v->where, CLIP " is not a URL like %s://host:port", v->text,
			!strncmp(v->key->choices, "https", 5) ? "https" : "http");
}

const struct key_type type_later_url = {parse_later_url, print_nothing};

static void parse_later_path(struct value *v)
{
	if (v->text[strlen(v->text) - 1] == '/')
		problem(v->l, &v->where, CLIP " is not the path of a file", v->text);
}

const struct key_type type_later_path = {parse_later_path, print_nothing};

static void parse_later_text(struct value *v)
{
}

const struct key_type type_later_text = {parse_later_text, print_nothing};

static void parse_later_label(struct value *v)
{
	if (!parse_is_dns_name(v->text) || strchr(v->text, '.'))
		problem(v->l, &v->where, CLIP " is not a host's name without a domain", v->text);
}

const struct key_type type_later_label = {parse_later_label, print_nothing};

static void parse_later_tag(struct value *v)
{
	const char *name = !strncmp(v->text, "tag:", 4) ? v->text + 4 : "";

	if (!isalpha((unsigned char)*name) ||
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") !=
			strlen(name))
		problem(v->l, &v->where, CLIP " is not a tag like tag:server", v->text);
}

const struct key_type type_later_tag = {parse_later_tag, print_nothing};

static void parse_later_exit(struct value *v)
{
	struct addr a;

	if (addr_parse(v->text, &a) < 0 && !parse_is_dns_name(v->text))
		problem(v->l, &v->where, CLIP " is neither an address nor a node's name", v->text);
}

const struct key_type type_later_exit = {parse_later_exit, print_nothing};
