// SPDX-License-Identifier: MIT
// The encrypted UDP sockets of a node of ours: opened in the host's namespace or the uplink's, and handed over.
#include "supervisor/fdstore.h"
#include "supervisor/tailnet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/log.h"

/* The same port again: nothing else could be bound to it, so the sockets that are there change their mark. */
static int node_mark_sockets(struct tailnet *t, uint32_t fwmark)
{
	const uint32_t mark = uplink_fwmark(t->config, fwmark);
	const int fds[] = {t->udp4_fd, t->udp6_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0 && setsockopt(fds[i], SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
			return -errno;
	t->udp_fwmark = fwmark;
	return 0;
}

void node_set_gro(struct tailnet *t, const struct tailnet_config *config)
{
	const int fds[] = {t->udp4_fd, t->udp6_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			udp_set_gro(fds[i], offload_udp_gro(config->udp_gro, offload_release()));
}

static bool no_such_family(int error)
{
	return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL || error == -EPROTONOSUPPORT;
}

struct udp_wanted {
	int family;
	uint16_t port;
	uint32_t fwmark;
};

static int node_udp_there(void *arg, int *ret_fd)
{
	const struct udp_wanted *w = arg;
	uint16_t bound;
	int fd = udp_open(w->family, w->port, w->fwmark, &bound);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

/* In the namespace of the uplink. Returns the descriptor or -errno. */
static int node_udp_open(
	struct tailnet *t, int family, uint16_t port, uint32_t fwmark, uint16_t *ret_port)
{
	struct udp_wanted w = {family, port, uplink_fwmark(t->config, fwmark)};
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct hostport at;
	int fd, r;

	if (uplink_netns(t) < 0)
		return udp_open(family, port, fwmark, ret_port);
	r = netns_run(uplink_netns(t), node_udp_there, &w, &fd);
	if (r < 0)
		return r;
	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0 ||
		hostport_from_sockaddr((struct sockaddr *)&ss, &at) < 0) {
		fd_close(fd);
		return -EIO;
	}
	*ret_port = at.port;
	return fd;
}

/* IPv6 missing outside is no error: the node runs over IPv4 alone, and the log says so. */
int node_open_sockets(struct tailnet *t, uint16_t port, uint32_t fwmark)
{
	_cleanup_close_ int v4 = -1, v6 = -1;
	uint16_t bound = port, bound6;

	if (port && port == t->udp_port && (t->udp4_fd >= 0 || t->udp6_fd >= 0))
		return node_mark_sockets(t, fwmark);
	v4 = node_udp_open(t, 4, port, fwmark, &bound);
	if (v4 < 0 && !no_such_family(v4))
		return v4;
	for (int tries = 0; tries < 8; tries++) {
		v6 = node_udp_open(t, 6, bound, fwmark, &bound6);
		if (v6 != -EADDRINUSE || port)
			break;
		/* any port will do, but the same one for both families */
		fd_closep(&v4);
		bound = 0;
		v4 = node_udp_open(t, 4, 0, fwmark, &bound);
		if (v4 < 0)
			return v4;
	}
	if (v6 < 0 && !no_such_family(v6))
		return v6;
	if (v6 < 0)
		log_notice(t->name, "wg0", "no IPv6 outside (%s): the node uses IPv4 alone",
			strerror(-v6));
	if (v4 < 0 && v6 < 0)
		return v6;
	t->udp4_fd = fd_close(t->udp4_fd);
	t->udp6_fd = fd_close(t->udp6_fd);
	t->udp_port = v4 >= 0 ? bound : bound6;
	t->udp4_fd = take_fd(v4);
	t->udp6_fd = v6 < 0 ? -1 : take_fd(v6);
	t->udp_fwmark = fwmark;
	fdstore_drop(t->name, "udp4");
	fdstore_drop(t->name, "udp6");
	fdstore_put(t->name, "udp4", t->udp4_fd);
	fdstore_put(t->name, "udp6", t->udp6_fd);
	node_set_gro(t, t->config);
	return 0;
}

bool node_sockets_by_hand(const struct tailnet *t)
{
	return t->netns_fd >= 0 && !tailnet_is_stock(t->config) &&
		(t->udp_port_by_hand || t->udp_fwmark != t->config->wg->fwmark);
}

int node_renew_sockets(struct tailnet *t, bool other_port, const struct wg_config *wg)
{
	/* where any port will do, another mark needs no other port */
	uint16_t port = wg->listen_port || other_port || t->udp_port_by_hand ? wg->listen_port
									     : t->udp_port;
	int r = 0;

	if (other_port || t->udp_port_by_hand || t->udp_fwmark != wg->fwmark)
		r = node_open_sockets(t, port, wg->fwmark);
	t->udp_port_by_hand &= r < 0;
	return r;
}

int node_send_sockets(struct tailnet *t)
{
	struct msg_wg_udp m = {.port = t->udp_port,
		.has_v4 = t->udp4_fd >= 0,
		.has_v6 = t->udp6_fd >= 0,
		.fwmark = t->udp_fwmark};
	int fds[2];
	size_t n = 0;

	if (m.has_v4)
		fds[n++] = t->udp4_fd;
	if (m.has_v6)
		fds[n++] = t->udp6_fd;
	return t->node.pid ? worker_send(&t->node, MSG_WG_UDP, &m, sizeof(m), fds, n) : 0;
}
