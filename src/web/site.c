// SPDX-License-Identifier: MIT
// The worker as a whole: listeners, the model, who waits for newer records.
#include "web/site.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "web/http.h"

#define SITE_FRESH_MS	1000 /* records are told on so long without being asked for anew */
#define SITE_ACCEPT_MAX 32   /* in one go */

void site_swap(struct site *s, struct model *model)
{
	model_inherit(model, s->model);
	model_free(s->model);
	s->model = model;
}

int site_listen(struct site *s, const struct hostport *at, int fd)
{
	if (s->n_listeners == SITE_LISTENERS_MAX) {
		fd_close(fd);
		return -ENOSPC;
	}
	s->listeners[s->n_listeners++] = (struct listener){.at = *at, .fd = fd};
	return 0;
}

void site_unlisten(struct site *s, const struct hostport *at)
{
	for (size_t i = 0; i < s->n_listeners; i++) {
		struct listener *l = &s->listeners[i];

		if (!addr_equal(&l->at.addr, &at->addr) || l->at.port != at->port)
			continue;
		fd_close(l->fd);
		*l = s->listeners[--s->n_listeners];
		return;
	}
}

void site_fresh(struct site *s)
{
	s->wanted = false;
	s->fresh_ms = clock_now_ms();
	http_resume(s->http);
}

bool site_is_fresh(struct site *s)
{
	if (s->channel.fd < 0 || (s->fresh_ms && clock_now_ms() - s->fresh_ms < SITE_FRESH_MS))
		return true;
	if (!s->wanted)
		s->wanted = channel_want(&s->channel) == 0;
	return !s->wanted;
}

bool site_is_host(const struct site *s, const char *host, const struct addr *literal)
{
	const struct model *m = s->model;

	if (literal->family) {
		for (size_t i = 0; i < s->n_listeners; i++)
			if (addr_equal(&s->listeners[i].at.addr, literal))
				return true;
		return false;
	}
	if (!strcasecmp(host, m->hostname) || (*m->fqdn && !strcasecmp(host, m->fqdn)))
		return true;
	for (size_t i = 0; i < m->n_names; i++)
		if (!strcasecmp(host, m->names[i]))
			return true;
	return false;
}

/* ---- clients ---- */

static void site_refuse(struct site *s, const struct hostport *client)
{
	static struct log_limit limit = {.burst = 5, .interval_ms = 10000};
	char text[HOSTPORT_TEXT_MAX];

	STAT_ADD(s->stats->refused, 1);
	if (log_limit_ok(&limit, clock_now_ms(), NULL))
		log_warning(NULL, "page", "%s is not in web-allow", hostport_format(client, text));
}

static void site_accept(struct site *s, const struct listener *l)
{
	for (int i = 0; i < SITE_ACCEPT_MAX; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		struct hostport client;
		_cleanup_close_ int fd =
			accept4(l->fd, (struct sockaddr *)&ss, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		if (hostport_from_sockaddr((struct sockaddr *)&ss, &client) < 0)
			continue;
		STAT_ADD(s->stats->accepted, 1);
		if (!s->model || !model_admits(s->model, &client.addr))
			site_refuse(s, &client);
		else
			http_add(s->http, take_fd(fd), &ss, len, &client.addr, &l->at.addr);
	}
}

int site_round(struct site *s)
{
	struct pollfd p[SITE_LISTENERS_MAX + 2];
	struct hostport at[SITE_LISTENERS_MAX];
	size_t n = s->n_listeners;
	int r;

	p[0] = (struct pollfd){.fd = s->channel.fd, .events = POLLIN};
	p[1] = (struct pollfd){.fd = http_fd(s->http), .events = POLLIN};
	for (size_t i = 0; i < n; i++) {
		p[2 + i] = (struct pollfd){.fd = s->listeners[i].fd, .events = POLLIN};
		at[i] = s->listeners[i].at;
	}
	r = poll(p, 2 + n, http_timeout(s->http));
	if (r < 0)
		return errno == EINTR || errno == ENOMEM ? 0 : -errno;
	for (size_t i = 0; i < n; i++)
		if (p[2 + i].revents)
			site_accept(s, &(struct listener){at[i], p[2 + i].fd});
	http_run(s->http);
	return p[0].revents ? channel_read(&s->channel) : 0;
}
