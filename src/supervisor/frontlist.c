// SPDX-License-Identifier: MIT
// The list of all tailnets, told by the front to who asks for it: it has a connection to every supervisor already, and so
// needs none of what a connection costs, which is most of what a thousand short answers cost.
//
// Told is what was told to the front since it was asked, and nothing of anybody who has not answered in time: that one
// is asked by who lists, as all are where there is no front.
#include "supervisor/front.h"

#include <errno.h>

#include "common/cleanup.h"
#include "supervisor/controlsock.h"

struct asker {
	int fd;
	uint64_t blocked_ns;
};

int front_list(struct front *f, int fd)
{
	int r = f ? collect_list(f->collected) : -ENOENT;

	if (r == 0)
		f->list_fd = fd;
	return r;
}

static int tell(void *arg, const struct control_tailnet *t)
{
	struct asker *k = arg;
	struct control_tailnet r = *t;

	r.h = (struct control_header){CONTROL_TAILNET, sizeof(r)};
	return controlsock_send(k->fd, &r, sizeof(r), &k->blocked_ns);
}

void front_listed(void *owner)
{
	struct front *f = owner;
	_cleanup_close_ int fd = take_fd(f->list_fd);
	struct asker k = {.fd = fd};
	struct control_end end = {.h = {CONTROL_END, sizeof(end)}};

	if (fd >= 0 && collect_each_listed(f->collected, tell, &k) == 0)
		(void)controlsock_send(fd, &end, sizeof(end), &k.blocked_ns);
}
