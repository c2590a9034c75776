// SPDX-License-Identifier: MIT
// Lines of /proc/net/{tcp,tcp6,udp,udp6}, and the owner of a socket of our own.
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/procnet.h"
#include "test.h"

static void lines(void)
{
	char text[ADDR_TEXT_MAX];
	struct bound b;

	CHECK(procnet_parse(
		"   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000 "
		"  101        0 23456 1 0000000000000000 100 0 0 10 0\n",
		false, &b));
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		CHECK_STR(addr_format(&b.addr, text), "127.0.0.1");
	CHECK_EQ(b.port, 53);
	CHECK_EQ(b.inode, 23456);
	CHECK_EQ(b.uid, 101);
	CHECK(!b.udp);
	CHECK(procnet_parse(
		" 1234: 00000000000000000000000000000000:2B47 "
		"00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 "
		"00000000     0        0 18446744073709551615 2 x 0\n",
		true, &b));
	CHECK_STR(addr_format(&b.addr, text), "::");
	CHECK_EQ(b.port, 11079);
	CHECK(b.inode == UINT64_MAX);
}

static void others(void)
{
	static const char *const vectors[] = {"",
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid "
		" "
		"timeout inode",
		/* established */
		"   0: 0100007F:0035 00000000:0000 01 00000000:00000000 00:00000000 00000000 0 0 9 "
		"1",
		/* an address of no length that there is */
		"   0: 0100007:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 9 "
		"1",
		"   0: 0100007F:0035 00000000:0000 0A", "   0: 0100007G:0035 0 0A 0 0 0 0 0 9"};
	struct bound b = {.port = 7};

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		CHECK(!procnet_parse(vectors[i], false, &b));
	CHECK_EQ(b.port, 7);
}

static void mine(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct bound *all = NULL;
	struct holder h = {0};
	size_t n = 0;

	CHECK(bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 1) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
	CHECK_EQ(procnet_bound(&all, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (!all[i].udp && all[i].port == ntohs(at.sin_port) &&
			addr_is_loopback(&all[i].addr))
			procnet_holder(all[i].inode, &h);
	CHECK_EQ(h.pid, getpid());
	CHECK_EQ(h.parent, getppid());
	CHECK(!strncmp(h.name, "ctl-procnet", 11));
	free(all);
	close(fd);
}

int main(void)
{
	RUN(lines);
	RUN(others);
	RUN(mine);
	return TEST_END();
}
