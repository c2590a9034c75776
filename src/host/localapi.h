// SPDX-License-Identifier: MIT
// tailscaled's LocalAPI over connections that root opened: one request at a time, and the bus beside it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct localapi_events {
	/* A line of the bus; TEXT NULL: one that was too long to be kept. */
	void (*notified)(const char *text, size_t len);
	void (*watch_ended)(void);
	/* There are N connections now. */
	void (*connections)(unsigned n);
};

/* ERROR 0, or -errno: it did not answer. BODY is the callee's until it returns. */
typedef void localapi_done(int error, unsigned status, const char *body, size_t len);

void localapi_setup(const struct localapi_events *events);
/* Takes over FD, a connected unix socket. */
void localapi_add(int fd);
/* Closes everything; a request under way ends with -ECANCELED. */
void localapi_reset(void);
bool localapi_idle(void); /* has a connection for a request, and none is under way */
bool localapi_watching(void);
/* Each: 0, -ENOTCONN without a free connection, -EBUSY, -errno. JSON may be NULL. */
int localapi_request(const char *method, const char *path, const char *json, unsigned timeout_ms,
	localapi_done *done);

/* The same if it is WANTed, which it is not any more then, unless it could not be sent. False if it was not. */
bool localapi_ask(bool *want, const char *method, const char *path, const char *json, unsigned ms,
	localapi_done *done);
/* The same with a TEXT to be freed, which may hold a key: nothing is left of it. NULL is -ENOMEM. */
int localapi_send(
	const char *method, const char *path, char *text, unsigned timeout_ms, localapi_done *done);
int localapi_watch(const char *path);
/* Says in the log that WHAT failed: ERROR, or what the answer tells. */
void localapi_complain(const char *what, int error, unsigned code, const char *body, size_t len);
