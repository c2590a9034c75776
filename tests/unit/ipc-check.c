// SPDX-License-Identifier: MIT
// The message table: every type with every wrong size, number of descriptors and sender; and the wire.
#include "ipc/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "test.h"

/* msg.h's comment column, written down a second time. */
static const struct row {
	enum msg_type type;
	size_t size;
	enum ipc_sender sender;
	size_t fds_min, fds_max;
	const char *name;
} rows[] = {
	{MSG_HELLO, sizeof(struct msg_hello), IPC_PARENT, 1, 1, "hello"},
	{MSG_BEGIN, sizeof(struct msg_generation), IPC_PARENT, 0, 0, "begin"},
	{MSG_COMMIT, sizeof(struct msg_generation), IPC_PARENT, 0, 0, "commit"},
	{MSG_READY, sizeof(struct msg_generation), IPC_WORKER, 0, 0, "ready"},
	{MSG_LOG_LEVEL, sizeof(struct msg_log_level), IPC_PARENT, 0, 0, "log-level"},
	{MSG_PING, sizeof(struct msg_ping), IPC_PARENT, 0, 0, "ping"},
	{MSG_PONG, sizeof(struct msg_ping), IPC_WORKER, 0, 0, "pong"},
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

static const struct row *row_of(unsigned type)
{
	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

static int check(unsigned type, size_t said, size_t size, size_t n_fds, enum ipc_sender sender)
{
	union msg m = {.h = {.type = (uint16_t)type, .size = (uint16_t)said}};

	return ipc_check(&m, size, n_fds, sender);
}

static void every_type_every_size(void)
{
	for (unsigned type = 0; type < 512; type++) {
		const struct row *row = row_of(type);

		for (size_t size = 0; size <= sizeof(union msg); size++)
			CHECK_EQ(check(type, size, size, row ? row->fds_min : 0,
					 row ? row->sender : IPC_PARENT),
				row && size == row->size ? 0 : -EBADMSG);
	}
}

static void every_type_every_descriptor_count_and_sender(void)
{
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct row *r = &rows[i];

		for (size_t n = 0; n < 10; n++)
			CHECK_EQ(check(r->type, r->size, r->size, n, r->sender),
				n >= r->fds_min && n <= r->fds_max ? 0 : -EBADMSG);
		CHECK_EQ(check(r->type, r->size, r->size, r->fds_min,
				 r->sender == IPC_PARENT ? IPC_WORKER : IPC_PARENT),
			-EBADMSG);
	}
}

static void header_that_lies(void)
{
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct row *r = &rows[i];

		CHECK_EQ(check(r->type, r->size + 1, r->size, r->fds_min, r->sender), -EBADMSG);
		CHECK_EQ(check(r->type, r->size - 1, r->size, r->fds_min, r->sender), -EBADMSG);
		CHECK_EQ(check(r->type, 0, r->size, r->fds_min, r->sender), -EBADMSG);
		CHECK_EQ(check(r->type, r->size, r->size + 65536, r->fds_min, r->sender), -EBADMSG);
		CHECK_EQ(check(r->type + 65536 / 2, r->size, r->size, r->fds_min, r->sender),
			-EBADMSG);
	}
}

static void names(void)
{
	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		CHECK_STR(ipc_type_name((uint16_t)rows[i].type), rows[i].name);
	CHECK_STR(ipc_type_name(0), "unknown");
	CHECK_STR(ipc_type_name(65535), "unknown");
	CHECK_EQ(sizeof(union msg), MSG_SIZE_MAX);
}

/* ---- on the wire ---- */

struct wire {
	int a, b; /* sent on A, received on B */
	int fds[MSG_FDS_MAX];
	size_t n_fds;
	union msg m;
};

static void wire_open(struct wire *w)
{
	int pair[2] = {-1, -1};

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	*w = (struct wire){.a = pair[0], .b = pair[1]};
}

static void wire_close(struct wire *w)
{
	fd_closep(&w->a);
	fd_closep(&w->b);
}

static int receive(struct wire *w, enum ipc_sender sender)
{
	memset(&w->m, 0xaa, sizeof(w->m));
	w->n_fds = 77;
	return ipc_recv(w->b, sender, &w->m, w->fds, &w->n_fds);
}

static int lowest_free_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* LEN bytes and N copies of descriptor 0, whatever they are. */
static void send_raw(int sock, const void *data, size_t len, size_t n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 64)];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * n);
		mh.msg_control = control.bytes;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * n);
	}
	CHECK_EQ(sendmsg(sock, &mh, MSG_NOSIGNAL), (ssize_t)len);
}

static void ping_is_answered(void)
{
	struct msg_ping ping = {0};
	struct wire w;
	union msg m;
	size_t n;

	wire_open(&w);
	CHECK_EQ(ipc_send_msg(w.a, MSG_PING, &ping), 0);
	CHECK_EQ(receive(&w, IPC_PARENT), -EAGAIN);
	CHECK_EQ(ipc_recv(w.a, IPC_WORKER, &m, w.fds, &n), 1);
	CHECK_EQ(m.h.type, MSG_PONG);
	wire_close(&w);
}

static void round_trip_of_every_type(void)
{
	const int spare[MSG_FDS_MAX] = {0, 0};
	struct wire w;

	wire_open(&w);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		for (size_t n = rows[i].fds_min; n <= rows[i].fds_max && rows[i].type != MSG_PING;
			n++) {
			union msg m;

			memset(&m, 0x5a, sizeof(m));
			CHECK_EQ(ipc_send(w.a, rows[i].type, &m, rows[i].size, spare, n), 0);
			CHECK_EQ(receive(&w, rows[i].sender), 1);
			CHECK_EQ(w.m.h.type, rows[i].type);
			CHECK_EQ(w.n_fds, n);
			CHECK_MEM((char *)&w.m + sizeof(w.m.h), (char *)&m + sizeof(m.h),
				rows[i].size - sizeof(m.h));
			for (size_t k = 0; k < w.n_fds && k < MSG_FDS_MAX; k++) {
				CHECK(fcntl(w.fds[k], F_GETFD) & FD_CLOEXEC);
				close(w.fds[k]);
			}
		}
	}
	wire_close(&w);
}

/* What is refused is refused with all that came along closed. */
static void no_descriptor_leaks(void)
{
	struct msg_generation ready = {.h = {MSG_READY, sizeof(ready)}};
	char big[8192] = {0};
	struct wire w;

	wire_open(&w);
	int free_fd = lowest_free_fd();
	for (size_t n = 1; n <= 64; n++) {
		send_raw(w.a, &ready, sizeof(ready), n);
		CHECK_EQ(receive(&w, IPC_WORKER), -EBADMSG);
		CHECK_EQ(lowest_free_fd(), free_fd);
		send_raw(w.a, "", 0, n); /* an empty datagram with descriptors is no end of file */
		CHECK_EQ(receive(&w, IPC_WORKER), -EBADMSG);
		CHECK_EQ(lowest_free_fd(), free_fd);
		send_raw(w.a, big, sizeof(big), n);
		CHECK_EQ(receive(&w, IPC_WORKER), -EBADMSG);
		CHECK_EQ(lowest_free_fd(), free_fd);
	}
	for (size_t len = 1; len < 64; len++) {
		send_raw(w.a, big, len, 0);
		CHECK_EQ(receive(&w, IPC_WORKER), -EBADMSG);
		CHECK_EQ(w.m.h.type, 0); /* not what was there before */
	}
	/* and the channel still serves */
	send_raw(w.a, &ready, sizeof(ready), 0);
	CHECK_EQ(receive(&w, IPC_WORKER), 1);
	CHECK_EQ(receive(&w, IPC_WORKER), -EAGAIN);
	wire_close(&w);
}

/* At the descriptor limit the kernel drops what does not fit: that is told, and nothing stays open. */
static void at_the_descriptor_limit(void)
{
	struct msg_dns_listen listen = {.h = {MSG_DNS_LISTEN, sizeof(listen)}};
	struct rlimit old, tight;
	struct wire w;

	wire_open(&w);
	int free_fd = lowest_free_fd();
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	for (int room = 0; room < 2; room++) {
		send_raw(w.a, &listen, sizeof(listen), 2);
		tight.rlim_cur = (rlim_t)(free_fd + room);
		CHECK_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
		CHECK_EQ(receive(&w, IPC_PARENT), -EBADMSG);
		CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
		CHECK_EQ(lowest_free_fd(), free_fd);
	}
	wire_close(&w);
}

static void end_of_file(void)
{
	struct msg_generation m = {.generation = 7};
	const int three[MSG_FDS_MAX + 1] = {0, 0, 0};
	struct wire w;

	wire_open(&w);
	CHECK_EQ(ipc_send(w.a, MSG_BEGIN, &m, sizeof(m), three, MSG_FDS_MAX + 1), -EINVAL);
	CHECK_EQ(ipc_send_msg(w.a, MSG_BEGIN, &m), 0);
	fd_closep(&w.a);
	CHECK_EQ(receive(&w, IPC_PARENT), 1); /* what was said before it went */
	CHECK_EQ(w.m.generation.generation, 7);
	CHECK_EQ(receive(&w, IPC_PARENT), 0);
	CHECK_EQ(ipc_send_msg(w.b, MSG_READY, &m), -EPIPE); /* and no SIGPIPE */
	wire_close(&w);
	CHECK_EQ(receive(&w, IPC_PARENT), -EBADF);
	/* the other end went without having read: a reset is an end as well */
	wire_open(&w);
	CHECK_EQ(ipc_send_msg(w.b, MSG_READY, &m), 0);
	fd_closep(&w.a);
	CHECK_EQ(receive(&w, IPC_PARENT), 0);
	wire_close(&w);
}

static void full_socket(void)
{
	struct msg_prefixes m = {.n = 1};
	struct wire w;
	int r = 0, n = 0;

	wire_open(&w);
	while (n < 100000 && (r = ipc_send_msg(w.a, MSG_PROXY_ALLOW, &m)) == 0)
		n++;
	CHECK_EQ(r, -EAGAIN);
	CHECK(n > 0);
	for (int i = 0; i < n; i++)
		CHECK_EQ(receive(&w, IPC_PARENT), 1);
	CHECK_EQ(receive(&w, IPC_PARENT), -EAGAIN);
	wire_close(&w);
}

int main(void)
{
	RUN(every_type_every_size);
	RUN(every_type_every_descriptor_count_and_sender);
	RUN(header_that_lies);
	RUN(names);
	RUN(round_trip_of_every_type);
	RUN(ping_is_answered);
	RUN(no_descriptor_leaks);
	RUN(at_the_descriptor_limit);
	RUN(end_of_file);
	RUN(full_socket);
	return TEST_END();
}
