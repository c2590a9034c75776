// SPDX-License-Identifier: MIT
// wg(8)'s way in: the cross-platform userspace configuration protocol on a listening unix socket.
//
// The parser is pure: bytes in, a list of operations or an errno out. A request is applied as a whole or
// not at all. Everything runs in the node's main thread, without threads or blocking of its own: poll
// uapi_fd() for reading, call uapi_dispatch() when it is ready or uapi_deadline() has come.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

#define UAPI_CLIENTS_MAX     8
#define UAPI_LINE_MAX	     255	 /* bytes without the newline */
#define UAPI_REQUEST_MAX     (32u << 20) /* bytes of one request */
#define UAPI_ZONE_BYTES	     16		 /* IFNAMSIZ */
#define UAPI_STALL_MS	     5000 /* a client that neither reads nor writes this long is cut off */
#define UAPI_SOCKETS_WAIT_MS 1000 /* for new sockets from the supervisor */

/* ---- the parser ---- */

enum uapi_op_type {
	UAPI_END, /* no more */
	UAPI_PRIVATE_KEY,
	UAPI_LISTEN_PORT,
	UAPI_FWMARK,
	UAPI_REPLACE_PEERS,
	UAPI_PEER, /* what follows is about this one; REMOVE and UPDATE_ONLY are its flags */
	UAPI_PRESHARED_KEY,
	UAPI_ENDPOINT,
	UAPI_KEEPALIVE,
	UAPI_REPLACE_ALLOWED,
	UAPI_ALLOWED,
	UAPI_UNALLOWED, /* allowed_ip=-… */
};

struct uapi_op {
	enum uapi_op_type type;
	bool remove;	  /* UAPI_PEER */
	bool update_only; /* UAPI_PEER */
	union {
		uint8_t key[32];
		uint16_t number; /* port, seconds */
		uint32_t mark;
		struct {
			struct hostport endpoint;
			char zone[UAPI_ZONE_BYTES]; /* an interface's name; "" = scope_id has it */
		};
		struct prefix prefix;
	};
};

enum uapi_state { UAPI_READING, UAPI_GET, UAPI_SET, UAPI_BAD };

struct uapi_chunk;
struct uapi_request {
	enum uapi_state state;
	int error; /* -errno, if UAPI_BAD */
	/* private */
	enum uapi_state kind; /* by the first line */
	bool in_peer;
	size_t bytes;
	uint32_t line_len;
	char line[UAPI_LINE_MAX + 1];
	struct uapi_chunk *first, *last;
	uint8_t *peer_flags;
};

void uapi_request_init(struct uapi_request *r);
/* Wipes what it holds, which is ready for the next request then. */
void uapi_request_free(struct uapi_request *r);
/* Takes bytes until the request is complete (its blank line) and returns how many it took; see
 * .state. An error is kept until then, so that the answer comes when the client waits for it. */
size_t uapi_request_feed(struct uapi_request *r, const char *data, size_t len);
/* Nothing has been taken since the last request. */
bool uapi_request_is_empty(const struct uapi_request *r);

/* Reads the operations back, in order. Zero-initialise; type UAPI_END after the last. */
struct uapi_cursor {
	const struct uapi_chunk *chunk;
	uint32_t offset;
	bool begun;
};
void uapi_request_next(const struct uapi_request *r, struct uapi_cursor *c, struct uapi_op *ret);

/* ---- between the two ---- */

struct device;

/* Would it fit: peers, allowed-ips (-ENOSPC)? Are the interfaces there that it names (-ENODEV)? 0 or -errno. */
int uapi_check(struct device *d, const struct uapi_request *r);
/* Does the request want other sockets than there are, and which? */
bool uapi_wanted_sockets(const struct device *d, const struct uapi_request *r, uint16_t *ret_port,
	uint32_t *ret_mark);
/* Does everything else. Fails only without memory. */
int uapi_apply(struct device *d, const struct uapi_request *r);

/* Text that grows. */
struct uapi_text {
	char *data;
	size_t len, size;
	bool failed; /* no memory */
};
/* The device as the answer to "get=1", without the errno line. */
void uapi_show(struct device *d, struct uapi_text *t);
void uapi_print(struct uapi_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- the server ---- */

struct uapi;

/* LISTEN_FD becomes ours. 0 or -errno. */
int uapi_new(struct device *d, int listen_fd, struct uapi **ret);
void uapi_free(struct uapi *u);
int uapi_fd(const struct uapi *u);
/* clock_now_ms() of the next thing to do without any input; UINT64_MAX: nothing. */
uint64_t uapi_deadline(const struct uapi *u);
void uapi_dispatch(struct uapi *u, uint64_t now_ms);

/* The sockets that device_want_sockets() answered -EINPROGRESS for: there are such (ERROR 0, to be
 * called after device_sockets_changed()), or they cannot be had (-errno). Is for the waiting client
 * that asked for these; a late answer to another one that has given up is not. */
void uapi_sockets_answer(struct uapi *u, uint16_t port, uint32_t fwmark, int error);
