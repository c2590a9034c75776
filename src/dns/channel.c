// SPDX-License-Identifier: MIT
// What the supervisor says to the DNS worker, put into zones and listeners.
#include "dns/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "ipc/ipc.h"

static int channel_begin(struct channel *c)
{
	zone_set_free(c->next);
	c->next = NULL;
	c->zone = NULL;
	return zone_set_new(&c->next);
}

static int channel_commit(struct channel *c, uint32_t generation)
{
	struct msg_generation ready = {.generation = generation};
	int r;

	if (!c->next)
		return -EBADMSG;
	r = zone_set_finish(c->next, generation);
	if (r < 0)
		return r;
	c->zone = NULL;
	r = server_swap(c->server, take_ptr(c->next));
	if (r < 0)
		return r;
	r = ipc_send_msg(c->fd, MSG_READY, &ready);
	if (r == 0)
		c->ready = true;
	return r == -EPIPE || r == -ECONNRESET ? 0 : r; /* end of file comes next */
}

static bool terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static int channel_prefixes(struct ranges *ranges, const struct msg_prefixes *m)
{
	int r = 0;

	if (m->n > MSG_PREFIXES)
		return -EBADMSG;
	for (uint32_t i = 0; i < m->n && r == 0; i++) {
		const struct prefix *p = &m->prefixes[i];

		if ((p->addr.family != 4 && p->addr.family != 6) || p->len > addr_bits(&p->addr))
			return -EBADMSG;
		r = ranges_add(ranges, p);
	}
	return r;
}

static int channel_zone(struct channel *c, const struct msg_dns_zone *m)
{
	int r = terminated(m->tailnet, sizeof(m->tailnet)) && m->asks <= 1 && m->unsure <= 1
		? 0
		: -EBADMSG;

	if (r == 0)
		r = zone_set_add(c->next, m->tailnet, &c->zone);
	if (r == 0)
		c->zone->asks = m->asks, c->zone->unsure = m->unsure;
	return r;
}

static int channel_link(struct channel *c, const struct msg_dns_link *m, int fd)
{
	if (!terminated(m->tailnet, sizeof(m->tailnet))) {
		fd_close(fd);
		return -EBADMSG;
	}
	links_connect(c->server, m->tailnet, fd);
	return 0;
}

/* Items that build the next set of zones. */
static int channel_item(struct channel *c, const union msg *m)
{
	if (!c->next)
		return -EBADMSG;
	if (m->h.type == MSG_DNS_ZONE)
		return channel_zone(c, &m->dns_zone);
	if (!c->zone)
		return -EBADMSG;
	switch (m->h.type) {
	case MSG_DNS_SUFFIX:
		return terminated(m->dns_suffix.suffix, sizeof(m->dns_suffix.suffix))
			? zone_add_suffix(c->zone, m->dns_suffix.suffix)
			: -EBADMSG;
	case MSG_DNS_HOST:
		return terminated(m->host.name, sizeof(m->host.name))
			? zone_add_host(c->zone, m->host.name, &m->host.addr)
			: -EBADMSG;
	case MSG_DNS_ROUTE:
		return channel_prefixes(&c->zone->routes, &m->prefixes);
	case MSG_DNS_ALLOW:
		return channel_prefixes(&c->zone->allow, &m->prefixes);
	default:
		return -EBADMSG;
	}
}

/* Takes the descriptors over. */
static int channel_handle(struct channel *c, const union msg *m, const int *fds)
{
	switch (m->h.type) {
	case MSG_BEGIN:
		return channel_begin(c);
	case MSG_COMMIT:
		return channel_commit(c, m->generation.generation);
	case MSG_LOG_LEVEL:
		log_set_level(m->log_level.log_level);
		return 0;
	case MSG_DNS_LISTEN:
		return server_listen(c->server, &m->dns_listen.at, fds[0], fds[1]);
	case MSG_DNS_LINK:
		return channel_link(c, &m->dns_link, fds[0]);
	case MSG_DNS_UNLISTEN:
		server_unlisten(c->server, &m->dns_listen.at);
		return 0;
	default:
		return channel_item(c, m);
	}
}

static void channel_close(struct channel *c)
{
	loop_remove(&c->server->loop, c->fd);
	c->fd = fd_close(c->fd);
	zone_set_free(take_ptr(c->next));
	c->zone = NULL;
}

static void channel_run(struct loop_event *e, uint32_t events)
{
	struct channel *c = container_of(e, struct channel, event);
	int fds[MSG_FDS_MAX];
	size_t n_fds;
	union msg m;
	int r;

	if (c->fd < 0)
		return;
	r = ipc_recv(c->fd, IPC_PARENT, &m, fds, &n_fds);
	if (r == -EAGAIN)
		return;
	if (r == 0) { /* the supervisor is gone; a new one will end us: until then, names go on */
		channel_close(c);
		c->ended = !c->ready;
		return;
	}
	if (r > 0) {
		if (m.h.type != MSG_DNS_LISTEN && m.h.type != MSG_DNS_LINK)
			for (size_t i = 0; i < n_fds; i++)
				fd_close(fds[i]);
		r = channel_handle(c, &m, fds);
	}
	if (r < 0) {
		log_error(NULL, "channel", "%s: %s",
			r == -EBADMSG ? "bad message" : ipc_type_name(m.h.type), strerror(-r));
		c->ended = true;
		c->error = r;
	}
}

/* A report that finds no room is none: the connection comes back with the tailnet. */
static void channel_lost(struct server *s, const char *tailnet)
{
	struct channel *c = s->on_lost_arg;
	struct msg_dns_link m = {0};

	strncpy(m.tailnet, tailnet, sizeof(m.tailnet) - 1);
	(void)(c->fd >= 0 && ipc_send_msg(c->fd, MSG_DNS_LINK_LOST, &m));
}

int channel_init(struct channel *c, struct server *s, int fd)
{
	*c = (struct channel){.event.run = channel_run, .server = s, .fd = fd};
	s->on_lost = channel_lost;
	s->on_lost_arg = c;
	return loop_add(&s->loop, fd, EPOLLIN, &c->event);
}
