// SPDX-License-Identifier: MIT
// tsgw-dns: the unprivileged worker that answers names, one per gateway.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "dns/channel.h"
#include "dns/server.h"
#include "ipc/worker.h"

static struct server server;
static struct channel channel;

static void on_terminate(int signal_number)
{
	_exit(0);
}

int main(int argc, char **argv)
{
	struct sigaction terminate = {.sa_handler = on_terminate};
	void *stats;
	int r;

	if (!worker_is(argc, argv)) {
		fputs("tsgw-dns: a worker of tsgwd(8), not to be run by hand\n", stderr);
		return 2;
	}
	sigaction(SIGTERM, &terminate, NULL);
	r = worker_start(argc, argv, SANDBOX_DNS, sizeof(struct dns_stats), &stats);
	if (r < 0)
		return worker_exit_code(r);
	r = server_init(&server, stats);
	if (r == 0)
		r = channel_init(&channel, &server, WORKER_CHANNEL);
	while (r == 0 && !channel.ended)
		r = server_round(&server);
	if (r < 0)
		log_error(NULL, NULL, "%s", strerror(-r));
	return worker_exit_code(r < 0 ? r : channel.error);
}
