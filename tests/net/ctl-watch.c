// SPDX-License-Identifier: MIT
// Watches a supervisor and prints a line for each record: ctl-watch RUN_DIR NAME|- [stall]. A line on
// standard input asks for fresh records; `stall` never reads, and ends when it is cut off.
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "ctl/client.h"

static void print(const union control_any *m)
{
	char text[PREFIX_TEXT_MAX];

	switch (m->h.record) {
	case CONTROL_TAILNET:
		printf("tailnet %s %s peers %u/%u listen %u wg %d pss %" PRIu64 " %s\n",
			m->tailnet.name, tailnet_state_name(m->tailnet.state), m->tailnet.peers_up,
			m->tailnet.peers, m->tailnet.n_listen, m->tailnet.pid_wg,
			m->tailnet.memory_wg.proportional, m->tailnet.reason);
		break;
	case CONTROL_EVENT:
		printf("event %s %s %s [%s] %s\n", m->event.tailnet, event_kind_name(m->event.kind),
			tailnet_state_name(m->event.state), m->event.subject, m->event.text);
		break;
	case CONTROL_FACTS:
		printf("facts %s %s\n", m->facts.tailnet, m->facts.end ? "end" : "begin");
		break;
	case CONTROL_ROUTES:
		for (uint32_t i = 0; i < m->routes.n; i++)
			printf("route %s %s\n", m->routes.tailnet,
				prefix_format(&m->routes.prefixes[i], text));
		break;
	case CONTROL_NAME:
		printf("name %s %s %s\n", m->name.tailnet, m->name.name,
			addr_format(&m->name.addr, text));
		break;
	case CONTROL_TOLD:
		printf("told%s\n", m->told.fresh ? " fresh" : "");
		break;
	case CONTROL_END:
		printf("end %d %s\n", m->end.code, m->end.text);
		break;
	default:
		printf("record %u\n", m->h.record);
	}
	fflush(stdout);
}

static int ask(int fd, const char *name, bool memory)
{
	struct control_request q = {.magic = CONTROL_MAGIC,
		.version = CONTROL_VERSION,
		.verb = CONTROL_WATCH,
		.memory = memory};

	snprintf(q.name, sizeof(q.name), "%s", name);
	return send(fd, &q, sizeof(q), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int show(int fd)
{
	union control_any m;
	ssize_t n = recv(fd, &m, sizeof(m), MSG_TRUNC);

	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	if ((size_t)n > sizeof(m) || record_check(&m, (size_t)n) < 0)
		return -EBADMSG;
	print(&m);
	return 0;
}

static int run(int fd, const char *name)
{
	struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	char line[64];

	for (;;) {
		if (poll(p, 2, -1) < 0)
			return -errno;
		if (p[1].revents) {
			if (read(0, line, sizeof(line)) <= 0)
				p[1].fd = -1;
			else if (ask(fd, name, true) < 0)
				return -EPIPE;
		}
		if (p[0].revents) {
			int r = show(fd);

			if (r < 0)
				return r;
		}
	}
}

int main(int argc, char **argv)
{
	const char *name = argc > 2 && strcmp(argv[2], "-") ? argv[2] : "";
	bool stall = argc > 3;
	int fd, r;

	r = argc > 2 ? client_open(argv[1], *name ? name : NULL, &fd, NULL) : -EINVAL;
	if (r == 0)
		r = ask(fd, name, false);
	if (r == 0 && stall) {
		struct pollfd p = {.fd = fd, .events = 0}; /* POLLHUP comes by itself */

		puts("stalls");
		fflush(stdout);
		(void)poll(&p, 1, -1);
		r = -EPIPE;
	} else if (r == 0) {
		r = run(fd, name);
	}
	printf("over: %s\n", strerror(-r));
	return 0;
}
