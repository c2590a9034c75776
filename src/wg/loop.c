// SPDX-License-Identifier: MIT
// The running node: its descriptors, its two threads, its events.
//
// Main thread: epoll over the UDP sockets, the timer (armed for the earliest deadline, or before it), the
// wake-up from the sending thread, uapi and whatever the program watches. A node without traffic sleeps.
//
// While one thread can do it all (work.h), the main thread also reads the TUN: who answers a packet that
// it has just brought there is awake already, where waking another thread would cost more than all the
// rest of the way. So it is with TCP's acknowledgements, which are made while a batch is written and go out
// together. Else the sending thread takes the TUN over (n->busy); it gives it back when it had nothing to
// do for some milliseconds, or both had little. It is started when it is needed for the first time.
#include "wg/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "wg/node.h"

#define REFUSED_MS 100 /* until a timer that could not be set is set again */

enum event { EVENT_UDP4, EVENT_UDP6, EVENT_TUN, EVENT_TIMER, EVENT_WAKE, EVENT_UAPI, EVENT_WATCH };

/* ---- how the pure part reaches us ---- */

static void wire_send(void *owner, const void *msg, size_t len, const struct endpoint *to)
{
	struct node *n = owner;
	struct udpio_path path = to->path;

	udpio_send(&n->receiver.tx, &path, (struct udpio_marks){0}, msg, 1, len, len);
}

static void poke(int fd)
{
	uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

static void wire_wake_sender(void *owner)
{
	struct node *n = owner;

	__atomic_store_n(&n->sender_work, 1, __ATOMIC_RELEASE);
	if (__atomic_load_n(&n->busy, __ATOMIC_ACQUIRE))
		poke(n->sender_wake_fd);
}

static void wire_wake_main(void *owner)
{
	struct node *n = owner;

	poke(n->main_wake_fd);
}

static void arm(struct node *n, uint64_t at_ns)
{
	struct itimerspec its = {0};

	if (at_ns != UINT64_MAX) {
		its.it_value.tv_sec = (time_t)(at_ns / SECOND_NS);
		its.it_value.tv_nsec = (long)(at_ns % SECOND_NS);
		if (!at_ns)
			its.it_value.tv_nsec = 1;
	}
	n->armed_ns = timerfd_settime(n->timer_fd, TFD_TIMER_ABSTIME, &its, NULL) < 0 ? UINT64_MAX
										      : at_ns;
	__atomic_store_n(&n->timer_refused, n->armed_ns != at_ns, __ATOMIC_RELEASE);
}

static void wire_arm(void *owner, uint64_t at_ns)
{
	struct node *n = owner;

	if (at_ns < n->armed_ns)
		arm(n, at_ns);
}

/* A socket knows the interfaces of its own namespace, which need not be ours. */
static int wire_interface_index(void *owner, const char *name)
{
	struct node *n = owner;
	int fd = n->has[1] ? n->fds[1] : n->has[0] ? n->fds[0] : -1;
	struct ifreq ifr = {0};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(fd, SIOCGIFINDEX, &ifr) < 0 ? -ENODEV : ifr.ifr_ifindex;
}

static const struct device_wires wires = {
	.send = wire_send,
	.wake_sender = wire_wake_sender,
	.wake_main = wire_wake_main,
	.arm = wire_arm,
	.interface_index = wire_interface_index,
};

/* ---- setting up ---- */

static int watch(struct node *n, int fd, uint64_t event)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = event};

	return epoll_ctl(n->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static int open_descriptors(struct node *n)
{
	int r;

	n->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	n->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	n->main_wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	n->sender_wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (n->epoll_fd < 0 || n->timer_fd < 0 || n->main_wake_fd < 0 || n->sender_wake_fd < 0)
		return -errno;
	r = watch(n, n->timer_fd, EVENT_TIMER);
	return r < 0 ? r : watch(n, n->main_wake_fd, EVENT_WAKE);
}

static int allocate(struct node *n)
{
	struct sender *s = &n->sender;

	s->aead = aead_new();
	s->frame = malloc(GSO_FRAME_MAX);
	s->train.buf = malloc(TRAIN_BYTES_MAX);
	n->receiver.aead = aead_new();
	n->receiver.rx = udpio_rx_new(NULL);
	n->receiver.gro = gro_new(NULL);
	if (!s->aead || !s->frame || !s->train.buf || !n->receiver.aead || !n->receiver.rx ||
		!n->receiver.gro)
		return -ENOMEM;
	udpio_socket_init(&s->tx.v4, -1, false);
	udpio_socket_init(&s->tx.v6, -1, false);
	n->receiver.tx = s->tx;
	return 0;
}

int node_new(struct wg_stats *stats, struct node **ret)
{
	struct node *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->tun_fd = n->fds[0] = n->fds[1] = -1;
	n->epoll_fd = n->timer_fd = n->main_wake_fd = n->sender_wake_fd = -1;
	n->armed_ns = UINT64_MAX;
	r = open_descriptors(n);
	if (r == 0)
		r = allocate(n);
	if (r == 0)
		r = device_new(stats, &n->device);
	if (r < 0) {
		node_free(n);
		return r;
	}
	n->device->wires = &wires;
	n->device->wires_owner = n;
	*ret = n;
	return 0;
}

struct device *node_device(struct node *n)
{
	return n->device;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	uapi_free(n->uapi);
	device_free(n->device);
	aead_free(n->sender.aead);
	aead_free(n->receiver.aead);
	udpio_rx_free(n->receiver.rx);
	gro_free(n->receiver.gro);
	free(n->sender.frame);
	free(n->sender.train.buf);
	fd_close(n->epoll_fd);
	fd_close(n->timer_fd);
	fd_close(n->main_wake_fd);
	fd_close(n->sender_wake_fd);
	fd_close(n->tun_fd);
	fd_close(n->fds[0]);
	fd_close(n->fds[1]);
	free(n);
}

static int start_sender(struct node *n)
{
	pthread_attr_t attr;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, NODE_STACK_BYTES);
	r = -pthread_create(&n->thread, &attr, send_run, n);
	pthread_attr_destroy(&attr);
	n->sending = r == 0;
	return r;
}

static int tun_watch(struct node *n, bool on)
{
	n->tun_watched = on;
	if (on)
		return watch(n, n->tun_fd, EVENT_TUN);
	return epoll_ctl(n->epoll_fd, EPOLL_CTL_DEL, n->tun_fd, NULL) < 0 ? -errno : 0;
}

void node_count_sent(struct node *n, unsigned packets, uint64_t now_ns)
{
	if (!n->tun_watched || !work_needs_two(&n->work, packets, now_ns))
		return;
	n->work = (struct work){0};
	(void)tun_watch(n, false);
	__atomic_store_n(&n->busy, 1, __ATOMIC_RELEASE);
	if (n->sending)
		poke(n->sender_wake_fd);
	else if (start_sender(n) < 0) /* no thread to be had: this one goes on */
		__atomic_store_n(&n->busy, 0, __ATOMIC_RELEASE);
}

int node_set_tun(struct node *n, int fd, uint16_t mtu, bool vnet_hdr, bool uso)
{
	int r;

	if (n->tun_fd >= 0) {
		fd_close(fd);
		return -EBUSY;
	}
	n->tun_fd = fd;
	n->vnet_hdr = vnet_hdr;
	node_set_mtu(n, mtu);
	train_reset(&n->sender.train, mtu);
	n->uso = uso;
	gro_set_tun(n->receiver.gro, fd, vnet_hdr, true, uso);
	r = fd_nonblock(fd, true);
	return r < 0 ? r : tun_watch(n, true);
}

void node_set_udp_gso(struct node *n, enum offload mode)
{
	pthread_mutex_lock(&n->device->lock);
	n->udp_gso = mode;
	n->sockets_generation++;
	pthread_mutex_unlock(&n->device->lock);
}

void node_set_tun_offload(struct node *n, enum offload mode)
{
	bool on = mode != OFFLOAD_OFF;

	gro_set_offload(n->receiver.gro, on, on && n->uso, mode == OFFLOAD_ON);
}

void node_set_mtu(struct node *n, uint16_t mtu)
{
	__atomic_store_n(&n->mtu, mtu, __ATOMIC_RELAXED);
}

/* The descriptor's number stays, whatever the sending thread is doing with it: another socket takes its
 * place, or, when there is none any more, something that cannot be sent on. As others may keep copies of
 * the old one, which may even be the new one, its end alone would not take it out of epoll. */
static int replace_socket(struct node *n, int which, int fd)
{
	int r;

	n->has[which] = fd >= 0;
	if (n->fds[which] < 0) {
		n->fds[which] = fd;
		return fd < 0 ? 0 : watch(n, fd, which ? EVENT_UDP6 : EVENT_UDP4);
	}
	epoll_ctl(n->epoll_fd, EPOLL_CTL_DEL, n->fds[which], NULL);
	r = dup3(fd < 0 ? n->epoll_fd : fd, n->fds[which], O_CLOEXEC) < 0 ? -errno : 0;
	if (fd < 0 || r < 0)
		return r;
	fd_close(fd);
	return watch(n, n->fds[which], which ? EVENT_UDP6 : EVENT_UDP4);
}

int node_set_sockets(struct node *n, int fd4, int fd6, uint16_t port, uint32_t fwmark)
{
	int r, r6;

	pthread_mutex_lock(&n->device->lock);
	r = replace_socket(n, 0, fd4);
	r6 = replace_socket(n, 1, fd6);
	n->sockets_generation++;
	pthread_mutex_unlock(&n->device->lock);
	udpio_socket_init(&n->receiver.tx.v4, n->has[0] ? n->fds[0] : -1, true);
	udpio_socket_init(&n->receiver.tx.v6, n->has[1] ? n->fds[1] : -1, true);
	device_sockets_changed(n->device, port, fwmark);
	if (n->uapi)
		uapi_sockets_answer(n->uapi, port, fwmark, 0);
	return r < 0 ? r : r6;
}

void node_sockets_refused(struct node *n, uint16_t port, uint32_t fwmark, int error)
{
	if (n->uapi)
		uapi_sockets_answer(n->uapi, port, fwmark, error);
}

int node_set_uapi(struct node *n, int listen_fd)
{
	int r;

	if (n->uapi) {
		uapi_free(n->uapi);
		n->uapi = NULL;
	}
	r = uapi_new(n->device, listen_fd, &n->uapi);
	return r < 0 ? r : watch(n, uapi_fd(n->uapi), EVENT_UAPI);
}

int node_watch(struct node *n, int fd, int (*call)(void *arg), void *arg)
{
	if (n->n_watches == NODE_WATCHES_MAX)
		return -ENOSPC;
	n->watches[n->n_watches] = (struct node_watch){.fd = fd, .call = call, .arg = arg};
	return watch(n, fd, EVENT_WATCH + n->n_watches++);
}

void node_unwatch(struct node *n, int fd)
{
	epoll_ctl(n->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- running ---- */

/* What has come due; then the timer is set to what comes next, of the peers or of uapi. */
static void run_deadlines(struct node *n)
{
	struct device *d = n->device;
	uint64_t next, uapi_ms;

	handshake_start_wanted(d, clock_now_ns());
	if (n->uapi && uapi_deadline(n->uapi) <= clock_now_ms())
		uapi_dispatch(n->uapi, clock_now_ms());
	deadlines_run(d, clock_now_ns());
	uapi_ms = n->uapi ? uapi_deadline(n->uapi) : UINT64_MAX;
	pthread_mutex_lock(&d->lock);
	next = d->heap_n ? d->heap[1]->heap_ns : UINT64_MAX;
	if (uapi_ms != UINT64_MAX && uapi_ms * 1000000u < next)
		next = uapi_ms * 1000000u;
	/* later is in time: it wakes up once for nothing and is set again */
	if (next < n->armed_ns)
		arm(n, next);
	pthread_mutex_unlock(&d->lock);
}

static void drain(int fd)
{
	uint64_t v;

	(void)!read(fd, &v, sizeof(v));
}

static int dispatch(struct node *n, uint64_t event)
{
	switch (event) {
	case EVENT_UDP4:
	case EVENT_UDP6:
		return receive_ready(n, n->fds[event == EVENT_UDP6]);
	case EVENT_TUN:
		return n->tun_watched ? send_ready(n, false) : 0;
	case EVENT_TIMER:
		drain(n->timer_fd);
		pthread_mutex_lock(&n->device->lock);
		n->armed_ns = UINT64_MAX;
		pthread_mutex_unlock(&n->device->lock);
		return 0;
	case EVENT_WAKE:
		drain(n->main_wake_fd);
		return __atomic_load_n(&n->tun_gone, __ATOMIC_ACQUIRE) ? -ENODEV : 0;
	case EVENT_UAPI:
		if (n->uapi)
			uapi_dispatch(n->uapi, clock_now_ms());
		return 0;
	default:
		return n->watches[event - EVENT_WATCH].call(n->watches[event - EVENT_WATCH].arg);
	}
}

/* What is the main thread's to send, while the TUN is its own. */
static int send_turn(struct node *n)
{
	if (__atomic_load_n(&n->busy, __ATOMIC_ACQUIRE) || n->tun_fd < 0)
		return 0;
	if (__atomic_exchange_n(&n->sender_work, 0, __ATOMIC_ACQUIRE))
		send_requests(n, clock_now_ns());
	return n->tun_watched ? 0 : tun_watch(n, true);
}

int node_run(struct node *n)
{
	struct epoll_event events[8];

	for (;;) {
		int got, r;

		run_deadlines(n);
		r = send_turn(n);
		if (r)
			return r;
		got = epoll_wait(n->epoll_fd, events, ELEMENTSOF(events),
			__atomic_load_n(&n->timer_refused, __ATOMIC_ACQUIRE) ? REFUSED_MS : -1);
		if (got < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < got && r == 0; i++)
			r = dispatch(n, events[i].data.u64);
		if (r)
			return r;
	}
}
