// SPDX-License-Identifier: MIT
// From a request to an answer. Pure but for the model that it reads.
#pragma once

#include <stdio.h>

#include "web/request.h"
#include "web/site.h"

struct visit { /* one request */
	struct site *site;
	struct request request;
	char host[CLIENTS_HOST_MAX]; /* by which we were asked */
	struct addr client;
	struct addr local;	/* of ours, to which the client came */
	const char *user_agent; /* may be NULL */
	const char *ssid;	/* ?ssid=, may be NULL */
	const char *near;	/* a path that is known and near to the one that is not, or NULL */
};

struct answer {
	unsigned code;
	const char *type;
	const char *disposition; /* file name to be saved as, or NULL */
	const void *constant;	 /* body that is not to be freed, or NULL: */
	char *body;
	size_t size;
};

/* Does the answer need newer records than those of some time ago? */
bool answer_needs_fresh(const struct request *r);
/* 0 or -ENOMEM. */
int answer_make(const struct visit *v, struct answer *ret);

/* The view for clients/: only what V's client may see, NAME (may be "") alone if given. .tailnets is
 * fresh memory. 0 or -ENOMEM. */
int answer_view(const struct visit *v, const char *name, struct clients_view *ret);

/* page.c, metrics.c: whole bodies. */
int page_write(const struct visit *v, FILE *out);
void metrics_write(const struct visit *v, FILE *out);
/* qr.c: TEXT as an SVG image of a QR code. */
void qr_write(const char *text, FILE *out);
