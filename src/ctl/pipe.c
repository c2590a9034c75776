// SPDX-License-Identifier: MIT
// nc: stdin and stdout joined with a connection into a tailnet, by way of its listener (for ssh's
// ProxyCommand and the like). Each direction ends for itself: end of file on stdin closes only the
// sending half.
#include "ctl/command.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/parse.h"
#include "ctl/reach.h"
#include "ctl/socks.h"
#include "ctl/target.h"

#define PIPE_BUFFER 65536

static int places_find(const struct args *a, struct places *ret)
{
	struct control_tailnet t;
	int fd = -1, code;

	/* not allowed to ask is no reason to give up: the listener decides for itself */
	if (parse_is_tailnet_name(a->name) &&
		client_open(a->run_dir, a->name, &fd, NULL) == -EACCES)
		places_of_config(ret, a);
	fd_close(fd);
	if (ret->n)
		return CTL_DONE;
	code = target_status(a, &t, NULL);
	if (code != CTL_DONE)
		return code;
	places_of_live(ret, &t);
	if (ret->n)
		return CTL_DONE;
	fprintf(stderr, "tsgwctl: %s: not running: it is %s%s%s\n", a->name,
		tailnet_state_name(t.state), *t.reason ? ": " : "", t.reason);
	return CTL_FAILED;
}

static int connect_any(const struct args *a, const struct places *places, int *ret_fd)
{
	char text[HOSTPORT_TEXT_MAX];
	int r = -ENOENT;

	for (size_t i = 0; i < places->n; i++) {
		r = reach_one(&places->at[i], ret_fd);
		if (r == 0)
			return CTL_DONE;
	}
	fprintf(stderr, "tsgwctl: %s: cannot connect to its listener%s%s: %s\n", a->name,
		places->n ? " " : "", places->n ? hostport_format(&places->at[0], text) : "",
		places->n ? strerror(-r) : "the configuration has no address for it");
	return CTL_FAILED;
}

/* Copies until end of file. 0, or -errno of whichever side failed. */
static int pump(int from, int to)
{
	_cleanup_free_ char *buf = malloc(PIPE_BUFFER);
	ssize_t n;
	int r = 0;

	if (!buf)
		return -ENOMEM;
	while (r == 0) {
		n = read(from, buf, PIPE_BUFFER);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			r = fd_write_all(to, buf, (size_t)n);
	}
	return r;
}

static void *pump_stdin(void *arg)
{
	int sock = *(const int *)arg;

	/* a broken connection is seen by the other direction, which knows why */
	(void)pump(STDIN_FILENO, sock);
	(void)shutdown(sock, SHUT_WR);
	return NULL;
}

static int relay(const struct args *a, int sock)
{
	pthread_t sender;
	int r = pthread_create(&sender, NULL, pump_stdin, &sock);

	if (r) {
		fprintf(stderr, "tsgwctl: cannot start a thread: %s\n", strerror(r));
		return CTL_FAILED;
	}
	r = pump(sock, STDOUT_FILENO);
	/* our reader learns of the end at once, while the sending half may go on */
	(void)close(STDOUT_FILENO);
	if (r < 0) {
		fprintf(stderr, "tsgwctl: %s: %s: %s\n", a->name, a->words[0], strerror(-r));
		_exit(CTL_FAILED);
	}
	/* a person would have to press a key to find out that the other side has gone */
	if (isatty(STDIN_FILENO))
		_exit(CTL_DONE);
	pthread_join(sender, NULL);
	_exit(CTL_DONE); /* stdout is closed: nothing is left to be flushed */
}

int pipe_nc(const struct args *a)
{
	struct places places = {0};
	_cleanup_close_ int sock = -1;
	uint64_t port;
	const char *why;
	int code;

	if (parse_u64(a->words[1], 1, 65535, &port) < 0) {
		fprintf(stderr, "tsgwctl: nc: \"%s\" is no port\n", a->words[1]);
		return CTL_USAGE;
	}
	if (!*a->words[0] || strlen(a->words[0]) > SOCKS_NAME_MAX) {
		fprintf(stderr, "tsgwctl: nc: \"%s\" is no host\n", a->words[0]);
		return CTL_USAGE;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	code = places_find(a, &places);
	if (code == CTL_DONE)
		code = connect_any(a, &places, &sock);
	if (code != CTL_DONE)
		return code;
	why = socks_connect(sock, a->words[0], (uint16_t)port);
	if (why) {
		fprintf(stderr, "tsgwctl: %s: %s:%s: %s\n", a->name, a->words[0], a->words[1], why);
		return CTL_FAILED;
	}
	return relay(a, sock);
}
