// SPDX-License-Identifier: MIT
// One direction of a connection: bytes from one socket to another, by splice(2) where there are many.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "relay/buf.h"
#include "relay/loop.h"
#include "relay/pace.h"
#include "relay/pipes.h"
#include "relay/window.h"

/* A socket of a connection, watched edge-triggered from its birth to its end: .readable and
 * .writable are what epoll said last, less what EAGAIN said since. */
struct sock {
	struct source source;
	bool readable, writable;
	bool hup;	/* the other side has sent FIN */
	bool failed;	/* an error is waiting in the socket */
	bool lasts;	/* sock_last() was called */
	uint8_t delays; /* writes until Nagle's algorithm has to be off: 0 = it is */
	struct window window;
	struct pace pace;
	struct task look; /* at the end of a pause */
};

struct flow {
	struct buf in;	/* read from the source, not looked at yet */
	struct buf out; /* for the destination, before anything else */
	struct pipe *pipe;
	uint64_t left; /* how much may still be taken from the source; UINT64_MAX = until its end */
	uint32_t in_pipe;
	bool eof;   /* the source has ended */
	bool bulk;  /* worth a pipe; to be moved in a task */
	bool ended; /* all is delivered and passed on; kept by the owner */
};

enum flow_status {
	FLOW_WAIT,  /* for one of the sockets */
	FLOW_AGAIN, /* used up its share of this round */
	FLOW_END,   /* .left or the source is at its end (.eof), all is delivered */
	FLOW_SRC_FAILED,
	FLOW_DST_FAILED,
};

#define FLOW_SCRATCH 65536
/* Where a read may go whose bytes are dealt with before anybody else reads. */
extern uint8_t flow_scratch[FLOW_SCRATCH];

#define SOCK_YOUNG_MS 10000
#define SOCK_EVENTS   (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

void sock_event(struct sock *s, uint32_t events);
/* At most LEN bytes. > 0; 0 at the end; -EAGAIN and other -errno. */
int64_t sock_read(struct sock *s, void *to, size_t len);
/* No delay, keep-alive: for FD, or, on an accepting socket, for all that come from it. */
void sock_options(int fd);
/* S is about to connect. No delay from the second write on: nothing holds back the first. AT_ONCE: bytes for the other
 * side wait already; they acknowledge the handshake, and nothing else does. Keep-alive costs four calls, and most
 * connections end long before it says anything: so the owner calls sock_last() when S is SOCK_YOUNG_MS old. */
void sock_begin(struct sock *s, bool at_once);
void sock_last(struct sock *s);
/* On an accepting socket: the first bytes that come to its clients' sockets are acknowledged by the answer to them;
 * where none goes out at once, the owner calls sock_acknowledge(), or a client that has more to say may wait 40 ms. */
void sock_answer_first(int fd);
void sock_acknowledge(struct sock *s);
/* Whoever pumped from S reads it in another way from now on: the loop tells when there is something. */
void sock_told(struct sock *s);
/* Closes; RESET: so that the other side gets a RST. */
void sock_close(struct sock *s, bool reset);

/* Writes what waits in .out and the pipe. FLOW_END = all of it. COUNT grows by what was delivered. */
enum flow_status flow_drain(struct flow *f, struct sock *dst, uint64_t *count);
/* Writes N bytes at P now or puts them into .out, which must hold nothing or be behind them. */
enum flow_status flow_write(
	struct flow *f, struct sock *dst, const void *p, size_t n, uint64_t *count);
/* Moves as much as both sides, .left and fairness allow. */
enum flow_status flow_pump(struct flow *f, struct sock *src, struct sock *dst, uint64_t *count);
void flow_free(struct flow *f);
