// SPDX-License-Identifier: MIT
// tsgw-host: the unprivileged worker in the host's namespace that looks up endpoint names.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "host/lookup.h"
#include "ipc/ipc.h"
#include "ipc/worker.h"

#define HOST_STATS_BYTES 4096

static int host_handle(union msg *m)
{
	struct msg_host_answer answer = {0};
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
		lookup_name(&m->host_lookup, &answer);
		log_debug(NULL, m->host_lookup.name, "%u addresses, error %d", answer.n,
			answer.error);
		return ipc_send_msg(WORKER_CHANNEL, MSG_HOST_ANSWER, &answer);
	default:
		return -EBADMSG;
	}
}

int main(int argc, char **argv)
{
	int fds[MSG_FDS_MAX];
	size_t n_fds;
	void *stats;
	union msg m;
	int r;

	if (!worker_is(argc, argv)) {
		fputs("tsgw-host: a worker of tsgwd(8), not to be run by hand\n", stderr);
		return 2;
	}
	if (worker_start(argc, argv, SANDBOX_HOST, HOST_STATS_BYTES, &stats) < 0)
		return 1;
	while ((r = ipc_recv(WORKER_CHANNEL, IPC_PARENT, &m, fds, &n_fds)) > 0) {
		for (size_t i = 0; i < n_fds; i++)
			fd_close(fds[i]);
		r = host_handle(&m);
		if (r < 0)
			break;
	}
	/* without a supervisor there is nobody to answer */
	if (r < 0 && r != -EPIPE)
		log_error(NULL, "channel", "%s", strerror(-r));
	return r < 0 && r != -EPIPE;
}
