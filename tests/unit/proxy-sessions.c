// SPDX-License-Identifier: MIT
// Whole sessions through everything that tsgw-proxy has between accept and close, in this one process: sound
// ones, cut at random, must come out right; changed ones must do no harm; and of neither anything is left.
//
// Clients and servers (proxy-servers.h) are ends of socket pairs. All of them act by turns, once in each round of
// the loop, at random: they send a piece, read, shut down, close. SESSIONS=N plays so many (make check-long: a
// million of them, with AddressSanitizer). FAILING=N lets one in N of the proxy's calls fail (proxy-failing.h).
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "proxy/ask.h"
#include "proxy/conn.h"
#include "proxy/peers.h"
#include "proxy/setup.h"
#include "relay/loop.h"
#include "relay/pipes.h"
#include "proxy-failing.h"
#include "proxy-servers.h"
#include "suffix-table.h"
#include "test.h"

#define CLIENTS	   48
#define BULK_BYTES 300000
#define SEEN_MAX   8192
#define PATIENCE_MS \
	60000 /* by then a sound session has its answer, and nothing is left of all that ended */
#define CHECK_EVERY 5000 /* sessions, before everything has to end for once */

static const struct seed {
	const char *text;
	size_t len;
	const char *wanted; /* what a sound session gets in the end */
} seeds[] = {
#define SEED(text, wanted)                     \
	{                                      \
		text, sizeof(text) - 1, wanted \
	}
	SEED("\5\1\0\5\1\0\1\x0a\x09\0\2\0\1echo-of-socks5", "echo-of-socks5"),
	SEED("\5\2\0\2\5\1\0\3\7grafana\0\1echo-by-name", "echo-by-name"),
	SEED("\5\1\0\5\1\0\4\xfd\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\1echo-by-ipv6", "echo-by-ipv6"),
	SEED("\4\1\0\1\x0a\x09\0\2me\0echo-of-socks4", "echo-of-socks4"),
	SEED("\4\1\0\1\0\0\0\1me\0grafana.red\0echo-of-socks4a", "echo-of-socks4a"),
	SEED("\5\1\0\5\2\0\1\x0a\x09\0\2\0\1", "\5\0\5\7\0\1"),
	SEED("\5\1\0\5\1\0\1\x7f\0\0\1\0\1", "\5\0\5\2\0\1"),
	SEED("\5\1\0\5\1\0\3\6a.blue\0\1", "\5\0\5\2\0\1"),
	SEED("\5\1\0\5\3\0\1\0\0\0\0\0\0", "\5\0\5"),
	SEED("CONNECT grafana:1 HTTP/1.1\r\nHost: x\r\n\r\necho-of-connect", "echo-of-connect"),
	SEED("CONNECT [fd09::2]:1 HTTP/1.0\r\n\r\necho-of-old", "echo-of-old"),
	SEED("GET http://grafana/length HTTP/1.1\r\nHost: grafana\r\n\r\n", "body-by-length"),
	SEED("GET http://grafana/chunked HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nProxy-Connection: "
	     "x\r\n\r\n",
		"body-by-chunk"),
	SEED("GET http://grafana/close HTTP/1.1\r\nHost: grafana\r\n\r\n", "body-until-close"),
	SEED("HEAD http://grafana/length HTTP/1.1\r\nHost: grafana\r\n\r\nGET "
	     "http://grafana/length "
	     "HTTP/1.1\r\n\r\n",
		"body-by-length"),
	SEED("GET http://grafana/204 HTTP/1.1\r\nHost: grafana\r\n\r\nGET http://10.9.0.3/304 "
	     "HTTP/1.1\r\n\r\nGET http://10.9.0.2/length HTTP/1.1\r\n\r\n",
		"body-by-length"),
	SEED("POST http://grafana/length HTTP/1.1\r\nHost: a\r\nContent-Length: "
	     "9\r\n\r\nsome-bodyGET "
	     "http://grafana/chunked HTTP/1.1\r\n\r\n",
		"body-by-chunk"),
	SEED("POST http://grafana/length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
	     "chunked\r\n\r\n5;x=y\r\n"
	     "hello\r\n0\r\nA: b\r\n\r\n",
		"body-by-length"),
	SEED("POST http://grafana/continue HTTP/1.1\r\nHost: a\r\nExpect: "
	     "100-continue\r\nContent-Length: "
	     "4\r\n\r\nbody",
		"body-by-length"),
	SEED("GET http://grafana/upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: "
	     "websocket\r\n\r\necho-of-frames",
		"echo-of-frames"),
	SEED("GET http://grafana/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
	     "chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 400"),
	SEED("GET http://grafana/ HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", "HTTP/1.1 400"),
	SEED("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400"),
	SEED("GET http://10.8.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 403"),
	SEED("GET http://nobody.red/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 502"),
#undef SEED
};

struct client {
	int fd; /* -1: none */
	char script[SCRIPT_MAX];
	size_t len, at;
	char *bulk; /* behind the script: BULK_BYTES that must come back, or NULL */
	size_t bulk_at, echoed;
	const char *wanted; /* NULL: changed, anything may come */
	char seen[SEEN_MAX];
	size_t n_seen;
	uint64_t begun_ms;
	bool shut;
};

static struct client clients[CLIENTS];
static unsigned long sessions_wanted, sessions_begun, sessions_ended, sound;
static unsigned n_clients, base_descriptors;
static uint64_t emptying_since_ms; /* 0: something goes on */

static void give_up(const char *what, const struct client *c)
{
	fprintf(stderr, "after %lu sessions: %s\n", sessions_ended, what);
	if (c)
		fprintf(stderr, "wanted \"%s\", sent %zu of %zu, got %zu: \"%.*s\"\n",
			c->wanted ? c->wanted : "", c->at, c->len, c->n_seen, (int)c->n_seen,
			c->seen);
	abort();
}

/* ---- clients ---- */

static size_t change(char *p, size_t len)
{
	size_t at, n;

	for (uint32_t times = 1 + below(6); times > 0 && len > 0; times--) {
		at = below((uint32_t)len);
		n = 1 + below(8);
		switch (below(6)) {
		case 0:
			p[at] = (char)(p[at] ^ (1 << below(8)));
			break;
		case 1:
			p[at] = (char)below(256);
			break;
		case 2: /* less */
			n = MIN(n, len - at);
			memmove(p + at, p + at + n, len - at - n);
			len -= n;
			break;
		case 3: /* something twice */
			n *= 16;
			n = MIN(n, len - at);
			n = MIN(n, SCRIPT_MAX - len);
			memmove(p + at + n, p + at, len - at);
			len += n;
			break;
		case 4: /* a piece of another */
		{
			const struct seed *s = &seeds[below(ELEMENTSOF(seeds))];
			size_t from = below((uint32_t)s->len);

			n = MIN(s->len - from, len - at);
			memcpy(p + at, s->text + from, n);
			break;
		}
		default:
			len = at;
		}
	}
	return len;
}

static void client_begin(struct client *c)
{
	const struct seed *s = &seeds[below(ELEMENTSOF(seeds))];
	struct hostport from = {.addr = addr_v4(0xc0000200u + 1 + below(200)), .port = 1};
	int pair[2];

	*c = (struct client){.fd = -1, .len = s->len, .begun_ms = clock_now_ms()};
	memcpy(c->script, s->text, s->len);
	if (failing_one_in) {
		c->len = s->len; /* sound, but nothing need come of it */
	} else if (below(3)) {
		c->len = change(c->script, s->len);
	} else {
		c->wanted = s->wanted;
		if (!strncmp(s->wanted, "echo", 4) && below(20) == 0)
			c->bulk = malloc(BULK_BYTES);
		for (size_t i = 0; c->bulk && i < BULK_BYTES; i++)
			c->bulk[i] = (char)('a' + (i * 7 + i / 251) % 23);
		sound++;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ||
		clients_enter(&conn_clients, &from.addr, CLIENTS + 1) <= 0)
		give_up("no pair", c);
	c->fd = pair[0];
	n_clients++;
	sessions_begun++;
	failing_now = true;
	conn_accept(pair[1], &from, below(2), NULL);
	failing_now = false;
}

static void client_end(struct client *c)
{
	c->fd = fd_close(c->fd);
	free(c->bulk);
	c->bulk = NULL;
	n_clients--;
	sessions_ended++;
}

static bool client_satisfied(const struct client *c)
{
	if (c->bulk)
		return c->echoed == BULK_BYTES;
	/* what is refused may be so before all of it is there */
	return memmem(c->seen, c->n_seen, c->wanted, strlen(c->wanted));
}

/* What comes back of the bulk is exactly that. */
static void client_compare(struct client *c, const char *p, size_t n)
{
	if (n > BULK_BYTES - c->echoed || memcmp(p, c->bulk + c->echoed, n))
		give_up("other bytes", c);
	c->echoed += n;
}

static void client_see(struct client *c, const char *p, size_t n)
{
	size_t some = MIN(n, sizeof(c->seen) - c->n_seen);
	char *end;

	if (c->bulk && c->echoed) {
		client_compare(c, p, n);
		return;
	}
	memcpy(c->seen + c->n_seen, p, some);
	c->n_seen += some;
	if (!c->bulk)
		return;
	end = memmem(c->seen, c->n_seen, c->wanted, strlen(c->wanted));
	if (!end)
		return;
	end += strlen(c->wanted);
	if (end == c->seen + c->n_seen)
		return; /* the bulk has not begun */
	client_compare(c, end, (size_t)(c->seen + c->n_seen - end));
}

/* A piece of what is left. False: the other side is gone. */
static bool client_send(struct client *c)
{
	size_t left = c->len - c->at;
	const char *p = c->script + c->at;
	ssize_t n;

	if (!left && c->bulk && c->bulk_at < BULK_BYTES) {
		p = c->bulk + c->bulk_at;
		left = BULK_BYTES - c->bulk_at;
		n = send(c->fd, p, MIN(left, (size_t)below(65536) + 1), MSG_NOSIGNAL);
		c->bulk_at += n > 0 ? (size_t)n : 0;
	} else if (left) {
		n = send(c->fd, p, below(3) ? 1 + below((uint32_t)MIN(left, 16u)) : left,
			MSG_NOSIGNAL);
		c->at += n > 0 ? (size_t)n : 0;
	} else {
		return true;
	}
	return n >= 0 || errno == EAGAIN;
}

static void client_turn(struct client *c)
{
	static char piece[65536];
	ssize_t n;
	bool alive = client_send(c);

	/* .seen has room for what comes before the bulk, and then for one piece */
	n = recv(c->fd, piece, 1 + below(c->bulk && !c->echoed ? 1024 : sizeof(piece)), 0);
	if (n > 0)
		client_see(c, piece, (size_t)n);
	if (c->wanted && client_satisfied(c)) {
		client_end(c);
		return;
	}
	if (c->wanted) {
		/* who refuses says so before it ends: nothing may be missing then */
		if (n == 0 || (n < 0 && errno != EAGAIN))
			give_up("ended without an answer", c);
		if (loop_now() > c->begun_ms + PATIENCE_MS)
			give_up("no answer", c);
		return;
	}
	if (!alive || n == 0 || (n < 0 && errno != EAGAIN) || below(60) == 0) {
		client_end(c);
	} else if (!c->shut && c->at == c->len && below(8) == 0) {
		c->shut = true;
		(void)shutdown(c->fd, SHUT_WR);
	}
}

/* ---- the whole ---- */

static unsigned descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/*
 * Every session has ended: what is left then is a leak. True: nothing. After a call that failed the proxy may
 * be waiting for a moment to try again: that takes time, however many rounds the machine makes of it.
 */
static bool is_empty(void)
{
	if (conn_total() || n_servers) {
		if (!emptying_since_ms)
			emptying_since_ms = loop_now();
		if (loop_now() > emptying_since_ms + PATIENCE_MS)
			give_up("connections are left of clients that have gone", NULL);
		return false;
	}
	emptying_since_ms = 0;
	if (descriptors() > base_descriptors + 2 * PIPES_KEPT)
		give_up("descriptors are left", NULL);
	return true;
}

static _Noreturn void report(void)
{
	printf("# %lu sessions, %lu of them unchanged", sessions_ended, sound);
	if (failing_one_in)
		printf(", %lu calls failed", failing_count);
	printf("; nothing is left\n");
	CHECK(failing_one_in ? failing_count > sessions_ended / failing_one_in
			     : sound > sessions_ended / 4 && sound < sessions_ended / 2);
	test_passed += !test_failed_checks;
	test_failed += test_failed_checks;
	printf("%s sessions\n", test_failed_checks ? "not ok" : "ok");
	exit(TEST_END());
}

static void turn(struct task *t)
{
	bool pause = sessions_begun >= sessions_wanted || sessions_begun % CHECK_EVERY == 0;

	failing_now = false;
	for (size_t i = 0; i < CLIENTS; i++)
		if (clients[i].fd >= 0)
			client_turn(&clients[i]);
	for (size_t i = 0; i < SERVERS_MAX && n_servers; i++)
		if (servers[i].fd >= 0)
			server_turn(&servers[i], !n_clients);
	if (pause && !n_clients && is_empty()) {
		if (sessions_ended >= sessions_wanted)
			report();
		pause = false;
	}
	for (size_t i = 0; i < CLIENTS && !pause; i++) {
		if (clients[i].fd >= 0)
			continue;
		client_begin(&clients[i]);
		pause = sessions_begun >= sessions_wanted || sessions_begun % CHECK_EVERY == 0;
	}
	loop_task(t);
	failing_now = true;
}

static void tell(enum msg_type type, void *m, size_t size, int fd)
{
	const char *why = "";

	*(struct msg_header *)m = (struct msg_header){(uint16_t)type, (uint16_t)size};
	if (setup_message(m, &fd, &why) < 0)
		give_up(why, NULL);
}
#define TELL(type, m) tell(type, &(m), sizeof((m)), -1)

/* As the supervisor hands it over: in a file of memory. */
static void tell_suffixes(void)
{
	static const struct table_row rows[] = {{"blue", "blue", 11081}, {"red", "red", 0}};
	static struct table table;
	size_t bytes = table_make(&table, rows, 2);
	struct msg_proxy_suffixes m = {.n = 2, .digest = 1};
	int fd = memfd_create("suffixes", MFD_CLOEXEC);

	if (fd < 0 || write(fd, &table, bytes) != (ssize_t)bytes)
		give_up("suffixes", NULL);
	tell(MSG_PROXY_SUFFIXES, &m, sizeof(m), fd);
	close(fd);
}

static void configure(void)
{
	static union msg any;
	struct msg_generation generation = {.generation = 1};
	struct prefix all = {.addr = {.family = 4}};

	TELL(MSG_BEGIN, generation);
	any.proxy_config = (struct msg_proxy_config){.connect_timeout_s = 30,
		.idle_timeout_s = 600,
		.half_close_timeout_s = 600,
		.max_clients = 65536,
		.max_clients_per_address = 65536,
		.greeting_timeout_s = 600,
		.has_ipv6 = 1};
	TELL(MSG_PROXY_CONFIG, any.proxy_config);
	any.host = (struct msg_host){.name = "grafana", .addr = addr_v4(0x0a090002)};
	TELL(MSG_PROXY_HOST, any.host);
	any.proxy_suffix = (struct msg_proxy_suffix){.suffix = "red"};
	TELL(MSG_PROXY_SUFFIX, any.proxy_suffix);
	tell_suffixes();
	any.proxy_route = (struct msg_proxy_route){.public_key = {1}, .n = 2};
	(void)prefix_parse("10.9.0.0/16", &any.proxy_route.prefixes[0]);
	(void)prefix_parse("fd09::/64", &any.proxy_route.prefixes[1]);
	TELL(MSG_PROXY_ROUTE, any.proxy_route);
	any.prefixes = (struct msg_prefixes){.n = 1, .prefixes = {all}};
	TELL(MSG_PROXY_ALLOW, any.prefixes);
	TELL(MSG_COMMIT, generation);
	peers_get((uint32_t)peers_find((const uint8_t[WG_KEY]){1}))->state = PEER_UP;
}

int main(void)
{
	static struct task actors = {.run = turn};
	const char *wanted = getenv("SESSIONS"), *failing = getenv("FAILING");

	sessions_wanted = wanted ? strtoul(wanted, NULL, 10) : 20000;
	log_set_level(LOG_CRIT);
	for (size_t i = 0; i < CLIENTS; i++)
		clients[i].fd = -1;
	for (size_t i = 0; i < SERVERS_MAX; i++)
		servers[i].fd = -1;
	if (loop_open() < 0 || ask_open(false) < 0)
		give_up("no loop", NULL);
	configure();
	failing_one_in = failing ? (uint32_t)strtoul(failing, NULL, 10) : 0;
	base_descriptors = descriptors();
	loop_task(&actors);
	(void)loop_run();
	return 1;
}
