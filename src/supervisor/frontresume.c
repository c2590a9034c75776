// SPDX-License-Identifier: MIT
// The front's workers and sockets that an earlier supervisor left behind are taken over.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "supervisor/front.h"
#include "supervisor/recover.h"

static int front_listens_at(int fd, struct hostport *ret)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return -errno;
	return hostport_from_sockaddr((struct sockaddr *)&ss, ret);
}

/* The pairs of sockets that the descriptor store has. */
static void front_resume_listeners(struct front *f)
{
	char object[FDSTORE_NAME_MAX], other[FDSTORE_NAME_MAX];
	int fd;

	while ((fd = fdstore_take_any(FRONT_NAME, "dns.udp/", object)) >= 0) {
		struct front_listener l = {.udp_fd = fd, .tcp_fd = -1};
		struct hostport tcp_at;

		if (f->n_listeners < EXPOSE_MAX && front_listens_at(fd, &l.at) == 0 &&
			!strcmp(front_object(&l.at, "dns.udp", other), object))
			l.tcp_fd = fdstore_take(FRONT_NAME, front_object(&l.at, "dns.tcp", other));
		if (l.tcp_fd >= 0 && front_listens_at(l.tcp_fd, &tcp_at) == 0 &&
			addr_equal(&tcp_at.addr, &l.at.addr) && tcp_at.port == l.at.port) {
			f->listeners[f->n_listeners++] = l;
			continue;
		}
		fd_close(l.udp_fd);
		fd_close(l.tcp_fd);
		fdstore_drop(FRONT_NAME, object);
	}
}

/* Processes of the supervisor before us that are not ours now. */
static void front_end_others(const struct front *f, const struct made *before)
{
	for (size_t i = 0; i < STORE_PIDS_MAX; i++) {
		const struct made_process *p = &before->processes[i];
		_cleanup_close_ int fd = p->pid == f->dns.pid ? -1 : recover_open_process(p);

		if (fd >= 0)
			recover_end_process(fd);
	}
}

void front_resume(struct front *f)
{
	struct made_process left;
	struct made before = {0};
	int pidfd = -1, r;

	front_resume_listeners(f);
	front_update_listeners(f);
	(void)store_made_read(&f->s->store, NULL, &before);
	/* until they have ended, the record names them behind our own */
	memcpy(&f->made.processes[1], before.processes, sizeof(before.processes) - sizeof(left));
	r = worker_adopt(&f->dns, &before, &left, &pidfd);
	fd_close(pidfd);
	front_end_others(f, &before);
	if (r < 0)
		worker_start_now(&f->dns);
	memset(&f->made.processes[1], 0, sizeof(before.processes) - sizeof(left));
	(void)front_record(f);
}
