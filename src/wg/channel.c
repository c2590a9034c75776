// SPDX-License-Identifier: MIT
// tsgw-wg as the supervisor's worker: what it is told, what it reports.
//
// When the supervisor dies, the channel ends; a node that has been READY goes on serving, and the next
// supervisor ends it by its pid.
#include "wg/channel.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/fd.h"
#include "common/log.h"
#include "ipc/ipc.h"
#include "ipc/worker.h"
#include "wg/config.h"
#include "wg/loop.h"

#define ERRNO_MAX 4095

struct channel {
	struct node *node;
	struct config *config; /* between BEGIN and COMMIT */
	bool was_ready;
	bool ended;
};

/* What a full channel loses, the supervisor sees in the counters' page. */
static void report_state(void *owner, const uint8_t public_key[32], uint32_t state)
{
	struct msg_peer_state m = {.state = state};
	struct channel *c = owner;
	int r;

	if (c->ended)
		return;
	memcpy(m.public_key, public_key, sizeof(m.public_key));
	r = ipc_send_msg(WORKER_CHANNEL, MSG_WG_PEER_STATE, &m);
	if (r < 0 && r != -EPIPE)
		log_warning(NULL, "channel", "peer state not reported: %s", strerror(-r));
}

static int want_sockets(void *owner, uint16_t port, uint32_t fwmark)
{
	struct msg_wg_socket_wanted m = {.port = port, .fwmark = fwmark};
	struct channel *c = owner;
	int r;

	if (c->ended)
		return -EPIPE;
	r = ipc_send_msg(WORKER_CHANNEL, MSG_WG_SOCKET_WANTED, &m);
	return r < 0 ? r : -EINPROGRESS;
}

static const struct device_ops ops = {.want_sockets = want_sockets, .peer_state = report_state};

static int on_begin(struct channel *c)
{
	config_free(c->config);
	c->config = config_new();
	return c->config ? 0 : -ENOMEM;
}

static void apply_settings(struct node *n, const struct msg_wg_device *m)
{
	if (m->mtu)
		node_set_mtu(n, m->mtu);
	node_set_udp_gso(n, m->udp_gso);
	node_set_tun_offload(n, m->tun_offload);
}

static int on_commit(struct channel *c, const struct msg_generation *m)
{
	struct msg_generation ready = {.generation = m->generation};
	int r;

	if (!c->config)
		return -EBADMSG;
	r = config_apply(c->config, node_device(c->node));
	if (r == 0)
		apply_settings(c->node, config_settings(c->config));
	config_free(c->config);
	c->config = NULL;
	if (r < 0)
		return r;
	r = ipc_send_msg(WORKER_CHANNEL, MSG_READY, &ready);
	if (r == 0)
		c->was_ready = true;
	return r;
}

static int on_udp(struct channel *c, const struct msg_wg_udp *m, const int *fds, size_t n)
{
	int v4 = m->has_v4 ? fds[0] : -1, v6 = m->has_v6 ? fds[n - 1] : -1;

	if ((size_t)m->has_v4 + m->has_v6 != n || m->has_v4 > 1 || m->has_v6 > 1) {
		for (size_t i = 0; i < n; i++)
			fd_close(fds[i]);
		return -EBADMSG;
	}
	if (!m->has_v6)
		log_info(NULL, "wg", "no IPv6 outside: peers are reached over IPv4 only");
	return node_set_sockets(c->node, v4, v6, m->port, m->fwmark);
}

static int on_endpoint(struct channel *c, const struct msg_wg_endpoint *m)
{
	struct device *d = node_device(c->node);
	struct peer *p = device_peer_get(d, m->public_key);

	if ((m->endpoint.addr.family != 4 && m->endpoint.addr.family != 6) || !m->endpoint.port)
		return -EBADMSG;
	if (!p)
		return 0;
	device_peer_configure_endpoint(d, p, &m->endpoint);
	device_peer_call(d, p);
	return 0;
}

static int on_refused(struct channel *c, const struct msg_wg_socket_refused *m)
{
	if (m->error <= 0 || m->error > ERRNO_MAX)
		return -EBADMSG;
	node_sockets_refused(c->node, m->port, m->fwmark, -m->error);
	return 0;
}

static int handle_config(struct channel *c, const union msg *m)
{
	if (m->h.type == MSG_BEGIN)
		return on_begin(c);
	if (m->h.type == MSG_COMMIT)
		return on_commit(c, &m->generation);
	if (!c->config)
		return -EBADMSG;
	switch (m->h.type) {
	case MSG_WG_DEVICE:
		return config_device(c->config, &m->wg_device);
	case MSG_WG_PEER:
		return config_peer(c->config, &m->wg_peer);
	case MSG_WG_ALLOWED:
		return config_allowed(c->config, &m->wg_allowed);
	default:
		return -EBADMSG;
	}
}

static int handle(struct channel *c, const union msg *m, const int *fds, size_t n_fds)
{
	switch (m->h.type) {
	case MSG_LOG_LEVEL:
		log_set_level(m->log_level.log_level);
		return 0;
	case MSG_WG_TUN:
		return node_set_tun(
			c->node, fds[0], m->wg_tun.mtu, m->wg_tun.vnet_hdr, m->wg_tun.uso);
	case MSG_WG_UDP:
		return on_udp(c, &m->wg_udp, fds, n_fds);
	case MSG_WG_UAPI:
		return node_set_uapi(c->node, fds[0]);
	case MSG_WG_SOCKET_REFUSED:
		return on_refused(c, &m->wg_socket_refused);
	case MSG_WG_ENDPOINT:
		return on_endpoint(c, &m->wg_endpoint);
	default:
		for (size_t i = 0; i < n_fds; i++)
			fd_close(fds[i]);
		return handle_config(c, m);
	}
}

/* One message a call: epoll calls again while there are more. 1: the worker's end, with exit code 0. */
static int channel_ready(void *arg)
{
	struct channel *c = arg;
	int fds[MSG_FDS_MAX], r;
	size_t n_fds = 0;
	union msg m;

	r = ipc_recv(WORKER_CHANNEL, IPC_PARENT, &m, fds, &n_fds);
	if (r == -EAGAIN || r == -EINTR)
		return 0;
	if (r == 0 || r == -ECONNRESET) {
		c->ended = true;
		node_unwatch(c->node, WORKER_CHANNEL);
		return c->was_ready ? 0 : 1;
	}
	if (r > 0) {
		r = handle(c, &m, fds, n_fds);
		if (r < 0)
			log_error(NULL, "channel", "%s: %s", ipc_type_name(m.h.type), strerror(-r));
	} else {
		log_error(NULL, "channel", "bad message: %s", strerror(-r));
	}
	sodium_memzero(&m, sizeof(m));
	return r;
}

int channel_main(struct wg_stats *stats)
{
	struct channel c = {0};
	int r = node_new(stats, &c.node);

	if (r == 0)
		r = fd_nonblock(WORKER_CHANNEL, true);
	if (r == 0) {
		device_set_ops(node_device(c.node), &ops, &c);
		r = node_watch(c.node, WORKER_CHANNEL, channel_ready, &c);
	}
	if (r == 0)
		r = node_run(c.node);
	if (r == -ENODEV)
		log_error(NULL, "wg", "the TUN device is gone");
	else if (r < 0)
		log_error(NULL, "wg", "%s", strerror(-r));
	config_free(c.config);
	return r > 0 ? 0 : r < 0 ? worker_exit_code(r) : 1;
}
