// SPDX-License-Identifier: MIT
// Load for the benchmark of UDP associations: what to send to, and who sends through a proxy.
//
//     udp-load serve ADDRESS PORT
//         echoes what begins with 'e', counts what begins with 'f', answers 'q' with that count
//     udp-load run PROXY PORT ADDRESS PORT SIZE CLIENTS WINDOW SECONDS
//         CLIENTS associations, each with WINDOW datagrams of SIZE bytes on their way there and back;
//         WINDOW 0: one way, as fast as it goes. Prints "datagrams/s lost"
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH	    32
#define CLIENTS_MAX 256
#define SIZE_MAX_   65000
#define HEADER	    10
#define SILENCE_US  100000 /* without an answer: what is missing is lost */

struct client {
	int tcp, udp;
	unsigned flying;
	uint64_t heard_us;
};

static struct client clients[CLIENTS_MAX];
static uint8_t data[BATCH][SIZE_MAX_ + HEADER];
static struct iovec iov[BATCH];
static struct mmsghdr mm[BATCH];
static struct sockaddr_in from[BATCH];
static uint64_t n_back, n_sent, n_lost;

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

__attribute__((noreturn)) static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
		fprintf(stderr, "udp-load: no address: %s\n", host);
		exit(2);
	}
	return a;
}

static void prepare(size_t size)
{
	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){data[i], size};
		mm[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
}

static void large_buffers(int fd)
{
	int size = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
}

static int serve(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t count = 0;

	if (fd < 0 || bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0)
		fail("bind");
	large_buffers(fd);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct mmsghdr back[BATCH];
		int n, k = 0;

		prepare(SIZE_MAX_);
		for (int i = 0; i < BATCH; i++) {
			mm[i].msg_hdr.msg_name = &from[i];
			mm[i].msg_hdr.msg_namelen = sizeof(from[i]);
		}
		n = recvmmsg(fd, mm, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++) {
			if (data[i][0] == 'f') {
				count++;
				continue;
			}
			iov[i].iov_len = mm[i].msg_len;
			if (data[i][0] == 'q')
				iov[i].iov_len = (size_t)sprintf(
					(char *)data[i], "q%llu", (unsigned long long)count);
			back[k++] = mm[i];
		}
		for (int i = 0; i < k;) {
			int s = sendmmsg(fd, back + i, (unsigned)(k - i), 0);

			i += s > 0 ? s : 1;
		}
	}
}

static void must_read(int fd, uint8_t *to, size_t n)
{
	for (ssize_t r; n; n -= (size_t)r, to += r)
		if ((r = recv(fd, to, n, 0)) <= 0)
			fail("proxy");
}

static void associate(struct client *c, const struct sockaddr_in *proxy)
{
	static const uint8_t hello[] = {5, 1, 0}, request[10] = {5, 3, 0, 1};
	struct sockaddr_in relay = {.sin_family = AF_INET};
	uint8_t reply[10];

	c->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (c->tcp < 0 || c->udp < 0 ||
		connect(c->tcp, (const struct sockaddr *)proxy, sizeof(*proxy)) < 0)
		fail("connect");
	send(c->tcp, hello, sizeof(hello), 0);
	must_read(c->tcp, reply, 2);
	send(c->tcp, request, sizeof(request), 0);
	must_read(c->tcp, reply, 10);
	if (reply[1] || reply[3] != 1) {
		fprintf(stderr, "udp-load: no association: %u\n", reply[1]);
		exit(1);
	}
	memcpy(&relay.sin_addr, reply + 4, 4);
	memcpy(&relay.sin_port, reply + 8, 2);
	large_buffers(c->udp);
	if (connect(c->udp, (struct sockaddr *)&relay, sizeof(relay)) < 0)
		fail("connect");
	c->heard_us = now_us();
}

static void send_some(struct client *c, unsigned n)
{
	while (n) {
		int r = sendmmsg(c->udp, mm, n < BATCH ? n : BATCH, 0);

		if (r <= 0)
			return;
		n -= (unsigned)r;
		c->flying += (unsigned)r;
		n_sent += (unsigned)r;
	}
}

static void hear(struct client *c)
{
	static uint8_t byte[BATCH];
	static struct iovec in[BATCH];
	static struct mmsghdr m[BATCH];
	int n;

	for (int i = 0; i < BATCH; i++) {
		in[i] = (struct iovec){&byte[i], 1};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &in[i], .msg_iovlen = 1};
	}
	do {
		n = recvmmsg(c->udp, m, BATCH, MSG_DONTWAIT, NULL);
		if (n > 0) {
			n_back += (unsigned)n;
			c->flying -= (unsigned)n < c->flying ? (unsigned)n : c->flying;
			c->heard_us = now_us();
		}
	} while (n == BATCH);
}

static void ping(int epoll_fd, size_t n_clients, unsigned window, uint64_t end)
{
	struct epoll_event events[64];

	for (size_t i = 0; i < n_clients; i++)
		send_some(&clients[i], window);
	while (now_us() < end) {
		int n = epoll_wait(epoll_fd, events, 64, 20);

		for (int i = 0; i < n; i++) {
			struct client *c = &clients[events[i].data.u32];

			hear(c);
			if (c->flying <= window / 2)
				send_some(c, window - c->flying);
		}
		for (size_t i = 0; i < n_clients; i++) {
			struct client *c = &clients[i];

			if (now_us() - c->heard_us < SILENCE_US)
				continue;
			n_lost += c->flying;
			c->flying = 0;
			c->heard_us = now_us();
			send_some(c, window);
		}
	}
}

/* How many came through, which the far end says. */
static uint64_t ask_count(struct client *c)
{
	struct timeval patience = {.tv_usec = 200000};
	char answer[64 + HEADER];

	setsockopt(c->udp, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (int i = 0; i < 50; i++) {
		uint8_t q[HEADER + 1];
		ssize_t n;

		memcpy(q, data[0], HEADER);
		q[HEADER] = 'q';
		send(c->udp, q, sizeof(q), 0);
		n = recv(c->udp, answer, sizeof(answer) - 1, 0);
		if (n <= HEADER + 1)
			continue;
		answer[n] = '\0';
		return strtoull(answer + HEADER + 1, NULL, 10);
	}
	return 0;
}

static void run(size_t n_clients, unsigned window, double seconds)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	uint64_t start, before = 0;

	for (size_t i = 0; i < n_clients; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};

		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, clients[i].udp, &e);
	}
	if (!window)
		before = ask_count(&clients[0]);
	start = now_us();
	if (window) {
		ping(epoll_fd, n_clients, window, start + (uint64_t)(seconds * 1e6));
		seconds = (double)(now_us() - start) / 1e6;
		printf("%.0f %llu\n", (double)n_back / seconds, (unsigned long long)n_lost);
		return;
	}
	while (now_us() - start < (uint64_t)(seconds * 1e6))
		for (size_t i = 0; i < n_clients; i++)
			send_some(&clients[i], BATCH);
	seconds = (double)(now_us() - start) / 1e6;
	n_back = ask_count(&clients[0]) - before;
	printf("%.0f %llu\n", (double)n_back / seconds, (unsigned long long)(n_sent - n_back));
}

int main(int argc, char **argv)
{
	struct sockaddr_in proxy, to;
	size_t size, n;
	unsigned window;

	if (argc == 4 && !strcmp(argv[1], "serve")) {
		to = address(argv[2], argv[3]);
		return serve(&to);
	}
	if (argc != 10 || strcmp(argv[1], "run") || (size = strtoul(argv[6], NULL, 10)) < 1 ||
		size > SIZE_MAX_ || (n = strtoul(argv[7], NULL, 10)) < 1 || n > CLIENTS_MAX) {
		fprintf(stderr,
			"usage: udp-load serve ADDRESS PORT\n"
			"       udp-load run PROXY PORT ADDRESS PORT SIZE CLIENTS WINDOW "
			"SECONDS\n");
		return 2;
	}
	proxy = address(argv[2], argv[3]);
	to = address(argv[4], argv[5]);
	window = (unsigned)strtoul(argv[8], NULL, 10);
	prepare(size + HEADER);
	for (int i = 0; i < BATCH; i++) {
		data[i][3] = 1;
		memcpy(data[i] + 4, &to.sin_addr, 4);
		memcpy(data[i] + 8, &to.sin_port, 2);
		data[i][HEADER] = window ? 'e' : 'f';
	}
	for (size_t i = 0; i < n; i++)
		associate(&clients[i], &proxy);
	run(n, window, strtod(argv[9], NULL));
	return 0;
}
