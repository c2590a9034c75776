// SPDX-License-Identifier: MIT
// The control sockets: one for each tailnet, one for the front, all with the same words.
#include "supervisor/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "ipc/control.h"
#include "supervisor/controlsock.h"
#include "supervisor/front.h"
#include "supervisor/status.h"
#include "supervisor/watch.h"

#define CONTROL_CLIENTS_MAX	64
#define CONTROL_GUESTS_MAX	48 /* of these who are not root */
#define CONTROL_SOCKETS_MAX	(CONFIG_TAILNETS_MAX + 1)
#define CONTROL_SEND_TIMEOUT_S	1
#define CONTROL_WAIT_DEFAULT_MS 60000
#define CONTROL_PAGE_MS		10000 /* for a page of clients to come and be taken */
#define CONTROL_REQUEST_MS	5000  /* who says nothing so long is cut off */
#define CONTROL_ACCEPT_USEC	100000
#define CONTROL_ACCEPT_BURST	100

struct socket_of {
	char name[MSG_NAME_MAX]; /* "" = the front */
	int fd;
	sd_event_source *source;
};

struct client {
	struct control *c;
	int fd;
	uid_t uid;
	sd_event_source *source, *timer;
	uint64_t blocked_ns;
	bool deaf;	  /* did not read in time: it is told no more */
	uint16_t waiting; /* enum control_verb it waits for, 0 = for its request */
	char name[MSG_NAME_MAX];
	uint8_t state;
	uint64_t after; /* CLIENTS: number of the last one that it was told of */
	bool turn;	/* CLIENTS: another page is under way; it asks when that is over */
};

struct control {
	struct supervisor *s;
	struct socket_of *sockets;
	size_t n_sockets;
	struct client *clients[CONTROL_CLIENTS_MAX];
	size_t n_clients;
};

int control_new(struct supervisor *s, struct control **ret)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->s = s;
	*ret = c;
	return 0;
}

static void client_free(struct client *k)
{
	struct control *c = k->c;
	struct tailnet *t = supervisor_find(c->s, k->name);

	if (t)
		clients_forget(t, k);
	for (size_t i = 0; i < c->n_clients; i++)
		if (c->clients[i] == k)
			c->clients[i] = c->clients[--c->n_clients];
	sd_event_source_disable_unref(k->source);
	sd_event_source_disable_unref(k->timer);
	fd_close(k->fd);
	free(k);
}

static int client_send(struct client *k, enum control_record record, void *what, size_t size)
{
	struct control_header *h = what;

	h->record = (uint16_t)record;
	h->size = (uint16_t)size;
	if (!k->deaf)
		k->deaf = controlsock_send(k->fd, what, size, &k->blocked_ns) < 0;
	return k->deaf ? -ETIMEDOUT : 0;
}

/* The last word; K is gone afterwards. */
static void client_end(struct client *k, int code, const char *text)
{
	struct control_end end = {.code = code};

	snprintf(end.text, sizeof(end.text), "%s", text);
	(void)client_send(k, CONTROL_END, &end, sizeof(end));
	client_free(k);
}

static int client_tell(void *arg, enum control_record record, void *what, size_t size)
{
	return client_send(arg, record, what, size);
}

static void client_dns(struct client *k)
{
	struct control_dns r;

	for (size_t i = 0; front_dns_counts(k->c->s->front, i, &r); i++)
		if (client_send(k, CONTROL_DNS_COUNTS, &r, sizeof(r)) < 0)
			break;
	client_end(k, 0, "");
}

static void client_say(void *arg, bool problem, const char *line)
{
	struct control_text m = {0};

	snprintf(m.text, sizeof(m.text), "%s", line);
	(void)client_send(arg, problem ? CONTROL_PROBLEM : CONTROL_STEP, &m, sizeof(m));
}

static void client_reload(struct client *k, bool dry)
{
	int r = supervisor_reload(k->c->s, dry, client_say, k);
	const char *why = r == -EINVAL ? "the configuration has errors: nothing was changed"
		: r == -ECANCELED      ? "a step failed: what was changed is undone"
				       : strerror(-r);

	client_end(k, r < 0, r < 0 ? why : "");
}

/* True when K has its answer (and is gone). */
static bool client_settle(struct client *k, bool timeout)
{
	struct tailnet *t = supervisor_find(k->c->s, k->name);
	char text[CONTROL_REASON_MAX + 64];
	bool reached;

	if (k->waiting == CONTROL_CLIENTS) {
		if (timeout)
			client_end(k, 1, "tsgw-proxy does not say who its clients are");
		return timeout;
	}
	if (!t) {
		client_end(k, 3, "the tailnet is gone");
		return true;
	}
	if (k->waiting == CONTROL_WAIT)
		reached = t->state == k->state;
	else
		reached = tailnet_is_settled(t) || t->state == TAILNET_UP;
	if (!reached && !timeout)
		return false;
	snprintf(text, sizeof(text), "%s is %s%s%s", t->name, tailnet_state_name(t->state),
		*t->reason ? ": " : "", t->reason);
	if (k->waiting == CONTROL_WAIT)
		client_end(k, reached ? 0 : 1, reached ? "" : text);
	else
		client_end(k, t->state == TAILNET_FAILED || t->state == TAILNET_DOWN,
			t->state == TAILNET_UP ? "" : text);
	return true;
}

/* ---- clients: page by page ---- */

static int client_on_timer(sd_event_source *s, uint64_t usec, void *userdata);

static void clients_next(struct client *k)
{
	struct tailnet *t = supervisor_find(k->c->s, k->name);
	int r = t ? clients_ask(t, k->after, k) : -ESRCH;

	k->turn = r == -EBUSY;
	if (r == -ENOTCONN)
		client_end(k, 0, ""); /* no worker, no clients */
	else if (r < 0 && r != -EBUSY)
		client_end(k, 1, strerror(-r));
}

static void client_clients(struct client *k)
{
	k->waiting = CONTROL_CLIENTS;
	if (sd_event_add_time_relative(k->c->s->event, &k->timer, CLOCK_BOOTTIME,
		    CONTROL_PAGE_MS * 1000, 1000, client_on_timer, k) < 0)
		client_end(k, 1, "out of memory");
	else
		clients_next(k);
}

void control_clients_one(void *asker, const char *tailnet, const struct msg_client *m)
{
	struct client *k = asker;
	struct control_connection r = {
		.h = {CONTROL_CONNECTION, sizeof(r)},
		.protocol = m->protocol,
		.state = m->state,
		.asked_port = m->asked_port,
		.client = m->client,
		.resolved = m->resolved,
		.up_bytes = m->up_bytes,
		.down_bytes = m->down_bytes,
		.age_ms = m->age_ms,
	};

	snprintf(r.tailnet, sizeof(r.tailnet), "%s", tailnet);
	memcpy(r.user, m->user, sizeof(r.user));
	memcpy(r.asked, m->asked, sizeof(r.asked));
	k->after = m->number;
	/* its queue was empty before this page, and holds more than one */
	if (!k->deaf)
		k->deaf = send(k->fd, &r, sizeof(r), MSG_NOSIGNAL | MSG_DONTWAIT) < 0;
}

void control_clients_end(struct control *c, void *asker, bool more)
{
	struct client *k = asker;

	if (k && (!more || k->deaf)) {
		client_end(k, k->deaf, "");
	} else if (k) {
		(void)sd_event_source_set_time_relative(k->timer, CONTROL_PAGE_MS * 1000);
		(void)sd_event_source_set_io_events(k->source, EPOLLIN | EPOLLOUT);
	}
	/* whoever waits for its turn */
	for (size_t i = c->n_clients; i-- > 0;)
		if (i < c->n_clients && c->clients[i]->turn)
			clients_next(c->clients[i]);
}

/* K has taken its page. */
static void clients_taken(struct client *k)
{
	(void)sd_event_source_set_io_events(k->source, EPOLLIN);
	clients_next(k);
}

void control_settle(struct control *c)
{
	for (size_t i = c->n_clients; i-- > 0;)
		if (i < c->n_clients && c->clients[i]->waiting)
			(void)client_settle(c->clients[i], false);
}

static int client_on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	(void)client_settle(userdata, true);
	return 0;
}

static void client_wait(struct client *k, const struct control_request *q)
{
	uint64_t patience = q->timeout_ms ? q->timeout_ms : CONTROL_WAIT_DEFAULT_MS;

	k->waiting = q->verb;
	k->state = q->state;
	if (client_settle(k, false))
		return;
	if (sd_event_add_time_relative(k->c->s->event, &k->timer, CLOCK_BOOTTIME, patience * 1000,
		    1000, client_on_timer, k) < 0)
		client_end(k, 1, "out of memory");
}

/* watch.c, or frontlist.c, has the connection from now on. */
static void client_hand_over(struct client *k, const struct control_request *q)
{
	bool list = q->verb == CONTROL_LIST;
	int r;

	k->source = sd_event_source_disable_unref(k->source);
	r = list ? front_list(k->c->s->front, k->fd)
		 : watch_add(k->c->s->watchers, q, k->uid, k->fd);
	if (r < 0) {
		client_end(k, 1, r == -EBUSY && !list ? "too many watch already" : strerror(-r));
		return;
	}
	k->fd = -1;
	client_free(k);
}

static void client_act(struct client *k, const struct control_request *q)
{
	struct tailnet *t = supervisor_find(k->c->s, k->name);
	const char *why;

	switch (q->verb) {
	case CONTROL_STATUS:
		status_tell_tailnets(k->c->s, k->name, q->memory, client_tell, k);
		client_end(k, 0, "");
		return;
	case CONTROL_RELOAD:
		client_reload(k, q->dry_run);
		return;
	case CONTROL_DNS:
		client_dns(k);
		return;
	}
	if (!t && ((q->verb != CONTROL_WATCH && q->verb != CONTROL_LIST) || *k->name)) {
		client_end(k, 3, "no such tailnet here");
		return;
	}
	switch (q->verb) {
	case CONTROL_PEERS:
		status_tell_peers(t, client_tell, k);
		client_end(k, 0, "");
		return;
	case CONTROL_CLIENTS:
		client_clients(k);
		return;
	case CONTROL_WATCH:
	case CONTROL_LIST:
		client_hand_over(k, q);
		return;
	case CONTROL_DOWN:
		tailnet_stop(t);
		client_end(k, 0, "");
		return;
	case CONTROL_RESTART:
		tailnet_stop(t);
		tailnet_start(t);
		client_wait(k, q);
		return;
	case CONTROL_UP:
		tailnet_start(t);
		client_wait(k, q);
		return;
	case CONTROL_WAIT:
		client_wait(k, q);
		return;
	case CONTROL_LOGIN:
	case CONTROL_LOGOUT:
		why = engine_login(t, q->verb == CONTROL_LOGIN);
		client_end(k, why ? 1 : 0, why ? why : "");
		return;
	case CONTROL_STATE_DIR: /* all of it or none: what is there may be removed */
		why = k->c->s->store.state_dir;
		client_end(k, strlen(why) >= CONTROL_TEXT_MAX, why);
		return;
	default:
		client_end(k, 2, "no such command");
	}
}

static int client_on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct client *k = userdata;
	struct control_request q;
	ssize_t n;

	if ((revents & EPOLLOUT) && k->waiting == CONTROL_CLIENTS) {
		clients_taken(k);
		return 0;
	}
	n = fd_recv(fd, &q, sizeof(q));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0 || k->waiting) { /* it went away, or talks out of turn */
		client_free(k);
		return 0;
	}
	if (n != sizeof(q) || q.magic != CONTROL_MAGIC || q.version != CONTROL_VERSION ||
		!memchr(q.name, '\0', sizeof(q.name))) {
		client_end(k, 1, "tsgwctl and tsgwd are of different versions");
		return 0;
	}
	k->timer = sd_event_source_disable_unref(k->timer);
	snprintf(k->name, sizeof(k->name), "%s", q.name);
	if (control_verb_changes(q.verb) && k->uid != 0) {
		client_end(k, 1, "only root may do that");
		return 0;
	}
	client_act(k, &q);
	return 0;
}

/* The last places are kept for root, so that `down` works whatever the group does. */
static bool has_place(const struct control *c, uid_t uid)
{
	size_t guests = 0;

	for (size_t i = 0; i < c->n_clients; i++)
		guests += c->clients[i]->uid != 0;
	return c->n_clients < CONTROL_CLIENTS_MAX && (uid == 0 || guests < CONTROL_GUESTS_MAX);
}

static int client_on_silence(sd_event_source *s, uint64_t usec, void *userdata)
{
	client_free(userdata);
	return 0;
}

/* Who lists a thousand tailnets asks a thousand supervisors, and has mostly asked by now: then nothing is prepared to
 * wait for it. True: K had its answer, and is gone. */
static bool client_hear_status(struct client *k)
{
	struct control_request q;

	if (recv(k->fd, &q, sizeof(q), MSG_DONTWAIT | MSG_TRUNC | MSG_PEEK) != sizeof(q) ||
		q.verb != CONTROL_STATUS)
		return false;
	(void)client_on_io(NULL, k->fd, EPOLLIN, k);
	return true;
}

static int control_on_accept(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct control *c = userdata;
	const struct timeval patience = {.tv_sec = CONTROL_SEND_TIMEOUT_S};
	_cleanup_close_ int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	struct client *k;
	uid_t uid;

	if (conn < 0 || controlsock_peer(conn, &uid) < 0 || !has_place(c, uid))
		return 0;
	/* who does not read its answer for a second is cut off */
	(void)setsockopt(conn, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	k = calloc(1, sizeof(*k));
	if (!k)
		return 0;
	*k = (struct client){.c = c, .uid = uid, .fd = take_fd(conn)};
	c->clients[c->n_clients++] = k;
	if (client_hear_status(k))
		return 0;
	if (sd_event_add_io(c->s->event, &k->source, k->fd, EPOLLIN, client_on_io, k) < 0 ||
		sd_event_add_time_relative(c->s->event, &k->timer, CLOCK_BOOTTIME,
			CONTROL_REQUEST_MS * 1000, 100000, client_on_silence, k) < 0)
		client_free(k);
	return 0;
}

static void control_close(struct control *c, size_t i)
{
	struct socket_of *s = &c->sockets[i];

	controlsock_unlink(c->s->store.run_dir, *s->name ? s->name : NULL);
	sd_event_source_disable_unref(s->source);
	fd_close(s->fd);
	*s = c->sockets[--c->n_sockets];
}

int control_listen(struct control *c, const char *name)
{
	struct socket_of *more, *s;
	int fd, r;

	if (c->n_sockets == CONTROL_SOCKETS_MAX)
		return -ENOSPC;
	fd = controlsock_bind(c->s->store.run_dir, name);
	if (fd < 0)
		return fd;
	more = reallocarray(c->sockets, c->n_sockets + 1, sizeof(*more));
	if (!more) {
		fd_close(fd);
		return -ENOMEM;
	}
	c->sockets = more;
	s = &c->sockets[c->n_sockets++];
	*s = (struct socket_of){.fd = fd};
	snprintf(s->name, sizeof(s->name), "%s", name ? name : "");
	r = sd_event_add_io(c->s->event, &s->source, fd, EPOLLIN, control_on_accept, c);
	/* who cannot be accepted (no descriptors) stays readable: not to be tried all the time */
	if (r >= 0)
		r = sd_event_source_set_ratelimit(
			s->source, CONTROL_ACCEPT_USEC, CONTROL_ACCEPT_BURST);
	if (r < 0)
		control_close(c, c->n_sockets - 1);
	return r < 0 ? r : 0;
}

void control_unlisten(struct control *c, const char *name)
{
	for (size_t i = 0; i < c->n_sockets; i++) {
		if (strcmp(c->sockets[i].name, name ? name : ""))
			continue;
		control_close(c, i);
		return;
	}
}

void control_free(struct control *c)
{
	if (!c)
		return;
	while (c->n_clients && c->s->leaving) /* who waits may ask the next supervisor */
		client_free(c->clients[c->n_clients - 1]);
	while (c->n_clients)
		client_end(c->clients[c->n_clients - 1], 1, "the supervisor stops");
	while (c->n_sockets)
		control_close(c, c->n_sockets - 1);
	free(c->sockets);
	free(c);
}
