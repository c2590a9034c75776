// SPDX-License-Identifier: MIT
// What clients are told when it does not work: codes of each protocol, and a page that people can read.
#include "proxy/reply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

#define REPLY_PAGE_MAX 2048

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
static void put_destination(char *out, size_t size, const struct reply_cause *c)
{
	size_t n = 0;

	for (const char *p = c->dest ? c->dest : ""; *p && n + 8 < size; p++)
		out[n++] = strchr("<>&\"'", *p) ? '?' : *p;
	if (n && c->port)
		n += (size_t)snprintf(out + n, size - n, ":%u", c->port);
	out[n] = '\0';
}

static int put_page(
	char *page, size_t size, const char *tailnet, const struct reply_cause *c, int status)
{
	char dest[MSG_DOMAIN_MAX + 16], hint[512] = "";

	put_destination(dest, sizeof(dest), c);
	if (c->foreign)
		snprintf(hint, sizeof(hint),
			"<p>The name belongs to the tailnet <b>%s</b>, whose listener has port "
			"<b>%u</b> on this gateway.\n",
			c->foreign->tailnet, c->foreign->port);
	return snprintf(page, size,
		"<!doctype html><meta charset=utf-8><title>%d %s - tsgw %s</title>\n"
		"<h1>%d %s</h1>\n"
		"<p>Tailnet: <b>%s</b>\n%s%s%s"
		"<p>Where it failed: %s\n"
		"<p>Why: %s\n%s",
		status, phrase(status), tailnet, status, phrase(status), tailnet,
		*dest ? "<p>Destination: <b>" : "", dest, *dest ? "</b>\n" : "",
		results[c->result].hop, c->why ? c->why : results[c->result].why, hint);
}

int reply_http(struct buf *out, const char *tailnet, const struct reply_cause *c, bool head)
{
	char page[REPLY_PAGE_MAX], top[256];
	int status = c->status ? c->status : results[c->result].status;
	int len = put_page(page, sizeof(page), tailnet, c, status), n, r;

	len = MIN(len, (int)sizeof(page) - 1);
	n = snprintf(top, sizeof(top),
		"HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n"
		"Cache-Control: no-store\r\nConnection: close\r\n\r\n",
		status, phrase(status), len);
	r = buf_append(out, top, (size_t)n);
	return r < 0 || head ? r : buf_append(out, page, (size_t)len);
}
