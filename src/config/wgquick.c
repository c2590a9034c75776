// SPDX-License-Identifier: MIT
// wg-quick(8) files: the keys of wg(8)'s configuration and those that wg-quick adds.
//
// Read here and not by inih: keys and sections are in any case, [Peer] repeats, '#' begins a comment
// anywhere, and a line of AllowedIPs may be very long. The text is cut up in place, so no second copy
// of a key is made; the caller wipes it. No message repeats a value that could be a key.
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "config/lines.h"
#include "config/load.h"
#include "config/values.h"

#define MTU_MIN	   576
#define MTU_MAX	   9200
#define SEARCH_MAX 32
#define WORD_MAX   24
#define LETTERS	   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

enum part { PART_NONE, PART_INTERFACE, PART_PEER, PART_IGNORED };

struct wg_reader {
	struct loader *l;
	struct wg_config *wg;
	struct wg_places *at;
	struct wg_peer_config *peer;
	struct where where;
	enum part part;
	unsigned seen; /* one bit for each row of the table */
};

struct wg_key {
	enum part part;
	const char *name;
	bool list;
	void (*parse)(struct wg_reader *r, char *text);
};

static void parse_secret(struct wg_reader *r, const char *text, uint8_t ret[32])
{
	uint8_t key[32];

	if (parse_key_base64(text, key) < 0)
		problem(r->l, &r->where, "this is not a key (44 characters of base64)");
	else if (sodium_is_zero(key, sizeof(key)))
		problem(r->l, &r->where, "the key is all zero");
	else
		memcpy(ret, key, sizeof(key));
	sodium_memzero(key, sizeof(key));
}

static void private_key(struct wg_reader *r, char *text)
{
	parse_secret(r, text, r->wg->private_key);
	if (!sodium_is_zero(r->wg->private_key, 32) && !r->l->view)
		(void)crypto_scalarmult_base(r->wg->public_key, r->wg->private_key);
}

static void public_key(struct wg_reader *r, char *text)
{
	parse_secret(r, text, r->peer->public_key);
}

static void preshared_key(struct wg_reader *r, char *text)
{
	parse_secret(r, text, r->peer->preshared_key);
}

bool wgquick_number(struct loader *l, const struct where *w, const char *text, uint64_t min,
	uint64_t max, uint64_t *ret)
{
	int e = parse_u64(text, min, max, ret);

	if (e < 0)
		problem(l, w, CLIP " is %s (%llu to %llu)", text,
			e == -ERANGE ? "out of range" : "not a number", (unsigned long long)min,
			(unsigned long long)max);
	return e == 0;
}

static bool number(struct wg_reader *r, const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	return wgquick_number(r->l, &r->where, text, min, max, ret);
}

static void listen_port(struct wg_reader *r, char *text)
{
	uint64_t n;

	r->at->listen_port_line = r->where.line;
	if (number(r, text, 0, 65535, &n))
		r->wg->listen_port = (uint16_t)n;
}

static void mtu(struct wg_reader *r, char *text)
{
	uint64_t n;

	r->at->mtu_line = r->where.line;
	if (number(r, text, MTU_MIN, MTU_MAX, &n))
		r->wg->mtu = (uint16_t)n;
}

static void fwmark(struct wg_reader *r, char *text)
{
	bool hex = !strncasecmp(text, "0x", 2);
	uint64_t n = 0;

	if (!strcmp(text, "off"))
		return;
	if (hex && text[2] && strlen(text) <= 10 &&
		strspn(text + 2, "0123456789abcdefABCDEF") == strlen(text) - 2)
		r->wg->fwmark = (uint32_t)strtoul(text + 2, NULL, 16);
	else if (hex || parse_u64(text, 0, UINT32_MAX, &n) < 0)
		problem(r->l, &r->where, CLIP " is not a mark (0 to 4294967295, 0x…, or off)",
			text);
	else
		r->wg->fwmark = (uint32_t)n;
}

static void table(struct wg_reader *r, char *text)
{
	uint64_t n;

	if (!strcmp(text, "off"))
		r->wg->table_off = true;
	else if (parse_u64(text, 0, UINT32_MAX, &n) == 0 || !strcmp(text, "main"))
		problem(r->l, &r->where,
			"the namespace is the tailnet's own and has one table: leave out, auto or "
			"off");
	else if (strcmp(text, "auto"))
		problem(r->l, &r->where, CLIP " is neither auto nor off", text);
}

static bool add_prefix(
	struct wg_reader *r, struct prefix_list *list, const struct prefix *p, size_t max)
{
	if (list->n >= max) {
		problem(r->l, &r->where, "there are more than %zu entries", max);
		return false;
	}
	if (!load_room(r->l, &list->items, list->n, sizeof(*p)))
		return false;
	list->items[list->n++] = *p;
	return true;
}

static void address(struct wg_reader *r, char *text)
{
	struct prefix_list *list = &r->wg->addresses;
	struct prefix p;

	if (!r->at->address_line)
		r->at->address_line = r->where.line;
	if (prefix_parse(text, &p) < 0) {
		problem(r->l, &r->where, CLIP " is not an address like 10.0.0.2/24", text);
		return;
	}
	/* link-local ones are in use for point-to-point tunnels */
	if (addr_is_unspecified(&p.addr) || addr_is_loopback(&p.addr) ||
		addr_is_multicast(&p.addr) || addr_is_broadcast(&p.addr)) {
		problem(r->l, &r->where, CLIP " is not the address of one host", text);
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		if (addr_equal(&list->items[i].addr, &p.addr)) {
			problem(r->l, &r->where, CLIP " is given twice", text);
			return;
		}
	}
	(void)add_prefix(r, list, &p, CONFIG_LIST_MAX);
}

static void dns_search(struct wg_reader *r, const char *text)
{
	struct wg_config *wg = r->wg;
	char *name;

	if (!parse_is_dns_name(text)) {
		problem(r->l, &r->where, CLIP " is neither an IP address nor a domain name", text);
		return;
	}
	if (wg->n_dns_search >= SEARCH_MAX) {
		problem(r->l, &r->where, "there are more than %d search domains", SEARCH_MAX);
		return;
	}
	name = load_strdup(r->l, text);
	if (name && load_room(r->l, &wg->dns_search, wg->n_dns_search, sizeof(char *)))
		wg->dns_search[wg->n_dns_search++] = name;
	else
		free(name);
}

static void dns(struct wg_reader *r, char *text)
{
	struct wg_config *wg = r->wg;
	struct addr a;

	if (!r->at->dns_line)
		r->at->dns_line = r->where.line;
	if (addr_parse(text, &a) < 0)
		dns_search(r, text);
	else if (addr_is_never_proxied(&a))
		problem(r->l, &r->where, CLIP " cannot be reached through a tailnet", text);
	else if (wg->n_dns >= CONFIG_LIST_MAX)
		problem(r->l, &r->where, "there are more than %d servers", CONFIG_LIST_MAX);
	else if (load_room(r->l, &wg->dns, wg->n_dns, sizeof(a)))
		wg->dns[wg->n_dns++] = a;
}

static void script(struct wg_reader *r, char *text)
{
	problem(r->l, &r->where, "commands are not run: tsgw makes links and routes by itself");
}

static void save_config(struct wg_reader *r, char *text)
{
	bool on;

	if (parse_bool(text, &on) < 0)
		problem(r->l, &r->where, CLIP " is neither true nor false", text);
	else if (on)
		problem(r->l, &r->where, "tsgw never writes to this file: leave it out");
}

static void allowed_ips(struct wg_reader *r, char *text)
{
	struct wg_places *at = r->at;
	char canonical[PREFIX_TEXT_MAX];
	struct prefix p;

	if (prefix_parse(text, &p) < 0) {
		problem(r->l, &r->where, CLIP " is not an address or a network like 10.0.0.0/8",
			text);
		return;
	}
	/* wg(8) takes it and means the network */
	if (value_host_bits(&p, canonical)) {
		warning(r->l, &r->where, CLIP " has bits behind its prefix length: read as %s",
			text, canonical);
		p = prefix_canonical(&p);
	}
	if (at->n_allowed >= CONFIG_ALLOWED_MAX) {
		if (!at->allowed_overflow)
			problem(r->l, &r->where, "there are more than %d allowed-ips",
				CONFIG_ALLOWED_MAX);
		at->allowed_overflow = true;
		return;
	}
	if (load_room(r->l, &at->allowed, at->n_allowed, sizeof(*at->allowed)))
		at->allowed[at->n_allowed++] = (struct allowed_line){
			.prefix = p,
			.peer = (unsigned)r->wg->n_peers - 1,
			.line = r->where.line,
		};
}

static void endpoint(struct wg_reader *r, char *text)
{
	wgendpoint_parse(r->l, &r->where, text, r->peer);
}

static void keepalive(struct wg_reader *r, char *text)
{
	uint64_t n;

	if (strcmp(text, "off") && number(r, text, 0, 65535, &n))
		r->peer->persistent_keepalive_s = (uint16_t)n;
}

static const struct wg_key keys[] = {
	{PART_INTERFACE, "PrivateKey", false, private_key},
	{PART_INTERFACE, "ListenPort", false, listen_port},
	{PART_INTERFACE, "FwMark", false, fwmark},
	{PART_INTERFACE, "Address", true, address},
	{PART_INTERFACE, "DNS", true, dns},
	{PART_INTERFACE, "MTU", false, mtu},
	{PART_INTERFACE, "Table", false, table},
	{PART_INTERFACE, "PreUp", false, script},
	{PART_INTERFACE, "PostUp", false, script},
	{PART_INTERFACE, "PreDown", false, script},
	{PART_INTERFACE, "PostDown", false, script},
	{PART_INTERFACE, "SaveConfig", false, save_config},
	{PART_PEER, "PublicKey", false, public_key},
	{PART_PEER, "PresharedKey", false, preshared_key},
	{PART_PEER, "AllowedIPs", true, allowed_ips},
	{PART_PEER, "Endpoint", false, endpoint},
	{PART_PEER, "PersistentKeepalive", false, keepalive},
};

static unsigned bit_of(const struct wg_key *k)
{
	return 1u << (k - keys);
}

/* At the end of a section. */
static void check_required(struct wg_reader *r)
{
	unsigned line = r->part == PART_PEER ? r->peer->line : r->at->interface_line;

	for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
		const struct wg_key *k = &keys[i];

		if (k->part != r->part || r->seen & bit_of(k) ||
			(k->parse != private_key && k->parse != address && k->parse != public_key))
			continue;
		problem(r->l,
			&(struct where){
				r->at->file, line, r->where.section, k->name, r->where.tailnet},
			"is required");
	}
}

static void parse_list(struct wg_reader *r, const struct wg_key *k, char *text)
{
	char *rest = text;

	if (!*text && k->parse == allowed_ips) /* a peer may have none */
		return;
	while (rest) {
		char *item = lines_trim(strsep(&rest, ","));

		if (*item)
			k->parse(r, item);
		else
			problem(r->l, &r->where, "an item of the list is empty");
	}
}

static void known_key(struct wg_reader *r, const struct wg_key *k, char *value)
{
	unsigned bit = bit_of(k);

	r->where.key = k->name;
	if (k->part != r->part)
		problem(r->l, &r->where, "this key belongs into [%s]",
			k->part == PART_PEER ? "Peer" : "Interface");
	else if (k->list)
		parse_list(r, k, value);
	else if (!*value)
		problem(r->l, &r->where, "has no value");
	else if (r->seen & bit && k->parse != script)
		problem(r->l, &r->where, "is given twice");
	else
		k->parse(r, value);
	if (k->part == r->part)
		r->seen |= bit;
}

static void on_assignment(struct wg_reader *r, char *text)
{
	char *equals = strchr(text, '='), *name;

	if (!equals) {
		problem(r->l, &r->where,
			"this is neither a [Section] nor Key = Value nor a comment");
		return;
	}
	*equals = '\0';
	name = lines_trim(text);
	for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
		if (strcasecmp(keys[i].name, name))
			continue;
		known_key(r, &keys[i], lines_trim(equals + 1));
		return;
	}
	/* a private key on a line of its own ends in '=' too: only what looks like a word is repeated */
	if (strlen(name) <= WORD_MAX && strspn(name, LETTERS) == strlen(name))
		problem(r->l, &r->where, "unknown key %s", name);
	else
		problem(r->l, &r->where, "what stands before '=' is not a key");
}

static void add_peer(struct wg_reader *r)
{
	struct wg_config *wg = r->wg;

	if (wg->n_peers >= CONFIG_PEERS_MAX) {
		problem(r->l, &r->where, "there are more than %d peers", CONFIG_PEERS_MAX);
		return;
	}
	/* not load_room(): realloc() would leave preshared keys behind, so the old ones are wiped */
	if (!(wg->n_peers & (wg->n_peers - 1)) && (wg->n_peers == 0 || wg->n_peers >= 4)) {
		size_t size = wg->n_peers ? wg->n_peers * 2 : 4;
		struct wg_peer_config *more = calloc(size, sizeof(*more));

		if (!more) {
			r->l->oom = true;
			return;
		}
		if (wg->n_peers) {
			memcpy(more, wg->peers, wg->n_peers * sizeof(*more));
			sodium_memzero(wg->peers, wg->n_peers * sizeof(*more));
		}
		free(wg->peers);
		wg->peers = more;
	}
	r->peer = &wg->peers[wg->n_peers++];
	*r->peer = (struct wg_peer_config){.line = r->where.line};
	r->part = PART_PEER;
}

static void on_heading(struct wg_reader *r, char *text)
{
	check_required(r);
	r->part = PART_IGNORED;
	r->seen = 0;
	r->where.section = NULL;
	if (!strcasecmp(text, "[Peer]")) {
		r->where.section = "Peer";
		add_peer(r);
	} else if (strcasecmp(text, "[Interface]")) {
		problem(r->l, &r->where, "unknown section " CLIP " (Interface or Peer)", text);
	} else if (r->at->interface_line) {
		r->where.section = "Interface";
		problem(r->l, &r->where, "this section is there already, in line %u",
			r->at->interface_line);
	} else {
		r->where.section = "Interface";
		r->at->interface_line = r->where.line;
		r->part = PART_INTERFACE;
	}
}

static void on_line(struct wg_reader *r, char *line, size_t len)
{
	const char *what = lines_unclean(line, len);

	r->where.key = NULL;
	if (what) {
		problem(r->l, &r->where, "%s", what);
		return;
	}
	line[strcspn(line, "#")] = '\0';
	line = lines_trim(line);
	if (*line == '[')
		on_heading(r, line);
	else if (*line && r->part == PART_NONE)
		problem(r->l, &r->where, "there is text before the first section");
	else if (*line && r->part != PART_IGNORED)
		on_assignment(r, line);
}

void wgquick_parse(
	struct loader *l, struct tailnet_config *t, struct wg_places *at, char *text, size_t len)
{
	struct lines lines = {.text = text, .len = len};
	struct wg_reader r = {
		.l = l,
		.at = at,
		.where = {.file = at->file, .tailnet = t->name},
	};
	char *line;

	t->wg = r.wg = calloc(1, sizeof(*t->wg));
	if (!t->wg) {
		l->oom = true;
		return;
	}
	while (lines_next(&lines, &line, &len)) {
		r.where.line = lines.no;
		on_line(&r, line, len);
	}
	check_required(&r);
	r.where = (struct where){.file = at->file, .tailnet = t->name};
	if (!at->interface_line)
		problem(l, &r.where, "there is no [Interface] section");
}
