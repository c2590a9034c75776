// SPDX-License-Identifier: MIT
// HTTP by libmicrohttpd: connections that are handed in, bounds on all of them, requests to answers.
#pragma once

#include <sys/socket.h>

#include "common/addr.h"

struct http;
struct site;

int http_new(struct site *s, struct http **ret);
/* Takes the accepted, non-blocking connection FD. */
void http_add(struct http *h, int fd, const struct sockaddr_storage *from, socklen_t len,
	const struct addr *client, const struct addr *local);
/* To be polled for input; when it is due in any case, in ms, -1 = not. */
int http_fd(const struct http *h);
int http_timeout(const struct http *h);
void http_run(struct http *h);
/* Requests that wait for newer records are answered. */
void http_resume(struct http *h);
