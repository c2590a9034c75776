// SPDX-License-Identifier: MIT
// What a stock node prints, into our log for who debugs: a line at a time, printable, and not too many.
//
// It is read always, whatever becomes of it: a node whose pipe is full would stand still.
#include "host/nodelog.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/log.h"
#include "host/ipn.h"
#include "relay/loop.h"

#define NODELOG_LINE_MAX    512
#define NODELOG_BURST	    50
#define NODELOG_INTERVAL_MS 60000

static struct source pipe_source = {.fd = -1};
static char line[NODELOG_LINE_MAX];
static size_t n_line;

/* "2026/11/28 12:48:34 " stands before each of its lines; our log has its own clock. */
static const char *without_time(const char *text)
{
	return strspn(text, "0123456789/: ") >= 20 && text[4] == '/' && text[13] == ':' ? text + 20
											: text;
}

static void put_line(void)
{
	static struct log_limit limit = {
		.burst = NODELOG_BURST, .interval_ms = NODELOG_INTERVAL_MS};
	char clean[NODELOG_LINE_MAX];

	line[n_line] = '\0';
	n_line = 0;
	ipn_clean(without_time(line), clean, sizeof(clean));
	if (*clean && log_limit_ok(&limit, loop_now(), NULL))
		log_debug(NULL, "tailscaled", "%s", clean);
}

static void pipe_event(struct source *s, uint32_t events)
{
	char data[4096];
	ssize_t n = read(s->fd, data, sizeof(data));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		loop_remove(s);
		s->fd = fd_close(s->fd);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (data[i] == '\n')
			put_line();
		else if (n_line < sizeof(line) - 1)
			line[n_line++] = data[i];
	}
}

void nodelog_open(int fd)
{
	if (pipe_source.fd >= 0) {
		loop_remove(&pipe_source);
		fd_close(pipe_source.fd);
	}
	n_line = 0;
	pipe_source = (struct source){.fd = fd, .on_event = pipe_event};
	if (fd_nonblock(fd, true) < 0 || loop_add(&pipe_source, EPOLLIN) < 0)
		pipe_source.fd = fd_close(pipe_source.fd);
}
