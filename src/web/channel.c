// SPDX-License-Identifier: MIT
// What the supervisor says to the web worker.
#include "web/channel.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "ipc/ipc.h"
#include "web/site.h"

static int channel_begin(struct channel *c)
{
	model_free(take_ptr(c->next));
	return model_new(&c->next);
}

static int channel_commit(struct channel *c, uint32_t generation)
{
	struct msg_generation ready = {.generation = generation};
	int r;

	if (!c->next || !c->next->configured)
		return -EBADMSG;
	site_swap(c->site, take_ptr(c->next));
	r = ipc_send_msg(c->fd, MSG_READY, &ready);
	c->ready = true;
	return r == -EPIPE || r == -ECONNRESET ? 0 : r; /* end of file comes next */
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
	case MSG_WEB_LISTEN:
		return site_listen(c->site, &m->dns_listen.at, fds[0]);
	case MSG_WEB_UNLISTEN:
		site_unlisten(c->site, &m->dns_listen.at);
		return 0;
	case MSG_WEB_RECORD:
		return c->site->model ? model_record(c->site->model, &m->web_record) : 0;
	case MSG_WEB_FRONT:
		c->site->front = m->web_front;
		return 0;
	case MSG_WEB_DNS:
		if (!*m->web_dns.tailnet)
			c->site->dns = m->web_dns.all;
		else if (c->site->model)
			model_dns(c->site->model, &m->web_dns);
		return 0;
	case MSG_WEB_FRESH:
		site_fresh(c->site);
		return 0;
	default:
		return c->next ? model_item(c->next, m) : -EBADMSG;
	}
}

int channel_read(struct channel *c)
{
	int fds[MSG_FDS_MAX];
	size_t n_fds;
	union msg m;
	int r = ipc_recv(c->fd, IPC_PARENT, &m, fds, &n_fds);

	if (r == -EAGAIN)
		return 0;
	if (r == 0)
		return -EPIPE;
	if (r > 0) {
		if (m.h.type != MSG_WEB_LISTEN)
			for (size_t i = 0; i < n_fds; i++)
				fd_close(fds[i]);
		r = channel_handle(c, &m, fds);
	}
	if (r < 0)
		log_error(NULL, "channel", "%s: %s",
			r == -EBADMSG ? "bad message" : ipc_type_name(m.h.type), strerror(-r));
	return r;
}

int channel_want(struct channel *c)
{
	struct msg_empty m = {0};

	return ipc_send_msg(c->fd, MSG_WEB_WANTED, &m);
}
