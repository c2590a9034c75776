// SPDX-License-Identifier: MIT
// Who went where: what `tsgwctl clients` shows of a connection while it lives, and one line of the log
// when it ends.
#include "proxy/trail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "ipc/ipc.h"
#include "proxy/conn.h"
#include "proxy/setup.h"
#include "relay/loop.h"

#define TRAIL_TEXT_MAX (3 * MSG_USER_MAX) /* every byte escaped */

static struct trail *oldest, *newest;
static uint64_t last_number;

void trail_begin(struct trail *t, const struct hostport *client)
{
	t->number = ++last_number;
	t->begin_ms = loop_now();
	t->client = *client;
	t->result = PROXY_RESULTS;
	t->older = newest;
	*(newest ? &newest->newer : &oldest) = t;
	newest = t;
}

struct trail *trail_first(void)
{
	return oldest;
}

void trail_end(struct trail *t)
{
	*(t->older ? &t->older->newer : &oldest) = t->newer;
	*(t->newer ? &t->newer->older : &newest) = t->older;
	t->older = t->newer = NULL;
}

void trail_user(struct trail *t, const char *user, size_t len)
{
	if (t->user && strlen(t->user) == len && !memcmp(t->user, user, len))
		return;
	free(t->user);
	t->user = strndup(user, len);
}

void trail_asked(struct trail *t, const char *text, size_t len, uint16_t port)
{
	len = MIN(len, (size_t)MSG_DOMAIN_MAX - 1);
	free(t->asked);
	t->asked = malloc(len + 1);
	t->asked_port = port;
	for (size_t i = 0; t->asked && i < len; i++)
		t->asked[i] = text[i] > 0x20 && text[i] < 0x7f ? text[i] : '?';
	if (t->asked)
		t->asked[len] = '\0';
}

/* One word of a log line: blanks and whatever else could be taken for more than that as %XX. */
static const char *word(const char *text, char *buf)
{
	size_t n = 0;

	for (const char *p = text; *p && n + 4 < TRAIL_TEXT_MAX; p++) {
		if (*p > 0x20 && *p < 0x7f && *p != '%' && *p != '"')
			buf[n++] = *p;
		else
			n += (size_t)snprintf(
				buf + n, TRAIL_TEXT_MAX - n, "%%%02X", (unsigned char)*p);
	}
	buf[n] = '\0';
	return n ? buf : "-";
}

static enum client_protocol protocol_of(const struct trail *t)
{
	static const uint8_t protocols[] = {
		[CONN_UNKNOWN] = CLIENT_UNKNOWN,
		[CONN_SOCKS5_GREETING] = CLIENT_SOCKS5,
		[CONN_SOCKS5_LOGIN] = CLIENT_SOCKS5,
		[CONN_SOCKS5] = CLIENT_SOCKS5,
		[CONN_SOCKS4] = CLIENT_SOCKS4,
		[CONN_HTTP] = CLIENT_HTTP,
		[CONN_HTTP_CONNECT] = CLIENT_CONNECT,
		[CONN_FIXED] = CLIENT_FORWARD,
	};
	const struct conn *c = container_of(t, const struct conn, trail);

	if (t->protocol)
		return t->protocol;
	return c->protocol < ELEMENTSOF(protocols) ? protocols[c->protocol] : CLIENT_UNKNOWN;
}

static enum client_state state_of(const struct trail *t)
{
	switch (container_of(t, const struct conn, trail)->state) {
	case CONN_GREETING:
		return CLIENT_GREETING;
	case CONN_LOGIN:
		return CLIENT_LOGIN;
	case CONN_DIALING:
		return CLIENT_CONNECTING;
	case CONN_LINGER:
	case CONN_CLOSED:
		return CLIENT_CLOSING;
	default:
		return CLIENT_OPEN;
	}
}

static void trail_log(const struct trail *t)
{
	char client[HOSTPORT_TEXT_MAX], resolved[HOSTPORT_TEXT_MAX] = "-";
	char user[TRAIL_TEXT_MAX], asked[TRAIL_TEXT_MAX], port[8] = "";
	bool colons = t->asked && *t->asked != '[' && strchr(t->asked, ':');
	uint64_t ms = loop_now() - t->begin_ms;

	if (t->resolved.addr.family)
		hostport_format(&t->resolved, resolved);
	if (t->asked)
		snprintf(port, sizeof(port), ":%u", t->asked_port);
	log_info(NULL, "connection",
		"client=%s user=%s protocol=%s asked=%s%s%s%s resolved=%s up=%llu down=%llu "
		"requests=%u "
		"seconds=%llu.%03u result=%s",
		hostport_format(&t->client, client), word(t->user ? t->user : "", user),
		client_protocol_name(protocol_of(t)), colons ? "[" : "",
		word(t->asked ? t->asked : "", asked), colons ? "]" : "", port, resolved,
		(unsigned long long)t->up_bytes, (unsigned long long)t->down_bytes, t->requests,
		(unsigned long long)(ms / 1000), (unsigned)(ms % 1000),
		t->result == PROXY_RESULTS ? "none" : proxy_result_name(t->result));
}

void trail_free(struct trail *t)
{
	if (setup_now()->config.log_connections)
		trail_log(t);
	free(t->user);
	free(t->asked);
}

static void fill(struct msg_client *m, const struct trail *t)
{
	m->number = t->number;
	m->client = t->client;
	m->resolved = t->resolved;
	m->up_bytes = t->up_bytes;
	m->down_bytes = t->down_bytes;
	m->age_ms = loop_now() - t->begin_ms;
	m->asked_port = t->asked_port;
	m->protocol = (uint8_t)protocol_of(t);
	m->state = (uint8_t)state_of(t);
	snprintf(m->user, sizeof(m->user), "%s", t->user ? t->user : "");
	snprintf(m->asked, sizeof(m->asked), "%s", t->asked ? t->asked : "");
}

void trail_report(int channel, const struct msg_clients_wanted *m)
{
	struct msg_clients_end end = {.id = m->id};
	struct trail *t = oldest;
	unsigned n = 0;

	while (t && t->number <= m->after)
		t = t->newer;
	for (; t && n < MSG_CLIENTS_PAGE; t = t->newer, n++) {
		struct msg_client one = {.id = m->id};

		fill(&one, t);
		if (ipc_send_msg(channel, MSG_PROXY_CLIENT, &one) < 0)
			break;
	}
	end.more = t != NULL;
	(void)ipc_send_msg(channel, MSG_PROXY_CLIENTS_END, &end);
}
