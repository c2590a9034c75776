// SPDX-License-Identifier: MIT
// Sending and receiving one message with its descriptors over a SOCK_SEQPACKET socket.
#include "ipc/ipc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"

static const struct ipc_rule {
	uint16_t type;
	uint16_t size;
	uint8_t sender;
	uint8_t fds_min, fds_max;
	const char *name;
} ipc_rules[] = {
	{MSG_HELLO, sizeof(struct msg_hello), IPC_PARENT, 1, 1, "hello"},
	{MSG_BEGIN, sizeof(struct msg_generation), IPC_PARENT, 0, 0, "begin"},
	{MSG_COMMIT, sizeof(struct msg_generation), IPC_PARENT, 0, 0, "commit"},
	{MSG_READY, sizeof(struct msg_generation), IPC_WORKER, 0, 0, "ready"},
	{MSG_LOG_LEVEL, sizeof(struct msg_log_level), IPC_PARENT, 0, 0, "log-level"},
	{MSG_PING, sizeof(struct msg_ping), IPC_PARENT, 0, 0, "ping"},
	{MSG_PONG, sizeof(struct msg_ping), IPC_WORKER, 0, 0, "pong"},
	{MSG_WAITS, sizeof(struct msg_waits), IPC_WORKER, 0, 0, "waits"},
	{MSG_WG_TUN, sizeof(struct msg_wg_tun), IPC_PARENT, 1, 1, "wg-tun"},
	{MSG_WG_UDP, sizeof(struct msg_wg_udp), IPC_PARENT, 1, 2, "wg-udp"},
	{MSG_WG_UAPI, sizeof(struct msg_wg_uapi), IPC_PARENT, 1, 1, "wg-uapi"},
	{MSG_WG_DEVICE, sizeof(struct msg_wg_device), IPC_PARENT, 0, 0, "wg-device"},
	{MSG_WG_PEER, sizeof(struct msg_wg_peer), IPC_PARENT, 0, 0, "wg-peer"},
	{MSG_WG_ALLOWED, sizeof(struct msg_wg_allowed), IPC_PARENT, 0, 0, "wg-allowed"},
	{MSG_WG_ENDPOINT, sizeof(struct msg_wg_endpoint), IPC_PARENT, 0, 0, "wg-endpoint"},
	{MSG_WG_PEER_STATE, sizeof(struct msg_peer_state), IPC_WORKER, 0, 0, "wg-peer-state"},
	{MSG_WG_SOCKET_WANTED, sizeof(struct msg_wg_socket_wanted), IPC_WORKER, 0, 0,
		"wg-socket-wanted"},
	{MSG_WG_SOCKET_REFUSED, sizeof(struct msg_wg_socket_refused), IPC_PARENT, 0, 0,
		"wg-socket-refused"},
	{MSG_PROXY_CONFIG, sizeof(struct msg_proxy_config), IPC_PARENT, 0, 0, "proxy-config"},
	{MSG_PROXY_SUFFIX, sizeof(struct msg_proxy_suffix), IPC_PARENT, 0, 0, "proxy-suffix"},
	{MSG_PROXY_SUFFIXES, sizeof(struct msg_proxy_suffixes), IPC_PARENT, 1, 1, "proxy-suffixes"},
	{MSG_PROXY_HOST, sizeof(struct msg_host), IPC_PARENT, 0, 0, "proxy-host"},
	{MSG_PROXY_ROUTE, sizeof(struct msg_proxy_route), IPC_PARENT, 0, 0, "proxy-route"},
	{MSG_PROXY_ALLOW, sizeof(struct msg_prefixes), IPC_PARENT, 0, 0, "proxy-allow"},
	{MSG_PROXY_DENY, sizeof(struct msg_prefixes), IPC_PARENT, 0, 0, "proxy-deny"},
	{MSG_PROXY_PUBLISHED, sizeof(struct msg_proxy_published), IPC_PARENT, 0, 0,
		"proxy-published"},
	{MSG_PROXY_LISTEN, sizeof(struct msg_proxy_listen), IPC_PARENT, 1, 1, "proxy-listen"},
	{MSG_PROXY_UNLISTEN, sizeof(struct msg_proxy_listen), IPC_PARENT, 0, 0, "proxy-unlisten"},
	{MSG_PROXY_PEER_UP, sizeof(struct msg_peer_state), IPC_PARENT, 0, 0, "proxy-peer-up"},
	{MSG_PROXY_NODE, sizeof(struct msg_proxy_node), IPC_PARENT, 0, 0, "proxy-node"},
	{MSG_PROXY_UDP, sizeof(struct msg_proxy_udp), IPC_PARENT, 1, 1, "proxy-udp"},
	{MSG_PROXY_UDP_USED, sizeof(struct msg_proxy_udp_used), IPC_WORKER, 0, 0, "proxy-udp-used"},
	{MSG_PROXY_USER, sizeof(struct msg_proxy_user), IPC_PARENT, 0, 0, "proxy-user"},
	{MSG_PROXY_RESOLVER, sizeof(struct msg_proxy_resolver), IPC_PARENT, 0, 0, "proxy-resolver"},
	{MSG_PROXY_SEARCH, sizeof(struct msg_proxy_search), IPC_PARENT, 0, 0, "proxy-search"},
	{MSG_PROXY_CLIENTS_WANTED, sizeof(struct msg_clients_wanted), IPC_PARENT, 0, 0,
		"proxy-clients-wanted"},
	{MSG_PROXY_CLIENT, sizeof(struct msg_client), IPC_WORKER, 0, 0, "proxy-client"},
	{MSG_PROXY_CLIENTS_END, sizeof(struct msg_clients_end), IPC_WORKER, 0, 0,
		"proxy-clients-end"},
	{MSG_PROXY_FORWARD, sizeof(struct msg_port), IPC_PARENT, 1, 1, "proxy-forward"},
	{MSG_PROXY_UNFORWARD, sizeof(struct msg_port), IPC_PARENT, 0, 0, "proxy-unforward"},
	{MSG_PROXY_SPLIT, sizeof(struct msg_proxy_split), IPC_PARENT, 0, 0, "proxy-split"},
	{MSG_PROXY_RESOLVE, sizeof(struct msg_proxy_resolve), IPC_PARENT, 1, 1, "proxy-resolve"},
	{MSG_DNS_ZONE, sizeof(struct msg_dns_zone), IPC_PARENT, 0, 0, "dns-zone"},
	{MSG_DNS_SUFFIX, sizeof(struct msg_dns_suffix), IPC_PARENT, 0, 0, "dns-suffix"},
	{MSG_DNS_ROUTE, sizeof(struct msg_prefixes), IPC_PARENT, 0, 0, "dns-route"},
	{MSG_DNS_HOST, sizeof(struct msg_host), IPC_PARENT, 0, 0, "dns-host"},
	{MSG_DNS_ALLOW, sizeof(struct msg_prefixes), IPC_PARENT, 0, 0, "dns-allow"},
	{MSG_DNS_LISTEN, sizeof(struct msg_dns_listen), IPC_PARENT, 2, 2, "dns-listen"},
	{MSG_DNS_UNLISTEN, sizeof(struct msg_dns_listen), IPC_PARENT, 0, 0, "dns-unlisten"},
	{MSG_DNS_LINK, sizeof(struct msg_dns_link), IPC_PARENT, 1, 1, "dns-link"},
	{MSG_DNS_LINK_LOST, sizeof(struct msg_dns_link), IPC_WORKER, 0, 0, "dns-link-lost"},
	{MSG_WEB_CONFIG, sizeof(struct msg_web_config), IPC_PARENT, 0, 0, "web-config"},
	{MSG_WEB_NAME, sizeof(struct msg_web_name), IPC_PARENT, 0, 0, "web-name"},
	{MSG_WEB_ALLOW, sizeof(struct msg_prefixes), IPC_PARENT, 0, 0, "web-allow"},
	{MSG_WEB_TAILNET, sizeof(struct msg_web_tailnet), IPC_PARENT, 0, 0, "web-tailnet"},
	{MSG_WEB_SUFFIX, sizeof(struct msg_dns_suffix), IPC_PARENT, 0, 0, "web-suffix"},
	{MSG_WEB_SEES, sizeof(struct msg_prefixes), IPC_PARENT, 0, 0, "web-sees"},
	{MSG_WEB_ROUTE, sizeof(struct msg_prefixes), IPC_PARENT, 0, 0, "web-route"},
	{MSG_WEB_ADDRESS, sizeof(struct msg_prefixes), IPC_PARENT, 0, 0, "web-address"},
	{MSG_WEB_PORT, sizeof(struct msg_port), IPC_PARENT, 0, 0, "web-port"},
	{MSG_WEB_LISTEN, sizeof(struct msg_dns_listen), IPC_PARENT, 1, 1, "web-listen"},
	{MSG_WEB_UNLISTEN, sizeof(struct msg_dns_listen), IPC_PARENT, 0, 0, "web-unlisten"},
	{MSG_WEB_RECORD, sizeof(struct msg_web_record), IPC_PARENT, 0, 0, "web-record"},
	{MSG_WEB_FRONT, sizeof(struct msg_web_front), IPC_PARENT, 0, 0, "web-front"},
	{MSG_WEB_DNS, sizeof(struct msg_web_dns), IPC_PARENT, 0, 0, "web-dns"},
	{MSG_WEB_FRESH, sizeof(struct msg_empty), IPC_PARENT, 0, 0, "web-fresh"},
	{MSG_WEB_WANTED, sizeof(struct msg_empty), IPC_WORKER, 0, 0, "web-wanted"},
	{MSG_HOST_LOOKUP, sizeof(struct msg_host_lookup), IPC_PARENT, 0, 0, "host-lookup"},
	{MSG_HOST_ANSWER, sizeof(struct msg_host_answer), IPC_WORKER, 0, 0, "host-answer"},
	{MSG_HOST_CONFIG, sizeof(struct msg_host_config), IPC_PARENT, 0, 0, "host-config"},
	{MSG_HOST_PUBLISH, sizeof(struct msg_port), IPC_PARENT, 1, 1, "host-publish"},
	{MSG_HOST_UNPUBLISH, sizeof(struct msg_port), IPC_PARENT, 0, 0, "host-unpublish"},
	{MSG_ENGINE_CONFIG, sizeof(struct msg_engine_config), IPC_PARENT, 0, 0, "engine-config"},
	{MSG_ENGINE_TAG, sizeof(struct msg_engine_tag), IPC_PARENT, 0, 0, "engine-tag"},
	{MSG_ENGINE_ROUTES, sizeof(struct msg_prefixes), IPC_PARENT, 0, 0, "engine-routes"},
	{MSG_ENGINE_KEY, sizeof(struct msg_engine_key), IPC_PARENT, 0, 0, "engine-key"},
	{MSG_ENGINE_NODE, sizeof(struct msg_engine_node), IPC_PARENT, 0, 0, "engine-node"},
	{MSG_ENGINE_CONN, sizeof(struct msg_header), IPC_PARENT, 1, 1, "engine-conn"},
	{MSG_ENGINE_LOG, sizeof(struct msg_header), IPC_PARENT, 1, 1, "engine-log"},
	{MSG_ENGINE_ACT, sizeof(struct msg_engine_act), IPC_PARENT, 0, 0, "engine-act"},
	{MSG_ENGINE_STATE, sizeof(struct msg_engine_state), IPC_WORKER, 0, 0, "engine-state"},
	{MSG_ENGINE_CONNS, sizeof(struct msg_engine_conns), IPC_WORKER, 0, 0, "engine-conns"},
	{MSG_NETMAP_BEGIN, sizeof(struct msg_generation), IPC_WORKER, 0, 0, "netmap-begin"},
	{MSG_NETMAP_SELF, sizeof(struct msg_netmap_self), IPC_WORKER, 0, 0, "netmap-self"},
	{MSG_NETMAP_PEER, sizeof(struct msg_netmap_peer), IPC_WORKER, 0, 0, "netmap-peer"},
	{MSG_NETMAP_ROUTES, sizeof(struct msg_prefixes), IPC_WORKER, 0, 0, "netmap-routes"},
	{MSG_NETMAP_SEARCH, sizeof(struct msg_proxy_search), IPC_WORKER, 0, 0, "netmap-search"},
	{MSG_NETMAP_SPLIT, sizeof(struct msg_proxy_split), IPC_WORKER, 0, 0, "netmap-split"},
	{MSG_NETMAP_COMMIT, sizeof(struct msg_generation), IPC_WORKER, 0, 0, "netmap-commit"},
	{MSG_NETMAP_LIVE, sizeof(struct msg_netmap_live), IPC_WORKER, 0, 0, "netmap-live"},
};

static const struct ipc_rule *ipc_rule_of(uint16_t type)
{
	for (size_t i = 0; i < ELEMENTSOF(ipc_rules); i++)
		if (ipc_rules[i].type == type)
			return &ipc_rules[i];
	return NULL;
}

const char *ipc_type_name(uint16_t type)
{
	const struct ipc_rule *rule = ipc_rule_of(type);

	return rule ? rule->name : "unknown";
}

int ipc_check(const union msg *m, size_t size, size_t n_fds, enum ipc_sender sender)
{
	const struct ipc_rule *rule;

	if (size < sizeof(m->h) || m->h.size != size)
		return -EBADMSG;
	rule = ipc_rule_of(m->h.type);
	if (!rule || rule->size != size || rule->sender != sender)
		return -EBADMSG;
	return n_fds < rule->fds_min || n_fds > rule->fds_max ? -EBADMSG : 0;
}

int ipc_send(int sock, enum msg_type type, void *msg, size_t size, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * MSG_FDS_MAX)];
	} control = {0};
	struct iovec iov = {.iov_base = msg, .iov_len = size};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	struct msg_header *h = msg;

	h->type = (uint16_t)type;
	h->size = (uint16_t)size;
	if (n_fds > MSG_FDS_MAX)
		return -EINVAL;
	if (n_fds) {
		struct cmsghdr *c = &control.align;

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
		mh.msg_control = control.bytes;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
	}
	for (;;) {
		if (sendmsg(sock, &mh, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

/* Takes the descriptors out of MH into FDS; more than fit are closed and counted all the same. */
static size_t ipc_take_fds(struct msghdr *mh, int fds[MSG_FDS_MAX])
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (n < MSG_FDS_MAX)
				fds[n] = fd;
			else
				fd_close(fd);
			n++;
		}
	}
	return n;
}

/* One that finds no room is lost: the next ping comes. */
static void ipc_pong(int sock)
{
	struct msg_ping m = {.h = {.type = MSG_PONG, .size = sizeof(m)}};

	(void)!send(sock, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL);
}

int ipc_recv(
	int sock, enum ipc_sender sender, union msg *ret, int fds[MSG_FDS_MAX], size_t *ret_n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * (MSG_FDS_MAX + 2))];
	} control;
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
	struct msghdr mh = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	unsigned ended = 0;
	ssize_t n;
	size_t n_fds;

	ret->h = (struct msg_header){0}; /* who logs a bad message may look at its type */
	do {
		mh.msg_controllen = sizeof(control.bytes);
		n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	} while ((n < 0 && errno == EINTR) ||
		(n == 0 && !mh.msg_controllen && !ended++)); /* as fd_recv() */
	if (n < 0 && (errno == ENOMEM || errno == ENOBUFS)) {
		(void)poll(NULL, 0, 10); /* it is there still, and so is what we are there for */
		return -EAGAIN;
	}
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	n_fds = ipc_take_fds(&mh, fds);
	if (n == 0 && n_fds == 0)
		return 0;
	if ((mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
		ipc_check(ret, (size_t)n, n_fds, sender) < 0) {
		for (size_t i = 0; i < n_fds && i < MSG_FDS_MAX; i++)
			fd_close(fds[i]);
		return -EBADMSG;
	}
	if (ret->h.type == MSG_PING) {
		ipc_pong(sock);
		return -EAGAIN;
	}
	*ret_n_fds = n_fds;
	return 1;
}
