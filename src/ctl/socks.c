// SPDX-License-Identifier: MIT
// The client's side of SOCKS5 CONNECT without authentication (RFC 1928).
#include "ctl/socks.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/addr.h"
#include "common/cleanup.h"
#include "common/fd.h"

enum { SOCKS_VERSION = 5, SOCKS_NO_AUTH = 0, SOCKS_CONNECT = 1, SOCKS_REFUSED_METHODS = 0xff };
enum { SOCKS_IPV4 = 1, SOCKS_NAME = 3, SOCKS_IPV6 = 4 };

size_t socks_request(const char *host, uint16_t port, uint8_t ret[SOCKS_REQUEST_MAX])
{
	struct addr a;
	size_t n = 0, len = strlen(host);

	ret[n++] = SOCKS_VERSION;
	ret[n++] = SOCKS_CONNECT;
	ret[n++] = 0;
	if (addr_parse(host, &a) == 0) {
		ret[n++] = a.family == 4 ? SOCKS_IPV4 : SOCKS_IPV6;
		len = addr_len(&a);
		memcpy(ret + n, a.bytes, len);
	} else {
		ret[n++] = SOCKS_NAME;
		ret[n++] = (uint8_t)len;
		memcpy(ret + n, host, len);
	}
	n += len;
	ret[n++] = (uint8_t)(port >> 8);
	ret[n++] = (uint8_t)port;
	return n;
}

const char *socks_reply_text(uint8_t code)
{
	static const char *const texts[] = {
		"connected",
		"the proxy failed",
		"not allowed: the tailnet does not route this address, or it is never reachable",
		"the tailnet is not up, or has no route of that kind",
		"no such name, or the host cannot be reached",
		"connection refused",
		"no answer in time",
		"command not supported",
		"address type not supported",
	};

	return code < ELEMENTSOF(texts) ? texts[code] : "the proxy gave an answer without meaning";
}

/* Exactly N bytes; -EPIPE at an early end. */
static int read_exactly(int sock, uint8_t *buf, size_t n)
{
	while (n) {
		ssize_t r = recv(sock, buf, n, 0);

		if (r == 0)
			return -EPIPE;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0) {
			buf += r;
			n -= (size_t)r;
		}
	}
	return 0;
}

static const char *failure(int r)
{
	return r == -EPIPE ? "the listener closed the connection (this host is outside allow?)"
			   : strerror(-r);
}

/* The bound address at the end of the reply has no use here, but its bytes must not reach the
 * user. */
static int skip_address(int sock, uint8_t type)
{
	uint8_t rest[1 + SOCKS_NAME_MAX + 2];
	int r;

	switch (type) {
	case SOCKS_IPV4:
		return read_exactly(sock, rest, 4 + 2);
	case SOCKS_IPV6:
		return read_exactly(sock, rest, 16 + 2);
	case SOCKS_NAME:
		r = read_exactly(sock, rest, 1);
		return r < 0 ? r : read_exactly(sock, rest + 1, (size_t)rest[0] + 2);
	default:
		return -EPROTO;
	}
}

int socks_ask(int sock, const char *host, uint16_t port)
{
	static const uint8_t greeting[] = {SOCKS_VERSION, 1, SOCKS_NO_AUTH};
	uint8_t request[SOCKS_REQUEST_MAX], answer[4];
	size_t n = socks_request(host, port, request);
	int r = fd_write_all(sock, greeting, sizeof(greeting));

	if (r == 0)
		r = read_exactly(sock, answer, 2);
	if (r < 0)
		return r;
	if (answer[0] == SOCKS_VERSION && answer[1] == SOCKS_REFUSED_METHODS)
		return -EACCES;
	if (answer[0] != SOCKS_VERSION || answer[1] != SOCKS_NO_AUTH)
		return -EPROTO;
	r = fd_write_all(sock, request, n);
	if (r == 0)
		r = read_exactly(sock, answer, sizeof(answer));
	if (r < 0)
		return r;
	if (answer[0] != SOCKS_VERSION)
		return -EPROTO;
	if (answer[1] != 0)
		return answer[1];
	return skip_address(sock, answer[3]);
}

const char *socks_connect(int sock, const char *host, uint16_t port)
{
	int r = socks_ask(sock, host, port);

	switch (r) {
	case 0:
		return NULL;
	case -EACCES:
		return "the listener wants a user name and a password";
	case -EPROTO:
		return "the listener does not speak SOCKS5";
	default:
		return r > 0 ? socks_reply_text((uint8_t)r) : failure(r);
	}
}
