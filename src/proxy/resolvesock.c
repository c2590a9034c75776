// SPDX-License-Identifier: MIT
// The listening socket by which tsgw-dns asks this tailnet for names: RUN/NAME/resolve.sock.
//
// Root made the socket and only root can connect to it; the connection is then tsgw-dns', which may have
// been taken over. So what comes in is checked, bounded, and ends the connection where it is wrong.
#include "proxy/resolvesock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "proxy/inquire.h"
#include "proxy/setup.h"
#include "relay/loop.h"

#define ASKERS_MAX   4 /* one is enough; the oldest goes */
#define ANSWER_BYTES (1 << 20)
#define ASKER_ROUND  64 /* questions before others have their turn */

struct asker {
	struct source source;
	struct task grave;
	struct asker *next; /* the newest first */
	unsigned pending;
};

static void resolve_accept(struct source *s, uint32_t events);

static struct source listening = {.fd = -1, .on_event = resolve_accept};
static struct asker *askers;

static void asker_bury(struct task *t)
{
	free(container_of(t, struct asker, grave));
}

static void asker_close(struct asker *a)
{
	struct asker **at = &askers;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	inquire_leave(a);
	loop_remove(&a->source);
	a->source.fd = fd_close(a->source.fd);
	loop_bury(&a->grave);
}

/* An answer that finds no room is lost: who asked waits no longer than he likes. */
static void asker_send(const struct asker *a, const struct resolve_answer *m)
{
	(void)send(a->source.fd, m, RESOLVE_ANSWER_HEAD + m->len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void asker_done(void *owner, const struct resolve_answer *m)
{
	struct asker *a = owner;

	a->pending--;
	asker_send(a, m);
}

static void asker_ask(struct asker *a, const struct resolve_question *q)
{
	int r = -ENOSPC;

	if (a->pending < RESOLVE_PENDING_MAX) {
		a->pending++;
		r = inquire_start(q, asker_done, a);
		if (r == 0)
			return;
		a->pending--;
	}
	STAT_ADD(setup_stats->dns_limit, 1);
	asker_send(a, &(const struct resolve_answer){.id = q->id, .kind = RESOLVE_FAILED});
}

static void asker_event(struct source *s, uint32_t events)
{
	struct asker *a = container_of(s, struct asker, source);

	for (int i = 0; i < ASKER_ROUND; i++) {
		union {
			struct resolve_question q;
			uint8_t bytes[sizeof(struct resolve_question) + 1];
		} m;
		ssize_t n = recv(s->fd, &m, sizeof(m.bytes), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0 && resolve_check_question(&m.q, (size_t)n) == 0) {
			asker_ask(a, &m.q);
			continue;
		}
		if (n > 0)
			log_error(NULL, "resolve.sock", "a question against the rules: closed");
		asker_close(a);
		return;
	}
}

static void resolve_accept(struct source *s, uint32_t events)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct asker *a = fd < 0 ? NULL : calloc(1, sizeof(*a));
	unsigned n = 0;

	int size = ANSWER_BYTES;

	if (!a) {
		fd_close(fd);
		return;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)); /* as far as allowed */
	a->source = (struct source){.fd = fd, .on_event = asker_event};
	a->grave.run = asker_bury;
	if (loop_add(&a->source, EPOLLIN) < 0) {
		fd_close(fd);
		free(a);
		return;
	}
	a->next = askers;
	askers = a;
	for (struct asker *old = askers; old; old = old->next)
		if (++n > ASKERS_MAX) {
			asker_close(old);
			break;
		}
}

void resolvesock_close(void)
{
	if (listening.fd < 0)
		return;
	loop_remove(&listening);
	listening.fd = fd_close(listening.fd);
}

int resolvesock_listen(int fd)
{
	int r;

	resolvesock_close();
	listening.fd = fd;
	r = fd_nonblock(fd, true);
	if (r == 0)
		r = loop_add(&listening, EPOLLIN);
	if (r < 0)
		listening.fd = -1;
	return r;
}

void resolvesock_forget(void)
{
	const struct resolve_answer m = {.kind = RESOLVE_FORGET};

	for (struct asker *a = askers; a; a = a->next)
		asker_send(a, &m);
}
