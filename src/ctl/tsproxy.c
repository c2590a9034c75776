// SPDX-License-Identifier: MIT
// A hand-made gateway as its files tell it.
//
// Units and scripts are read alike: line by line, a backslash joins two, "ExecStart=" and its like are cut
// off, the rest is words. What counts is the program that a line runs and in which namespace: the one of
// `ip netns exec NS` or `nsenter --net=PATH` before it, else the unit's NetworkNamespacePath=. Of a shell
// only `NAME=VALUE` and `$NAME` are understood; a value that is none (an address, a port, a name) is noted,
// not guessed.
#include "ctl/tsproxy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "ctl/tsproxylines.h"

static void take(struct tsproxy *t, const struct line *l, const char *what, const char *value,
	char ret[TSPROXY_TEXT_MAX])
{
	if (tsproxy_is_plain(value))
		snprintf(ret, TSPROXY_TEXT_MAX, "%s", value);
	else if (*value)
		tsproxy_note(t, "%.60s: %s is \"%.60s\", which is not to be understood here",
			l->file, what, value);
}

static struct tsproxy_net *net_of(struct tsproxy *t, const char *netns)
{
	struct tsproxy_net *n;

	for (size_t i = 0; i < t->n_nets; i++)
		if (!strcmp(t->nets[i].netns, netns))
			return &t->nets[i];
	if (t->n_nets == TSPROXY_NETS_MAX || !tsproxy_is_plain(netns))
		return NULL;
	n = &t->nets[t->n_nets++];
	*n = (struct tsproxy_net){0};
	snprintf(n->netns, sizeof(n->netns), "%s", netns);
	return n;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "--name=value", "--name value" or "-name value": the value, or NULL. Single dashes do for Go. */
static const char *flag(const struct line *l, size_t i, const char *name)
{
	const char *word = l->words[i];
	size_t len = strlen(name);

	if (*word != '-')
		return NULL;
	word += 1 + (word[1] == '-');
	if (strncmp(word, name, len) != 0)
		return NULL;
	if (word[len] == '=')
		return word + len + 1;
	return !word[len] && i + 1 < l->n ? l->words[i + 1] : NULL;
}

/* A switch: "--name", "--name=true". */
static bool is_switch(const char *word, const char *name, bool *ret_on)
{
	size_t len = strlen(name);

	if (*word != '-')
		return false;
	word += 1 + (word[1] == '-');
	if (strncmp(word, name, len) != 0 || (word[len] && word[len] != '='))
		return false;
	*ret_on = !word[len] || !strcmp(word + len, "=true");
	return true;
}

/* ---- the programs ---- */

static void on_tailscaled(struct tsproxy *t, const struct line *l, size_t at, const char *netns)
{
	struct tsproxy_net *n = net_of(t, netns);
	const char *v;

	if (!n)
		return;
	n->tailscaled = true;
	for (size_t i = at + 1; i < l->n; i++) {
		if ((v = flag(l, i, "statedir")) || (v = flag(l, i, "state")))
			take(t, l, "the state of tailscaled", v, n->state);
		if ((v = flag(l, i, "tun")) && !strncmp(v, "userspace", 9))
			tsproxy_note(t,
				"%.60s: tailscaled ran without a TUN device; it gets one now",
				l->file);
	}
}

static void on_up(struct tsproxy *t, const struct line *l, size_t at, const char *netns)
{
	static const struct {
		const char *flag;
		size_t offset;
	} texts[] = {
		{"login-server", offsetof(struct tsproxy_net, login_server)},
		{"hostname", offsetof(struct tsproxy_net, hostname)},
		{"exit-node", offsetof(struct tsproxy_net, exit_node)},
		{"advertise-routes", offsetof(struct tsproxy_net, advertise_routes)},
		{"advertise-tags", offsetof(struct tsproxy_net, tags)},
	};
	struct tsproxy_net *n = net_of(t, netns);
	const char *v;

	for (size_t i = at + 1; n && i < l->n; i++) {
		if (is_switch(l->words[i], "accept-routes", &n->accept_routes))
			n->accept_routes_known = true;
		for (size_t k = 0; k < ELEMENTSOF(texts); k++)
			if ((v = flag(l, i, texts[k].flag)))
				take(t, l, texts[k].flag, v, (char *)n + texts[k].offset);
		/* a key is a secret: it is neither shown nor taken */
		if (flag(l, i, "authkey") || flag(l, i, "auth-key"))
			tsproxy_note(t,
				"%.60s: holds an auth key: put it into a file, mode 0600, and name "
				"that with "
				"auth-key-file",
				l->file);
	}
}

/* The namespace whose `tailscale` a line runs: that of its place, or of its socket's path. */
static const char *netns_of_socket(
	struct tsproxy *t, const struct line *l, size_t at, const char *netns)
{
	for (size_t i = at + 1; !*netns && i < l->n; i++) {
		const char *path = flag(l, i, "socket");

		for (size_t k = 0; path && k < t->n_nets; k++)
			if (strstr(path, t->nets[k].netns))
				return t->nets[k].netns;
	}
	return netns;
}

static void on_tailscale(struct tsproxy *t, const struct line *l, size_t at, const char *netns)
{
	netns = netns_of_socket(t, l, at, netns);
	for (size_t i = at + 1; *netns && i < l->n; i++)
		if (!strcmp(l->words[i], "up") || !strcmp(l->words[i], "set") ||
			!strcmp(l->words[i], "login"))
			on_up(t, l, i, netns);
}

static uint16_t port_of(const char *text)
{
	uint64_t n;

	return parse_u64(text, 1, 65535, &n) < 0 ? 0 : (uint16_t)n;
}

static void on_microsocks(struct tsproxy *t, const struct line *l, size_t at, const char *netns)
{
	struct tsproxy_net *n = net_of(t, netns);
	struct addr a;

	if (!n)
		return;
	n->socks_port = 1080; /* its default */
	for (size_t i = at + 1; i + 1 < l->n; i++) {
		if (!strcmp(l->words[i], "-p"))
			n->socks_port = port_of(l->words[i + 1]);
		if (!strcmp(l->words[i], "-i") && addr_parse(l->words[i + 1], &a) == 0 &&
			!addr_is_unspecified(&a))
			n->inner = a;
		if (!strcmp(l->words[i], "-P"))
			n->password = true;
	}
}

static void on_danted(struct tsproxy *t, const char *netns)
{
	struct tsproxy_net *n = net_of(t, netns);

	if (n && !n->socks_port)
		n->socks_port = 1080;
}

/* "TCP-LISTEN:11080,bind=100.121.76.21,fork" and "TCP:10.200.0.6:1080". */
static bool parse_socat(char *from, char *to, struct tsproxy_expose *ret)
{
	char *rest = from, *option, *colon = strchr(to, ':');
	struct addr a;

	if (!colon || strncasecmp(from, "TCP", 3) != 0 || !strcasestr(from, "LISTEN:") ||
		strncasecmp(to, "TCP", 3) != 0)
		return false;
	*ret = (struct tsproxy_expose){0};
	option = strrchr(strsep(&rest, ","), ':');
	if (!option) /* LISTEN: stands only among the options */
		return false;
	ret->at.port = port_of(option + 1);
	while ((option = strsep(&rest, ",")))
		if (!strncmp(option, "bind=", 5) && addr_parse(option + 5, &a) == 0)
			ret->at.addr = a;
	to = colon + 1;
	to[strcspn(to, ",")] = '\0';
	return ret->at.port && hostport_parse(to, &ret->to) == 0;
}

static void on_socat(struct tsproxy *t, const struct line *l, size_t at)
{
	char *ends[2] = {0};
	size_t n = 0;

	for (size_t i = at + 1; i < l->n; i++)
		if (strchr(l->words[i], ':') && *l->words[i] != '-' && n < 2)
			ends[n++] = l->words[i];
	if (n < 2 || t->n_exposes == TSPROXY_NETS_MAX)
		return;
	if (!parse_socat(ends[0], ends[1], &t->exposes[t->n_exposes])) {
		tsproxy_note(t,
			"%.60s: a socat that is not to be understood here: use forward or publish",
			l->file);
		return;
	}
	snprintf(t->exposes[t->n_exposes++].unit, TSPROXY_TEXT_MAX, "%.200s", l->file);
}

/* `ip netns add NS`; `ip [-n NS] addr add 10.200.0.6/30 dev veth…` in a namespace. */
static void on_ip(struct tsproxy *t, const struct line *l, size_t at, const char *netns)
{
	struct tsproxy_net *n;
	struct prefix p;

	for (size_t i = at + 1; i + 1 < l->n; i++) {
		if (!strcmp(l->words[i], "-n") || !strcmp(l->words[i], "-netns"))
			netns = l->words[i + 1];
		if (i + 2 < l->n && !strcmp(l->words[i], "netns") &&
			!strcmp(l->words[i + 1], "add"))
			(void)net_of(t, l->words[i + 2]);
		if (strcmp(l->words[i], "add") != 0 || !*netns ||
			prefix_parse(l->words[i + 1], &p) < 0)
			continue;
		n = net_of(t, netns);
		if (n && !addr_is_loopback(&p.addr) && !n->inner.family && p.addr.family == 4)
			n->inner = p.addr;
	}
}

/* The word behind `ip netns exec NS`, `nsenter --net=…` or the like at AT, and the namespace. */
static size_t enter(const struct line *l, size_t at, const char **netns)
{
	const char *word = base(l->words[at]);

	if (!strcmp(word, "ip") && at + 4 < l->n && !strcmp(l->words[at + 1], "netns") &&
		!strcmp(l->words[at + 2], "exec")) {
		*netns = l->words[at + 3];
		return at + 4;
	}
	if (strcmp(word, "nsenter") != 0)
		return at;
	while (++at < l->n && *l->words[at] == '-') {
		const char *path = flag(l, at, "net");

		if (path)
			*netns = base(path);
		if (path && !strchr(l->words[at], '='))
			at++;
	}
	return at;
}

static void on_program(struct tsproxy *t, struct line *l, size_t at, const char *netns)
{
	const char *word = base(l->words[at]);

	if (!strcmp(word, "tailscaled"))
		on_tailscaled(t, l, at, netns);
	else if (!strcmp(word, "tailscale"))
		on_tailscale(t, l, at, netns);
	else if (!strcmp(word, "microsocks"))
		on_microsocks(t, l, at, netns);
	else if (!strcmp(word, "danted") || !strcmp(word, "sockd"))
		on_danted(t, netns);
	else if (!strcmp(word, "socat"))
		on_socat(t, l, at);
	else if (!strcmp(word, "ip"))
		on_ip(t, l, at, netns);
}

/* Words that come before a program, or between two. */
static bool is_glue(const char *word)
{
	static const char *const glue[] = {
		"sudo", "exec", "then", "do", "!", "if", "||", "&&", ";", "|", "env", "-", "nohup"};

	for (size_t i = 0; i < ELEMENTSOF(glue); i++)
		if (!strcmp(glue[i], word))
			return true;
	return false;
}

static void on_line(struct tsproxy *t, struct line *l)
{
	bool first = true;

	for (size_t i = 0; i < l->n; i++) {
		const char *netns = l->netns;
		size_t at;

		if (is_glue(l->words[i])) {
			first = true;
			continue;
		}
		if (!first)
			continue;
		first = false;
		at = enter(l, i, &netns);
		if (at < l->n)
			on_program(t, l, at, netns);
		if (!strcmp(base(l->words[i]), "iptables") || !strcmp(base(l->words[i]), "nft"))
			tsproxy_note(t,
				"%.60s: %.20s rules: not needed, nothing is NATed or forwarded",
				l->file, base(l->words[i]));
	}
}

/* ---- files ---- */

/* The key of a unit's line, "" for a line of a script; *TEXT is behind it. */
static void cut_key(char **text, char *key, size_t size)
{
	size_t len = strspn(*text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	*key = '\0';
	if (!len || (*text)[len] != '=' || len >= size || !isupper((unsigned char)**text))
		return;
	snprintf(key, size, "%.*s", (int)len, *text);
	*text += len + 1;
	*text += strspn(*text, "-+!:@"); /* prefixes of Exec lines */
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n >= k && !strcmp(name + n - k, suffix);
}

static void feed_lines(struct tsproxy *t, const char *name, char *text)
{
	char netns[TSPROXY_TEXT_MAX] = "", key[64], line[EXPANDED_MAX];
	struct variables v = {.n = 0};
	bool unit = has_suffix(name, ".service");
	struct line l = {.file = name, .netns = netns};
	char *path = strstr(text, "NetworkNamespacePath="), *raw;

	if (path) {
		path += strlen("NetworkNamespacePath=");
		snprintf(netns, sizeof(netns), "%.*s", (int)strcspn(path, "\r\n "), path);
		memmove(netns, base(netns), strlen(base(netns)) + 1);
	}
	while ((raw = tsproxy_next_line(&text))) {
		raw += strspn(raw, " \t");
		if (*raw == '#' || *raw == ';')
			continue;
		/* a unit has its variables behind a key of their own */
		if (!unit && tsproxy_assign(&v, raw))
			continue;
		if (unit && !strncmp(raw, "Environment=", 12)) {
			(void)tsproxy_assign(&v, raw + 12 + (raw[12] == '"'));
			continue;
		}
		cut_key(&raw, key, sizeof(key));
		if (*key && strncmp(key, "Exec", 4) != 0)
			continue;
		tsproxy_expand(&v, raw, line);
		tsproxy_split(line, &l);
		on_line(t, &l);
	}
}

void tsproxy_feed(struct tsproxy *t, const char *name, char *text)
{
	if (!strncasecmp(name, "Corefile", 8) || has_suffix(name, ".corefile"))
		tsproxy_corefile(t, name, text);
	else if (has_suffix(name, ".service") || has_suffix(name, ".sh") ||
		has_suffix(name, ".conf") || !strncmp(text, "#!", 2))
		feed_lines(t, name, text);
}

void tsproxy_free(struct tsproxy *t)
{
	for (size_t i = 0; i < t->n_notes; i++)
		free(t->notes[i]);
	*t = (struct tsproxy){0};
}
