// SPDX-License-Identifier: MIT
// tsgw-wg standing alone, in the place of wireguard-go.
//
// Everything that needs the file system or privileges is done first: the TUN device, the sockets, the
// socket for wg(8), what tells of a new MTU or route. Then, unless in the foreground, a child goes on and the parent
// waits until it is ready, so that who called can configure at once. The child keeps CAP_NET_ADMIN (SO_MARK
// when the fwmark changes) and may remove its socket; nothing else is left to it. New sockets, when wg(8)
// wants another port, are made by a process of their own (binder.c).
#include "wg/alone.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "common/sockets.h"
#include "wg/aead.h"
#include "wg/binder.h"
#include "wg/inherited.h"
#include "wg/loop.h"
#include "wg/netwatch.h"
#include "wg/wgsocket.h"

#define DEFAULT_MTU 1420
#define EXIT_USAGE  2

struct alone {
	char name[IFNAMSIZ];
	char socket_path[WGSOCKET_PATH_MAX]; /* "" = none, or gone */
	bool own_socket;		     /* to be removed at the end */
	bool foreground;
	int tun_fd, uapi_fd, socket_watch_fd, binder, signal_fd, ready_fd, null_fd;
	int udp[2]; /* copies of what the node has: IPv4, IPv6 */
	uint16_t port, mtu;
	struct tun_flags tun;
	struct netwatch netwatch;
	struct offload_set offload;
	struct node *node;
};

static int usage(FILE *to, int code)
{
	fprintf(to,
		"Usage: tsgw-wg [-f|--foreground] INTERFACE\n"
		"       tsgw-wg --version | --help\n"
		"Makes the TUN device INTERFACE and serves " WGSOCKET_DIR
		"/INTERFACE.sock to wg(8).\n"
		"See tsgw-wg(8).\n");
	return code;
}

static bool is_interface_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < IFNAMSIZ && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		strcspn(name, "/:% \t\n\v\f\r") == len && *name != '-';
}

/* 0 go on; else the exit code and 1. */
static int parse_arguments(struct alone *a, int argc, char **argv, int *ret_code)
{
	const char *name = NULL;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--version") || !strcmp(argv[i], "-v")) {
			puts("tsgw-wg " TSGW_VERSION);
			*ret_code = EXIT_SUCCESS;
			return 1;
		}
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			*ret_code = usage(stdout, EXIT_SUCCESS);
			return 1;
		}
		if (!strcmp(argv[i], "-f") || !strcmp(argv[i], "--foreground"))
			a->foreground = true;
		else if (!name)
			name = argv[i];
		else
			name = "";
	}
	if (!name || !is_interface_name(name)) {
		if (name && *name)
			fprintf(stderr, "tsgw-wg: no name for an interface: %s\n", name);
		*ret_code = usage(stderr, EXIT_USAGE);
		return 1;
	}
	strcpy(a->name, name);
	return 0;
}

static void set_log_level(void)
{
	const char *text = getenv("LOG_LEVEL");

	if (text && (!strcmp(text, "verbose") || !strcmp(text, "debug")))
		log_set_level(LOG_DEBUG);
	else if (text && !strcmp(text, "error"))
		log_set_level(LOG_ERR);
	else if (text && !strcmp(text, "silent"))
		log_set_level(-1);
}

/* ---- the TUN device ---- */

static int interface_ioctl(unsigned long request, const char *name, struct ifreq *ifr)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	return ioctl(fd, request, ifr) < 0 ? -errno : 0;
}

static int tun_inherit(struct alone *a, int fd)
{
	struct ifreq ifr = {0};

	if (ioctl(fd, TUNGETIFF, &ifr) < 0)
		return -errno;
	if ((ifr.ifr_flags & (IFF_TUN | IFF_NO_PI)) != (IFF_TUN | IFF_NO_PI))
		return -EINVAL;
	snprintf(a->name, sizeof(a->name), "%s", ifr.ifr_name);
	a->tun_fd = fd;
	return tun_query(fd, a->offload.tun, &a->tun);
}

static int tun_make(struct alone *a)
{
	struct ifreq ifr = {.ifr_mtu = DEFAULT_MTU};

	a->tun_fd = tun_open(a->name, a->offload.tun, &a->tun, a->name);
	if (a->tun_fd < 0)
		return a->tun_fd;
	return interface_ioctl(SIOCSIFMTU, a->name, &ifr);
}

static int prepare_tun(struct alone *a)
{
	int fd = inherited_descriptor(INHERITED_TUN), r;

	if (fd == -EBADF)
		return fd;
	r = fd >= 0 ? tun_inherit(a, fd) : tun_make(a);
	if (r < 0)
		log_error(NULL, "TUN", "%s",
			r == -EBUSY	       ? "the interface exists and is in use"
				: r == -ENOENT ? "there is no /dev/net/tun"
					       : strerror(-r));
	if (r < 0)
		return r;
	r = netwatch_open(&a->netwatch, a->tun_fd);
	if (r < 0)
		log_error(NULL, "netlink", "%s", strerror(-r));
	if (r == 0) {
		/* it may be in another namespace by now */
		int mtu = netwatch_locate(&a->netwatch);

		a->mtu = mtu > 0 ? (uint16_t)mtu : DEFAULT_MTU;
	}
	return r;
}

/* ---- wg(8)'s socket ---- */

static int prepare_uapi(struct alone *a)
{
	int fd = inherited_descriptor(INHERITED_UAPI), r;

	if (fd == -EBADF)
		return fd;
	a->own_socket = fd < 0;
	if (a->own_socket)
		fd = wgsocket_listen(a->name, a->socket_path);
	else if (!wgsocket_listens(fd, a->socket_path)) {
		log_error(NULL, INHERITED_UAPI, "not a listening unix socket");
		return -EINVAL;
	}
	if (fd < 0) {
		log_error(NULL, NULL, WGSOCKET_DIR "/%s.sock: %s", a->name,
			fd == -EADDRINUSE ? "another process serves it" : strerror(-fd));
		return fd;
	}
	a->uapi_fd = fd;
	if (*a->socket_path) {
		r = wgsocket_watch(a->socket_path);
		if (r < 0)
			log_warning(
				NULL, NULL, "%s is not watched: %s", a->socket_path, strerror(-r));
		a->socket_watch_fd = r < 0 ? -1 : r;
	}
	return 0;
}

static void remove_socket(struct alone *a)
{
	/* not what another one has put in its place */
	if (a->socket_watch_fd >= 0 && *a->socket_path &&
		wgsocket_is_gone(a->socket_watch_fd, a->socket_path))
		return;
	if (a->own_socket && *a->socket_path)
		(void)unlink(a->socket_path);
}

/* ---- the encrypted side ---- */

/* The node takes the descriptors; copies stay here, for the mark. */
static int give_sockets(struct alone *a, int fds[2], uint16_t port, uint32_t fwmark)
{
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			udp_set_gro(fds[i], a->offload.udp_gro);
		fd_close(a->udp[i]);
		a->udp[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
	}
	a->port = port;
	return node_set_sockets(a->node, fds[0], fds[1], port, fwmark);
}

static int change_mark(struct alone *a, uint32_t fwmark)
{
	for (int i = 0; i < 2; i++)
		if (a->udp[i] >= 0 &&
			setsockopt(a->udp[i], SOL_SOCKET, SO_MARK, &fwmark, sizeof(fwmark)) < 0)
			return -errno;
	device_sockets_changed(node_device(a->node), a->port, fwmark);
	return 0;
}

static int want_sockets(void *owner, uint16_t port, uint32_t fwmark)
{
	struct alone *a = owner;
	int fds[2], r;

	if (port && port == a->port)
		return change_mark(a, fwmark);
	r = binder_open(a->binder, port, fwmark, fds, &port);
	return r < 0 ? r : give_sockets(a, fds, port, fwmark);
}

static void peer_state(void *owner, const uint8_t public_key[32], uint32_t state)
{
}

static const struct device_ops ops = {.want_sockets = want_sockets, .peer_state = peer_state};

/* ---- events ---- */

static uint32_t interface_to(
	void *arg, const struct addr *from, const struct addr *to, uint32_t fwmark)
{
	struct alone *a = arg;

	return netwatch_interface_to(&a->netwatch, from, to, fwmark);
}

static int netlink_news(void *arg)
{
	struct alone *a = arg;
	int mtu = netwatch_read(&a->netwatch);

	if (mtu > 0)
		node_set_mtu(a->node, (uint16_t)mtu);
	if (a->netwatch.routes_changed) {
		a->netwatch.routes_changed = false;
		device_routes_changed(node_device(a->node), interface_to, a);
	}
	return 0;
}

/* Whoever removes the socket wants the node to end: what wireguard-go does, too. */
static int socket_news(void *arg)
{
	struct alone *a = arg;

	if (!wgsocket_is_gone(a->socket_watch_fd, a->socket_path))
		return 0;
	log_info(NULL, NULL, "%s was removed", a->socket_path);
	a->socket_path[0] = '\0';
	return 1;
}

static int open_signals(struct alone *a)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	a->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return a->signal_fd < 0 ? -errno : 0;
}

static int signal_ready(void *arg)
{
	return 1;
}

/* ---- life ---- */

/* The parent's exit code is the child's success in getting ready. Returns in the child only. */
static int daemonise(struct alone *a)
{
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	a->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (a->null_fd < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		close(fds[1]);
		if (read(fds[0], &byte, 1) == 1)
			_exit(EXIT_SUCCESS);
		(void)kill(pid, SIGTERM); /* whatever the reason, what the caller is told is true */
		_exit(EXIT_FAILURE);
	}
	close(fds[0]);
	a->ready_fd = fds[1];
	if (setsid() < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

static bool wants_log(void)
{
	const char *text = getenv("LOG_LEVEL");

	return text && *text && strcmp(text, "silent") != 0;
}

/* Tells the parent, and leaves the terminal; stderr stays if LOG_LEVEL asks for a log. */
static void report_ready(struct alone *a)
{
	if (a->ready_fd < 0)
		return;
	(void)!write(a->ready_fd, "", 1);
	a->ready_fd = fd_close(a->ready_fd);
	for (int fd = 0; fd <= (wants_log() ? 1 : 2); fd++)
		(void)dup3(a->null_fd, fd, 0);
	a->null_fd = fd_close(a->null_fd);
}

static int start_node(struct alone *a, int fds[2], uint16_t port)
{
	struct wg_stats *stats = calloc(1, sizeof(*stats));
	int r = stats ? node_new(stats, &a->node) : -ENOMEM;

	if (r < 0) {
		free(stats);
		return r;
	}
	device_set_ops(node_device(a->node), &ops, a);
	r = give_sockets(a, fds, port, 0);
	if (r == 0)
		r = node_set_uapi(a->node, a->uapi_fd);
	if (r == 0)
		r = node_watch(a->node, a->signal_fd, signal_ready, a);
	if (r == 0)
		r = node_watch(a->node, a->netwatch.events_fd, netlink_news, a);
	if (r == 0 && a->socket_watch_fd >= 0)
		r = node_watch(a->node, a->socket_watch_fd, socket_news, a);
	if (r < 0)
		return r;
	node_set_udp_gso(a->node, a->offload.udp_gso);
	r = node_set_tun(a->node, a->tun_fd, a->mtu, a->tun.vnet_hdr, a->tun.uso);
	node_set_tun_offload(a->node, a->offload.tun);
	return r;
}

static int prepare(struct alone *a, int fds[2], uint16_t *ret_port)
{
	int r = offload_from_env(&a->offload);

	if (r == 0)
		r = prepare_tun(a);
	if (r == 0)
		r = prepare_uapi(a);
	if (r < 0)
		return r;
	r = binder_open_here(0, 0, fds, ret_port);
	if (r < 0)
		log_error(NULL, "UDP", "%s", strerror(-r));
	else if (fds[1] < 0)
		log_info(NULL, "UDP", "no IPv6 outside: peers are reached over IPv4 only");
	if (r < 0)
		return r;
	r = open_signals(a);
	if (r == 0 && !a->foreground)
		r = daemonise(a);
	if (r == 0)
		r = binder_start(a->null_fd, &a->binder);
	if (r < 0)
		log_error(NULL, NULL, "%s", strerror(-r));
	return r;
}

static int run(struct alone *a)
{
	int fds[2] = {-1, -1}, r;
	uint16_t port = 0;

	r = prepare(a, fds, &port);
	if (r < 0)
		return r;
	r = sandbox_enter(SANDBOX_WG_ALONE, getuid(), NULL);
	if (r == 0)
		r = start_node(a, fds, port);
	if (r < 0) {
		log_error(NULL, NULL, "%s", strerror(-r));
		return r;
	}
	log_debug(NULL, "UAPI", "%s serves %s%s%s", a->name,
		*a->socket_path ? a->socket_path : "an inherited socket",
		fds[0] >= 0 ? ", IPv4" : "", fds[1] >= 0 ? ", IPv6" : "");
	report_ready(a);
	r = node_run(a->node);
	if (r == -ENODEV) {
		log_info(NULL, NULL, "the interface is gone");
		r = 0;
	}
	if (r < 0)
		log_error(NULL, NULL, "%s", strerror(-r));
	return r < 0 ? r : 0;
}

int alone_main(int argc, char **argv)
{
	struct alone a = {.tun_fd = -1,
		.uapi_fd = -1,
		.socket_watch_fd = -1,
		.binder = -1,
		.signal_fd = -1,
		.ready_fd = -1,
		.null_fd = -1,
		.udp = {-1, -1}};
	const char *foreground = getenv("WG_PROCESS_FOREGROUND");
	int code, r;

	if (parse_arguments(&a, argc, argv, &code))
		return code;
	if (foreground && !strcmp(foreground, "1"))
		a.foreground = true;
	r = inherited_tidy();
	log_open("tsgw-wg", a.name);
	set_log_level();
	if (r < 0) {
		log_error(NULL, "/dev/null", "%s", strerror(-r));
		return EXIT_FAILURE;
	}
	r = aead_init(AEAD_AUTO);
	if (r < 0)
		log_error(NULL, "cipher", "TSGW_AEAD names one that is not available");
	else
		r = run(&a);
	remove_socket(&a);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
