// SPDX-License-Identifier: MIT
// The listener of a tailnet, as a client on this host gets to it.
#include "ctl/reach.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "config/config.h"

static void places_add(struct places *p, const struct addr *addr, uint16_t port)
{
	if (p->n < REACH_PLACES_MAX && addr->family && port)
		p->at[p->n++] = (struct hostport){.addr = *addr, .port = port};
}

static void places_of_interface(struct places *p, const char *ifname, uint16_t port)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct hostport h;

		if (i->ifa_addr && !strcmp(i->ifa_name, ifname) &&
			hostport_from_sockaddr(i->ifa_addr, &h) == 0 &&
			!addr_is_link_local(&h.addr))
			places_add(p, &h.addr, port);
	}
	freeifaddrs(all);
}

void places_of_config(struct places *p, const struct args *a)
{
	const struct tailnet_config *t;
	struct config *c;

	if (config_load(a->config_path, &c) < 0)
		return;
	t = config_find(c, a->name);
	for (size_t i = 0; t && i < c->gateway.n_primaries; i++) {
		const struct primary *primary = &c->gateway.primaries[i];

		if (*primary->ifname)
			places_of_interface(p, primary->ifname, t->port);
		else
			places_add(p, &primary->addr, t->port);
	}
	config_free(c);
}

void places_of_live(struct places *p, const struct control_tailnet *t)
{
	places_add(p, &t->veth_ns, REACH_VETH_PORT);
	for (size_t i = 0; i < t->n_listen; i++)
		places_add(p, &t->listen[i].addr, t->listen[i].port);
}

int reach_one(const struct hostport *at, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_storage sa;
	socklen_t len = hostport_to_sockaddr(at, &sa), error_len = sizeof(int);
	struct pollfd p = {.events = POLLOUT};
	int error = 0;

	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	p.fd = fd;
	if (connect(fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
		return -errno;
	if (poll(&p, 1, REACH_MS) <= 0)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) < 0 || error)
		return error ? -error : -errno;
	if (fd_nonblock(fd, false) < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	*ret_fd = take_fd(fd);
	return 0;
}
