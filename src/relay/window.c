// SPDX-License-Identifier: MIT
// How much a bulk stream may have under way to us: enough for its speed, and no queue behind which others wait.
//
// The kernel lets the window of a fast stream grow until its sender stops filling it, up to many megabytes. On
// a short path a sender does fill it (with BBR, too, which takes acknowledgements that come in bunches for a
// reason to have more under way), and all of that stands in queues: of the tunnel's device, of its sockets. The
// stream does not notice. Whoever types beside it waits behind all of it with each key. Only who receives
// a stream can tell its sender to have less under way, and for what comes out of the tunnel that is us.
//
// A stream needs speed * round trip; it may have WINDOW_GAIN times as much, and all streams together may always
// have WINDOW_FLOOR. The round trip is the shortest to that host of late, at best of a connection that was made
// while nothing stood in its way. A window shrinks by a quarter at a time, and grows at once.
//
// This is for paths that are near, where WINDOW_FLOOR is plenty. Farther ones are the kernel's. So is one whose
// round trip stays long after the window has become small: then the queue is others', or the peer has moved,
// and to hold back would only leave the path to them. After a while that is tried anew.
#include "relay/window.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "relay/loop.h"
#include "relay/udpport.h"

#define WINDOW_LOOK_MS	  16 /* how often */
#define WINDOW_PAUSE_MS	  128 /* since the last look: the stream has paused, its speed is not known */
#define WINDOW_FLOOR	  (1u << 20)  /* bytes, all streams together */
#define WINDOW_LEAST	  (64u << 10) /* each of them */
#define WINDOW_GAIN	  4
#define WINDOW_NEAR_US	  3000
#define WINDOW_STRANGE_US 20000 /* with a small window, a near path is not that long */
#define WINDOW_PATIENCE	  64	/* looks at such a one, then the kernel has its way */
#define WINDOW_REST	  1024	/* for so many */
#define WINDOW_ALONE_MS	  10000
#define WINDOW_HOSTS	  32
#define WINDOW_HOST_MS	  120000

static uint64_t window_all; /* bytes of all streams that are governed */

static uint32_t users;
static uint64_t company_ms; /* when the last but one ended */

static struct window_host {
	struct addr at;
	uint32_t rtt_us;
	uint64_t until_ms;
} hosts[WINDOW_HOSTS];

uint32_t window_shortest(const struct addr *host, uint32_t rtt_us, uint64_t now_ms)
{
	struct window_host *h = &hosts[0];

	for (unsigned i = 0; i < WINDOW_HOSTS; i++) {
		if (hosts[i].until_ms > now_ms && addr_equal(&hosts[i].at, host)) {
			if (rtt_us && rtt_us < hosts[i].rtt_us)
				hosts[i].rtt_us = rtt_us;
			return hosts[i].rtt_us;
		}
		if (hosts[i].until_ms < h->until_ms)
			h = &hosts[i];
	}
	if (rtt_us)
		*h = (struct window_host){*host, rtt_us, now_ms + WINDOW_HOST_MS};
	return rtt_us;
}

static bool window_strange(struct window_path *p, uint64_t need)
{
	if (p->strange >= WINDOW_PATIENCE) {
		if (++p->strange >= WINDOW_PATIENCE + WINDOW_REST)
			p->strange = 0;
	} else if (p->recent_us < WINDOW_STRANGE_US) {
		p->strange = 0;
	} else if (p->clamp && p->now / 2 <= need) {
		p->strange++;
	}
	return p->strange >= WINDOW_PATIENCE;
}

uint32_t window_decide(struct window_path *p)
{
	uint64_t need, share;

	if (!p->rtt_us || !p->us || !p->bytes || p->all < p->bytes)
		return p->clamp;
	need = p->bytes * WINDOW_GAIN * p->rtt_us / p->us;
	share = p->bytes * WINDOW_FLOOR / p->all;
	need = MAX(need, share);
	need = MAX(need, (uint64_t)WINDOW_LEAST);
	if (p->alone || p->rtt_us > WINDOW_NEAR_US || window_strange(p, need))
		return p->clamp ? WINDOW_ALL : 0;
	if (need < p->now)
		need = MAX(need, (uint64_t)p->now - p->now / 4);
	else if (!p->clamp)
		return 0;
	return (uint32_t)MIN(need, (uint64_t)WINDOW_ALL);
}

static uint32_t window_rtt(int fd, uint32_t measured_us)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	struct hostport far;

	if (measured_us == UINT32_MAX || getpeername(fd, (struct sockaddr *)&ss, &len) < 0 ||
		hostport_from_sockaddr((struct sockaddr *)&ss, &far) < 0)
		return 0;
	return window_shortest(&far.addr, measured_us, loop_now());
}

static bool is_alone(void)
{
	return users == 1 && !udpport_sessions() && loop_now() >= company_ms + WINDOW_ALONE_MS;
}

static void window_look(struct window *w, int fd, uint64_t ms)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	struct window_path p;
	uint32_t clamp;
	int value;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return;
	if (!w->rtt_us)
		w->rtt_us = window_rtt(fd, info.tcpi_min_rtt);
	p = (struct window_path){.bytes = w->bytes,
		.all = window_all - w->all,
		.us = ms * 1000,
		.rtt_us = w->rtt_us,
		.recent_us = info.tcpi_rcv_rtt,
		.now = info.tcpi_rcv_ssthresh,
		.clamp = w->clamp,
		.alone = is_alone(),
		.strange = w->strange};
	clamp = window_decide(&p);
	w->strange = p.strange;
	value = (int)clamp;
	if (clamp != w->clamp &&
		setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &value, sizeof(value)) == 0)
		w->clamp = clamp;
}

void window_users(uint32_t n)
{
	if (users > 1 && n <= 1)
		company_ms = loop_now();
	users = n;
}

void window_moved(struct window *w, int fd, uint64_t n)
{
	uint64_t ms = loop_now() - w->since_ms;

	if (!w->governed)
		return;
	window_all += n;
	w->bytes += n;
	if (ms < WINDOW_LOOK_MS)
		return;
	if (ms < WINDOW_PAUSE_MS)
		window_look(w, fd, ms);
	w->since_ms = loop_now();
	w->bytes = 0;
	w->all = window_all;
}
