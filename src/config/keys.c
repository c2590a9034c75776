// SPDX-License-Identifier: MIT
// The one table of every key in tsgw.ini: what it is, its range, its default, whether it works yet.
#include "config/keys.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "config/lines.h"
#include "config/values.h"

#define G(field) offsetof(struct gateway_config, field)
#define T(field) offsetof(struct tailnet_config, field)
#define MINUTE	 60
#define HOUR	 (60 * MINUTE)
#define DAY	 (24 * HOUR)

/* clang-format off */
const struct key config_keys[] = {
	/* section, name, type, where, min, max, choices, default, default in words, flags */
	{ SECTION_GATEWAY, "primary", &type_primaries, G(primaries), 0, 0, NULL, "127.0.0.1", NULL, KEY_LIST },
	{ SECTION_GATEWAY, "allow", &type_prefixes, G(allow), 0, 0, NULL, NULL,
		"the primary's own networks and loopback", KEY_LIST },
	{ SECTION_GATEWAY, "web-allow", &type_prefixes, G(web_allow), 0, 0, NULL, NULL,
		"what allow says", KEY_LIST },
	{ SECTION_GATEWAY, "veth-pool", &type_pool, G(veth_pool), 0, 0, NULL, "10.200.0.0/16", NULL, 0 },
	{ SECTION_GATEWAY, "dns-port", &type_number, G(dns_port), 0, 65535, NULL, "53", NULL, 0 },
	{ SECTION_GATEWAY, "web-port", &type_number, G(web_port), 0, 65535, NULL, "11079", NULL, 0 },
	{ SECTION_GATEWAY, "web-names", &type_names, G(web_names), 0, 0, NULL, NULL, "none", KEY_LIST },
	{ SECTION_GATEWAY, "uid-base", &type_number, G(uid_base), 65536, 4294900000, NULL, "1900000000",
		NULL, 0 },

	{ SECTION_TAILNET, "enabled", &type_bool, T(enabled), 0, 0, NULL, "yes", NULL, 0 },
	{ SECTION_TAILNET, "engine", &type_engine, T(engine), 0, 0, "wireguard tailscale", "wireguard",
		NULL, 0 },
	{ SECTION_TAILNET, "port", &type_number, T(port), 1, 65535, NULL, NULL, "none, must be set",
		KEY_REQUIRED },
	{ SECTION_TAILNET, "suffix", &type_suffixes, T(suffixes), 0, 0, NULL, NULL,
		"the section's name", KEY_LIST },
	{ SECTION_TAILNET, "wg-config", &type_path, T(wg_config_path), 0, 0, NULL, NULL,
		"none, must be set", KEY_REQUIRED | KEY_WIREGUARD },
	{ SECTION_TAILNET, "allow", &type_prefixes, T(allow), 0, 0, NULL, NULL, "the gateway's", KEY_LIST },
	{ SECTION_TAILNET, "users-file", &type_path, T(users_path), 0, 0, NULL, NULL, "none", 0 },
	{ SECTION_TAILNET, "dns-server", &type_addr, T(dns_server), 0, 0, NULL, NULL,
		"what the tailnet announces", 0 },
	{ SECTION_TAILNET, "mtu", &type_mtu, T(mtu), 576, 9200, "auto", "auto", NULL, 0 },
	{ SECTION_TAILNET, "udp-gso", &type_choice, T(udp_gso), 0, 0, "auto on off sentinel", "auto", NULL,
		KEY_WIREGUARD },
	{ SECTION_TAILNET, "udp-gro", &type_choice, T(udp_gro), 0, 0, "auto on off", "auto", NULL, KEY_WIREGUARD },
	{ SECTION_TAILNET, "tun-offload", &type_choice, T(tun_offload), 0, 0, "auto on off", "auto", NULL, KEY_WIREGUARD },
	{ SECTION_TAILNET, "uplink", &type_uplink, T(uplink), 0, 0, "host pasta veth macvlan:IFACE", NULL,
		"host; pasta with node = stock", 0 },
	{ SECTION_TAILNET, "greeting-timeout", &type_duration, T(greeting_timeout_s), 1, 10 * MINUTE, NULL,
		"10 s", NULL, 0 },
	{ SECTION_TAILNET, "connect-timeout", &type_duration, T(connect_timeout_s), 1, 10 * MINUTE, NULL,
		"30 s", NULL, 0 },
	{ SECTION_TAILNET, "idle-timeout", &type_duration, T(idle_timeout_s), 1, 30 * DAY, NULL, "2 h",
		NULL, 0 },
	{ SECTION_TAILNET, "half-close-timeout", &type_duration, T(half_close_timeout_s), 1, DAY, NULL,
		"5 min", NULL, 0 },
	{ SECTION_TAILNET, "ready-timeout", &type_duration, T(ready_timeout_s), 1, 10 * MINUTE, NULL,
		"10 s", NULL, 0 },
	{ SECTION_TAILNET, "max-clients", &type_number, T(max_clients), 1, 1000000, NULL, "65536", NULL, 0 },
	{ SECTION_TAILNET, "max-clients-per-address", &type_number, T(max_clients_per_address), 1, 1000000,
		NULL, "16384", NULL, 0 },
	{ SECTION_TAILNET, "max-udp", &type_number, T(max_udp), 1, 16384, NULL, "1024", NULL, 0 },
	{ SECTION_TAILNET, "max-udp-per-address", &type_number, T(max_udp_per_address), 1, 16384, NULL,
		"256", NULL, 0 },
	{ SECTION_TAILNET, "log-connections", &type_bool, T(log_connections), 0, 0, NULL, "no", NULL, 0 },
	{ SECTION_TAILNET, "forward", &type_forward, T(forwards), 1, 65535, NULL, NULL, "none", KEY_LIST },
	{ SECTION_TAILNET, "publish", &type_publish, T(publishes), 1, 65535, NULL, NULL, "none", KEY_LIST },

	{ SECTION_TAILNET, "uplink-address", &type_prefix, T(uplink_address), 0, 0, NULL, NULL, "none",
		KEY_MACVLAN },
	{ SECTION_TAILNET, "uplink-gateway", &type_outer_addr, T(uplink_gateway), 0, 0, NULL, NULL, "none",
		KEY_MACVLAN },
	{ SECTION_TAILNET, "uplink-dns", &type_outer_addrs, T(uplink_dns), 0, 0, NULL, NULL, "none",
		KEY_MACVLAN | KEY_LIST },

	{ SECTION_TAILNET, "node", &type_choice, T(node), 0, 0, "own stock", "own", NULL, KEY_TAILSCALE },
	{ SECTION_TAILNET, "login-server", &type_url, T(login_server), 0, 0, "https http", NULL,
		"Tailscale's own", KEY_TAILSCALE | KEY_EMPTY },
	{ SECTION_TAILNET, "login-ca-file", &type_path, T(login_ca_path), 0, 0, NULL, NULL, "the system's",
		KEY_TAILSCALE | KEY_EMPTY },
	{ SECTION_TAILNET, "http-proxy", &type_url, T(http_proxy), 0, 0, "http", NULL, "none",
		KEY_TAILSCALE | KEY_EMPTY },
	{ SECTION_TAILNET, "auth-key-file", &type_path, T(auth_key_path), 0, 0, NULL, NULL, "none",
		KEY_TAILSCALE | KEY_EMPTY },
	{ SECTION_TAILNET, "hostname", &type_label, T(hostname), 0, 0, NULL, NULL, "the host's name",
		KEY_TAILSCALE | KEY_EMPTY },
	{ SECTION_TAILNET, "tags", &type_tags, T(tags), 0, 0, NULL, NULL, "none",
		KEY_TAILSCALE | KEY_LIST | KEY_EMPTY },
	{ SECTION_TAILNET, "accept-routes", &type_bool, T(accept_routes), 0, 0, NULL, "no", NULL,
		KEY_TAILSCALE },
	{ SECTION_TAILNET, "advertise-routes", &type_networks, T(advertise_routes), 0, 0, NULL, NULL,
		"none", KEY_TAILSCALE | KEY_LIST | KEY_EMPTY },
	{ SECTION_TAILNET, "exit-node", &type_exit, T(exit_node), 0, 0, NULL, NULL, "none",
		KEY_TAILSCALE | KEY_EMPTY },
	{ SECTION_TAILNET, "ephemeral", &type_bool, T(ephemeral), 0, 0, NULL, "no", NULL, KEY_TAILSCALE },
	{ SECTION_TAILNET, "bootstrap-dns", &type_outer_addrs, T(bootstrap_dns), 0, 0, NULL, NULL,
		"the host's own upstream servers", KEY_TAILSCALE | KEY_LIST },
	{ SECTION_TAILNET, "tailscaled-path", &type_path, T(tailscaled_path), 0, 0, NULL, NULL,
		"found in PATH", KEY_TAILSCALE },
	{ SECTION_TAILNET, "tailscaled-args", &type_flags, T(tailscaled_args), 0, 0, NULL, NULL, "none",
		KEY_TAILSCALE | KEY_EMPTY },
};
/* clang-format on */
const size_t config_n_keys = ELEMENTSOF(config_keys);

_Static_assert(ELEMENTSOF(config_keys) <= KEYS_MAX, "section.given has a bit for every key");

const struct key *key_find(enum section_kind section, const char *name)
{
	for (size_t i = 0; i < ELEMENTSOF(config_keys); i++)
		if (config_keys[i].section == section && *config_keys[i].name == *name &&
			!strcmp(config_keys[i].name, name))
			return &config_keys[i];
	return NULL;
}

unsigned key_distance(const char *a, const char *b)
{
	unsigned row[32], n = (unsigned)strlen(b), diagonal, above;

	if (n > 30 || strlen(a) > 30)
		return 99;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (; *a; a++) {
		diagonal = row[0]++;
		for (unsigned j = 1; j <= n; j++) {
			above = row[j];
			row[j] = MIN(above, row[j - 1]) + 1;
			row[j] = MIN(row[j], diagonal + (*a != b[j - 1]));
			diagonal = above;
		}
	}
	return row[n];
}

const char *key_nearest(enum section_kind section, const char *name)
{
	unsigned best = 99, limit = strlen(name) > 6 ? 3 : strlen(name) > 3 ? 2 : 1;
	const char *nearest = NULL;
	char lower[CONFIG_LINE_MAX + 1];
	size_t n = 0;

	for (; name[n] && n < CONFIG_LINE_MAX; n++) /* Dns_Server is dns-server */
		lower[n] = name[n] == '_'
			? '-'
			: (char)(name[n] | (name[n] >= 'A' && name[n] <= 'Z') << 5);
	lower[n] = '\0';
	for (size_t i = 0; i < ELEMENTSOF(config_keys); i++) {
		unsigned d = key_distance(lower, config_keys[i].name);

		if (config_keys[i].section != section || d >= best || d > limit)
			continue;
		best = d;
		nearest = config_keys[i].name;
	}
	return nearest;
}

void key_choices(const struct key *k, char *buf, size_t size)
{
	size_t n = 0;

	for (const char *p = k->choices ? k->choices : ""; *p && n + 2 < size; p++) {
		if (*p == ' ')
			buf[n++] = ',';
		buf[n++] = *p;
	}
	buf[n] = '\0';
}

void key_range(const struct key *k, char *buf, size_t size)
{
	char low[24], high[24], numbers[64] = "", words[64];

	if (k->type == &type_duration) {
		value_format_duration(k->min, low, sizeof(low));
		value_format_duration(k->max, high, sizeof(high));
		snprintf(numbers, sizeof(numbers), "%s to %s", low, high);
	} else if (k->max) {
		snprintf(numbers, sizeof(numbers), "%llu to %llu", (unsigned long long)k->min,
			(unsigned long long)k->max);
	}
	key_choices(k, words, sizeof(words));
	snprintf(buf, size, "%s%s%s", words, *words && *numbers ? " or " : "", numbers);
}

/* Cuts the value at its commas for a list, else takes it whole. */
static void parse_items(struct value *v, char *text)
{
	char *rest = text;

	if (!(v->key->flags & KEY_LIST)) {
		v->text = text;
		v->key->type->parse(v);
		return;
	}
	while (rest) {
		v->text = lines_trim(strsep(&rest, ","));
		if (*v->text)
			v->key->type->parse(v);
		else
			problem(v->l, &v->where, "an item of the list is empty");
	}
}

static void *target_of(struct loader *l, const struct section *s)
{
	return s->kind == SECTION_GATEWAY ? (void *)&l->c->gateway : s->t;
}

/* Sections are many, and most have a few keys of all: so only of these is the line kept. */
static size_t place_of_line(const struct section *s, size_t key)
{
	return (size_t)__builtin_popcountll(s->given & (((uint64_t)1 << key) - 1));
}

static unsigned key_line(const struct section *s, size_t key)
{
	return s->given >> key & 1 ? s->key_lines[place_of_line(s, key)] : 0;
}

static void key_set_line(struct loader *l, struct section *s, size_t key, unsigned line)
{
	size_t n = (size_t)__builtin_popcountll(s->given), at = place_of_line(s, key);

	if (s->given >> key & 1) {
		s->key_lines[at] = line; /* a list goes on */
		return;
	}
	if (!load_room(l, &s->key_lines, n, sizeof(line)))
		return;
	memmove(s->key_lines + at + 1, s->key_lines + at, (n - at) * sizeof(line));
	s->key_lines[at] = line;
	s->given |= (uint64_t)1 << key;
}

struct where key_where(const struct section *s, const struct key *k)
{
	unsigned line = k ? key_line(s, (size_t)(k - config_keys)) : 0;

	return (struct where){s->file, line ? line : s->line, s->title, k ? k->name : NULL,
		s->kind == SECTION_GATEWAY ? NULL : s->tailnet};
}

static void store(struct loader *l, struct section *s, const struct key *k, const char *text)
{
	char buf[CONFIG_LINE_MAX + 1];
	size_t len = strnlen(text, CONFIG_LINE_MAX);
	struct value v = {
		.l = l,
		.key = k,
		.section = s,
		.where = key_where(s, k),
		.target = target_of(l, s),
	};

	memcpy(buf, text, len);
	buf[len] = '\0';
	parse_items(&v, buf);
}

bool key_counts(const struct key *k, const struct tailnet_config *t)
{
	if (k->section != SECTION_TAILNET)
		return true;
	if (k->flags & KEY_WIREGUARD && t->engine == ENGINE_TAILSCALE)
		return false;
	if (k->flags & KEY_MACVLAN && t->uplink != UPLINK_MACVLAN)
		return false;
	return !(k->flags & KEY_TAILSCALE && t->engine == ENGINE_WIREGUARD);
}

/* Defaults of tailnets are numbers, so a tailnet can start as a copy; a list of them would be shared. */
bool key_template(struct loader *l)
{
	struct section s = {.kind = SECTION_TAILNET};

	if (l->defaults)
		return true;
	l->defaults = s.t = calloc(1, sizeof(*s.t));
	for (size_t i = 0; i < ELEMENTSOF(config_keys) && s.t; i++)
		if (config_keys[i].section == SECTION_TAILNET && config_keys[i].def)
			store(l, &s, &config_keys[i], config_keys[i].def);
	return s.t;
}

/* Of which key something is to be done in a section that has it not: bit I for key I. */
static uint64_t keys_missed(enum section_kind kind)
{
	uint64_t keys = 0;

	for (size_t i = 0; i < ELEMENTSOF(config_keys); i++) {
		const struct key *k = &config_keys[i];

		if (k->section == kind &&
			((k->def && kind == SECTION_GATEWAY) || k->type == &type_suffixes ||
				k->flags & KEY_REQUIRED))
			keys |= (uint64_t)1 << i;
	}
	return keys;
}

void key_defaults(struct loader *l, struct section *s)
{
	uint64_t *missed = &l->missed[s->kind];

	if (!*missed)
		*missed = keys_missed(s->kind);
	for (uint64_t left = *missed & ~s->given; left; left &= left - 1) {
		const struct key *k = &config_keys[__builtin_ctzll(left)];

		if (k->def && s->kind == SECTION_GATEWAY)
			store(l, s, k, k->def);
		else if (k->type == &type_suffixes)
			store(l, s, k, s->tailnet);
		else if (k->flags & KEY_REQUIRED && key_counts(k, s->t))
			problem(l, &(struct where){s->file, s->line, s->title, k->name, s->tailnet},
				"is required");
	}
}

static void unknown(struct loader *l, const struct where *w, const struct section *s)
{
	static const enum section_kind kinds[] = {SECTION_GATEWAY, SECTION_TAILNET};
	const char *nearest = key_nearest(s->kind, w->key);

	for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
		if (kinds[i] == s->kind || !key_find(kinds[i], w->key))
			continue;
		problem(l, w, "this key belongs into a [%s] section",
			kinds[i] == SECTION_GATEWAY ? "gateway" : "tailnet NAME");
		return;
	}
	if (nearest)
		problem(l, w, "unknown key (did you mean %s?)", nearest);
	else
		problem(l, w, "unknown key");
}

void key_set(
	struct loader *l, struct section *s, unsigned line, const char *name, const char *value)
{
	const struct key *k = key_find(s->kind, name);
	struct where w = {
		s->file, line, s->title, name, s->kind == SECTION_TAILNET ? s->tailnet : NULL};
	size_t key = k ? (size_t)(k - config_keys) : 0;
	unsigned before = k ? key_line(s, key) : 0;

	if (!k) {
		unknown(l, &w, s);
	} else if (before && !(k->flags & KEY_LIST)) {
		problem(l, &w, "is given twice, first in line %u", before);
	} else {
		key_set_line(l, s, key, line);
		if (*value)
			store(l, s, k, value);
		else if (!(k->flags & KEY_EMPTY))
			problem(l, &w, "has no value");
	}
}

struct where section_where(const struct section *s, const char *name)
{
	struct where w = key_where(s, key_find(s->kind, name));

	w.key = name;
	return w;
}
