// SPDX-License-Identifier: MIT
// tsgw-web: the unprivileged worker of the page, the PAC file and the metrics, one per gateway.
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "ipc/worker.h"
#include "web/http.h"
#include "web/site.h"

static struct site site;

static void on_terminate(int signal_number)
{
	_exit(0);
}

/* The supervisor is gone; a new one will end us: until then, the page goes on with what it knows. */
static int supervisor_lost(struct channel *c)
{
	if (!c->ready)
		return -EPIPE;
	c->fd = fd_close(c->fd);
	site_fresh(c->site);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction terminate = {.sa_handler = on_terminate};
	void *stats;
	int r;

	if (!worker_is(argc, argv)) {
		fputs("tsgw-web: a worker of tsgwd(8), not to be run by hand\n", stderr);
		return 2;
	}
	sigaction(SIGTERM, &terminate, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* or the C library would look for /etc/localtime at the first date */
	if (setenv("TZ", "UTC0", 1) < 0)
		return worker_exit_code(-errno);
	tzset();
	json_object_seed(0); /* and jansson for /dev/urandom */
	r = worker_start(argc, argv, SANDBOX_WEB, sizeof(struct web_stats), &stats);
	if (r < 0)
		return worker_exit_code(r);
	site.stats = stats;
	STAT_SET(site.stats->connections, 0);
	site.channel = (struct channel){.fd = WORKER_CHANNEL, .site = &site};
	r = http_new(&site, &site.http);
	while (r == 0) {
		r = site_round(&site);
		if (r == -EPIPE)
			r = supervisor_lost(&site.channel);
	}
	if (r < 0 && r != -EPIPE)
		log_error(NULL, NULL, "%s", strerror(-r));
	return r == -EPIPE ? 0 : worker_exit_code(r);
}
