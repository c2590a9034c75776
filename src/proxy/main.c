// SPDX-License-Identifier: MIT
// tsgw-proxy: SOCKS and HTTP into one tailnet, from inside its network namespace.
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "ipc/ipc.h"
#include "ipc/worker.h"
#include "proxy/ask.h"
#include "proxy/assoc.h"
#include "proxy/conn.h"
#include "proxy/dial.h"
#include "proxy/fixed.h"
#include "proxy/listener.h"
#include "relay/again.h"
#include "relay/loop.h"
#include "proxy/peers.h"
#include "proxy/resolvesock.h"
#include "proxy/setup.h"
#include "proxy/trail.h"
#include "proxy/udppool.h"

static bool was_ready;

/* Because of ERROR (-errno), which WHY (may be NULL) says in other words. */
__attribute__((noreturn)) static void die(const char *object, int error, const char *why)
{
	log_error(NULL, object, "%s", why ?: strerror(-error));
	exit(worker_exit_code(error));
}

static void told_configuration(const union msg *m, const int *fds)
{
	struct msg_generation ready = {.generation = setup_now()->generation};
	const char *why = "";
	uint64_t before = setup_now()->digest;
	int r = setup_message(m, fds, &why);

	if (r < 0)
		die(ipc_type_name(m->h.type), r == -ENOSPC ? -E2BIG : r, *why ? why : NULL);
	if (r == 0)
		return;
	ask_configured();
	if (setup_now()->digest != before)
		resolvesock_forget();
	ready.generation = setup_now()->generation;
	r = ipc_send_msg(WORKER_CHANNEL, MSG_READY, &ready);
	if (r < 0 && r != -EPIPE)
		die("channel", r, NULL);
	again_report();
	was_ready = true;
}

static void told_peer(const struct msg_peer_state *m)
{
	int i = peers_find(m->public_key);
	struct peer *p;

	if (i < 0 || m->state > PEER_DOWN)
		die("proxy-peer-up", i < 0 ? i : -EBADMSG, i < 0 ? NULL : "no such state");
	p = peers_get((uint32_t)i);
	p->state = m->state;
	dial_peer_changed(p);
}

static void told_node(bool alive)
{
	bool changed = alive != peers_node_alive();

	peers_set_node(alive);
	if (!alive)
		dial_node_down();
	if (!changed)
		return;
	ask_forget();
	resolvesock_forget();
}

static bool is_busy(void)
{
	return conn_total() || assoc_total();
}

static int serve(const union msg *m, int fd)
{
	switch (m->h.type) {
	case MSG_PROXY_LISTEN:
		return listener_add(&m->proxy_listen, NULL, fd);
	case MSG_PROXY_FORWARD:
		return fixed_add(&m->port, fd);
	default:
		return resolvesock_listen(fd);
	}
}

static const struct again_ops again_ops = {.serve = serve, .is_busy = is_busy};

static void told(const union msg *m, int *fds)
{
	switch (m->h.type) {
	case MSG_LOG_LEVEL:
		log_set_level(m->log_level.log_level);
		break;
	case MSG_PROXY_CLIENTS_WANTED:
		trail_report(WORKER_CHANNEL, &m->clients_wanted);
		break;
	case MSG_PROXY_LISTEN:
	case MSG_PROXY_FORWARD:
	case MSG_PROXY_RESOLVE:
		again_give(m, take_fd(fds[0]));
		break;
	case MSG_PROXY_UNLISTEN:
		again_take(m);
		listener_remove(&m->proxy_listen.at);
		break;
	case MSG_PROXY_UDP:
		udppool_give(&m->proxy_udp.at, take_fd(fds[0]));
		break;
	case MSG_PROXY_UNFORWARD:
		again_take(m);
		fixed_remove(&m->port);
		break;
	case MSG_PROXY_PEER_UP:
		told_peer(&m->peer_state);
		break;
	case MSG_PROXY_NODE:
		told_node(m->proxy_node.alive);
		break;
	default:
		told_configuration(m, fds);
	}
}

/* The supervisor is gone: nothing more will be told, and what runs goes on. The descriptor stays, so
 * that its number is no client's when something is reported. */
static void lost_parent(struct source *s)
{
	if (!was_ready)
		exit(EXIT_SUCCESS);
	log_notice(NULL, "channel", "the supervisor is gone; serving on");
	loop_remove(s);
}

static void channel_event(struct source *s, uint32_t events)
{
	for (;;) {
		int fds[MSG_FDS_MAX] = {-1, -1};
		size_t n_fds = 0;
		union msg m;
		int r = ipc_recv(s->fd, IPC_PARENT, &m, fds, &n_fds);

		if (r == -EAGAIN)
			return;
		if (r == 0) {
			lost_parent(s);
			return;
		}
		if (r < 0)
			die("channel", r, NULL);
		told(&m, fds);
		for (size_t i = 0; i < n_fds; i++)
			fd_close(fds[i]);
	}
}

/* Another worker takes the new clients; ours stay until they leave. */
static void on_drain(void)
{
	again_take_all();
	listener_remove_all();
	fixed_remove_all();
	resolvesock_close();
	log_info(NULL, NULL, "a newer tsgw-proxy takes over; %u connections stay",
		conn_total() + assoc_total());
}

static void on_term(int sig)
{
	_exit(EXIT_SUCCESS);
}

static void take_limits(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0)
		listener_set_descriptors(
			lim.rlim_cur < UINT32_MAX ? (unsigned)lim.rlim_cur : UINT32_MAX);
}

int main(int argc, char **argv)
{
	struct source channel = {.fd = WORKER_CHANNEL, .on_event = channel_event};
	void *stats;
	int r;

	if (!worker_is(argc, argv)) {
		fprintf(stderr, "tsgw-proxy is started by tsgwd\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_term);
	if (sodium_init() < 0) /* before the sandbox: it may open /dev/urandom */
		return EXIT_FAILURE;
	r = ask_open(argc == 6 && !strcmp(argv[5], WORKER_SPLIT_DNS));
	if (r < 0) {
		fprintf(stderr, "tsgw-proxy: cannot set up c-ares: %s\n", strerror(-r));
		return worker_exit_code(r);
	}
	r = worker_start(argc, argv, SANDBOX_PROXY, sizeof(struct proxy_stats), &stats);
	if (r < 0)
		return r == -EPIPE ? EXIT_SUCCESS : worker_exit_code(r);
	setup_stats = stats;
	setup_tailnet = argv[2];
	take_limits();
	loop_on_drain(on_drain, is_busy);
	r = fd_nonblock(WORKER_CHANNEL, true);
	if (r == 0)
		r = loop_open();
	if (r == 0)
		r = again_open(&again_ops);
	if (r == 0)
		r = loop_add(&channel, EPOLLIN);
	if (r == 0)
		r = loop_run();
	die("loop", r, NULL);
}
