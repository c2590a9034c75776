// SPDX-License-Identifier: MIT
// A bounded pool of pipes for splice(2), lent to a flow only while it has bytes in flight.
#include "relay/pipes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct pipe *unused;
static unsigned n_unused, n_all, n_max = PIPES_FEW;

struct pipe *pipes_get(void)
{
	struct pipe *p = unused;
	int fds[2];

	if (p) {
		unused = p->next;
		n_unused--;
		return p;
	}
	if (n_all >= n_max)
		return NULL;
	p = malloc(sizeof(*p));
	if (!p)
		return NULL;
	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0) {
		free(p);
		return NULL;
	}
	*p = (struct pipe){.rd = fds[0], .wr = fds[1]};
	n_all++;
	return p;
}

void pipes_put(struct pipe *p, int dirty)
{
	if (!dirty && n_unused < PIPES_KEPT) {
		p->next = unused;
		unused = p;
		n_unused++;
		return;
	}
	close(p->rd);
	close(p->wr);
	free(p);
	n_all--;
}

unsigned pipes_descriptors(void)
{
	return n_max * 2;
}

void pipes_limit(unsigned max)
{
	n_max = max < PIPES_MAX ? max : PIPES_MAX;
}
