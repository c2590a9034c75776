// SPDX-License-Identifier: MIT
// What clients are told when it does not work: codes of each protocol, and a page that people can read.
#include "proxy/reply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

#define REPLY_PAGE_MAX	4096
#define REPLY_VALUE_MAX 2048 /* escaped */

static const struct {
	uint8_t socks5;
	uint16_t status;
	const char *hop;
	const char *why;
} results[PROXY_RESULTS] = {
	[PROXY_OK] = {0, 200, "", "connected"},
	[PROXY_BAD_REQUEST] = {1, 400, "your client", "The request is malformed."},
	[PROXY_BAD_COMMAND] = {7, 405, "your client", "The command is not supported."},
	[PROXY_BAD_ADDRESS_TYPE] = {8, 400, "your client", "The address type is unknown."},
	[PROXY_REFUSED_CLIENT] = {2, 403, "this gateway", "Your address may not use it."},
	[PROXY_POLICY] = {2, 403, "this gateway",
		"The tailnet does not route this address, or nobody may reach it."},
	[PROXY_NO_NAME] = {4, 502, "this gateway", "There is no such name in the tailnet."},
	[PROXY_NO_IPV6] = {3, 502, "the tunnel", "The tunnel into the tailnet has no IPv6."},
	[PROXY_TAILNET_DOWN] = {3, 503, "the tunnel",
		"The tailnet is not up: its node is not running, or the peer has not answered."},
	[PROXY_PEER_LOST] = {4, 504, "the tunnel", "The peer that routes the address was lost."},
	[PROXY_NET_UNREACHABLE] = {3, 502, "the tailnet", "It says: network unreachable."},
	[PROXY_HOST_UNREACHABLE] = {4, 502, "the tailnet", "It says: host unreachable."},
	[PROXY_CONN_REFUSED] = {5, 502, "the destination", "It refused or reset the connection."},
	[PROXY_CONN_TIMEOUT] = {6, 504, "the destination", "It did not answer in time."},
	[PROXY_GREETING_TIMEOUT] = {1, 408, "your client", "The request did not come in time."},
	[PROXY_LIMIT] = {1, 503, "this gateway", "Too many connections."},
	[PROXY_INTERNAL] = {1, 500, "this gateway", "Something is wrong inside; see its log."},
	[PROXY_LIMIT_ADDRESS] = {1, 503, "this gateway", "Too many connections of yours."},
	[PROXY_NO_METHOD] = {1, 400, "your client", "It offers no method that is spoken here."},
	[PROXY_BAD_HTTP] = {1, 400, "your client", "The request is malformed."},
	[PROXY_HEAD_TOO_LARGE] = {1, 431, "your client", "The request's head is too large."},
	[PROXY_BAD_BODY] = {1, 400, "your client", "The request's body is malformed."},
	[PROXY_ABANDONED] = {1, 400, "your client", "It left in the middle of its request."},
	[PROXY_BAD_LOGIN] = {1, 407, "your client", "The user name and password are malformed."},
	[PROXY_NO_LOGIN] = {2, 407, "this gateway", "It asks for a user name and a password."},
	[PROXY_WRONG_LOGIN] = {2, 407, "this gateway", "The user name or the password is wrong."},
	[PROXY_LOGIN_LIMIT] = {1, 503, "this gateway",
		"Too many passwords wait to be checked. Try again in a moment."},
};

uint8_t reply_socks5_code(enum proxy_result result)
{
	return results[result].socks5;
}

const char *reply_result_text(enum proxy_result result)
{
	return results[result].why;
}

static const char *phrase(int status)
{
	static const struct {
		int status;
		const char *text;
	} phrases[] = {
		{400, "Bad Request"},
		{403, "Forbidden"},
		{405, "Method Not Allowed"},
		{407, "Proxy Authentication Required"},
		{408, "Request Timeout"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < ELEMENTSOF(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].text;
	return "Error";
}

/* DEST is checked text, but a page escapes what it prints all the same. */
static void put_escaped(char *out, size_t size, const char *text, bool html)
{
	static const char *const entities[] = {['<'] = "&lt;",
		['>'] = "&gt;",
		['&'] = "&amp;",
		['"'] = "&quot;",
		['\''] = "&#39;"};
	size_t n = 0;

	for (const char *p = text; *p && n + 8 < size; p++) {
		unsigned char ch = (unsigned char)*p;
		const char *entity = html && ch < ELEMENTSOF(entities) ? entities[ch] : NULL;

		if (entity)
			n += (size_t)snprintf(out + n, size - n, "%s", entity);
		else
			out[n++] = ch < 0x20 || ch >= 0x7f ? '?' : *p;
	}
	out[n] = '\0';
}

/* The lines of a page: HEADLINE, then name and value each. */
static size_t put_line(
	char *page, size_t size, size_t n, bool html, const char *name, const char *value)
{
	char text[REPLY_VALUE_MAX];

	if (!*value || n >= size)
		return n;
	put_escaped(text, sizeof(text), value, html);
	return n +
		(size_t)snprintf(
			page + n, size - n, html ? "<p>%s: <b>%s</b>\n" : "%s: %s\n", name, text);
}

static size_t put_page(char *page, size_t size, const char *tailnet, const struct reply_cause *c,
	int status, bool html)
{
	char dest[MSG_DOMAIN_MAX + 16] = "", port[8];
	size_t n;

	if (c->dest && *c->dest && c->port)
		snprintf(dest, sizeof(dest), strchr(c->dest, ':') ? "[%s]:%u" : "%s:%u", c->dest,
			c->port);
	else if (c->dest)
		snprintf(dest, sizeof(dest), "%s", c->dest);
	n = (size_t)snprintf(page, size,
		html ? "<!doctype html><meta charset=utf-8><title>%1$d %2$s - tsgw %3$s</title>\n"
		       "<h1>%1$d %2$s</h1>\n"
		     : "%1$d %2$s - tsgw %3$s\n\n",
		status, phrase(status), tailnet);
	n = put_line(page, size, n, html, "Tailnet", tailnet);
	n = put_line(page, size, n, html, "Destination", dest);
	n = put_line(page, size, n, html, "Where it failed", results[c->result].hop);
	n = put_line(page, size, n, html, "Why", c->why ? c->why : results[c->result].why);
	if (c->foreign.tailnet) {
		snprintf(port, sizeof(port), "%u", c->foreign.port);
		n = put_line(
			page, size, n, html, "The name belongs to the tailnet", c->foreign.tailnet);
		n = put_line(page, size, n, html, "whose listener on this gateway has port", port);
	}
	return MIN(n, size - 1);
}

int reply_http(struct buf *out, const char *tailnet, const struct reply_cause *c,
	const struct reply_form *form)
{
	char page[REPLY_PAGE_MAX], top[512], login[128] = "";
	int status = c->status ? c->status : results[c->result].status, n, r;
	size_t len = put_page(page, sizeof(page), tailnet, c, status, form->html);

	if (status == 407)
		snprintf(login, sizeof(login),
			"Proxy-Authenticate: Basic realm=\"tsgw %s\", charset=\"UTF-8\"\r\n",
			tailnet);
	n = snprintf(top, sizeof(top),
		"HTTP/1.1 %d %s\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Length: %zu\r\n"
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%s%s%s\r\n",
		status, phrase(status), form->html ? "html" : "plain", len, login,
		status == 405 ? "Allow: CONNECT, GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n"
			      : "",
		form->keep ? "" : "Connection: close\r\n");
	r = buf_append(out, top, (size_t)n);
	return r < 0 || form->head ? r : buf_append(out, page, len);
}
