// SPDX-License-Identifier: MIT
// A service behind a connection: does it say anything?
#include "ctl/probe.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "ctl/reach.h"
#include "ctl/socks.h"

/* ---- connecting, several at once: each blocks in a thread of its own ---- */

#define PROBE_LINGER_S 1 /* after a refusal, for another port to say more */

struct race {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	struct probe *all;
	size_t n, n_ended;
	bool connected, refused, over; /* OVER: what comes now is too late */
};

struct runner {
	struct race *race;
	struct probe *probe;
	pthread_t thread;
	bool started;
};

static void probe_end(struct race *r, struct probe *p, int code)
{
	pthread_mutex_lock(&r->lock);
	if (!r->over) {
		p->code = code;
		r->connected |= code == 0;
		/* the host itself spoke, if only to refuse */
		r->refused |= code == 5;
	}
	r->n_ended++;
	pthread_cond_signal(&r->ended);
	pthread_mutex_unlock(&r->lock);
}

static void *probe_run(void *arg)
{
	struct runner *me = arg;
	struct probe *p = me->probe;
	struct timeval patience = {
		.tv_sec = p->patience_ms / 1000, .tv_usec = p->patience_ms % 1000 * 1000};
	int fd = -1, code = PROBE_NO_LISTENER;
	bool over;

	if (reach_one(&p->listener, &fd) == 0) {
		pthread_mutex_lock(&me->race->lock);
		p->fd = fd;
		over = me->race->over;
		pthread_mutex_unlock(&me->race->lock);
		if (!over &&
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0)
			code = socks_ask(fd, p->host, p->port);
	}
	probe_end(me->race, p, code);
	return NULL;
}

/* Until one is connected, all have ended, or one was refused and the others stay silent. */
static void race_wait(struct race *r)
{
	struct timespec until;
	bool lingers = false;

	pthread_mutex_lock(&r->lock);
	while (!r->connected && r->n_ended < r->n) {
		if (!r->refused) {
			pthread_cond_wait(&r->ended, &r->lock);
			continue;
		}
		if (!lingers)
			clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += lingers ? 0 : PROBE_LINGER_S;
		lingers = true;
		if (pthread_cond_clockwait(&r->ended, &r->lock, CLOCK_MONOTONIC, &until))
			break;
	}
	r->over = true;
	for (size_t i = 0; i < r->n; i++)
		if (r->all[i].fd >= 0 && r->all[i].code != 0)
			(void)shutdown(r->all[i].fd, SHUT_RDWR);
	pthread_mutex_unlock(&r->lock);
}

void probe_connect(struct probe *all, size_t n)
{
	struct race race = {.lock = PTHREAD_MUTEX_INITIALIZER,
		.ended = PTHREAD_COND_INITIALIZER,
		.all = all,
		.n = n};
	struct runner runners[PROBE_CONNECTS_MAX] = {0};

	for (size_t i = 0; i < n; i++) {
		all[i].fd = -1;
		all[i].code = PROBE_NO_LISTENER;
	}
	for (size_t i = 0; i < n; i++) {
		runners[i].race = &race;
		runners[i].probe = &all[i];
		runners[i].started =
			pthread_create(&runners[i].thread, NULL, probe_run, &runners[i]) == 0;
		if (!runners[i].started)
			probe_end(&race, &all[i], PROBE_NO_LISTENER);
	}
	race_wait(&race);
	for (size_t i = 0; i < n; i++)
		if (runners[i].started)
			pthread_join(runners[i].thread, NULL);
}

void probe_close(struct probe *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		all[i].fd = fd_close(all[i].fd);
}

/* ---- the first byte ---- */

struct writer {
	uint8_t *p;
	size_t n;
};

static void put(struct writer *w, const void *bytes, size_t n)
{
	memcpy(w->p + w->n, bytes, n);
	w->n += n;
}

static void put16(struct writer *w, size_t n)
{
	w->p[w->n++] = (uint8_t)(n >> 8);
	w->p[w->n++] = (uint8_t)n;
}

/* A length of SIZE bytes before what follows; close_length() fills it in. */
static size_t open_length(struct writer *w, size_t size)
{
	w->n += size;
	return w->n;
}

static void close_length(struct writer *w, size_t start, size_t size)
{
	size_t len = w->n - start;

	for (size_t i = 0; i < size; i++)
		w->p[start - 1 - i] = (uint8_t)(len >> 8 * i);
}

static void put_server_name(struct writer *w, const char *host)
{
	size_t extension, list, name;

	put16(w, 0); /* server_name (RFC 6066, section 3) */
	extension = open_length(w, 2);
	list = open_length(w, 2);
	w->p[w->n++] = 0; /* host_name */
	name = open_length(w, 2);
	put(w, host, strlen(host));
	close_length(w, name, 2);
	close_length(w, list, 2);
	close_length(w, extension, 2);
}

size_t probe_client_hello(const char *host, uint8_t ret[PROBE_HELLO_MAX])
{
	static const uint8_t ciphers[] = {0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b, 0xc0,
		0x2f, 0xc0, 0x2c, 0xc0, 0x30, 0xcc, 0xa9, 0xcc, 0xa8, 0x00, 0x9c, 0x00, 0x2f};
	/* groups x25519, P-256, P-384; signatures; versions 1.3, 1.2; an empty key_share: the server
	 * asks for one, which is an answer */
	static const uint8_t rest[] = {0, 10, 0, 8, 0, 6, 0, 29, 0, 23, 0, 24, /* groups */
		0, 11, 0, 2, 1, 0,					       /* point formats */
		0, 13, 0, 14, 0, 12, 4, 3, 8, 4, 4, 1, 8, 5, 8, 6, 8, 7,       /* signatures */
		0, 43, 0, 5, 4, 3, 4, 3, 3,				       /* versions */
		0, 51, 0, 2, 0, 0};					       /* key_share */
	struct writer w = {.p = ret};
	uint8_t random[32] = {0};
	struct addr a;
	size_t record, hello, extensions;

	/* it protects nothing: no key is ever made of it */
	(void)!getrandom(random, sizeof(random), 0);
	put(&w, "\x16\x03\x01", 3);
	record = open_length(&w, 2);
	put(&w, "\x01", 1);
	hello = open_length(&w, 3);
	put(&w, "\x03\x03", 2);
	put(&w, random, sizeof(random));
	put(&w, "\0", 1); /* no session */
	put16(&w, sizeof(ciphers));
	put(&w, ciphers, sizeof(ciphers));
	put(&w, "\1\0", 2); /* no compression */
	extensions = open_length(&w, 2);
	if (addr_parse(host, &a) < 0)
		put_server_name(&w, host);
	put(&w, rest, sizeof(rest));
	close_length(&w, extensions, 2);
	close_length(&w, hello, 3);
	close_length(&w, record, 2);
	return w.n;
}

static int say_first(int fd, const struct aim *aim)
{
	char request[AIM_PATH_MAX + AIM_HOST_MAX + 128];
	uint8_t hello[PROBE_HELLO_MAX];

	if (aim->talk == AIM_TLS)
		return fd_write_all(fd, hello, probe_client_hello(aim->host, hello));
	if (aim->talk != AIM_HTTP)
		return 0;
	snprintf(request, sizeof(request),
		"HEAD %s HTTP/1.1\r\nHost: %s%s%s:%u\r\nUser-Agent: tsgwctl/" TSGW_VERSION
		"\r\nAccept: */*\r\nConnection: close\r\n\r\n",
		aim->path, aim->addr.family == 6 ? "[" : "", aim->host,
		aim->addr.family == 6 ? "]" : "", aim->port);
	return fd_write_all(fd, request, strlen(request));
}

/* The first line, as far as it can be printed. */
static void take_banner(struct first_byte *f, const char *bytes, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n && k + 1 < sizeof(f->banner) && isprint((unsigned char)bytes[i]);
		i++)
		f->banner[k++] = bytes[i];
	f->banner[k] = '\0';
}

int probe_first_byte(int fd, const struct aim *aim, unsigned patience_ms, struct first_byte *ret)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char buf[512];
	ssize_t n;
	int r = say_first(fd, aim);

	*ret = (struct first_byte){0};
	if (r < 0)
		return r;
	do
		r = poll(&p, 1, (int)patience_ms);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	n = recv(fd, buf, sizeof(buf), 0);
	if (n < 0)
		return -errno;
	ret->n = (size_t)n;
	ret->closed = n == 0;
	take_banner(ret, buf, (size_t)n);
	return 0;
}
