// SPDX-License-Identifier: MIT
// Load for the benchmarks: N clients at once, each again and again: connect, SOCKS5 to ADDRESS PORT, GET, end.
//
//     socks-load PROXY PORT ADDRESS PORT CLIENTS SECONDS    prints "connections/s p50_ms p99_ms failed"
//
// PROXY and ADDRESS the same: there is no proxy, and the request is sent at once.
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

#define CLIENTS_MAX 1024
#define SAMPLES_MAX 1000000

enum step { STEP_CONNECT, STEP_GREETING, STEP_REPLY, STEP_ANSWER };

struct client {
	int fd;
	enum step step;
	size_t got;
	uint64_t start_us;
};

static struct sockaddr_in proxy;
static uint8_t request[10] = {5, 1, 0, 1};
static const char get[] = "GET /small HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
static struct client clients[CLIENTS_MAX];
static uint32_t samples_us[SAMPLES_MAX];
static size_t n_samples, n_failed;
static int epoll_fd, direct;

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void begin(struct client *c)
{
	struct epoll_event e = {.events = EPOLLOUT, .data.ptr = c};

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	c->step = STEP_CONNECT;
	c->got = 0;
	c->start_us = now_us();
	if (c->fd < 0 ||
		(connect(c->fd, (struct sockaddr *)&proxy, sizeof(proxy)) < 0 &&
			errno != EINPROGRESS) ||
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e) < 0) {
		perror("connect");
		exit(1);
	}
}

static void end(struct client *c, int ok)
{
	close(c->fd);
	if (!ok)
		n_failed++;
	else if (n_samples < SAMPLES_MAX)
		samples_us[n_samples++] = (uint32_t)(now_us() - c->start_us);
	begin(c);
}

static int say(struct client *c, const void *data, size_t size, enum step next)
{
	c->step = next;
	c->got = 0;
	return send(c->fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static int hear(struct client *c, size_t want, const void *next, size_t size, enum step step)
{
	uint8_t data[16];
	ssize_t n = recv(c->fd, data, want - c->got, 0);

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	if (c->got <= 1 && c->got + (size_t)n > 1 && data[1 - c->got] != 0)
		return 0; /* the second byte of both answers is 0 for success */
	c->got += (size_t)n;
	return c->got < want || say(c, next, size, step);
}

static void finish(struct client *c)
{
	static char data[65536];
	ssize_t n;

	while ((n = recv(c->fd, data, sizeof(data), 0)) > 0)
		c->got += (size_t)n;
	if (n == 0)
		end(c, c->got > 50);
	else if (errno != EAGAIN)
		end(c, 0);
}

static void step(struct client *c, uint32_t events)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	int ok = 1;

	if (c->step == STEP_CONNECT) {
		ok = !(events & EPOLLERR) &&
			(direct ? say(c, get, sizeof(get) - 1, STEP_ANSWER)
				: say(c, "\x05\x01\x00", 3, STEP_GREETING));
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
	} else if (c->step == STEP_GREETING) {
		ok = hear(c, 2, request, sizeof(request), STEP_REPLY);
	} else if (c->step == STEP_REPLY) {
		ok = hear(c, 10, get, sizeof(get) - 1, STEP_ANSWER);
	} else {
		finish(c);
		return;
	}
	if (!ok)
		end(c, 0);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	struct epoll_event events[256];
	size_t n;
	double seconds;
	uint64_t start;
	uint16_t port;

	if (argc != 7 || (n = strtoul(argv[5], NULL, 10)) > CLIENTS_MAX || !n) {
		fprintf(stderr, "usage: socks-load PROXY PORT ADDRESS PORT CLIENTS SECONDS\n");
		return 2;
	}
	proxy.sin_family = AF_INET;
	proxy.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	port = htons((uint16_t)strtoul(argv[4], NULL, 10));
	if (inet_pton(AF_INET, argv[1], &proxy.sin_addr) != 1 ||
		inet_pton(AF_INET, argv[3], request + 4) != 1)
		return 2;
	memcpy(request + 8, &port, 2);
	direct = !strcmp(argv[1], argv[3]);
	seconds = strtod(argv[6], NULL);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < n; i++)
		begin(&clients[i]);
	start = now_us();
	while ((double)(now_us() - start) < seconds * 1e6) {
		int k = epoll_wait(epoll_fd, events, 256, 100);

		for (int i = 0; i < k; i++)
			step(events[i].data.ptr, events[i].events);
	}
	seconds = (double)(now_us() - start) / 1e6;
	qsort(samples_us, n_samples, sizeof(*samples_us), compare);
	printf("%.0f %.2f %.2f %zu\n", (double)n_samples / seconds,
		n_samples ? samples_us[n_samples / 2] / 1e3 : 0.0,
		n_samples ? samples_us[n_samples * 99 / 100] / 1e3 : 0.0, n_failed);
	return 0;
}
