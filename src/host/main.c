// SPDX-License-Identifier: MIT
// tsgw-host: the unprivileged worker in the host's namespace that looks up endpoint names.
//
// getaddrinfo(3) blocks, so questions that come meanwhile are taken from the channel between two
// lookups and wait in a bounded queue; a full queue answers "try again" at once. Thus a host whose
// resolver is dead never fills the channel, at which the root supervisor would have to wait.
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "host/lookup.h"
#include "host/queue.h"
#include "ipc/ipc.h"
#include "ipc/worker.h"

#define HOST_STATS_BYTES 4096
/* resolv.conf(5): at most 2 × 3 s for each server of a name, whatever the host's file says */
#define HOST_RESOLVER_OPTIONS "timeout:3 attempts:2"

static struct queue queue;

static void on_terminate(int signal_number)
{
	_exit(0);
}

static int host_answer(struct msg_host_answer *a, const char *name)
{
	log_debug(NULL, name, "%u addresses, error %d", a->n, a->error);
	return ipc_send_msg(WORKER_CHANNEL, MSG_HOST_ANSWER, a);
}

static int host_handle(const union msg *m)
{
	struct msg_host_answer busy = {.error = -EAI_AGAIN};
	struct msg_generation ready;

	switch (m->h.type) {
	case MSG_BEGIN:
		return 0;
	case MSG_COMMIT:
		ready = m->generation;
		return ipc_send_msg(WORKER_CHANNEL, MSG_READY, &ready);
	case MSG_LOG_LEVEL:
		log_set_level(m->log_level.log_level);
		return 0;
	case MSG_HOST_LOOKUP:
		if (!memchr(m->host_lookup.name, '\0', sizeof(m->host_lookup.name)))
			return -EBADMSG;
		if (queue_put(&queue, &m->host_lookup))
			return 0;
		busy.id = m->host_lookup.id;
		return host_answer(&busy, m->host_lookup.name);
	default:
		return -EBADMSG;
	}
}

/* Takes all messages that are there; waits for one if there is nothing else to do.
 * 1, 0 at the end of file, -errno. */
static int host_receive(void)
{
	struct pollfd p = {.fd = WORKER_CHANNEL, .events = POLLIN};
	int fds[MSG_FDS_MAX];
	size_t n_fds;
	union msg m;
	int r = 1;

	while (r > 0 && poll(&p, 1, queue.n ? 0 : -1) > 0) {
		r = ipc_recv(WORKER_CHANNEL, IPC_PARENT, &m, fds, &n_fds);
		if (r <= 0)
			return r;
		for (size_t i = 0; i < n_fds; i++)
			fd_close(fds[i]);
		r = host_handle(&m);
		r = r < 0 ? r : 1;
	}
	return r;
}

int main(int argc, char **argv)
{
	struct sigaction terminate = {.sa_handler = on_terminate};
	struct msg_host_lookup q;
	void *stats;
	int r;

	if (!worker_is(argc, argv)) {
		fputs("tsgw-host: a worker of tsgwd(8), not to be run by hand\n", stderr);
		return 2;
	}
	sigaction(SIGTERM, &terminate, NULL);
	setenv("RES_OPTIONS", HOST_RESOLVER_OPTIONS, 1);
	if (worker_start(argc, argv, SANDBOX_HOST, HOST_STATS_BYTES, &stats) < 0)
		return 1;
	while ((r = host_receive()) > 0) {
		struct msg_host_answer answer = {0};

		if (!queue_take(&queue, &q))
			continue;
		lookup_name(&q, &answer);
		r = host_answer(&answer, q.name);
		if (r < 0)
			break;
	}
	/* without a supervisor there is nobody to answer */
	if (r < 0 && r != -EPIPE)
		log_error(NULL, "channel", "%s", strerror(-r));
	return r < 0 && r != -EPIPE;
}
