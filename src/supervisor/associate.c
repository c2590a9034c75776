// SPDX-License-Identifier: MIT
// Host-side UDP sockets for tsgw-proxy, which serves UDP associations from inside a namespace where it
// cannot make them.
//
// Each listener of a tailnet has its own: PROXY_UDP_SPARE more than its worker reports to be in use.
// The worker uses them again and again, so their number only grows with the most that were ever in use
// at once, and never beyond max-udp: a worker that lies gets what an honest one may get.
// They are made a few at a time, so that no report holds the supervisor.
//
// A socket is bound to its port by number. Then the kernel keeps it there for good (a socket that was
// given any free port may be unbound by its holder, and bound anew to whatever it likes).
#include "supervisor/tailnet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "supervisor/netns.h"

#define ASSOCIATE_BATCH	     32 /* sockets made in one go; in a namespace each is a fork */
#define ASSOCIATE_BATCH_VETH 4
#define ASSOCIATE_PAUSE_MS   10 /* between two batches */
#define ASSOCIATE_RETRY_MS   1000
#define ASSOCIATE_TRIES	     64 /* ports of one socket */

struct making {
	struct hostport at;
	const char *ifname;
	unsigned low, high; /* ports, 0 = to be looked up where it is made */
};

/* The ports that sockets without a wish get on this host. */
static void port_range(unsigned *ret_low, unsigned *ret_high)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned low, high;

	*ret_low = 32768;
	*ret_high = 60999;
	if (f && fscanf(f, "%u %u", &low, &high) == 2 && low && low <= high && high <= 65535) {
		*ret_low = low;
		*ret_high = high;
	}
}

static int make(void *arg, int *ret_fd)
{
	struct making *m = arg;
	struct hostport at = m->at;
	int r = -EADDRINUSE;

	if (!m->low)
		port_range(&m->low, &m->high);
	for (int i = 0; i < ASSOCIATE_TRIES && r == -EADDRINUSE; i++) {
		uint32_t random;

		if (getrandom(&random, sizeof(random), 0) < 0)
			return -errno;
		at.port = (uint16_t)(m->low + random % (m->high - m->low + 1));
		r = udp_relay(&at, m->ifname);
	}
	if (r < 0)
		return r;
	*ret_fd = r;
	return 0;
}

/* One more socket for L, which the worker has from then on alone. */
static int give(struct tailnet *t, struct listener *l, bool veth, struct making *m)
{
	struct msg_proxy_udp told = {.at = l->at};
	_cleanup_close_ int fd = -1;
	int r = veth ? netns_run(t->netns_fd, make, m, &fd) : make(m, &fd);

	if (r == 0)
		r = worker_send(&t->proxy, MSG_PROXY_UDP, &told, sizeof(told), &fd, 1);
	if (r == 0)
		l->udp_given++;
	return r;
}

static uint32_t target(const struct tailnet *t, const struct listener *l)
{
	return MIN(l->udp_used, t->config->max_udp) + PROXY_UDP_SPARE;
}

/* 0: L has what it needs; 1: more in the next batch; -errno. */
static int fill(struct tailnet *t, struct listener *l, bool veth)
{
	struct making m = {.at = l->at, .ifname = veth ? TAILNET_VETH : NULL};
	unsigned batch = veth ? ASSOCIATE_BATCH_VETH : ASSOCIATE_BATCH;
	int r = 0;

	/* nobody may ever come by the veth: its first one is made when it is asked for */
	if (l->fd < 0 || (veth && !l->udp_used))
		return 0;
	for (; batch && r == 0 && l->udp_given < target(t, l); batch--)
		r = give(t, l, veth, &m);
	return r < 0 ? r : l->udp_given < target(t, l);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct tailnet *t = userdata;

	t->udp_timer = sd_event_source_disable_unref(t->udp_timer);
	associate_fill(t);
	return 0;
}

void associate_fill(struct tailnet *t)
{
	int more = 0, r;

	if (!t->proxy.pid || t->udp_timer)
		return;
	more = fill(t, &t->veth_listener, true);
	for (size_t i = 0; i < t->n_listeners && more >= 0; i++) {
		r = fill(t, &t->listeners[i], false);
		more = r < 0 ? r : more | r;
	}
	if (more < 0 && t->proxy.pid)
		log_warning(t->name, "udp", "no socket for UDP associations: %s", strerror(-more));
	if (more)
		(void)sd_event_add_time_relative(t->s->event, &t->udp_timer, CLOCK_MONOTONIC,
			(more < 0 ? ASSOCIATE_RETRY_MS : ASSOCIATE_PAUSE_MS) * 1000, 1000, on_timer,
			t);
}

static void set_used(struct listener *l, const struct msg_proxy_udp_used *m)
{
	if (l->fd >= 0 && l->at.port == m->at.port && addr_equal(&l->at.addr, &m->at.addr))
		l->udp_used = MAX(l->udp_used, m->n);
}

/* One for a listener that has just been closed is no mistake. */
int associate_report(struct tailnet *t, const struct msg_proxy_udp_used *m)
{
	set_used(&t->veth_listener, m);
	for (size_t i = 0; i < t->n_listeners; i++)
		set_used(&t->listeners[i], m);
	associate_fill(t);
	return 0;
}

/* A worker has nothing when it starts. */
void associate_forget(struct tailnet *t)
{
	t->udp_timer = sd_event_source_disable_unref(t->udp_timer);
	t->veth_listener.udp_given = t->veth_listener.udp_used = 0;
	for (size_t i = 0; i < t->n_listeners; i++)
		t->listeners[i].udp_given = t->listeners[i].udp_used = 0;
}
