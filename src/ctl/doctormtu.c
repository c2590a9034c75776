// SPDX-License-Identifier: MIT
// doctor, sizes of packets: what the path of the encrypted side takes, and whether full packets get
// through the tunnel at all.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "config/names.h"
#include "ctl/client.h"
#include "ctl/doctor.h"

#define MTU_DEFAULT  1420
#define OVER_V4	     60 /* WireGuard's and UDP's and IP's own bytes */
#define OVER_V6	     80
#define MTU_LOWEST   1280
#define ECHO_TRIES   3
#define ECHO_MS	     700
#define ECHO_SMALL   64
#define ECHO_MAX     9216
#define ECHO_ID	     0x7473
#define ECHO_HEADERS 28 /* IPv4 and ICMP */

static unsigned tunnel_mtu(const struct tailnet_config *t)
{
	return t->mtu ? t->mtu : t->wg && t->wg->mtu ? t->wg->mtu : MTU_DEFAULT;
}

/* What the kernel knows of the way to AT, 0 = nothing. */
static unsigned path_mtu(const struct hostport *at)
{
	struct sockaddr_storage sa;
	socklen_t len = hostport_to_sockaddr(at, &sa), size = sizeof(int);
	_cleanup_close_ int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool v4 = at->addr.family == 4;
	int mtu = 0;

	/* connecting a UDP socket sends nothing */
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, len) < 0 ||
		getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu,
			&size) < 0)
		return 0;
	return mtu > 0 ? (unsigned)mtu : 0;
}

/* ---- the encrypted side ---- */

struct outside {
	struct doctor *d;
	const struct tailnet_config *t;
	unsigned looked;
	bool said;
};

static int outside_peer(void *arg, const union control_any *m)
{
	struct outside *o = arg;
	const struct hostport *at = &m->peer.endpoint;
	unsigned over = at->addr.family == 4 ? OVER_V4 : OVER_V6, path, mtu = tunnel_mtu(o->t);
	char text[HOSTPORT_TEXT_MAX], advice[128];

	if (m->h.record != CONTROL_PEER || !at->addr.family || addr_is_loopback(&at->addr))
		return 0;
	path = path_mtu(at);
	o->looked += path > 0;
	if (!path || path >= mtu + over || o->said)
		return 0;
	o->said = true;
	snprintf(advice, sizeof(advice), "Set mtu = %u in [tailnet %s].",
		path - over > MTU_LOWEST ? path - over : MTU_LOWEST, o->t->name);
	doctor_say(o->d, "mtu", FINDING_WARN, advice,
		"%s: the way to %s takes %u bytes, full packets of the tunnel (mtu %u) need %u",
		o->t->name, hostport_format(at, text), path, mtu, mtu + over);
	return 0;
}

/* ---- the tunnel ---- */

struct echo {
	struct icmphdr h;
	uint8_t body[ECHO_MAX];
};

static uint16_t checksum(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];
	if (n % 2)
		sum += (uint32_t)b[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* An answer to echo number SEQUENCE within ECHO_MS? */
static bool echo_comes(int fd, uint16_t sequence)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t deadline = clock_now_ms() + ECHO_MS, now;
	uint8_t buf[ECHO_MAX + 64];
	struct icmphdr h;

	while ((now = clock_now_ms()) < deadline) {
		ssize_t n =
			poll(&p, 1, (int)(deadline - now)) > 0 ? recv(fd, buf, sizeof(buf), 0) : 0;
		size_t header = n > 0 ? (buf[0] & 15u) * 4 : 0;

		if (n <= 0 || (size_t)n < header + sizeof(h))
			continue;
		memcpy(&h, buf + header, sizeof(h));
		if (h.type == ICMP_ECHOREPLY && h.un.echo.id == htons(ECHO_ID) &&
			h.un.echo.sequence == htons(sequence))
			return true;
	}
	return false;
}

/* SIZE: of the whole IP packet. */
static bool echo_passes(int fd, size_t size)
{
	static uint16_t sequence;
	struct echo e = {.h = {.type = ICMP_ECHO, .un.echo.id = htons(ECHO_ID)}};

	for (unsigned i = 0; i < ECHO_TRIES; i++) {
		e.h.un.echo.sequence = htons(++sequence);
		e.h.checksum = 0;
		e.h.checksum = checksum(&e, size - ECHO_HEADERS + sizeof(e.h));
		if (send(fd, &e, size - ECHO_HEADERS + sizeof(e.h), MSG_NOSIGNAL) >= 0 &&
			echo_comes(fd, sequence))
			return true;
	}
	return false;
}

enum tunnel_result { TUNNEL_UNKNOWN, TUNNEL_SILENT, TUNNEL_SMALL_ONLY, TUNNEL_FULL };

static enum tunnel_result tunnel_child(const char *path, const struct addr *to, unsigned mtu)
{
	struct sockaddr_storage sa;
	socklen_t len = hostport_to_sockaddr(&(struct hostport){.addr = *to}, &sa);
	int probe = IP_PMTUDISC_PROBE, netns = open(path, O_RDONLY | O_CLOEXEC), fd;

	if (netns < 0 || setns(netns, CLONE_NEWNET) < 0)
		return TUNNEL_UNKNOWN;
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, len) < 0 ||
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe)) < 0)
		return TUNNEL_UNKNOWN;
	if (!echo_passes(fd, ECHO_SMALL))
		return TUNNEL_SILENT;
	return echo_passes(fd, MIN(mtu, (unsigned)ECHO_MAX)) ? TUNNEL_FULL : TUNNEL_SMALL_ONLY;
}

static enum tunnel_result tunnel_try(const char *name, const struct addr *to, unsigned mtu)
{
	char path[64];
	int status;
	pid_t pid;

	names_netns_path(name, path, sizeof(path));
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(tunnel_child(path, to, mtu));
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return TUNNEL_UNKNOWN;
	return (enum tunnel_result)WEXITSTATUS(status);
}

/* An IPv4 address that is likely to answer: a peer's own, the resolver, a host with a name. */
static bool someone_inside(const struct tailnet_config *t, struct addr *ret)
{
	for (size_t i = 0; t->wg && i < t->wg->n_peers; i++) {
		const struct prefix_list *l = &t->wg->peers[i].allowed;

		for (size_t k = 0; k < l->n; k++)
			if (l->items[k].addr.family == 4 && l->items[k].len == 32) {
				*ret = l->items[k].addr;
				return true;
			}
	}
	for (size_t i = 0; t->wg && i < t->wg->n_dns; i++)
		if (t->wg->dns[i].family == 4) {
			*ret = t->wg->dns[i];
			return true;
		}
	for (size_t i = 0; i < t->n_hosts; i++)
		if (t->hosts[i].addr.family == 4) {
			*ret = t->hosts[i].addr;
			return true;
		}
	return false;
}

/* True if there was something to say. */
static bool inside(struct doctor *d, const struct tailnet_config *t, unsigned *tried)
{
	char text[ADDR_TEXT_MAX], advice[128];
	unsigned mtu = tunnel_mtu(t);
	struct addr to;

	if (!d->root || !someone_inside(t, &to))
		return false;
	switch (tunnel_try(t->name, &to, mtu)) {
	case TUNNEL_SMALL_ONLY:
		snprintf(advice, sizeof(advice),
			"Set mtu = %d in [tailnet %s], and the same on the peer.", MTU_LOWEST,
			t->name);
		doctor_say(d, "mtu", FINDING_FAIL, advice,
			"%s: small packets come back from %s, full ones (%u bytes) get lost on the "
			"way",
			t->name, addr_format(&to, text), mtu);
		return true;
	case TUNNEL_FULL:
		(*tried)++;
		return false;
	default:
		return false;
	}
}

void doctor_mtu(struct doctor *d)
{
	unsigned looked = 0, tried = 0;
	bool said = false;

	for (size_t i = 0; i < d->view.table.n; i++) {
		const struct entry *e = view_at(&d->view, i);
		struct outside o = {.d = d, .t = e->config};
		struct control_request q = {.verb = CONTROL_PEERS};
		struct control_end end;
		_cleanup_close_ int fd = -1;

		if (!e->live || !e->config ||
			(e->live->state != TAILNET_UP && e->live->state != TAILNET_DEGRADED))
			continue;
		memcpy(q.name, e->name, sizeof(e->name));
		if (e->config->uplink == UPLINK_HOST &&
			client_open(d->args->run_dir, e->name, &fd, NULL) == 0)
			(void)client_ask(fd, &q, CLIENT_PATIENCE_MS, outside_peer, &o, &end);
		looked += o.looked;
		said |= o.said | inside(d, e->config, &tried);
	}
	if (!said && looked + tried)
		doctor_say(d, "mtu", FINDING_OK, NULL,
			"the ways to %u peers are wide enough, full packets pass %u tunnels",
			looked, tried);
}
