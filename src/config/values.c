// SPDX-License-Identifier: MIT
// The types of values that keys have: text in, struct out, text again.
#include "config/values.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "config/domains.h"

#define FIELD(type, target, key) ((type *)(void *)((char *)(target) + (key)->offset))
#define CONST_FIELD(type, target, key) \
	((const type *)(const void *)((const char *)(target) + (key)->offset))

/* ---- yes or no, numbers, durations ---- */

static void parse_yes_no(struct value *v)
{
	bool on;

	if (parse_bool(v->text, &on) < 0)
		problem(v->l, &v->where, CLIP " is neither yes nor no", v->text);
	else
		*FIELD(bool, v->target, v->key) = on;
}

static void print_yes_no(const struct key *k, const void *target, FILE *out)
{
	fputs(*CONST_FIELD(bool, target, k) ? "yes" : "no", out);
}

const struct key_type type_bool = {parse_yes_no, print_yes_no};

static void bad_number(struct value *v, int error, const char *kind)
{
	char range[128];

	key_range(v->key, range, sizeof(range));
	if (error == -ERANGE)
		problem(v->l, &v->where, CLIP " is out of range (%s)", v->text, range);
	else
		problem(v->l, &v->where, CLIP " is not a %s (%s)", v->text, kind, range);
}

static bool is_32_bit(const struct key *k)
{
	return k->max > UINT16_MAX;
}

static void parse_number(struct value *v)
{
	uint64_t n;
	int r = parse_u64(v->text, v->key->min, v->key->max, &n);

	if (r < 0)
		bad_number(v, r, "number");
	else if (is_32_bit(v->key))
		*FIELD(uint32_t, v->target, v->key) = (uint32_t)n;
	else
		*FIELD(uint16_t, v->target, v->key) = (uint16_t)n;
}

static void print_number(const struct key *k, const void *target, FILE *out)
{
	uint32_t n = is_32_bit(k) ? *CONST_FIELD(uint32_t, target, k)
				  : *CONST_FIELD(uint16_t, target, k);

	if (n >= k->min)
		fprintf(out, "%u", n);
}

const struct key_type type_number = {parse_number, print_number};

void value_format_duration(uint64_t s, char *buf, size_t size)
{
	static const struct {
		uint64_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t i = 0;

	while (i < ELEMENTSOF(units) - 1 && (s < units[i].seconds || s % units[i].seconds))
		i++;
	snprintf(buf, size, "%llu %s", (unsigned long long)(s / units[i].seconds), units[i].unit);
}

static void parse_duration(struct value *v)
{
	uint64_t s;
	int r = parse_duration_s(v->text, v->key->min, v->key->max, &s);

	if (r < 0)
		bad_number(v, r, "duration");
	else
		*FIELD(uint32_t, v->target, v->key) = (uint32_t)s;
}

static void print_duration(const struct key *k, const void *target, FILE *out)
{
	uint32_t s = *CONST_FIELD(uint32_t, target, k);
	char text[32];

	value_format_duration(s, text, sizeof(text));
	if (s)
		fputs(text, out);
}

const struct key_type type_duration = {parse_duration, print_duration};

static void parse_mtu(struct value *v)
{
	if (strcmp(v->text, "auto"))
		parse_number(v);
	else
		*FIELD(uint16_t, v->target, v->key) = 0;
}

static void print_mtu(const struct key *k, const void *target, FILE *out)
{
	uint16_t mtu = *CONST_FIELD(uint16_t, target, k);

	if (mtu)
		fprintf(out, "%u", mtu);
	else
		fputs("auto", out);
}

const struct key_type type_mtu = {parse_mtu, print_mtu};

/* ---- addresses ---- */

bool value_host_bits(const struct prefix *p, char buf[PREFIX_TEXT_MAX])
{
	struct prefix c = prefix_canonical(p);

	prefix_format(&c, buf);
	return !prefix_equal(&c, p);
}

bool value_network(struct value *v, struct prefix *ret)
{
	char canonical[PREFIX_TEXT_MAX];

	if (prefix_parse(v->text, ret) < 0)
		problem(v->l, &v->where, CLIP " is not an address or a network like 10.0.0.0/8",
			v->text);
	else if (value_host_bits(ret, canonical))
		problem(v->l, &v->where, CLIP " has bits behind its prefix length: write %s",
			v->text, canonical);
	else
		return true;
	return false;
}

static void parse_prefixes(struct value *v)
{
	struct prefix_list *list = FIELD(struct prefix_list, v->target, v->key);
	struct prefix p;

	/* even if one is bad: an allow list of which nothing is understood admits nobody */
	if (v->section->kind == SECTION_TAILNET)
		((struct tailnet_config *)v->target)->has_allow = true;
	else if (!strcmp(v->key->name, "allow"))
		((struct gateway_config *)v->target)->has_allow = true;
	else
		((struct gateway_config *)v->target)->has_web_allow = true;
	if (!value_network(v, &p))
		return;
	if (list->n >= CONFIG_LIST_MAX) {
		problem(v->l, &v->where, "has more than %d entries", CONFIG_LIST_MAX);
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		if (prefix_equal(&list->items[i], &p))
			return;
	if (load_room(v->l, &list->items, list->n, sizeof(p)))
		list->items[list->n++] = p;
}

static void print_prefixes(const struct key *k, const void *target, FILE *out)
{
	const struct prefix_list *list = CONST_FIELD(struct prefix_list, target, k);
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%s\n", prefix_format(&list->items[i], text));
}

const struct key_type type_prefixes = {parse_prefixes, print_prefixes};

static bool is_private(const struct prefix *p)
{
	static const struct prefix pools[] = {
		{.addr = {.family = 4, .bytes = {10}}, .len = 8},
		{.addr = {.family = 4, .bytes = {172, 16}}, .len = 12},
		{.addr = {.family = 4, .bytes = {192, 168}}, .len = 16},
		{.addr = {.family = 4, .bytes = {100, 64}}, .len = 10},
	};

	for (size_t i = 0; i < ELEMENTSOF(pools); i++)
		if (p->len >= pools[i].len && prefix_contains(&pools[i], &p->addr))
			return true;
	return false;
}

static void parse_pool(struct value *v)
{
	struct prefix p;

	if (!value_network(v, &p))
		return;
	if (p.addr.family != 4 || p.len < 8 || p.len > 30)
		problem(v->l, &v->where, CLIP " is not an IPv4 network between /8 and /30",
			v->text);
	else if (!is_private(&p))
		problem(v->l, &v->where,
			CLIP
			" is not inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10",
			v->text);
	else
		*FIELD(struct prefix, v->target, v->key) = p;
}

static void print_pool(const struct key *k, const void *target, FILE *out)
{
	const struct prefix *p = CONST_FIELD(struct prefix, target, k);
	char text[PREFIX_TEXT_MAX];

	if (p->addr.family)
		fputs(prefix_format(p, text), out);
}

const struct key_type type_pool = {parse_pool, print_pool};

static void parse_addr(struct value *v)
{
	struct addr a;

	if (addr_parse(v->text, &a) < 0)
		problem(v->l, &v->where, CLIP " is not an IP address", v->text);
	else if (addr_is_never_proxied(&a))
		problem(v->l, &v->where, CLIP " cannot be reached through a tailnet", v->text);
	else
		*FIELD(struct addr, v->target, v->key) = a;
}

static void print_addr(const struct key *k, const void *target, FILE *out)
{
	const struct addr *a = CONST_FIELD(struct addr, target, k);
	char text[ADDR_TEXT_MAX];

	if (a->family)
		fputs(addr_format(a, text), out);
}

const struct key_type type_addr = {parse_addr, print_addr};

/* ---- primary ---- */

static bool primary_item(struct value *v, struct primary *ret)
{
	struct primary p = {0};

	if (addr_parse(v->text, &p.addr) == 0) {
		if (addr_is_unspecified(&p.addr) || addr_is_multicast(&p.addr) ||
			addr_is_broadcast(&p.addr)) {
			problem(v->l, &v->where, CLIP " is not the address of one host", v->text);
			return false;
		}
	} else if (strchr(v->text, '/')) {
		problem(v->l, &v->where, CLIP " is not an interface or a single address", v->text);
		return false;
	} else if (strspn(v->text, "0123456789.") == strlen(v->text) || strchr(v->text, ':')) {
		problem(v->l, &v->where, CLIP " is not an IP address", v->text);
		return false;
	} else if (!domains_is_ifname(v->text)) {
		problem(v->l, &v->where,
			CLIP " is not an interface's name (1 to 15 bytes, no blanks)", v->text);
		return false;
	} else {
		snprintf(p.ifname, sizeof(p.ifname), "%s", v->text);
	}
	*ret = p;
	return true;
}

static void parse_primaries(struct value *v)
{
	struct gateway_config *g = v->target;
	struct primary p;

	if (!primary_item(v, &p))
		return;
	for (size_t i = 0; i < g->n_primaries; i++) {
		if (!strcmp(g->primaries[i].ifname, p.ifname) &&
			addr_equal(&g->primaries[i].addr, &p.addr)) {
			problem(v->l, &v->where, CLIP " is named twice", v->text);
			return;
		}
	}
	if (g->n_primaries >= CONFIG_LIST_MAX)
		problem(v->l, &v->where, "has more than %d entries", CONFIG_LIST_MAX);
	else if (load_room(v->l, &g->primaries, g->n_primaries, sizeof(p)))
		g->primaries[g->n_primaries++] = p;
}

static void print_primaries(const struct key *k, const void *target, FILE *out)
{
	const struct gateway_config *g = target;
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < g->n_primaries; i++)
		fprintf(out, "%s\n",
			g->primaries[i].ifname[0] ? g->primaries[i].ifname
						  : addr_format(&g->primaries[i].addr, text));
}

const struct key_type type_primaries = {parse_primaries, print_primaries};
