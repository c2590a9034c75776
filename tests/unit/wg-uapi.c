// SPDX-License-Identifier: MIT
// wg(8)'s protocol: the parser, requests that change all or nothing, and clients of every kind.
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "wg/device.h"
#include "wg/state.h"
#include "wg/uapi.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0a"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0b"
#define ZERO  "0000000000000000000000000000000000000000000000000000000000000000"
#define PRIV  "4011111111111111111111111111111111111111111111111111111111111140"

/* ---- a server on a socket of its own ---- */

static struct device *device;
static struct uapi *uapi;
static struct sockaddr_un at;
static socklen_t at_len;
static int want_result; /* what the owner of the sockets answers */
static unsigned wanted;
static uint16_t wanted_port;
static uint32_t wanted_mark;

static int want_sockets(void *owner, uint16_t port, uint32_t mark)
{
	wanted++;
	wanted_port = port;
	wanted_mark = mark;
	if (want_result == 0)
		device_sockets_changed(device, port ? port : 4444, mark);
	return want_result;
}
static void peer_state(void *owner, const uint8_t public_key[32], uint32_t state)
{
}
static const struct device_ops ops = {.want_sockets = want_sockets, .peer_state = peer_state};

static void start(void)
{
	static struct wg_stats *stats;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	free(stats);
	stats = calloc(1, sizeof(*stats));
	want_result = 0;
	wanted = 0;
	CHECK_EQ(device_new(stats, &device), 0);
	device_set_ops(device, &ops, NULL);
	at = (struct sockaddr_un){.sun_family = AF_UNIX};
	CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof(sa_family_t)), 0); /* an abstract name */
	at_len = sizeof(at);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&at, &at_len), 0);
	CHECK_EQ(listen(fd, 64), 0);
	CHECK_EQ(uapi_new(device, fd, &uapi), 0);
}

static void stop(void)
{
	uapi_free(uapi);
	device_free(device);
}

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_EQ(connect(fd, (struct sockaddr *)&at, at_len), 0);
	return fd;
}

static void turn(void)
{
	uapi_dispatch(uapi, clock_now_ms());
}

/* Reads until the blank line, turning the server. Fresh memory, "" if the connection ended. */
static char *answer(int fd)
{
	size_t len = 0, size = 1 << 16;
	char *text = malloc(size);

	for (int idle = 0; idle < 1000;) {
		ssize_t n;

		turn();
		n = recv(fd, text + len, size - len - 1, MSG_DONTWAIT);
		if (n == 0)
			break;
		if (n < 0) {
			struct pollfd p = {.fd = fd, .events = POLLIN};

			idle++;
			(void)poll(&p, 1, 1);
			continue;
		}
		idle = 0;
		len += (size_t)n;
		if (len >= 2 && !memcmp(text + len - 2, "\n\n", 2))
			break;
		if (size - len < 4096)
			text = realloc(text, size *= 2);
	}
	text[len] = 0;
	return text;
}

static char *ask(const char *request)
{
	int fd = dial();
	char *text;

	turn();
	CHECK_EQ(fd_write_all(fd, request, strlen(request)), 0);
	text = answer(fd);
	close(fd);
	turn();
	return text;
}

static void expect(const char *request, const char *wanted_answer)
{
	char *text = ask(request);

	CHECK_STR(text, wanted_answer);
	free(text);
}

#define OK "errno=0\n\n"

/* ---- the parser ---- */

static int parse(const char *text, size_t step, unsigned *ret_ops)
{
	struct uapi_cursor c = {0};
	struct uapi_request r;
	struct uapi_op op;
	size_t len = strlen(text);
	int result;

	uapi_request_init(&r);
	for (size_t i = 0; i < len && r.state == UAPI_READING; i += step)
		uapi_request_feed(&r, text + i, step < len - i ? step : len - i);
	result = r.state == UAPI_BAD ? r.error : (int)r.state;
	*ret_ops = 0;
	for (uapi_request_next(&r, &c, &op); op.type != UAPI_END; uapi_request_next(&r, &c, &op))
		(*ret_ops)++;
	uapi_request_free(&r);
	return result;
}

static const char full[] =
	"set=1\nprivate_key=" PRIV "\nlisten_port=51820\nfwmark=4294967295\nreplace_peers=true\n"
	"public_key=" KEY_A "\nupdate_only=true\npreshared_key=" KEY_B "\n"
	"endpoint=192.0.2.1:65535\npersistent_keepalive_interval=25\nreplace_allowed_ips=true\n"
	"allowed_ip=10.0.0.1/8\nallowed_ip=fd00::1/64\nallowed_ip=-0.0.0.0/0\nprotocol_version=1\n"
	"public_key=" KEY_B "\nremove=true\nendpoint=[2001:db8::1]:1\nendpoint=[fe80::1%7]:1\n\n";

static void writes_split_at_every_byte(void)
{
	unsigned n;

	for (size_t step = 1; step <= sizeof(full); step++) {
		CHECK_EQ(parse(full, step, &n), UAPI_SET);
		CHECK_EQ(n, 15);
	}
	for (size_t cut = 0; cut < sizeof(full) - 1; cut++) {
		char part[sizeof(full)];

		memcpy(part, full, cut);
		part[cut] = 0;
		CHECK_EQ(parse(part, 7, &n), UAPI_READING);
	}
}

static void operations_come_back(void)
{
	struct uapi_cursor c = {0};
	struct uapi_request r;
	struct uapi_op op;
	static const enum uapi_op_type types[] = {UAPI_PRIVATE_KEY, UAPI_LISTEN_PORT, UAPI_FWMARK,
		UAPI_REPLACE_PEERS, UAPI_PEER, UAPI_PRESHARED_KEY, UAPI_ENDPOINT, UAPI_KEEPALIVE,
		UAPI_REPLACE_ALLOWED, UAPI_ALLOWED, UAPI_ALLOWED, UAPI_UNALLOWED, UAPI_PEER,
		UAPI_ENDPOINT, UAPI_ENDPOINT};

	uapi_request_init(&r);
	CHECK(uapi_request_is_empty(&r));
	CHECK_EQ(uapi_request_feed(&r, full, sizeof(full) - 1), sizeof(full) - 1);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		uapi_request_next(&r, &c, &op);
		CHECK_EQ(op.type, types[i]);
		if (i == 1)
			CHECK_EQ(op.number, 51820);
		if (i == 2)
			CHECK_EQ(op.mark, UINT32_MAX);
		if (i == 4)
			CHECK(op.update_only && !op.remove && op.key[0] == 0xaa &&
				op.key[31] == 0x0a);
		if (i == 6)
			CHECK(op.endpoint.port == 65535 && op.endpoint.addr.bytes[0] == 192);
		if (i == 9)
			CHECK(op.prefix.len == 8 && op.prefix.addr.bytes[3] == 0);
		if (i == 10)
			CHECK(op.prefix.len == 64 && op.prefix.addr.family == 6);
		if (i == 12)
			CHECK(op.remove && !op.update_only);
		if (i == 14)
			CHECK_EQ(op.endpoint.scope_id, 7);
	}
	uapi_request_next(&r, &c, &op);
	CHECK_EQ(op.type, UAPI_END);
	uapi_request_next(&r, &c, &op);
	CHECK_EQ(op.type, UAPI_END);
	uapi_request_free(&r);
	CHECK(uapi_request_is_empty(&r));
}

static void bad_requests(void)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{"\n", -EINVAL},
		{"foo\n\n", -EINVAL},
		{"get=2\n\n", -EINVAL},
		{"get=1\nlisten_port=1\n\n", -EINVAL},
		{"set=1\nset=1\n\n", -EINVAL},
		{"set=1\nnonsense=1\n\n", -EINVAL},
		{"set=1\nlisten_port\n\n", -EINVAL},
		{"set=1\n=\n\n", -EINVAL},
		{"set=1\nlisten_port=\n\n", -EINVAL},
		{"set=1\nlisten_port=65536\n\n", -EINVAL},
		{"set=1\nlisten_port=-1\n\n", -EINVAL},
		{"set=1\nlisten_port= 1\n\n", -EINVAL},
		{"set=1\nlisten_port=0x10\n\n", -EINVAL},
		{"set=1\nfwmark=4294967296\n\n", -EINVAL},
		{"set=1\nprivate_key=11\n\n", -EINVAL},
		{"set=1\nprivate_key=" KEY_A "0\n\n", -EINVAL},
		{"set=1\nprivate_key=g" KEY_A "\n\n", -EINVAL},
		{"set=1\nreplace_peers=false\n\n", -EINVAL},
		{"set=1\nendpoint=1.2.3.4:5\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nlisten_port=1\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nremove=false\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nendpoint=1.2.3.4\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nendpoint=1.2.3.4:0\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nendpoint=1.2.3.4:65536\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nendpoint=[fe80::1%sixteen-letters_]:1\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nendpoint=[fe80::1%0]:1\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nendpoint=[fe80::1%2147483648]:1\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nendpoint=[1.2.3.4%eth0]:1\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nendpoint=[fe80::1%]:1\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nendpoint=%]:1\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nallowed_ip=1.2.3.4/33\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nallowed_ip=--1.2.3.4/3\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nallowed_ip=+1.2.3.4/3\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nallowed_ip=::/129\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nallowed_ip=\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\npersistent_keepalive_interval=65536\n\n", -EINVAL},
		{"set=1\npublic_key=" KEY_A "\nprotocol_version=2\n\n", -EPROTONOSUPPORT},
		{"set=1\r\n\r\n\n", -EINVAL},
	};
	unsigned n;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t step = 1; step < 100; step += 13)
			CHECK_EQ(parse(cases[i].text, step, &n), cases[i].error);
}

static void long_lines_and_zeros(void)
{
	char text[700] = "set=1\nlisten_port=1";
	struct uapi_request r;
	unsigned n;

	memset(text + strlen(text), '0', 600);
	strcat(text, "\n\n");
	CHECK_EQ(parse(text, 5, &n), -EINVAL);
	uapi_request_init(&r);
	CHECK_EQ(uapi_request_feed(&r, "set=1\nlisten_port=1\0002\n\nrest", 27), 23);
	CHECK_EQ(r.state, UAPI_BAD);
	uapi_request_free(&r);
}

/* ---- get and set ---- */

static int the_only_interface(void *owner, const char *name)
{
	return strcmp(name, "fifteen-letters") ? -ENODEV : 77;
}

/* wg(8) tells the names of interfaces, and takes their numbers. */
static void zones_are_names_or_numbers(void)
{
	static const struct device_wires wires = {.interface_index = the_only_interface};
	static const char before[] = "public_key=" KEY_A "\npreshared_key=" ZERO
				     "\nprotocol_version=1\nendpoint=[fe80::1%77]:9\n";
	char *text;

	start();
	expect("set=1\npublic_key=" KEY_A "\nendpoint=[fe80::1%eth0]:9\n\n", "errno=-19\n\n");
	device->wires = &wires;
	expect("set=1\npublic_key=" KEY_A "\nendpoint=[fe80::1%fifteen-letters]:9\n\n", OK);
	expect("set=1\nreplace_peers=true\npublic_key=" KEY_B "\npublic_key=" KEY_A
	       "\nendpoint=[fe80::2%eth0]:9\nendpoint=[fe80::2%fifteen-letters]:9\n\n",
		"errno=-19\n\n");
	text = ask("get=1\n\n");
	CHECK(!strncmp(text, before, strlen(before)));
	free(text);
	device->wires = NULL;
	stop();
}

static void get_shows_what_was_set(void)
{
	start();
	expect("get=1\n\n", OK);
	expect("set=1\nprivate_key=" PRIV "\nlisten_port=51820\nfwmark=77\npublic_key=" KEY_A
	       "\npreshared_key=" KEY_B "\nendpoint=192.0.2.1:5\npersistent_keepalive_interval=25\n"
	       "allowed_ip=10.9.8.7/8\nallowed_ip=fd00::1/128\npublic_key=" KEY_B
	       "\nendpoint=[2001:db8::1]:65535\n\n",
		OK);
	CHECK_EQ(wanted, 1);
	CHECK_EQ(wanted_port, 51820);
	CHECK_EQ(wanted_mark, 77);
	expect("get=1\n\n",
		"private_key=" PRIV "\nlisten_port=51820\nfwmark=77\n"
		"public_key=" KEY_A "\npreshared_key=" KEY_B "\nprotocol_version=1\n"
		"endpoint=192.0.2.1:5\nlast_handshake_time_sec=0\nlast_handshake_time_nsec=0\n"
		"tx_bytes=0\nrx_bytes=0\npersistent_keepalive_interval=25\n"
		"allowed_ip=fd00::1/128\nallowed_ip=10.0.0.0/8\n"
		"public_key=" KEY_B "\npreshared_key=" ZERO "\nprotocol_version=1\n"
		"endpoint=[2001:db8::1]:65535\nlast_handshake_time_sec=0\n"
		"last_handshake_time_nsec=0\ntx_bytes=0\nrx_bytes=0\n"
		"persistent_keepalive_interval=0\nerrno=0\n\n");
	expect("set=1\nlisten_port=51820\nfwmark=77\n\n", OK); /* nothing new */
	CHECK_EQ(wanted, 1);
	stop();
}

static unsigned count_peers(void)
{
	unsigned n = 0;

	for (struct peer *p = device_peer_next(device, NULL); p; p = device_peer_next(device, p))
		n++;
	return n;
}

static uint32_t count_allowed(uint8_t fill, uint8_t last)
{
	struct peer_info info;
	struct peer *p;
	uint8_t key[32];

	memset(key, fill, 32);
	key[31] = last;
	p = device_peer_get(device, key);
	if (!p)
		return UINT32_MAX;
	device_peer_info(device, p, &info);
	return info.n_allowed;
}

static void peers_come_and_go(void)
{
	start();
	expect("set=1\npublic_key=" KEY_A "\nupdate_only=true\nallowed_ip=10.0.0.0/8\n\n", OK);
	CHECK_EQ(count_peers(), 0);
	expect("set=1\npublic_key=" KEY_A "\nremove=true\n\n", OK);
	CHECK_EQ(count_peers(), 0);
	expect("set=1\npublic_key=" KEY_A "\nallowed_ip=10.0.0.0/8\nallowed_ip=11.0.0.0/8\n"
	       "public_key=" KEY_B "\nallowed_ip=12.0.0.0/8\n\n",
		OK);
	CHECK_EQ(count_peers(), 2);
	expect("set=1\npublic_key=" KEY_B "\nupdate_only=true\nallowed_ip=11.0.0.0/8\n\n", OK);
	CHECK_EQ(count_allowed(0xaa, 0x0a), 1); /* moved */
	CHECK_EQ(count_allowed(0xbb, 0x0b), 2);
	expect("set=1\npublic_key=" KEY_B "\nallowed_ip=-11.0.0.0/8\nallowed_ip=-99.0.0.0/8\n\n",
		OK);
	CHECK_EQ(count_allowed(0xbb, 0x0b), 1);
	expect("set=1\npublic_key=" KEY_B "\nreplace_allowed_ips=true\n\n", OK);
	CHECK_EQ(count_allowed(0xbb, 0x0b), 0);
	expect("set=1\npublic_key=" KEY_A "\nremove=true\n\n", OK);
	CHECK_EQ(count_peers(), 1);
	expect("set=1\nreplace_peers=true\npublic_key=" KEY_A "\n\n", OK);
	CHECK_EQ(count_peers(), 1);
	CHECK_EQ(count_allowed(0xaa, 0x0a), 0);
	stop();
}

static void errors_change_nothing(void)
{
	start();
	expect("set=1\npublic_key=" KEY_A "\nallowed_ip=10.0.0.0/8\n\n", OK);
	expect("set=1\nreplace_peers=true\nprivate_key=" PRIV "\n\n", OK);
	expect("set=1\npublic_key=" KEY_A "\nallowed_ip=10.0.0.0/8\n\n", OK);
	expect("set=1\nlisten_port=9\nreplace_peers=true\nfwmark=1\nfoo=bar\nlisten_port=7\n\n",
		"errno=-22\n\n");
	expect("set=1\npublic_key=" KEY_A "\nremove=true\npublic_key=" KEY_B "\nallowed_ip=x\n\n",
		"errno=-22\n\n");
	CHECK_EQ(count_peers(), 1);
	CHECK_EQ(count_allowed(0xaa, 0x0a), 1);
	CHECK_EQ(wanted, 0);
	stop();
}

static void refused_sockets(void)
{
	start();
	want_result = -EADDRINUSE;
	expect("set=1\nlisten_port=9\npublic_key=" KEY_A "\n\n", "errno=-98\n\n");
	CHECK_EQ(count_peers(), 0);
	stop();
}

/* ---- sockets that come later ---- */

static void sockets_come_later(void)
{
	int a, b;
	char *text;

	start();
	want_result = -EINPROGRESS;
	a = dial();
	turn();
	fd_write_all(a, "set=1\nlisten_port=9\npublic_key=" KEY_A "\n\n", 6 + 14 + 76 + 1);
	turn();
	CHECK_EQ(wanted, 1);
	CHECK_EQ(count_peers(), 0);
	CHECK(uapi_deadline(uapi) <= clock_now_ms() + UAPI_SOCKETS_WAIT_MS);
	/* others go on meanwhile, but cannot ask for sockets */
	expect("get=1\n\n", OK);
	b = dial();
	turn();
	fd_write_all(b, "set=1\npublic_key=" KEY_B "\n\n", 6 + 76 + 1);
	turn();
	CHECK_EQ(count_peers(), 0); /* changes come one after the other */
	/* what was for another one, who has given up, is not for this one */
	uapi_sockets_answer(uapi, 8, 0, -EADDRINUSE);
	uapi_sockets_answer(uapi, 9, 1, 0);
	CHECK_EQ(count_peers(), 0);
	device_sockets_changed(device, 9, 0);
	uapi_sockets_answer(uapi, 9, 0, 0);
	text = answer(a);
	CHECK_STR(text, OK);
	free(text);
	text = answer(b);
	CHECK_STR(text, OK);
	free(text);
	CHECK_EQ(count_peers(), 2);
	close(a);
	close(b);
	turn();
	CHECK_EQ(uapi_deadline(uapi), UINT64_MAX);
	stop();
}

/* Who was told of a time-out has the old ones, also if the supervisor does it afterwards. */
static void late_sockets_are_taken_back(void)
{
	char *text;
	int a;

	start();
	device_sockets_changed(device, 4444, 5);
	want_result = -EINPROGRESS;
	a = dial();
	turn();
	fd_write_all(a, "set=1\nlisten_port=9\n\n", 6 + 14 + 1);
	turn();
	CHECK_EQ(wanted, 1);
	CHECK_EQ(wanted_port, 9);
	uapi_dispatch(uapi, clock_now_ms() + UAPI_SOCKETS_WAIT_MS + 1);
	text = answer(a);
	CHECK_STR(text, "errno=-110\n\n");
	free(text);
	CHECK_EQ(wanted, 1); /* the old ones are still in use: they cannot be bound anew */
	device_sockets_changed(device, 9, 5);
	uapi_sockets_answer(uapi, 9, 5, 0);
	CHECK_EQ(wanted, 2);
	CHECK_EQ(wanted_port, 4444);
	CHECK_EQ(wanted_mark, 5);
	uapi_sockets_answer(uapi, 9, 5, 0);
	CHECK_EQ(wanted, 2);
	close(a);
	turn();
	stop();
}

static void sockets_never_come(void)
{
	char *text;
	int a;

	start();
	want_result = -EINPROGRESS;
	a = dial();
	turn();
	fd_write_all(a, "set=1\nlisten_port=9\npublic_key=" KEY_A "\n\n", 6 + 14 + 76 + 1);
	turn();
	uapi_dispatch(uapi, clock_now_ms() + UAPI_SOCKETS_WAIT_MS + 1);
	text = answer(a);
	CHECK_STR(text, "errno=-110\n\n");
	free(text);
	CHECK_EQ(count_peers(), 0);
	uapi_sockets_answer(uapi, 9, 0, 0); /* too late: nobody waits */
	CHECK_EQ(count_peers(), 0);
	/* the client has gone before the answer */
	fd_write_all(a, "set=1\nlisten_port=10\n\n", 22);
	turn();
	close(a);
	turn();
	uapi_sockets_answer(uapi, 10, 0, -EACCES);
	turn();
	expect("get=1\n\n", OK);
	/* they cannot be had: what is wrong with them is the answer, and nothing has changed */
	a = dial();
	turn();
	fd_write_all(a, "set=1\nlisten_port=11\npublic_key=" KEY_A "\n\n", 6 + 15 + 76 + 1);
	turn();
	uapi_sockets_answer(uapi, 11, 0, -EADDRINUSE);
	text = answer(a);
	CHECK_STR(text, "errno=-98\n\n");
	free(text);
	CHECK_EQ(count_peers(), 0);
	close(a);
	turn();
	stop();
}

/* ---- clients ---- */

static void several_requests_on_one_connection(void)
{
	char *text;
	int fd;

	start();
	fd = dial();
	turn();
	fd_write_all(fd, "get=1\n\nfoo\n\nget=1\n\n", 19);
	text = answer(fd);
	if (strlen(text) < 30) {
		char *more = answer(fd);

		text = realloc(text, 200);
		strcat(text, more);
		free(more);
	}
	CHECK_STR(text, OK "errno=-22\n\n" OK);
	free(text);
	fd_write_all(fd, "get=1\n\n", 7);
	shutdown(fd, SHUT_WR); /* the answer still comes */
	text = answer(fd);
	CHECK_STR(text, OK);
	free(text);
	text = answer(fd);
	CHECK_STR(text, "");
	free(text);
	close(fd);
	stop();
}

static void many_clients(void)
{
	int fds[40];

	start();
	for (int i = 0; i < 40; i++) {
		fds[i] = dial();
		turn();
	}
	/* the last ones are served; the first ones, which were idle longest, had to go */
	for (int i = 40 - UAPI_CLIENTS_MAX; i < 40; i++) {
		char *text;

		fd_write_all(fds[i], "get=1\n\n", 7);
		text = answer(fds[i]);
		CHECK_STR(text, OK);
		free(text);
	}
	CHECK_EQ(recv(fds[0], (char[1]){0}, 1, MSG_DONTWAIT), 0);
	for (int i = 0; i < 40; i++)
		close(fds[i]);
	turn();
	stop();
}

/* All places are taken by clients in the middle of a request: a new one waits until one is cut off. */
static void stalled_clients_are_cut_off(void)
{
	int fds[UAPI_CLIENTS_MAX], late;
	char *text;

	start();
	for (int i = 0; i < UAPI_CLIENTS_MAX; i++) {
		fds[i] = dial();
		turn();
		fd_write_all(fds[i], "set=1\nlisten", 12);
		turn();
	}
	late = dial();
	fd_write_all(late, "get=1\n\n", 7);
	for (int i = 0; i < 5; i++)
		turn();
	CHECK_EQ(recv(late, (char[1]){0}, 1, MSG_DONTWAIT), -1);
	CHECK(uapi_deadline(uapi) <= clock_now_ms() + UAPI_STALL_MS);
	uapi_dispatch(uapi, clock_now_ms() + UAPI_STALL_MS + 1);
	CHECK_EQ(recv(fds[0], (char[1]){0}, 1, MSG_DONTWAIT), 0);
	text = answer(late);
	CHECK_STR(text, OK);
	free(text);
	for (int i = 0; i < UAPI_CLIENTS_MAX; i++)
		close(fds[i]);
	close(late);
	stop();
}

/* "set" with N allowed-ips, as wg(8) writes them. */
static char *large_request(unsigned n)
{
	char *text = malloc(200 + n * 40ul), *p = text;

	p += sprintf(
		p, "set=1\nreplace_peers=true\npublic_key=" KEY_A "\nreplace_allowed_ips=true\n");
	for (unsigned i = 0; i < n; i++)
		p += sprintf(p, "allowed_ip=%u.%u.%u.%u/32\n", 10 + (i >> 24), i >> 16 & 255,
			i >> 8 & 255, i & 255);
	strcpy(p, "\n");
	return text;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Sends while turning the server, as two processes would. */
static void send_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
		turn();
	}
}

static void many_allowed_ips(void)
{
	char *text = large_request(130560), *got;
	uint64_t start_ms;
	unsigned lines = 0;
	int fd;

	start();
	fd = dial();
	turn();
	start_ms = now_ms();
	send_all(fd, text);
	got = answer(fd);
	CHECK_STR(got, OK);
	free(got);
	CHECK_EQ(count_allowed(0xaa, 0x0a), 130560);
	fd_write_all(fd, "get=1\n\n", 7);
	got = answer(fd);
	for (char *p = got; *p; p++)
		lines += *p == '\n' && !strncmp(p + 1, "allowed_ip=", 11);
	CHECK_EQ(lines, 130560);
	printf("# set and get of 130560 allowed-ips: %llu ms of CPU\n",
		(unsigned long long)(now_ms() - start_ms));
	free(got);
	free(text);
	/* a client that never reads: cut off, and nobody else waits */
	fd_write_all(fd, "get=1\n\n", 7);
	turn();
	turn();
	got = ask("set=1\npublic_key=" KEY_B "\n\n");
	CHECK_STR(got, OK);
	free(got);
	uapi_dispatch(uapi, clock_now_ms() + UAPI_STALL_MS + 1);
	CHECK_EQ(uapi_deadline(uapi), UINT64_MAX);
	close(fd);
	stop();
}

static void limits(void)
{
	char *text = large_request(DEVICE_ALLOWED_MAX + 1), *got;
	char *peers = malloc(100 * (DEVICE_PEERS_MAX + 2)), *p = peers;
	int fd;

	start();
	expect("set=1\npublic_key=" KEY_B "\n\n", OK);
	fd = dial();
	turn();
	send_all(fd, text);
	got = answer(fd);
	CHECK_STR(got, "errno=-28\n\n");
	free(got);
	CHECK_EQ(count_peers(), 1);
	p += sprintf(p, "set=1\n");
	for (unsigned i = 0; i < DEVICE_PEERS_MAX; i++)
		p += sprintf(p, "public_key=%064x\n", i + 1);
	strcpy(p, "\n");
	send_all(fd, peers);
	got = answer(fd);
	CHECK_STR(got, "errno=-28\n\n");
	CHECK_EQ(count_peers(), 1);
	free(got);
	free(text);
	free(peers);
	close(fd);
	stop();
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	log_set_level(-1);
	signal(SIGPIPE, SIG_IGN);
	RUN(writes_split_at_every_byte);
	RUN(operations_come_back);
	RUN(bad_requests);
	RUN(long_lines_and_zeros);
	RUN(zones_are_names_or_numbers);
	RUN(get_shows_what_was_set);
	RUN(peers_come_and_go);
	RUN(errors_change_nothing);
	RUN(refused_sockets);
	RUN(sockets_come_later);
	RUN(late_sockets_are_taken_back);
	RUN(sockets_never_come);
	RUN(several_requests_on_one_connection);
	RUN(many_clients);
	RUN(stalled_clients_are_cut_off);
	RUN(many_allowed_ips);
	RUN(limits);
	return TEST_END();
}
