// SPDX-License-Identifier: MIT
// One direction of a connection: bytes from one socket to another, by splice(2) where there are many.
//
// Sockets are watched edge-triggered, once, for everything; a flow moves bytes until one of its sockets
// says EAGAIN. Nothing is read that cannot be written: the source is only read while the destination
// takes bytes, so at most one read's worth (64 KiB) waits inside. Small traffic is copied through one
// buffer that all flows share; a read that fills a good part of it makes the flow `bulk`, and from then
// on it borrows a pipe whenever it has bytes in flight. Both ways deliver .out first, then the pipe,
// then new bytes; a pipe is given back the moment it is empty and the source has nothing more.
//
// A flow stops after FLOW_SHARE bytes and goes on after everybody else. An owner whose flow is bulk does not move it in
// its event but in a task (loop.c), so that events which cost little are not behind it.
#include "relay/flow.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"

#define FLOW_SHARE	     (128 * 1024) /* some 60 µs */
#define FLOW_BULK_ENTER	     16384	  /* one read of so much: use a pipe */
#define FLOW_BULK_LEAVE	     4096	  /* a whole turn of less: copy again */

#define KEEPALIVE_IDLE_S     240
#define KEEPALIVE_INTERVAL_S 15
#define KEEPALIVE_COUNT	     5

uint8_t flow_scratch[FLOW_SCRATCH];

void sock_event(struct sock *s, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		s->writable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP))
		s->hup = true;
	if (events & EPOLLERR)
		s->failed = true;
}

int64_t sock_read(struct sock *s, void *to, size_t len)
{
	ssize_t n;

	do {
		n = recv(s->source.fd, to, len, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno == EAGAIN)
			s->readable = false;
		return -errno;
	}
	/* a short read has emptied the socket, and what comes later is a new edge; but the edge of an
	 * end or an error that was seen already does not come again */
	if ((size_t)n < len && n && !s->hup && !s->failed)
		s->readable = false;
	return n;
}

static void set_option(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof(value));
}

void sock_begin(struct sock *s, bool at_once)
{
	s->delays = 2;
	if (at_once)
		set_option(s->source.fd, IPPROTO_TCP, TCP_QUICKACK, 0);
}

static void before_write(struct sock *s)
{
	if (s->delays && !--s->delays)
		set_option(s->source.fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static void keep_alive(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
	};

	for (size_t i = 0; i < ELEMENTSOF(options); i++)
		set_option(fd, options[i].level, options[i].name, options[i].value);
}

void sock_options(int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	keep_alive(fd);
}

void sock_last(struct sock *s)
{
	if (s->source.fd < 0 || s->lasts)
		return;
	keep_alive(s->source.fd);
	s->lasts = true;
}

void sock_answer_first(int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 0);
}

void sock_acknowledge(struct sock *s)
{
	if (s->source.fd >= 0)
		set_option(s->source.fd, IPPROTO_TCP, TCP_QUICKACK, 1);
}

void sock_close(struct sock *s, bool reset)
{
	struct linger hard = {.l_onoff = 1};

	if (s->source.fd < 0)
		return;
	if (reset)
		setsockopt(s->source.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	loop_task_cancel(&s->look);
	s->pace = (struct pace){0};
	close(s->source.fd); /* epoll forgets it with its only descriptor */
	s->source.fd = -1;
	s->readable = s->writable = s->hup = s->failed = s->lasts = false;
	s->delays = 0;
	s->window = (struct window){.governed = s->window.governed};
}

void sock_told(struct sock *s)
{
	if (!s->pace.polled)
		return;
	s->pace.polled = s->pace.looked = loop_modify(&s->source, SOCK_EVENTS) < 0;
	if (s->pace.polled)
		loop_pause(&s->look);
	else
		loop_task_cancel(&s->look);
}

static void look(struct task *t)
{
	struct sock *s = container_of(t, struct sock, look);

	if (s->pace.looked) /* it is here because the loop could not be asked to tell */
		sock_told(s);
	s->pace.looked = true;
	s->source.on_event(&s->source, EPOLLIN);
}

/* S has nothing more at the moment: says who looks next. */
static void sock_rest(struct sock *s, uint64_t left)
{
	uint64_t limit = s->window.clamp ? s->window.clamp / 2 : UINT64_MAX;

	if (!pace_pauses(&s->pace, left, limit)) {
		sock_told(s);
		return;
	}
	if (!s->pace.polled && loop_modify(&s->source, SOCK_EVENTS & ~(uint32_t)EPOLLIN) < 0)
		return;
	s->pace.polled = true;
	s->look.run = look;
	loop_pause(&s->look);
}

static void release_pipe(struct flow *f)
{
	if (!f->pipe)
		return;
	pipes_put(f->pipe, f->in_pipe != 0);
	f->pipe = NULL;
	f->in_pipe = 0;
}

static enum flow_status write_failed(struct sock *dst)
{
	if (errno != EAGAIN)
		return FLOW_DST_FAILED;
	dst->writable = false;
	return FLOW_WAIT;
}

enum flow_status flow_drain(struct flow *f, struct sock *dst, uint64_t *count)
{
	while (f->out.len) {
		ssize_t n;

		before_write(dst);
		n = send(dst->source.fd, buf_data(&f->out), f->out.len, MSG_NOSIGNAL);

		if (n < 0)
			return write_failed(dst);
		buf_consume(&f->out, (size_t)n);
		*count += (uint64_t)n;
	}
	while (f->in_pipe) {
		ssize_t n;

		before_write(dst);
		n = splice(f->pipe->rd, NULL, dst->source.fd, NULL, f->in_pipe,
			SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n < 0)
			return write_failed(dst);
		f->in_pipe -= (uint32_t)n;
		*count += (uint64_t)n;
	}
	return FLOW_END;
}

static enum flow_status write_flags(
	struct flow *f, struct sock *dst, const void *p, size_t n, int flags, uint64_t *count)
{
	size_t sent = 0;

	if (!f->out.len && !f->in_pipe && dst->writable) {
		ssize_t r;

		before_write(dst);
		r = send(dst->source.fd, p, n, MSG_NOSIGNAL | flags);
		if (r < 0 && write_failed(dst) == FLOW_DST_FAILED)
			return FLOW_DST_FAILED;
		sent = r < 0 ? 0 : (size_t)r;
		*count += sent;
	}
	if (sent == n)
		return FLOW_END;
	return buf_append(&f->out, (const char *)p + sent, n - sent) < 0 ? FLOW_DST_FAILED
									 : FLOW_WAIT;
}

enum flow_status flow_write(
	struct flow *f, struct sock *dst, const void *p, size_t n, uint64_t *count)
{
	return write_flags(f, dst, p, n, 0, count);
}

/* Takes bytes into the pipe: their number, 0 at the end, -errno. */
static int64_t take_spliced(struct flow *f, struct sock *src)
{
	size_t want = (size_t)MIN(f->left, (uint64_t)PIPE_BYTES);
	ssize_t n = splice(
		src->source.fd, NULL, f->pipe->wr, NULL, want, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n < 0) {
		/* the pipe is empty: it is the socket that has nothing */
		if (errno == EAGAIN)
			src->readable = false;
		return -errno;
	}
	f->in_pipe = (uint32_t)n;
	return n;
}

static int64_t take_copied(
	struct flow *f, struct sock *src, struct sock *dst, uint64_t *count, bool *ret_dst_failed)
{
	int64_t n = sock_read(src, flow_scratch, (size_t)MIN(f->left, (uint64_t)FLOW_SCRATCH));
	int flags = 0;

	if (n <= 0)
		return n;
	f->bulk = n >= FLOW_BULK_ENTER;
	/* the source has sent FIN, and a short read was all before it: the last bytes and our own FIN,
	 * which comes next, go out in one segment */
	if (src->hup && f->left == UINT64_MAX && n < FLOW_SCRATCH)
		flags = MSG_MORE;
	*ret_dst_failed =
		write_flags(f, dst, flow_scratch, (size_t)n, flags, count) == FLOW_DST_FAILED;
	return n;
}

/* What was read before, into the place from which it is written. 0 or -ENOMEM. */
static int64_t take_early(struct flow *f)
{
	size_t n = (size_t)MIN(f->left, (uint64_t)f->in.len);

	if (n == f->in.len && !f->out.base) {
		f->out = f->in;
		f->in = (struct buf){0};
	} else {
		if (buf_append(&f->out, buf_data(&f->in), n) < 0)
			return -ENOMEM;
		buf_consume(&f->in, n);
	}
	return (int64_t)n;
}

static enum flow_status flow_turn(
	struct flow *f, struct sock *src, struct sock *dst, uint64_t *count, uint64_t *moved)
{
	bool dst_failed = false;
	int64_t n;

	if (f->in.len) {
		n = take_early(f);
	} else {
		if (!src->readable)
			return FLOW_WAIT;
		if (f->bulk && !f->pipe)
			f->pipe = pipes_get();
		n = f->pipe && f->bulk ? take_spliced(f, src)
				       : take_copied(f, src, dst, count, &dst_failed);
	}
	if (n < 0)
		return n == -EAGAIN ? FLOW_WAIT : n == -EINTR ? FLOW_AGAIN : FLOW_SRC_FAILED;
	if (dst_failed)
		return FLOW_DST_FAILED;
	if (!n)
		f->eof = true;
	if (f->left != UINT64_MAX)
		f->left -= (uint64_t)n;
	*moved += (uint64_t)n;
	return FLOW_AGAIN;
}

static void count_moved(struct sock *src, uint64_t moved)
{
	window_moved(&src->window, src->source.fd, moved);
	pace_moved(&src->pace, moved, loop_now());
}

enum flow_status flow_pump(struct flow *f, struct sock *src, struct sock *dst, uint64_t *count)
{
	enum flow_status s;
	uint64_t moved = 0;

	for (;;) {
		if (f->out.len || f->in_pipe) {
			if (!dst->writable)
				return FLOW_WAIT;
			s = flow_drain(f, dst, count);
			if (s != FLOW_END)
				return s;
		}
		s = FLOW_END;
		if (f->eof || !f->left)
			break;
		s = FLOW_AGAIN;
		if (moved >= FLOW_SHARE) {
			count_moved(src, moved);
			return s;
		}
		s = FLOW_WAIT;
		if (!dst->writable)
			break;
		s = flow_turn(f, src, dst, count, &moved);
		if (s != FLOW_AGAIN)
			break;
	}
	count_moved(src, moved);
	if (moved && moved < FLOW_BULK_LEAVE)
		f->bulk = false;
	if (s != FLOW_WAIT || !f->bulk || src->hup || src->failed)
		sock_told(src);
	else if (!src->readable)
		sock_rest(src, f->left);
	release_pipe(f);
	return s;
}

void flow_free(struct flow *f)
{
	release_pipe(f);
	buf_free(&f->in);
	buf_free(&f->out);
}
