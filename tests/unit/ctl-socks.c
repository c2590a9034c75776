// SPDX-License-Identifier: MIT
// The SOCKS5 client of `tsgwctl nc` against scripted answers, cut at every byte.
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/socks.h"
#include "test.h"

static void requests(void)
{
	static const uint8_t v4[] = {5, 1, 0, 1, 10, 100, 10, 141, 0x0b, 0xb8};
	static const uint8_t v6[] = {
		5, 1, 0, 4, 0xfd, 0x7a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 22};
	static const uint8_t name[] = {5, 1, 0, 3, 6, 'g', 'p', 'u', '1', '.', 'x', 0xff, 0xff};
	uint8_t buf[SOCKS_REQUEST_MAX];
	char longest[SOCKS_NAME_MAX + 1];

	CHECK_EQ(socks_request("10.100.10.141", 3000, buf), sizeof(v4));
	CHECK_MEM(buf, v4, sizeof(v4));
	CHECK_EQ(socks_request("fd7a::1", 22, buf), sizeof(v6));
	CHECK_MEM(buf, v6, sizeof(v6));
	CHECK_EQ(socks_request("gpu1.x", 65535, buf), sizeof(name));
	CHECK_MEM(buf, name, sizeof(name));
	memset(longest, 'a', SOCKS_NAME_MAX);
	longest[SOCKS_NAME_MAX] = '\0';
	CHECK_EQ(socks_request(longest, 1, buf), SOCKS_REQUEST_MAX);
	CHECK_EQ(buf[4], 255);
}

/* The server's whole side is in the socket before the client starts; the sizes are far below its
 * buffer. */
static const char *converse(const uint8_t *answer, size_t n, char *ret_behind)
{
	const char *why;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
		write(pair[1], answer, n) != (ssize_t)n || shutdown(pair[1], SHUT_WR) < 0)
		return "the test's own sockets failed";
	why = socks_connect(pair[0], "gpu1", 22);
	if (ret_behind && read(pair[0], ret_behind, 1) != 1)
		*ret_behind = '\0';
	close(pair[0]);
	close(pair[1]);
	return why;
}

static void connects(void)
{
	static const uint8_t v4[] = {5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 5, 6, 'S'};
	static const uint8_t v6[] = {
		5, 0, 5, 0, 0, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1, 2, 'S'};
	static const uint8_t name[] = {5, 0, 5, 0, 0, 3, 2, 'a', 'b', 1, 2, 'S'};
	char behind;

	/* the first byte of the payload is the first that is left */
	CHECK(!converse(v4, sizeof(v4), &behind));
	CHECK_EQ(behind, 'S');
	CHECK(!converse(v6, sizeof(v6), &behind));
	CHECK_EQ(behind, 'S');
	CHECK(!converse(name, sizeof(name), &behind));
	CHECK_EQ(behind, 'S');
	/* an early end, wherever it is, is no connection */
	for (size_t n = 0; n < sizeof(v6) - 1; n++)
		CHECK(converse(v6, n, NULL));
}

static void refusals(void)
{
	static const struct {
		uint8_t bytes[8];
		size_t n;
		const char *why;
	} vectors[] = {
		{{'H', 'T'}, 2, "the listener does not speak SOCKS5"},
		{{5, 0xff}, 2, "the listener wants a user name and a password"},
		{{5, 2}, 2, "the listener does not speak SOCKS5"},
		{{5, 0, 5, 5, 0, 1}, 6, "connection refused"},
		{{5, 0, 5, 6, 0, 1}, 6, "no answer in time"},
		{{5, 0, 5, 99, 0, 1}, 6, "the proxy gave an answer without meaning"},
		{{5, 0, 4, 0, 0, 1}, 6, "the listener does not speak SOCKS5"},
		{{5, 0, 5, 0, 0, 9}, 6, "the listener does not speak SOCKS5"},
		{{5}, 0, "the listener closed the connection (this host is outside allow?)"},
	};

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		CHECK_STR(converse(vectors[i].bytes, vectors[i].n, NULL), vectors[i].why);
}

int main(void)
{
	RUN(requests);
	RUN(connects);
	RUN(refusals);
	return TEST_END();
}
