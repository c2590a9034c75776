// SPDX-License-Identifier: MIT
// Whole lines of tsgwctl against a supervisor played by a child process: output and exit codes.
//
//	RUN/front.sock, RUN/red/control.sock,
//	RUN/old/control.sock                     the player (red is up, old is down)
//	RUN/dead/control.sock                    a socket that nobody serves
//	TMP/tsgw.ini                             red, blue, dead; broken has no wg file
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "config/config.h"
#include "ctl/command.h"
#include "test.h"

#define WORDS_MAX 16

static char tmp[] = "/tmp/tsgwctl-test-XXXXXX";
static char out[65536], err[8192];
static FILE *input; /* of the next lines, NULL = the test's own */
static uint16_t socks_port;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static const char *in_tmp(const char *file)
{
	static char path[4][128];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", tmp, file);
	return path[turn];
}

static int listen_on(const char *file)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/%s", tmp, file);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0 && listen(fd, 8) == 0,
		file);
	return fd;
}

/* ---- the player ---- */

static void say(int fd, void *record, enum control_record kind, size_t size)
{
	struct control_header *h = record;

	*h = (struct control_header){(uint16_t)kind, (uint16_t)size};
	(void)!send(fd, record, size, MSG_NOSIGNAL);
}

static void say_end(int fd, int code, const char *text)
{
	struct control_end end = {.code = code};

	snprintf(end.text, sizeof(end.text), "%s", text);
	say(fd, &end, CONTROL_END, sizeof(end));
}

static void say_text(int fd, enum control_record kind, const char *text)
{
	struct control_text t = {0};

	snprintf(t.text, sizeof(t.text), "%s", text);
	say(fd, &t, kind, sizeof(t));
}

static void play_status(int fd)
{
	struct control_tailnet red = {.name = "red",
		.link = "tsgw-red",
		.state = TAILNET_UP,
		.port = 11080,
		.has_counters = 1,
		.has_uptime = 1,
		.peers = 2,
		.peers_up = 1,
		.clients = 3,
		.rx_bytes = 1200000000,
		.tx_bytes = 80000000,
		.uptime_s = 187200,
		.pid_wg = 11,
		.pid_proxy = 12,
		.n_addresses = 1,
		.n_listen = 1};
	struct control_tailnet old = {.name = "old",
		.link = "tsgw-old",
		.state = TAILNET_DOWN,
		.reason = "removed \033[2J"};

	old.n_listen = 1;
	hostport_parse("127.0.0.1:1", &old.listen[0]);
	old.listen[0].port = socks_port;
	addr_parse("10.77.0.9", &red.addresses[0]);
	hostport_parse("127.0.0.1:11080", &red.listen[0]);
	addr_parse("10.200.0.1", &red.veth_host);
	addr_parse("10.200.0.2", &red.veth_ns);
	say(fd, &red, CONTROL_TAILNET, sizeof(red));
	say(fd, &old, CONTROL_TAILNET, sizeof(old));
}

static void play_peers(int fd)
{
	struct control_peer p = {.state = PEER_UP,
		.rx_bytes = 5,
		.n_allowed = 5,
		.n_shown = 4,
		.persistent_keepalive_s = 25};

	hostport_parse("192.0.2.1:51820", &p.endpoint);
	strcpy(p.endpoint_name, "wg.example.org");
	for (size_t i = 0; i < 4; i++)
		prefix_parse("10.100.0.0/16", &p.allowed[i]);
	say(fd, &p, CONTROL_PEER, sizeof(p));
}

static void play(int fd, const struct control_request *q)
{
	switch (q->verb) {
	case CONTROL_STATUS:
		play_status(fd);
		say_end(fd, 0, "");
		break;
	case CONTROL_PEERS:
		play_peers(fd);
		say_end(fd, 0, "");
		break;
	case CONTROL_RELOAD:
		say_text(fd, CONTROL_STEP, q->dry_run ? "would change red" : "change red");
		if (!q->dry_run)
			say_text(fd, CONTROL_PROBLEM, "tsgw.ini:3: [gateway] x: unknown key");
		say_end(fd, q->dry_run ? 0 : 1, q->dry_run ? "" : "nothing was changed");
		break;
	case CONTROL_UP:
		say_end(fd, 1, "red is failed: no /dev/net/tun");
		break;
	case CONTROL_DOWN:
		say_end(fd, strcmp(q->name, "red") ? 1 : 0, "");
		break;
	case CONTROL_WAIT:
		say_end(fd, q->state == TAILNET_UP ? 0 : 1,
			q->state == TAILNET_UP ? "" : "red is up");
		break;
	case CONTROL_RESTART: /* hangs up */
		break;
	}
}

static void player(struct pollfd *sockets, nfds_t n)
{
	while (poll(sockets, n, -1) > 0) {
		for (nfds_t i = 0; i < n; i++) {
			struct control_request q;
			int fd;

			if (!sockets[i].revents)
				continue;
			fd = accept(sockets[i].fd, NULL, NULL);
			if (fd >= 0 && recv(fd, &q, sizeof(q), 0) == sizeof(q) &&
				q.magic == CONTROL_MAGIC && q.version == CONTROL_VERSION)
				play(fd, &q);
			close(fd);
		}
	}
	_exit(1);
}

/* A listener that admits one CONNECT, reads to the end of file and only then answers: who cannot
 * close one half gets nothing. */
static void socks_player(int listener)
{
	static const uint8_t hello[] = {5, 0}, yes[] = {5, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	uint8_t request[3 + 4 + 4 + 2];
	char buf[4096], answer[64];
	size_t sum = 0;
	ssize_t n;
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		(void)!recv(fd, request, 3, MSG_WAITALL);
		(void)!send(fd, hello, sizeof(hello), MSG_NOSIGNAL);
		(void)!recv(fd, request, sizeof(request) - 3, MSG_WAITALL);
		(void)!send(fd, yes, sizeof(yes), MSG_NOSIGNAL);
		while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
			sum += (size_t)n;
		snprintf(answer, sizeof(answer), "%zu bytes\n", sum);
		(void)!send(fd, answer, strlen(answer), MSG_NOSIGNAL);
		close(fd);
	}
	_exit(1);
}

static int listen_tcp(uint16_t *ret_port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0 && bind(fd, (struct sockaddr *)&in, len) == 0 && listen(fd, 8) == 0 &&
			getsockname(fd, (struct sockaddr *)&in, &len) == 0,
		"listener");
	*ret_port = ntohs(in.sin_port);
	return fd;
}

/* ---- the lines ---- */

static void read_back(FILE *f, char *buf, size_t size)
{
	rewind(f);
	buf[fread(buf, 1, size - 1, f)] = '\0';
	fclose(f);
}

/* Runs "tsgwctl LINE --config TMP/tsgw.ini --run-dir TMP/run" in a child: exit code, out and
 * err. */
static int ctl(const char *line)
{
	FILE *o = tmpfile(), *e = tmpfile();
	char buf[512], *words[WORDS_MAX + 1] = {"tsgwctl"};
	int n = 1, status = -1;
	pid_t pid;

	snprintf(buf, sizeof(buf), "--config %s --run-dir %s %s", in_tmp("tsgw.ini"), in_tmp("run"),
		line);
	for (char *w = strtok(buf, " "); w && n < WORDS_MAX; w = strtok(NULL, " "))
		words[n++] = w;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (input) {
			rewind(input);
			dup2(fileno(input), STDIN_FILENO);
		}
		dup2(fileno(o), STDOUT_FILENO);
		dup2(fileno(e), STDERR_FILENO);
		n = command_main(n, words);
		fflush(stdout);
		_exit(n);
	}
	waitpid(pid, &status, 0);
	read_back(o, out, sizeof(out));
	read_back(e, err, sizeof(err));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool has_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n';
}

/* The port of the played listener is another one in each run, but always of five digits. */
static void hide_port(void)
{
	char text[16];
	char *at;

	snprintf(text, sizeof(text), ":%u ", socks_port);
	at = strstr(out, text);
	if (at)
		memcpy(at, ":PORT ", 6);
}

static void list_is_aligned(void)
{
	static const char *const lines[] = {
		"NAME    STATE  ENGINE     ADDRESS    LISTEN           SUFFIX  PEERS  CLIENTS  RX  "
		"    TX     UP",
		"red     up     wireguard  10.77.0.9  127.0.0.1:11080  red,r   1/2    3        1.2 "
		"GB  80 MB  2d 4h",
		"blue    down   wireguard  10.77.0.2  -                blue    -      -        -   "
		"    -      -",
		"dead    down   wireguard  10.77.0.2  -                dead    -      -        -   "
		"    -      -",
		"broken  down   wireguard  -          -                broken  -      -        -   "
		"    -      -",
		"old     down   wireguard  -          127.0.0.1:PORT   -       -      -        -   "
		"    -      -",
	};

	CHECK_EQ(ctl("list"), 0);
	hide_port();
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		CHECK(has_line(out, lines[i]));
	CHECK_STR(err, "");
}

static json_t *entry(json_t *list, const char *name)
{
	size_t i;
	json_t *e;

	json_array_foreach(list, i,
		e) if (!strcmp(json_string_value(json_object_get(e, "name")), name)) return e;
	return NULL;
}

static const char *text_of(json_t *e, const char *key)
{
	const char *s = json_string_value(json_object_get(e, key));

	return s ? s : "(no string)";
}

static void list_json_has_the_fields(void)
{
	static const char *const keys[] = {"name", "state", "engine", "suffix", "port", "netns",
		"link", "addresses", "listen", "peers", "peers_up", "clients", "rx_bytes",
		"tx_bytes", "uptime_s", "reason"};
	json_t *j, *e;

	CHECK_EQ(ctl("list --json"), 0);
	j = json_loads(out, 0, NULL);
	CHECK_EQ(json_array_size(j), 5);
	for (size_t i = 0; i < json_array_size(j); i++)
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			CHECK(json_object_get(json_array_get(j, i), keys[k]));
	e = entry(j, "red");
	CHECK_STR(text_of(e, "state"), "up");
	CHECK_STR(text_of(e, "suffix"), "red");
	CHECK_STR(text_of(e, "netns"), "tsgw-red");
	CHECK_STR(json_string_value(json_array_get(json_object_get(e, "listen"), 0)),
		"127.0.0.1:11080");
	CHECK_EQ(json_integer_value(json_object_get(e, "rx_bytes")), 1200000000);
	CHECK_EQ(json_integer_value(json_object_get(e, "peers_up")), 1);
	e = entry(j, "blue");
	CHECK_STR(text_of(e, "reason"), "not started: no supervisor runs it");
	CHECK(json_is_null(json_object_get(e, "rx_bytes")));
	CHECK(json_is_null(json_object_get(e, "peers")));
	CHECK_EQ(json_integer_value(json_object_get(e, "port")), 11081);
	CHECK(strstr(text_of(entry(j, "broken"), "reason"), "missing.conf"));
	CHECK_STR(text_of(entry(j, "old"), "reason"), "removed ?[2J");
	CHECK(json_is_null(json_object_get(entry(j, "old"), "suffix")));
	json_decref(j);
}

static void status_of_one_and_all(void)
{
	json_t *j, *list;

	CHECK_EQ(ctl("status red"), 0);
	CHECK(has_line(out, "red: up for 2d 4h"));
	CHECK(strstr(out, "1 of 2 up"));
	CHECK(strstr(out, "wg show tsgw-red"));
	CHECK(!strstr(out, "old"));
	CHECK_EQ(ctl("status --json"), 0);
	j = json_loads(out, 0, NULL);
	list = json_object_get(j, "tailnets");
	CHECK_STR(text_of(j, "version"), TSGW_VERSION);
	CHECK_EQ(json_array_size(list), 5);
	CHECK(json_is_true(json_object_get(entry(list, "red"), "enabled")));
	CHECK_EQ(json_integer_value(json_object_get(entry(list, "red"), "pid_proxy")), 12);
	CHECK_STR(text_of(entry(list, "red"), "veth_ns"), "10.200.0.2");
	json_decref(j);
	CHECK_EQ(ctl("status red --json"), 0);
	j = json_loads(out, 0, NULL);
	CHECK_EQ(json_array_size(json_object_get(j, "tailnets")), 1);
	json_decref(j);
}

static void peers_and_addresses(void)
{
	json_t *j;

	CHECK_EQ(ctl("peers red"), 0);
	CHECK(strstr(out, "192.0.2.1:51820 (wg.example.org)  up     never"));
	CHECK(strstr(out, "10.100.0.0/16,10.100.0.0/16,10.100.0.0/16,+2\n"));
	CHECK_EQ(ctl("peers red --json"), 0);
	j = json_loads(out, 0, NULL);
	CHECK_EQ(json_array_size(json_object_get(json_array_get(j, 0), "allowed_ips")), 4);
	CHECK_EQ(json_integer_value(json_object_get(json_array_get(j, 0), "allowed_ips_total")), 5);
	CHECK(json_is_null(json_object_get(json_array_get(j, 0), "last_handshake")));
	json_decref(j);
	CHECK_EQ(ctl("ip red"), 0);
	CHECK_STR(out, "10.77.0.9\n");
	CHECK_EQ(ctl("ip old"), 1);
	CHECK(strstr(err, "old: it has no address yet"));
}

static void acts(void)
{
	CHECK_EQ(ctl("down red"), 0);
	CHECK_STR(out, "");
	CHECK_EQ(ctl("up red"), 1);
	CHECK_STR(err, "tsgwctl: red is failed: no /dev/net/tun\n");
	CHECK_EQ(ctl("wait red --for=up --timeout=3"), 0);
	CHECK_EQ(ctl("wait red --for=failed --timeout=0"), 1);
	CHECK_STR(err, "tsgwctl: red is up\n");
	CHECK_EQ(ctl("restart red"), 1);
	CHECK(strstr(err, "hung up"));
	CHECK_EQ(ctl("reload --dry-run"), 0);
	CHECK_STR(out, "would change red\n"); /* one supervisor with three sockets is asked once */
	CHECK_EQ(ctl("reload"), 1);
	CHECK_STR(out, "change red\n");
	CHECK_STR(err, "tsgw.ini:3: [gateway] x: unknown key\ntsgwctl: nothing was changed\n");
	CHECK_EQ(ctl("reload --json"), 1);
	CHECK(strstr(out, "\"ok\": false"));
}

static void nc_closes_one_half(void)
{
	static char block[100000];
	const char *yes = "100000 bytes\n";

	input = tmpfile();
	must(input && fwrite(block, sizeof(block), 1, input) == 1 && fflush(input) == 0, "input");
	CHECK_EQ(ctl("nc old 10.100.10.141 22"), 0);
	CHECK_STR(out, yes);
	CHECK_STR(err, "");
	fclose(input);
	input = NULL;
}

static void exit_codes(void)
{
	CHECK_EQ(ctl(""), 2);
	CHECK_STR(out, "");
	CHECK_EQ(ctl("--help"), 0);
	CHECK_EQ(ctl("--version"), 0);
	CHECK_STR(out, "tsgwctl " TSGW_VERSION "\n");
	CHECK_EQ(ctl("doctor --any thing"), 2);
	CHECK_STR(err, "tsgwctl: no option \"--any\"\n");
	CHECK_EQ(ctl("up redd"), 3);
	CHECK(strstr(err, "redd: no such tailnet"));
	CHECK(strstr(err, "did you mean red?"));
	CHECK_EQ(ctl("up ../red"), 3);
	CHECK_EQ(ctl("peers blue"), 4); /* configured, no socket */
	CHECK(strstr(err, "blue: its supervisor is not running"));
	CHECK_EQ(ctl("peers broken"), 4);
	CHECK(strstr(err, "broken: its supervisor is not running: "));
	CHECK(strstr(err, "missing.conf"));
	CHECK_EQ(ctl("status dead"), 4); /* a socket that nobody serves */
	CHECK_EQ(ctl("up blue"), 4);
	CHECK_EQ(ctl("down blue"), 4);
	CHECK_EQ(ctl("wait blue --for=up"), 4);
	CHECK_EQ(ctl("wait blue --for=down"), 0);
	CHECK_EQ(ctl("exec nosuch -- true"), geteuid() ? 1 : 3);
	CHECK_EQ(ctl("nc red host 0"), 2);
	CHECK_EQ(ctl("nc nosuch host 22"), 3);
}

static void without_any_supervisor(void)
{
	CHECK_EQ(ctl("list --run-dir /nonexistent"), 0);
	CHECK(strstr(out, "red     down"));
	CHECK_EQ(ctl("status --run-dir /nonexistent"), 4);
	CHECK_EQ(ctl("reload --run-dir /nonexistent"), 4);
	CHECK_EQ(ctl("list --config /nonexistent"), 1);
	CHECK(strstr(out, "red"));
	CHECK(strstr(err, "/nonexistent"));
}

static void write_file(const char *file, const char *text)
{
	must(file_write_atomic(in_tmp(file), text, strlen(text), 0600) == 0, file);
}

static void set_up(void)
{
	static const char *const dirs[] = {
		"run", "run/red", "run/old", "run/dead", "run/not_a_name"};

	must(mkdtemp(tmp), "mkdtemp");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		must(mkdir(in_tmp(dirs[i]), 0700) == 0, dirs[i]);
	write_file("wg.conf",
		"[Interface]\nPrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n"
		"Address = 10.77.0.2/24\n");
	write_file("tsgw.ini",
		"[gateway]\nprimary = 127.0.0.1\n"
		"[tailnet red]\nengine = wireguard\nport = 11080\nsuffix = red, r\n"
		"wg-config = wg.conf\n"
		"[tailnet blue]\nengine = wireguard\nport = 11081\nwg-config = wg.conf\n"
		"[tailnet dead]\nengine = wireguard\nport = 11083\nwg-config = wg.conf\n"
		"[tailnet broken]\nengine = wireguard\nport = 11082\n"
		"wg-config = missing.conf\n");
}

static void clean_up(void)
{
	static const char *const files[] = {"run/front.sock", "run/red/control.sock",
		"run/old/control.sock", "run/dead/control.sock", "run/red", "run/old", "run/dead",
		"run/not_a_name", "run", "wg.conf", "tsgw.ini", ""};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		must(remove(in_tmp(files[i])) == 0, files[i]);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	struct pollfd sockets[3] = {0};
	pid_t pid, socks_pid;
	int tcp;

	set_up();
	tcp = listen_tcp(&socks_port);
	socks_pid = fork();
	if (socks_pid == 0)
		socks_player(tcp);
	close(tcp);
	sockets[0] = (struct pollfd){.fd = listen_on("run/front.sock"), .events = POLLIN};
	sockets[1] = (struct pollfd){.fd = listen_on("run/red/control.sock"), .events = POLLIN};
	sockets[2] = (struct pollfd){.fd = listen_on("run/old/control.sock"), .events = POLLIN};
	close(listen_on("run/dead/control.sock"));
	pid = fork();
	if (pid == 0)
		player(sockets, 3);
	for (size_t i = 0; i < 3; i++)
		close(sockets[i].fd);
	RUN(list_is_aligned);
	RUN(list_json_has_the_fields);
	RUN(status_of_one_and_all);
	RUN(peers_and_addresses);
	RUN(acts);
	RUN(nc_closes_one_half);
	RUN(exit_codes);
	RUN(without_any_supervisor);
	end(pid);
	end(socks_pid);
	clean_up();
	return TEST_END();
}
