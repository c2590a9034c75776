// SPDX-License-Identifier: MIT
// The types of values that belong to engine tailscale and to uplinks: URLs, names, tags, addresses.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "config/domains.h"
#include "config/values.h"

#define FIELD(type, target, key) ((type *)(void *)((char *)(target) + (key)->offset))
#define CONST_FIELD(type, target, key) \
	((const type *)(const void *)((const char *)(target) + (key)->offset))

static void store_text(struct value *v)
{
	char **target = FIELD(char *, v->target, v->key);

	free(*target);
	*target = load_strdup(v->l, v->text);
}

static void print_text(const struct key *k, const void *target, FILE *out)
{
	const char *text = *CONST_FIELD(char *, target, k);

	if (text)
		fputs(text, out);
}

static void full(struct value *v)
{
	problem(v->l, &v->where, "has more than %d entries", CONFIG_LIST_MAX);
}

/* ---- uplink ---- */

static void parse_uplink(struct value *v)
{
	static const char macvlan[] = "macvlan:";
	struct tailnet_config *t = v->target;

	if (!strcmp(v->text, "host")) {
		t->uplink = UPLINK_HOST;
	} else if (!strcmp(v->text, "pasta")) {
		t->uplink = UPLINK_PASTA;
	} else if (!strcmp(v->text, "veth")) {
		t->uplink = UPLINK_VETH;
	} else if (strncmp(v->text, macvlan, strlen(macvlan)) != 0) {
		value_bad_choice(v);
	} else if (!domains_is_ifname(v->text + strlen(macvlan))) {
		problem(v->l, &v->where, CLIP " does not name an interface", v->text);
	} else {
		t->uplink = UPLINK_MACVLAN;
		snprintf(t->uplink_ifname, sizeof(t->uplink_ifname), "%.15s",
			v->text + strlen(macvlan));
	}
}

const char *uplink_name(enum uplink uplink)
{
	static const char *const names[] = {"", "host", "pasta", "veth", "macvlan"};

	return names[uplink];
}

static void print_uplink(const struct key *k, const void *target, FILE *out)
{
	const struct tailnet_config *t = target;

	fputs(uplink_name(t->uplink), out);
	if (t->uplink == UPLINK_MACVLAN)
		fprintf(out, ":%s", t->uplink_ifname);
}

const struct key_type type_uplink = {parse_uplink, print_uplink};

static void parse_prefix(struct value *v)
{
	struct prefix p;

	if (prefix_parse(v->text, &p) < 0 || !strchr(v->text, '/'))
		problem(v->l, &v->where, CLIP " is not an address with a prefix length", v->text);
	else if (addr_is_never_proxied(&p.addr))
		problem(v->l, &v->where, CLIP " is not the address of one host", v->text);
	else
		*FIELD(struct prefix, v->target, v->key) = p;
}

static void print_prefix(const struct key *k, const void *target, FILE *out)
{
	const struct prefix *p = CONST_FIELD(struct prefix, target, k);
	char text[PREFIX_TEXT_MAX];

	if (p->addr.family)
		fputs(prefix_format(p, text), out);
}

const struct key_type type_prefix = {parse_prefix, print_prefix};

/* ---- addresses of what is outside the tailnet ---- */

static bool outer_addr(struct value *v, struct addr *ret)
{
	if (addr_parse(v->text, ret) < 0)
		problem(v->l, &v->where, CLIP " is not an IP address", v->text);
	else if (addr_is_unspecified(ret) || addr_is_multicast(ret) || addr_is_broadcast(ret))
		problem(v->l, &v->where, CLIP " is not the address of one host", v->text);
	else if (addr_is_loopback(ret))
		problem(v->l, &v->where,
			CLIP " is this host's own loopback, which the namespace does not reach",
			v->text);
	else
		return true;
	return false;
}

static void parse_outer_addr(struct value *v)
{
	struct addr a;

	if (outer_addr(v, &a))
		*FIELD(struct addr, v->target, v->key) = a;
}

static void print_outer_addr(const struct key *k, const void *target, FILE *out)
{
	const struct addr *a = CONST_FIELD(struct addr, target, k);
	char text[ADDR_TEXT_MAX];

	if (a->family)
		fputs(addr_format(a, text), out);
}

const struct key_type type_outer_addr = {parse_outer_addr, print_outer_addr};

static void parse_outer_addrs(struct value *v)
{
	struct addr_list *list = FIELD(struct addr_list, v->target, v->key);
	struct addr a;

	if (!outer_addr(v, &a))
		return;
	for (size_t i = 0; i < list->n; i++)
		if (addr_equal(&list->items[i], &a))
			return;
	if (list->n >= CONFIG_LIST_MAX)
		full(v);
	else if (load_room(v->l, &list->items, list->n, sizeof(a)))
		list->items[list->n++] = a;
}

static void print_outer_addrs(const struct key *k, const void *target, FILE *out)
{
	const struct addr_list *list = CONST_FIELD(struct addr_list, target, k);
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%s\n", addr_format(&list->items[i], text));
}

const struct key_type type_outer_addrs = {parse_outer_addrs, print_outer_addrs};

/* ---- networks that we offer to the tailnet ---- */

static void parse_networks(struct value *v)
{
	struct prefix_list *list = FIELD(struct prefix_list, v->target, v->key);
	struct prefix p;

	if (!value_network(v, &p))
		return;
	if (!p.len) {
		problem(v->l, &v->where,
			CLIP " would make this host an exit node, which it never is", v->text);
		return;
	}
	if (addr_is_never_proxied(&p.addr)) {
		problem(v->l, &v->where, CLIP " cannot be reached through a tailnet", v->text);
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		if (prefix_equal(&list->items[i], &p))
			return;
	if (list->n >= CONFIG_LIST_MAX)
		full(v);
	else if (load_room(v->l, &list->items, list->n, sizeof(p)))
		list->items[list->n++] = p;
}

static void print_networks(const struct key *k, const void *target, FILE *out)
{
	const struct prefix_list *list = CONST_FIELD(struct prefix_list, target, k);
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%s\n", prefix_format(&list->items[i], text));
}

const struct key_type type_networks = {parse_networks, print_networks};

/* ---- texts ---- */

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

static void parse_url(struct value *v)
{
	if (is_url(v->text, v->key->choices))
		store_text(v);
	else
		problem(v->l, &v->where, CLIP " is not a URL like %s://host:port", v->text,
			!strncmp(v->key->choices, "https", 5) ? "https" : "http");
}

const struct key_type type_url = {parse_url, print_text};

static void parse_label(struct value *v)
{
	if (!parse_is_dns_name(v->text) || strchr(v->text, '.'))
		problem(v->l, &v->where, CLIP " is not a host's name without a domain", v->text);
	else
		store_text(v);
}

const struct key_type type_label = {parse_label, print_text};

static void parse_exit(struct value *v)
{
	struct addr a;

	if (addr_parse(v->text, &a) < 0 && !parse_is_dns_name(v->text))
		problem(v->l, &v->where, CLIP " is neither an address nor a node's name", v->text);
	else
		store_text(v);
}

const struct key_type type_exit = {parse_exit, print_text};

static void parse_tag(struct value *v)
{
	struct text_list *list = FIELD(struct text_list, v->target, v->key);
	const char *name = !strncmp(v->text, "tag:", 4) ? v->text + 4 : "";
	char *copy;

	if (!isalpha((unsigned char)*name) ||
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") !=
			strlen(name)) {
		problem(v->l, &v->where, CLIP " is not a tag like tag:server", v->text);
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->items[i], v->text))
			return;
	if (list->n >= CONFIG_TAGS_MAX) {
		problem(v->l, &v->where, "has more than %d entries", CONFIG_TAGS_MAX);
		return;
	}
	copy = load_strdup(v->l, v->text);
	if (copy && load_room(v->l, &list->items, list->n, sizeof(char *)))
		list->items[list->n++] = take_ptr(copy);
	free(copy);
}

static void print_tags(const struct key *k, const void *target, FILE *out)
{
	const struct text_list *list = CONST_FIELD(struct text_list, target, k);

	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%s\n", list->items[i]);
}

const struct key_type type_tags = {parse_tag, print_tags};

/* What tsgwd itself says to tailscaled, or what would take the node out of its place. */
static const char *refused_flag(const char *word)
{
	static const char *const flags[] = {"tun", "state", "statedir", "socket", "cleanup",
		"bird-socket", "config", "encrypt-state"};
	size_t len;

	while (*word == '-')
		word++;
	len = strcspn(word, "=");
	for (size_t i = 0; i < ELEMENTSOF(flags); i++)
		if (strlen(flags[i]) == len && !strncmp(word, flags[i], len))
			return flags[i];
	return NULL;
}

static void parse_flags(struct value *v)
{
	char copy[CONFIG_LINE_MAX + 1], *rest = copy, *word;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", v->text);
	while ((word = strsep(&rest, " \t"))) {
		const char *refused = refused_flag(word);

		if (!*word)
			continue;
		if (refused && *word == '-') {
			problem(v->l, &v->where, "--%s is for tsgwd alone to say", refused);
			return;
		}
		if (!n++ && *word != '-') {
			problem(v->l, &v->where, CLIP " is not a flag like --verbose=1", word);
			return;
		}
	}
	if (n > CONFIG_FLAGS_MAX)
		problem(v->l, &v->where, "has more than %d words", CONFIG_FLAGS_MAX);
	else
		store_text(v);
}

const struct key_type type_flags = {parse_flags, print_text};
