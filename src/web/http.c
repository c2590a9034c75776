// SPDX-License-Identifier: MIT
// HTTP by libmicrohttpd: connections that are handed in, bounds on all of them, requests to answers.
//
// The library has no thread and no socket of its own here: connections come in by http_add(), and it runs
// when its epoll descriptor says so. Its timeouts start anew with every byte, so that a client could drip
// for ever; therefore each connection also has a deadline: for its next request to be complete, and for the
// answer to be taken. A request that needs newer records sleeps until they are there.
#include "web/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "web/answer.h"
#include "web/site.h"

#define HTTP_CONNECTIONS_MAX 512
#define HTTP_PER_CLIENT_MAX  64
#define HTTP_MEMORY	     (32 << 10) /* bytes of one connection; half of it for the request's head */
#define HTTP_IDLE_S	     30
#define HTTP_REQUEST_MS	     15000 /* for a request to be complete, and between two */
#define HTTP_ANSWER_MS	     60000 /* for an answer to be taken */
#define HTTP_PATH_MAX	     1024
#define HTTP_TICK_MS	     1000

struct link { /* a connection */
	struct http *h;
	struct link *next, **here;
	int fd;
	struct addr client, local;
	uint64_t deadline_ms;
	unsigned turn;		      /* times that the library has called for this request */
	struct MHD_Connection *waits; /* for newer records */
};

struct http {
	struct site *site;
	struct MHD_Daemon *daemon;
	struct link *links;
	struct addr local; /* of the connection that is being added */
	struct addr client;
	bool again; /* there is something to do at once */
};

/* ---- connections ---- */

static void link_open(struct http *h, struct MHD_Connection *c, void **context)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct link *l = info ? calloc(1, sizeof(*l)) : NULL;

	if (!l)
		return;
	*l = (struct link){.h = h,
		.fd = info->connect_fd,
		.client = h->client,
		.local = h->local,
		.deadline_ms = clock_now_ms() + HTTP_REQUEST_MS,
		.next = h->links,
		.here = &h->links};
	if (h->links)
		h->links->here = &l->next;
	h->links = l;
	STAT_ADD(h->site->stats->connections, 1);
	*context = l;
}

static void link_close(struct link *l)
{
	if (!l)
		return;
	*l->here = l->next;
	if (l->next)
		l->next->here = l->here;
	STAT_ADD(l->h->site->stats->connections, (uint64_t)-1);
	free(l);
}

static void on_connection(void *cls, struct MHD_Connection *c, void **context,
	enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		link_open(cls, c, context);
	else
		link_close(*context);
}

static struct link *link_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void on_completed(
	void *cls, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode code)
{
	struct link *l = link_of(c);

	if (l) {
		l->deadline_ms = clock_now_ms() + HTTP_REQUEST_MS;
		l->waits = NULL;
		l->turn = 0;
	}
}

void http_add(struct http *h, int fd, const struct sockaddr_storage *from, socklen_t len,
	const struct addr *client, const struct addr *local)
{
	h->client = *client;
	h->local = *local;
	/* it closes FD if it does not take it */
	if (MHD_add_connection(h->daemon, fd, (const struct sockaddr *)from, len) != MHD_YES)
		STAT_ADD(h->site->stats->limit, 1);
}

/* ---- answers ---- */

static const char policy[] =
	"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
	"connect-src 'self'; base-uri 'none'; form-action 'self'; "
	"frame-ancestors 'none'";

static void add_headers(struct MHD_Response *r, const struct answer *a)
{
	static const char *const headers[][2] = {
		{"Content-Security-Policy", policy},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
	};

	for (size_t i = 0; i < ELEMENTSOF(headers); i++)
		MHD_add_response_header(r, headers[i][0], headers[i][1]);
	MHD_add_response_header(r, "Content-Type", a->type);
	MHD_add_response_header(r, "Cache-Control", a->constant ? "max-age=60" : "no-store");
	if (a->code == 405)
		MHD_add_response_header(r, "Allow", "GET, HEAD");
	if (a->disposition) {
		char text[128];

		snprintf(text, sizeof(text), "attachment; filename=\"%s\"", a->disposition);
		MHD_add_response_header(r, "Content-Disposition", text);
	}
}

/* Takes A's body over. */
static enum MHD_Result reply(struct http *h, struct MHD_Connection *c, struct answer *a)
{
	struct MHD_Response *r = a->constant
		? MHD_create_response_from_buffer(
			  a->size, (void *)(uintptr_t)a->constant, MHD_RESPMEM_PERSISTENT)
		: MHD_create_response_from_buffer(a->size, a->body, MHD_RESPMEM_MUST_FREE);
	struct link *l = link_of(c);
	enum MHD_Result ok;

	if (!r) {
		free(a->body);
		return MHD_NO;
	}
	add_headers(r, a);
	STAT_ADD(h->site->stats->responses[MIN(a->code / 100, 5u)], 1);
	if (l)
		l->deadline_ms = clock_now_ms() + HTTP_ANSWER_MS;
	ok = MHD_queue_response(c, a->code, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result reply_line(
	struct http *h, struct MHD_Connection *c, unsigned code, const char *text)
{
	struct answer a = {.code = code,
		.type = "text/plain; charset=utf-8",
		.constant = text,
		.size = strlen(text)};

	return reply(h, c, &a);
}

static enum MHD_Result answer(struct http *h, struct MHD_Connection *c, const struct visit *v)
{
	struct answer a;
	int r = answer_make(v, &a);

	return r < 0 ? reply_line(h, c, 500, "out of memory\n") : reply(h, c, &a);
}

static enum MHD_Result count_host(
	void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	*(unsigned *)arg += !strcasecmp(key, "Host");
	return MHD_YES;
}

/* Sets .host of V; a line of complaint, or NULL, and its code. */
static const char *check_host(
	struct http *h, struct MHD_Connection *c, struct visit *v, unsigned *ret_code)
{
	const char *value = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
	unsigned hosts = 0;
	struct addr literal = {0};

	*ret_code = 400;
	if (!value)
		return "a Host header is needed\n";
	MHD_get_connection_values(c, MHD_HEADER_KIND, count_host, &hosts);
	if (hosts > 1)
		return "there is more than one Host header\n";
	if (request_host(value, v->host, &literal) < 0)
		return "the Host header is no name or address\n";
	if (literal.family)
		v->local = literal;
	if (site_is_host(h->site, v->host, &literal))
		return NULL;
	*ret_code = 421;
	STAT_ADD(h->site->stats->misdirected, 1);
	return "this page is not called so; web-names of tsgw.ini(5) gives it more names\n";
}

static bool has_body(struct MHD_Connection *c)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length") ||
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Transfer-Encoding");
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **context)
{
	struct http *h = cls;
	struct link *l = link_of(c);
	struct visit v = {.site = h->site};
	const char *complaint;
	unsigned code;

	if (!l || !h->site->model)
		return reply_line(h, c, 503, "not configured yet\n");
	/* An answer at the first turn, before the whole request is there, ends the connection: right for
	 * one with a body, which is not wanted. */
	if (!l->turn++ && !has_body(c))
		return MHD_YES;
	v.client = l->client;
	v.local = l->local;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return reply_line(h, c, 405, "only GET and HEAD\n");
	if (strlen(url) > HTTP_PATH_MAX)
		return reply_line(h, c, 414, "the path is too long\n");
	complaint = check_host(h, c, &v, &code);
	if (complaint)
		return reply_line(h, c, code, complaint);
	request_path(url, &v.request);
	v.near = v.request.route == ROUTE_NONE ? request_nearest(url) : NULL;
	v.user_agent = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "User-Agent");
	v.ssid = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "ssid");
	if (answer_needs_fresh(&v.request) && l->turn == 2 && !site_is_fresh(h->site)) {
		l->turn++; /* it is asked for once: then what there is will do */
		l->waits = c;
		MHD_suspend_connection(c);
		return MHD_YES;
	}
	return answer(h, c, &v);
}

void http_resume(struct http *h)
{
	for (struct link *l = h->links; l; l = l->next)
		if (l->waits) {
			MHD_resume_connection(take_ptr(l->waits));
			h->again = true;
		}
}

/* ---- life ---- */

static void http_log(void *cls, const char *fmt, va_list ap)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug(NULL, "page", "%s", text);
}

static size_t on_unescape(void *cls, struct MHD_Connection *c, char *text)
{
	return request_unescape(text);
}

int http_new(struct site *s, struct http **ret)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->site = s;
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
			MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_request, h,					   //
		MHD_OPTION_EXTERNAL_LOGGER, http_log, NULL,			   //
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,	   //
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)HTTP_PER_CLIENT_MAX, //
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY,	   //
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_S,		   //
		MHD_OPTION_STRICT_FOR_CLIENT, 1,				   //
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,			   //
		MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, h, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, h, //
		MHD_OPTION_END);
	if (!h->daemon) {
		free(h);
		return -ENOMEM; /* the options are right: it lacks something */
	}
	*ret = h;
	return 0;
}

int http_fd(const struct http *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return info ? info->epoll_fd : -1;
}

int http_timeout(const struct http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (h->again)
		return 0;
	if (MHD_get_timeout(h->daemon, &ms) == MHD_YES && ms < HTTP_TICK_MS)
		return (int)ms;
	return h->links ? HTTP_TICK_MS : -1;
}

/* Who has had its time is shut down; the library then sees the end of it. */
static void http_overdue(struct http *h)
{
	uint64_t now = clock_now_ms();

	for (struct link *l = h->links; l; l = l->next)
		if (l->deadline_ms && now >= l->deadline_ms) {
			STAT_ADD(h->site->stats->slow, 1);
			l->deadline_ms = 0;
			(void)shutdown(l->fd, SHUT_RDWR);
		}
}

void http_run(struct http *h)
{
	h->again = false;
	http_overdue(h);
	(void)MHD_run(h->daemon);
}
