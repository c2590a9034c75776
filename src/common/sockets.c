// SPDX-License-Identifier: MIT
// Sockets and the TUN device that are opened in one place and used in another.
#include "common/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"

#ifndef TUN_F_USO4 /* Linux 6.2 */
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define UDP_BUFFER_BYTES (7 << 20)

int tun_open(const char *name, enum offload offload, struct tun_flags *ret_flags, char ret_name[16])
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	if (strlen(name) >= sizeof(ifr.ifr_name))
		return -ENAMETOOLONG;
	strcpy(ifr.ifr_name, name);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return -errno;
	if (ret_name)
		snprintf(ret_name, 16, "%s", ifr.ifr_name);
	r = tun_query(fd, offload, ret_flags);
	return r < 0 ? r : take_fd(fd);
}

int tun_query(int fd, enum offload offload, struct tun_flags *ret)
{
	const unsigned long tso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
	struct tun_flags flags = {0};
	struct ifreq ifr = {0};

	if (ioctl(fd, TUNGETIFF, &ifr) < 0)
		return -errno;
	flags.vnet_hdr = ifr.ifr_flags & IFF_VNET_HDR;
	if (flags.vnet_hdr) {
		/* each step down is one kernel generation: USO (6.2), TSO_ECN, plain TSO */
		flags.uso = ioctl(fd, TUNSETOFFLOAD,
				    tso | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6) == 0;
		if (!flags.uso && ioctl(fd, TUNSETOFFLOAD, tso | TUN_F_TSO_ECN) < 0 &&
			ioctl(fd, TUNSETOFFLOAD, tso) < 0)
			return -errno;
		if (offload == OFFLOAD_OFF && ioctl(fd, TUNSETOFFLOAD, 0) < 0)
			return -errno;
	}
	*ret = flags;
	return 0;
}

static void socket_set(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

void udp_set_gro(int fd, bool on)
{
	socket_set(fd, IPPROTO_UDP, UDP_GRO, on);
}

static void udp_buffers(int fd)
{
	int size = UDP_BUFFER_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		socket_set(fd, SOL_SOCKET, SO_RCVBUF, size);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		socket_set(fd, SOL_SOCKET, SO_SNDBUF, size);
}

static int socket_port(int fd, uint16_t *ret)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct hostport h;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return -errno;
	if (hostport_from_sockaddr((struct sockaddr *)&ss, &h) < 0)
		return -EAFNOSUPPORT;
	*ret = h.port;
	return 0;
}

int udp_open(int family, uint16_t port, uint32_t fwmark, uint16_t *ret_port)
{
	struct hostport any = {.addr.family = (uint8_t)family, .port = port};
	struct sockaddr_storage ss;
	socklen_t len = hostport_to_sockaddr(&any, &ss);
	_cleanup_close_ int fd =
		socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
	int r;

	if (fd < 0)
		return -errno;
	if (family == 6) {
		socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		socket_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		socket_set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
		socket_set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
	} else {
		socket_set(fd, IPPROTO_IP, IP_PKTINFO, 1);
		socket_set(fd, IPPROTO_IP, IP_RECVTOS, 1);
		socket_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	}
	udp_set_gro(fd, true);
	udp_buffers(fd);
	if (fwmark && setsockopt(fd, SOL_SOCKET, SO_MARK, &fwmark, sizeof(fwmark)) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	r = socket_port(fd, ret_port);
	return r < 0 ? r : take_fd(fd);
}

/* Bound to AT, and to the link IFNAME if that is not NULL. 0 or -errno. */
static int socket_bind(int fd, const struct hostport *at, const char *ifname)
{
	struct sockaddr_storage ss;
	socklen_t len = hostport_to_sockaddr(at, &ss);

	if (ifname &&
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strlen(ifname) + 1) <
			0)
		return -errno;
	if (ss.ss_family == AF_INET6)
		socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	return bind(fd, (struct sockaddr *)&ss, len) < 0 ? -errno : 0;
}

/* A socket of TYPE for the family of AT. Its descriptor or -errno. */
static int socket_for(const struct hostport *at, int type)
{
	int family = at->addr.family == 6 ? AF_INET6 : AF_INET;
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

int tcp_listen(const struct hostport *at, const char *ifname, int backlog)
{
	_cleanup_close_ int fd = socket_for(at, SOCK_STREAM);
	int r;

	if (fd < 0)
		return fd;
	socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	r = socket_bind(fd, at, ifname);
	if (r < 0)
		return r;
	return listen(fd, backlog) < 0 ? -errno : take_fd(fd);
}

int udp_serve(const struct hostport *at, const char *ifname)
{
	_cleanup_close_ int fd = socket_for(at, SOCK_DGRAM);
	int r;

	if (fd < 0)
		return fd;
	if (at->addr.family == 6)
		socket_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	else
		socket_set(fd, IPPROTO_IP, IP_PKTINFO, 1);
	r = socket_bind(fd, at, ifname);
	return r < 0 ? r : take_fd(fd);
}

int udp_relay(const struct hostport *at, const char *ifname)
{
	_cleanup_close_ int fd = socket_for(at, SOCK_DGRAM);
	int r;

	if (fd < 0)
		return fd;
	socket_set(fd, SOL_SOCKET, SO_RCVBUF, 0);
	r = socket_bind(fd, at, ifname);
	return r < 0 ? r : take_fd(fd);
}
