// SPDX-License-Identifier: MIT
// What config_load() puts into the structs, its limits, and that table, manual and example agree.
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "config/config.h"
#include "config/keys.h"
#include "test.h"

#define PRIVATE "qEBWJ38k8kxVFl+6xPzqXPNXnLSKSNMQb0kpUWAoNl8="
#define PUBLIC	"KiAvY90nlUHi+vKGs8+Vsv1Pm+a8cfG5Kdak7kyuumU="
#define KEY1	"EPFpgoH+g2oEEljx+4Q/l9F0tsyd8oHPuJZDmTQcGlQ="
#define KEY2	"unlIDPSS5tAopT6T2+kEdTh5R1o55dh7PFTRHLe4eSg="
#define HASH                                                 \
	"$argon2id$v=19$m=8,t=1,p=1$lRDJnVjwnW/5ngL3DWEtmQ$" \
	"+r53D31B/fRtputQ2N0s3CoafwBzWC8lmykAPG6bHOk"
#define WG_HEAD "[Interface]\nPrivateKey = " PRIVATE "\nAddress = 10.77.0.2/24\n"

static char dir[] = "/tmp/tsgw-load-XXXXXX";

static FILE *file(const char *name)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(1);
	}
	fchmod(fileno(f), 0600);
	return f;
}

__attribute__((format(printf, 2, 3))) static void write_file(const char *name, const char *fmt, ...)
{
	FILE *f = file(name);
	va_list ap;

	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
}

static struct config *load(void)
{
	struct config *c = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/tsgw.ini", dir);
	if (config_load(path, &c) < 0)
		exit(1);
	return c;
}

static void say_problems(const struct config *c)
{
	for (size_t i = 0; i < c->n_problems; i++)
		fprintf(stderr, "%s\n", c->problems[i].text);
}

static const char *text_of(const struct prefix *p)
{
	static char buf[PREFIX_TEXT_MAX];

	return prefix_format(p, buf);
}

static void write_rich_wg(const char *name, const char *more)
{
	write_file(name,
		WG_HEAD "Address = fd77::2/64\nListenPort = 51820\nMTU = 1400\nFwMark = 0xca6c\n"
			"DNS = 10.100.0.53, corp.example.org, fd00::53\nTable = off\n"
			"[Peer]\nPublicKey = " KEY1 "\nPresharedKey = " KEY2 "\n"
			"AllowedIPs = 10.101.0.0/16, 10.100.0.0/16\nAllowedIPs = fd00::/8\n"
			"Endpoint = gw.example.org:51821\nPersistentKeepalive = 25\n"
			"[Peer]\nPublicKey = " KEY2 "\nEndpoint = [2001:db8::1]:51822\n%s",
		more);
}

static void wg_fields(void)
{
	struct config *c;
	const struct wg_config *wg;
	char key[45];

	write_file("tsgw.ini", "[tailnet a]\nport = 1080\nwg-config = wg.conf\n");
	write_rich_wg("wg.conf", "");
	c = load();
	CHECK_EQ(c->n_problems, 0);
	CHECK_EQ(c->n_tailnets, 1);
	wg = c->tailnets[0]->wg;
	format_key_base64(wg->private_key, key);
	CHECK_STR(key, PRIVATE);
	format_key_base64(wg->public_key, key);
	CHECK_STR(key, PUBLIC);
	CHECK_EQ(wg->listen_port, 51820);
	CHECK_EQ(wg->mtu, 1400);
	CHECK_EQ(wg->fwmark, 0xca6c);
	CHECK(wg->table_off);
	CHECK_EQ(wg->addresses.n, 2);
	CHECK_STR(text_of(&wg->addresses.items[0]), "10.77.0.2/24");
	CHECK_STR(text_of(&wg->addresses.items[1]), "fd77::2/64");
	CHECK_EQ(wg->n_dns, 2);
	CHECK_EQ(wg->n_dns_search, 1);
	CHECK_STR(wg->dns_search[0], "corp.example.org");
	config_free(c);
}

static void peer_fields(void)
{
	struct config *c = load();
	const struct wg_peer_config *p = c->tailnets[0]->wg->peers;
	char text[HOSTPORT_TEXT_MAX], key[45];

	CHECK_EQ(c->tailnets[0]->wg->n_peers, 2);
	format_key_base64(p->public_key, key);
	CHECK_STR(key, KEY1);
	format_key_base64(p->preshared_key, key);
	CHECK_STR(key, KEY2);
	CHECK_EQ(p->allowed.n, 3);
	CHECK_STR(text_of(&p->allowed.items[0]), "10.100.0.0/16");
	CHECK_STR(p->endpoint_name, "gw.example.org");
	CHECK_EQ(p->endpoint.addr.family, 0);
	CHECK_EQ(p->endpoint.port, 51821);
	CHECK_EQ(p->persistent_keepalive_s, 25);
	CHECK_EQ(p->line, 10);
	CHECK(!p[1].endpoint_name);
	CHECK_STR(hostport_format(&p[1].endpoint, text), "[2001:db8::1]:51822");
	CHECK_EQ(p[1].allowed.n, 0);
	config_free(c);
}

static void routes_and_find(void)
{
	struct prefix_list routes;
	struct config *c = load();

	CHECK(config_find(c, "a") == c->tailnets[0]);
	CHECK(!config_find(c, "b"));
	CHECK_EQ(config_routes(c->tailnets[0], &routes), 0);
	CHECK_EQ(routes.n, 3);
	CHECK(config_has_ipv6(c->tailnets[0]));
	free(routes.items);
	config_free(c);
	write_file("wg.conf", WG_HEAD "[Peer]\nPublicKey = " KEY1 "\nAllowedIPs = ::/0\n");
	c = load();
	CHECK(!config_has_ipv6(c->tailnets[0]));
	config_free(c);
}

/* Each change of a wg-quick file is a difference, its spelling is none. */
static void differences(void)
{
	static const char *const same = "# x\npersistentkeepalive=0\n";
	static const char *const others[] = {"AllowedIPs = 10.102.0.0/16\n",
		"PersistentKeepalive = 1\n", "PresharedKey = " KEY1 "\n",
		"[Peer]\nPublicKey = " PRIVATE "\n"};
	struct config *a, *b;

	write_rich_wg("wg.conf", "");
	a = load();
	write_rich_wg("wg.conf", same);
	b = load();
	CHECK(wg_config_equal(a->tailnets[0]->wg, b->tailnets[0]->wg));
	CHECK(prefix_list_equal(&a->tailnets[0]->allow, &b->tailnets[0]->allow));
	config_free(b);
	for (size_t i = 0; i < ELEMENTSOF(others); i++) {
		write_rich_wg("wg.conf", others[i]);
		b = load();
		CHECK_EQ(b->n_problems, 0);
		CHECK(!wg_config_equal(a->tailnets[0]->wg, b->tailnets[0]->wg));
		config_free(b);
	}
	CHECK(!wg_config_equal(a->tailnets[0]->wg, NULL));
	CHECK(wg_config_equal(NULL, NULL));
	config_free(a);
}

static void whose_error(void)
{
	struct config *c;

	write_file("wg.conf", WG_HEAD);
	write_file("tsgw.ini",
		"[hosts b]\nx = y\n[tailnet a]\nport = 1\nwg-config = wg.conf\n"
		"[tailnet b]\nport = 2\nwg-config = wg.conf\n"
		"[tailnet c]\nmtu = 1\nport = x\nwg-config = none\n");
	c = load();
	CHECK(c->errors && !c->fatal);
	CHECK(!config_find(c, "a")->broken);
	CHECK(strstr(config_find(c, "b")->broken, "tsgw.ini:2: [hosts b] x: y is not an IP"));
	CHECK(strstr(config_find(c, "c")->broken, "tsgw.ini:10: [tailnet c] mtu: "));
	CHECK_STR(c->problems[0].tailnet, "b");
	CHECK_EQ(c->n_problems, 4);
	config_free(c);

	write_file("tsgw.ini",
		"[gateway]\ndns-port = x\n[tailnet a]\nport = 1\nwg-config = wg.conf\n");
	c = load();
	CHECK(c->errors && c->fatal && !c->tailnets[0]->broken && !c->problems[0].tailnet);
	config_free(c);

	write_file("tsgw.ini", "[tailnet a]\nport = 1\nwg-config = wg.conf\nsuffix = com\n");
	c = load();
	CHECK(!c->errors && !c->fatal && c->n_problems == 1 && c->problems[0].warning);
	config_free(c);
}

/* Errors that there is no room for still break their tailnet, and are counted. */
static void too_many_problems(void)
{
	struct config *c;
	FILE *f = file("tsgw.ini");

	fputs("[tailnet a]\nport = 1\nwg-config = wg.conf\nsuffix = ", f);
	for (int i = 0; i < 600; i++)
		fprintf(f, "%s", i % 40 ? ", com" : "com\nsuffix = com");
	fputs("\n[gateway]\n", f);
	for (int i = 0; i < 1500; i++)
		fprintf(f, "key%d = 1\n", i);
	fputs("[tailnet b]\n[hosts c]\nx = y\n[tailnet c]\nport = 3\nwg-config = wg.conf\n", f);
	fclose(f);
	c = load();
	CHECK_EQ(c->n_problems, CONFIG_PROBLEMS_MAX + 1);
	CHECK(strstr(c->problems[CONFIG_PROBLEMS_MAX].text, "more problems"));
	CHECK(c->fatal);
	CHECK(config_find(c, "b")->broken && config_find(c, "c")->broken);
	config_free(c);
}

static void too_many_entries(void)
{
	struct config *c;
	FILE *f = file("tsgw.ini");

	for (int i = 0; i <= CONFIG_TAILNETS_MAX; i++)
		fprintf(f, "[tailnet n%d]\nport = %d\nwg-config = wg.conf\n", i, 12000 + i);
	fputs("[gateway]\n", f);
	for (int i = 0; i <= CONFIG_LIST_MAX; i++)
		fprintf(f, "allow = 10.%d.%d.0/24\n", i / 256, i % 256);
	fputs("[hosts n0]\n", f);
	for (int i = 0; i < CONFIG_HOSTS_MAX + 3; i++)
		fprintf(f, "h%d = 10.77.0.1\n", i);
	fclose(f);
	c = load();
	CHECK_EQ(c->n_tailnets, CONFIG_TAILNETS_MAX);
	CHECK_EQ(c->gateway.allow.n, CONFIG_LIST_MAX);
	CHECK_EQ(c->tailnets[0]->n_hosts, CONFIG_HOSTS_MAX);
	CHECK_EQ(c->tailnets[0]->broken != NULL, 1);
	CHECK(c->errors);
	config_free(c);
}

/* N times FMT, which has one %d or none. */
static void repeat(FILE *f, int n, const char *before, const char *fmt, const char *after)
{
	fputs(before, f);
	for (int i = 0; i < n; i++) {
		const char *d = strstr(fmt, "%d");

		if (d)
			fprintf(f, "%.*s%d%s", (int)(d - fmt), fmt, i, d + 2);
		else
			fputs(fmt, f);
	}
	fputs(after, f);
}

static size_t count_problems(const struct config *c, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_problems; i++)
		n += strstr(c->problems[i].text, text) != NULL;
	return n;
}

static void limits_of_lists(void)
{
	struct config *c;
	FILE *f = file("tsgw.ini");

	repeat(f, CONFIG_LIST_MAX + 1, "[gateway]\n", "primary = eth%d\n", "");
	repeat(f, CONFIG_LIST_MAX + 1, "[tailnet a]\nport = 1\nwg-config = wg.conf\n",
		"suffix = x%d\n", "");
	fclose(f);
	f = file("wg.conf");
	repeat(f, 33, WG_HEAD, "DNS = d%d.example.org\n", "");
	repeat(f, CONFIG_LIST_MAX + 1, "", "DNS = 10.77.0.9\n", "");
	for (int i = 0; i < CONFIG_LIST_MAX; i++)
		fprintf(f, "Address = 10.78.%d.%d\n", i / 200, i % 200 + 1);
	fclose(f);
	c = load();
	CHECK_EQ(c->gateway.n_primaries, CONFIG_LIST_MAX);
	CHECK_EQ(c->tailnets[0]->n_suffixes, CONFIG_LIST_MAX);
	CHECK_EQ(c->tailnets[0]->wg->n_dns, CONFIG_LIST_MAX);
	CHECK_EQ(c->tailnets[0]->wg->n_dns_search, 32);
	CHECK_EQ(c->tailnets[0]->wg->addresses.n, CONFIG_LIST_MAX);
	CHECK_EQ(count_problems(c, "has more than 256 entries"), 2);
	CHECK_EQ(count_problems(c, "there are more than 32 search domains"), 1);
	CHECK_EQ(count_problems(c, "there are more than 256 servers"), 1);
	CHECK_EQ(count_problems(c, "there are more than 256 entries"), 1);
	config_free(c);
}

static void limits_of_peers(void)
{
	uint8_t key[32] = {0};
	struct config *c;
	char text[45];
	FILE *f;

	write_file("tsgw.ini", "[tailnet a]\nport = 1\nwg-config = wg.conf\n");
	f = file("wg.conf");
	fputs(WG_HEAD, f);
	for (int i = 0; i <= CONFIG_PEERS_MAX; i++) {
		key[0] = (uint8_t)(i + 1);
		key[1] = (uint8_t)((i + 1) >> 8);
		format_key_base64(key, text);
		fprintf(f, "[Peer]\nPublicKey = %s\nAllowedIPs = 10.0.%d.%d\n", text, i / 256,
			i % 256);
	}
	fclose(f);
	c = load();
	CHECK_EQ(c->tailnets[0]->wg->n_peers, CONFIG_PEERS_MAX);
	CHECK_EQ(c->n_problems, 1);
	CHECK_EQ(count_problems(c, "wg.conf:12292: [Peer]: there are more than 4096 peers"), 1);
	CHECK_EQ(c->tailnets[0]->wg->peers[CONFIG_PEERS_MAX - 1].allowed.n, 1);
	config_free(c);
}

static void limits_of_users(void)
{
	struct config *c;
	FILE *f;

	write_file("tsgw.ini", "[tailnet a]\nport = 1\nwg-config = wg.conf\nusers-file = users\n");
	write_file("wg.conf", WG_HEAD);
	f = file("users");
	for (int i = 0; i <= CONFIG_USERS_MAX + 1; i++)
		fprintf(f, "user%d:%s\n", i, HASH);
	fclose(f);
	c = load();
	CHECK_EQ(c->tailnets[0]->n_users, CONFIG_USERS_MAX);
	CHECK_EQ(c->n_problems, 1);
	CHECK_EQ(count_problems(c, "users:4097: there are more than 4096 users"), 1);
	CHECK_STR(c->tailnets[0]->users[0].name, "user0");
	CHECK_STR(c->tailnets[0]->users[4095].hash, HASH);
	config_free(c);
	write_file("tsgw.ini", "[tailnet a]\nport = 1\nwg-config = wg.conf\n");
}

static void limits_of_files(void)
{
	struct config *c;
	FILE *f = file("wg.conf");

	fputs(WG_HEAD "[Peer]\nPublicKey = " KEY1 "\nAllowedIPs = ", f);
	for (unsigned i = 0; i < CONFIG_ALLOWED_MAX + 2; i++)
		fprintf(f, "%s%u.%u.%u.%u", i ? "," : "", 16 + (i >> 24), i >> 16 & 255,
			i >> 8 & 255, i & 255);
	fclose(f);
	c = load();
	CHECK_EQ(c->tailnets[0]->wg->peers[0].allowed.n, CONFIG_ALLOWED_MAX);
	CHECK_EQ(count_problems(c, "there are more than 262144 allowed-ips"), 1);
	config_free(c);
	f = file("wg.conf");
	repeat(f, CONFIG_FILE_MAX / 60, "",
		"# 60 bytes of comment and so on until the line is full of them\n", "");
	fclose(f);
	c = load();
	CHECK_EQ(c->n_problems, 1);
	CHECK_EQ(count_problems(c, "tsgw.ini:3: [tailnet a] wg-config: "), 1);
	CHECK_EQ(count_problems(c, "wg.conf: larger than 4 MiB"), 1);
	config_free(c);
}

/* A relative path is made absolute by the directory of the moment, and the messages keep it as given. */
static void relative_path(void)
{
	struct config *c = NULL;
	char cwd[4096], expected[128];

	write_file("wg.conf", WG_HEAD "FwMark = 51820\n");
	write_file("tsgw.ini", "[tailnet a]\nport = 1\nmtu = x\nwg-config = wg.conf\n");
	CHECK(getcwd(cwd, sizeof(cwd)) && chdir(dir) == 0);
	CHECK_EQ(config_load("tsgw.ini", &c), 0);
	CHECK_STR(c->problems[0].text,
		"tsgw.ini:3: [tailnet a] mtu: x is not a number (auto or 576 to 9200)");
	snprintf(expected, sizeof(expected), "%s/wg.conf", dir);
	CHECK_STR(c->tailnets[0]->wg_config_path, expected);
	CHECK_EQ(c->tailnets[0]->wg->fwmark, 51820);
	config_free(c);
	CHECK_EQ(config_load("./tsgw.ini", &c), 0);
	snprintf(expected, sizeof(expected), "%s/./wg.conf", dir);
	CHECK_STR(c->tailnets[0]->wg_config_path, expected);
	config_free(c);
	CHECK_EQ(chdir(cwd), 0);
}

static void large_gateway(void)
{
	struct config *c;
	FILE *f = file("tsgw.ini");

	for (int i = 0; i < CONFIG_TAILNETS_MAX; i++)
		fprintf(f,
			"[tailnet n%d]\nport = %d\nwg-config = wg.conf\n[hosts n%d]\nx = "
			"10.77.0.9\n",
			i, 12000 + i, i);
	fclose(f);
	c = load();
	CHECK_EQ(c->n_tailnets, CONFIG_TAILNETS_MAX);
	CHECK(!c->errors);
	CHECK(config_find(c, "n4095") == c->tailnets[4095]);
	config_free(c);
}

static void large_wg_file(void)
{
	struct prefix_list routes;
	struct config *c;
	FILE *f;

	write_file("tsgw.ini", "[tailnet a]\nport = 1080\nwg-config = large.conf\n");
	f = file("large.conf");
	fputs(WG_HEAD, f);
	for (int peer = 0; peer < 2; peer++) {
		fprintf(f, "[Peer]\nPublicKey = %s\nAllowedIPs = 1.0.0.0/32", peer ? KEY2 : KEY1);
		for (int i = peer; i < 130560; i += 2)
			fprintf(f, ", 172.%d.%d.%d", 16 + i / 65536, i / 256 % 256, i % 256);
		fputs("\n", f);
	}
	fclose(f);
	c = load();
	CHECK_EQ(c->n_problems, 1); /* both have 1.0.0.0 */
	CHECK(strstr(
		c->problems[0].text, "large.conf:9: [Peer] AllowedIPs: 1.0.0.0/32 belongs to"));
	CHECK_EQ(config_routes(c->tailnets[0], &routes), 0);
	CHECK_EQ(routes.n, 130561);
	free(routes.items);
	config_free(c);
}

/* ---- manual and example ---- */

static void put_man_entry(const struct key *k, FILE *out)
{
	char range[128];

	key_range(k, range, sizeof(range));
	fprintf(out, "%s %s\n", k->section == SECTION_GATEWAY ? "gateway" : "tailnet", k->name);
	if (*range)
		fprintf(out, "Range: %s.\n", range);
	fprintf(out, "Default: %s.\n", k->def ? k->def : k->def_text);
}

/* Every ".It Ic KEY" of the manual with its Range and Default, in the same form. */
static void put_manual(FILE *man, FILE *out)
{
	_cleanup_free_ char *line = NULL;
	const char *section = NULL;
	size_t size = 0;

	while (getline(&line, &size, man) > 0) {
		if (!strncmp(line, ".Sh ", 4))
			section = !strcmp(line, ".Sh GATEWAY\n")  ? "gateway"
				: !strcmp(line, ".Sh TAILNETS\n") ? "tailnet"
								  : NULL;
		else if (section && !strncmp(line, ".It Ic ", 7))
			fprintf(out, "%s %s", section, line + 7);
		else if (section &&
			(!strncmp(line, "Range: ", 7) || !strncmp(line, "Default: ", 9)))
			fputs(line, out);
	}
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "entry\nentry\n" with each entry of lines "gateway|tailnet …" sorted, for the order does not matter. */
static char *sort_entries(char *text)
{
	char *entries[KEYS_MAX * 2], *sorted;
	size_t n = 0, size;
	FILE *f = open_memstream(&sorted, &size);

	for (char *p = text; p && *p && n < ELEMENTSOF(entries);) {
		char *g = strstr(p + 1, "\ngateway "), *t = strstr(p + 1, "\ntailnet ");

		entries[n++] = p;
		p = !g || (t && t < g) ? t : g;
		if (p)
			*p++ = '\0';
		else
			entries[n - 1][strlen(entries[n - 1]) - 1] = '\0';
	}
	qsort(entries, n, sizeof(*entries), compare_lines);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s\n", entries[i]);
	fclose(f);
	return sorted;
}

static void manual_agrees(void)
{
	_cleanup_fclose_ FILE *man = fopen("man/tsgw.ini.5", "r");
	_cleanup_free_ char *table = NULL, *manual = NULL, *a = NULL, *b = NULL;
	size_t size;
	FILE *f;

	CHECK(man);
	if (!man)
		return;
	f = open_memstream(&table, &size);
	for (size_t i = 0; i < config_n_keys; i++)
		put_man_entry(&config_keys[i], f);
	fclose(f);
	f = open_memstream(&manual, &size);
	put_manual(man, f);
	fclose(f);
	a = sort_entries(table);
	b = sort_entries(manual);
	CHECK_STR(b, a);
}

/* What the manual's test does not see: that the printed table has a line for each key. */
static void printed_keys(void)
{
	_cleanup_free_ char *text = NULL;
	size_t size, lines = 0;
	FILE *f = open_memstream(&text, &size);

	config_print_keys(f);
	fclose(f);
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	CHECK_EQ(lines, config_n_keys);
	CHECK(strstr(text, "gateway dns-port 53\n"));
	CHECK(strstr(text, "tailnet idle-timeout 2 h\n"));
	CHECK(strstr(text, "tailnet suffix the section's name\n"));
}

static void example_loads(void)
{
	struct config *c = NULL;

	CHECK_EQ(config_load("etc/tsgw.ini", &c), 0);
	say_problems(c);
	CHECK_EQ(c->n_problems, 0);
	CHECK_EQ(c->n_tailnets, 0);
	config_free(c);
}

/* Lines that are a key or a section behind one ';' are taken as they are meant. */
static void example_uncommented(void)
{
	_cleanup_fclose_ FILE *example = fopen("etc/tsgw.ini", "r");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	struct config *c;
	FILE *f = file("tsgw.ini");

	while (example && getline(&line, &size, example) > 0) {
		bool meant = line[0] == ';' && line[1] != ' ' && line[1] != '\n';

		if (!strncmp(line, "primary", 7))
			continue; /* replaced by the commented one */
		fputs(line + meant, f);
	}
	fclose(f);
	write_file(
		"fgpu.conf", WG_HEAD "[Peer]\nPublicKey = " KEY1 "\nAllowedIPs = 10.100.0.0/16\n");
	write_file(
		"lab.conf", WG_HEAD "[Peer]\nPublicKey = " KEY1 "\nAllowedIPs = 10.100.0.0/16\n");
	write_file("lab.users", "bob:" HASH "\n");
	write_file("home.key", "tskey-auth-x\n");
	c = load();
	say_problems(c);
	CHECK_EQ(c->n_problems, 0);
	CHECK_EQ(c->n_tailnets, 3);
	CHECK(config_find(c, "fgpu") && config_find(c, "fgpu")->n_hosts == 1);
	CHECK_STR(config_find(c, "home")->auth_key, "tskey-auth-x");
	/* the defaults that it shows are the defaults */
	CHECK_EQ(config_find(c, "fgpu")->max_clients, config_find(c, "lab")->max_clients);
	CHECK_EQ(config_find(c, "fgpu")->idle_timeout_s, config_find(c, "lab")->idle_timeout_s);
	CHECK_EQ(config_find(c, "fgpu")->half_close_timeout_s,
		config_find(c, "lab")->half_close_timeout_s);
	config_free(c);
}

/* Who runs one tailnet does not read the files of others; who looks does not make public keys. */
static void parts_of_it(void)
{
	static const char *const only[] = {"a"};
	struct config *c = NULL;
	char path[128];

	write_file("a.conf", WG_HEAD);
	write_file("b.conf", WG_HEAD "[Peer]\nPublicKey = " PUBLIC "\nAllowedIPs = 10.0.0.1/32\n");
	write_file("tsgw.ini",
		"[gateway]\nprimary = 127.0.0.1\n[tailnet a]\nport = 1\nwg-config = a.conf\n"
		"[tailnet b]\nport = 2\nwg-config = b.conf\n");
	snprintf(path, sizeof(path), "%s/tsgw.ini", dir);
	CHECK_EQ(config_load(path, &c), 0);
	CHECK(c->errors && !c->tailnets[0]->broken && c->tailnets[1]->broken); /* its own key */
	config_free(c);
	CHECK_EQ(config_load_only(path, only, 1, &c), 0);
	CHECK(!c->errors && c->tailnets[0]->wg && !c->tailnets[1]->wg);
	CHECK_EQ(c->tailnets[1]->port, 2);
	config_free(c);
	CHECK_EQ(config_load_view(path, &c), 0);
	CHECK(!c->errors && c->tailnets[0]->wg && c->tailnets[1]->wg);
	config_free(c);
}

/* It keeps its tailnet from running, but nobody's reload from being done. */
static void credential_of_a_stopped_unit(void)
{
	const char *at = "/run/credentials/tsgw@none-such.service/a.conf";
	struct config *c;

	write_file("tsgw.ini", "[tailnet a]\nport = 1\nwg-config = %s\n", at);
	c = load();
	CHECK(!c->errors && c->n_problems == 1 && c->problems[0].warning);
	CHECK(c->tailnets[0]->broken && strstr(c->tailnets[0]->broken, at));
	CHECK(c->tailnets[0]->awaits_credential && !c->tailnets[0]->wg);
	config_free(c);
	write_file("tsgw.ini", "[tailnet a]\nport = x\nwg-config = %s\n", at);
	c = load();
	CHECK(c->errors && !c->tailnets[0]->awaits_credential);
	CHECK(strstr(c->tailnets[0]->broken, "port"));
	config_free(c);
	write_file("tsgw.ini", "[tailnet a]\nwg-config = %s\n[hosts a]\nx = y\nport = 1\n", at);
	c = load();
	CHECK(c->errors && !c->tailnets[0]->awaits_credential);
	config_free(c);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(dir))
		return 1;
	RUN(wg_fields);
	RUN(peer_fields);
	RUN(routes_and_find);
	RUN(differences);
	RUN(whose_error);
	RUN(too_many_problems);
	RUN(too_many_entries);
	RUN(limits_of_lists);
	RUN(limits_of_peers);
	RUN(limits_of_users);
	RUN(limits_of_files);
	RUN(parts_of_it);
	RUN(credential_of_a_stopped_unit);
	RUN(relative_path);
	RUN(large_gateway);
	RUN(large_wg_file);
	RUN(manual_agrees);
	RUN(printed_keys);
	RUN(example_loads);
	RUN(example_uncommented);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	(void)!system(command);
	return TEST_END();
}
