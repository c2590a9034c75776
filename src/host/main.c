// SPDX-License-Identifier: MIT
// tsgw-host: the unprivileged worker in the host's namespace that looks up endpoint names, carries the
// host's leg of published ports, and speaks with a stock node over connections that root opened.
//
// getaddrinfo(3) blocks, so threads ask it (asker.h); a full queue answers "try again" at once. Thus a
// host whose resolver is dead never fills the channel, at which the root supervisor would have to wait,
// and holds up nothing that is relayed.
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "host/asker.h"
#include "host/link.h"
#include "host/node.h"
#include "host/publish.h"
#include "host/services.h"
#include "ipc/ipc.h"
#include "ipc/worker.h"
#include "relay/again.h"
#include "relay/loop.h"
#include "relay/udpport.h"

/* resolv.conf(5): at most 2 × 3 s for each server of a name, whatever the host's file says */
#define HOST_RESOLVER_OPTIONS "timeout:3 attempts:2"

static void on_terminate(int signal_number)
{
	_exit(0);
}

/* Because of ERROR (-errno), which WHY (may be NULL) says in other words. */
__attribute__((noreturn)) static void die(const char *object, int error, const char *why)
{
	log_error(NULL, object, "%s", why ?: strerror(-error));
	exit(worker_exit_code(error));
}

/* Without a supervisor there is nobody to answer; what is published goes on. The descriptor stays, so
 * that its number is no client's when something is told. */
static void lost_parent(struct source *channel)
{
	if (!publish_any() && !loop_drains())
		exit(EXIT_SUCCESS);
	log_notice(NULL, "channel", "the supervisor is gone; serving on");
	loop_remove(channel);
}

/* Waits for room: the supervisor reads always, and answers to it are few. */
static void tell(enum msg_type type, void *m, size_t size)
{
	struct pollfd p = {.fd = WORKER_CHANNEL, .events = POLLOUT};
	int r;

	while ((r = ipc_send(WORKER_CHANNEL, type, m, size, NULL, 0)) == -EAGAIN)
		(void)poll(&p, 1, -1);

	if (r < 0 && r != -EPIPE && r != -EBADF)
		die("channel", r, NULL);
}

static void answered(enum asker_lane lane, const struct msg_host_answer *a)
{
	struct msg_host_answer told = *a;

	STAT_ADD(host_stats->lookups, 1);
	if (lane == ASKER_SERVICES)
		services_answered(a);
	else
		tell(MSG_HOST_ANSWER, &told, sizeof(told));
}

static void told_lookup(const struct msg_host_lookup *m)
{
	struct msg_host_answer busy = {.id = m->id, .error = -EAI_AGAIN};

	if (!memchr(m->name, '\0', sizeof(m->name)))
		die("host-lookup", -EBADMSG, "a name without end");
	if (asker_ask(ASKER_ENDPOINTS, m))
		return;
	STAT_ADD(host_stats->lookups_full, 1);
	tell(MSG_HOST_ANSWER, &busy, sizeof(busy));
}

static void told_config(const struct msg_host_config *m)
{
	if (!m->connect_timeout_s || !m->idle_timeout_s || !m->half_close_timeout_s)
		die("host-config", -EBADMSG, "no timeout");
	host_config = *m;
}

static int serve(const union msg *m, int fd)
{
	return publish_add(&m->port, fd);
}

static bool has_sessions(void)
{
	return links_now() || udpport_sessions();
}

static const struct again_ops again_ops = {.serve = serve, .is_busy = has_sessions};

static void told(const union msg *m, int *fds)
{
	struct msg_generation ready;

	switch (m->h.type) {
	case MSG_BEGIN:
		node_begin();
		break;
	case MSG_COMMIT:
		if (!host_config.connect_timeout_s)
			die("commit", -EBADMSG, "without a config");
		node_commit();
		ready = m->generation;
		tell(MSG_READY, &ready, sizeof(ready));
		again_report();
		break;
	case MSG_LOG_LEVEL:
		log_set_level(m->log_level.log_level);
		break;
	case MSG_HOST_LOOKUP:
		told_lookup(&m->host_lookup);
		break;
	case MSG_HOST_CONFIG:
		told_config(&m->host_config);
		break;
	case MSG_HOST_PUBLISH:
		again_give(m, take_fd(fds[0]));
		break;
	case MSG_HOST_UNPUBLISH:
		again_take(m);
		publish_remove(&m->port);
		break;
	case MSG_ENGINE_CONFIG:
	case MSG_ENGINE_TAG:
	case MSG_ENGINE_ROUTES:
	case MSG_ENGINE_KEY:
	case MSG_ENGINE_NODE:
	case MSG_ENGINE_CONN:
	case MSG_ENGINE_LOG:
	case MSG_ENGINE_ACT:
		if (node_told(m, fds) < 0)
			die(ipc_type_name(m->h.type), -EBADMSG, "is not what it should be");
		break;
	default:
		die("channel", -EBADMSG, ipc_type_name(m->h.type));
	}
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

/* Another worker takes the new connections; ours stay until they end. */
static void on_drain(void)
{
	again_take_all();
	publish_remove_all();
	log_info(NULL, NULL, "a newer tsgw-host takes over; %u connections stay", links_now());
}

static bool is_busy(void)
{
	return links_now();
}

static unsigned descriptors(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return 1024;
	return lim.rlim_cur < UINT32_MAX ? (unsigned)lim.rlim_cur : UINT32_MAX;
}

int main(int argc, char **argv)
{
	struct source channel = {.fd = WORKER_CHANNEL, .on_event = channel_event};
	struct sigaction terminate = {.sa_handler = on_terminate};
	void *stats;
	int r;

	if (!worker_is(argc, argv)) {
		fputs("tsgw-host: a worker of tsgwd(8), not to be run by hand\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &terminate, NULL);
	setenv("RES_OPTIONS", HOST_RESOLVER_OPTIONS, 1);
	r = worker_start(argc, argv, SANDBOX_HOST, sizeof(*host_stats), &stats);
	if (r < 0)
		return r == -EPIPE ? EXIT_SUCCESS : worker_exit_code(r);
	host_stats = stats;
	publish_set_descriptors(descriptors());
	node_setup(tell);
	loop_on_drain(on_drain, is_busy);
	r = fd_nonblock(WORKER_CHANNEL, true);
	if (r == 0)
		r = loop_open();
	if (r == 0)
		r = again_open(&again_ops);
	if (r == 0)
		r = asker_open(answered);
	if (r == 0)
		r = loop_add(&channel, EPOLLIN);
	if (r == 0)
		r = loop_run();
	die("loop", r, NULL);
}
