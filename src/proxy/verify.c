// SPDX-License-Identifier: MIT
// One password at a time, against its hash, in a thread of its own.
//
// A hash of crypto_pwhash_str() is made to be slow and to need memory: 64 MiB and 50 ms, or whatever the
// file asks for. In the loop each would stop all connections; in many threads they would need gigabytes.
// So there is one thread, which does nothing else, touches nothing but `job`, and exists only once a
// password was given. Whoever else wants to log in waits in login.c.
#include "proxy/verify.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "relay/loop.h"

#define VERIFY_STACK_BYTES (256 * 1024)

static struct {
	char hash[MSG_HASH_MAX];
	char password[VERIFY_PASSWORD_MAX + 1];
	size_t len;
	bool given; /* to the thread; the rest is its own until it writes to the eventfd */
	bool right, no_memory;
} job;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wanted = PTHREAD_COND_INITIALIZER;
static bool running, busy;
static struct source finished = {.fd = -1};
static void (*told)(bool right);

static void *verify_run(void *arg)
{
	uint64_t one = 1;

	for (;;) {
		pthread_mutex_lock(&lock);
		while (!job.given)
			pthread_cond_wait(&wanted, &lock);
		job.given = false;
		pthread_mutex_unlock(&lock);
		errno = 0;
		job.right = crypto_pwhash_str_verify(job.hash, job.password, job.len) == 0;
		job.no_memory = !job.right && errno == ENOMEM;
		sodium_memzero(job.password, sizeof(job.password));
		while (write(finished.fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
	}
	return arg;
}

static void on_finished(struct source *s, uint32_t events)
{
	uint64_t n;

	if (read(s->fd, &n, sizeof(n)) != sizeof(n))
		return;
	busy = false;
	if (job.no_memory)
		log_error(NULL, "login", "no memory for checking a password");
	told(job.right);
}

static int thread_start(void)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (finished.fd < 0) {
		finished.on_event = on_finished;
		finished.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		r = finished.fd < 0 ? -errno : loop_add(&finished, EPOLLIN);
		if (r < 0) {
			finished.fd = fd_close(finished.fd);
			return r;
		}
	}
	mallopt(M_ARENA_MAX, 1);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, VERIFY_STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = -pthread_create(&thread, &attr, verify_run, NULL);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	running = r == 0;
	return r;
}

bool verify_busy(void)
{
	return busy;
}

int verify_start(const char *hash, const char *password, size_t len, void (*done)(bool right))
{
	int r = running ? 0 : thread_start();

	if (r < 0)
		return r;
	if (busy || len > VERIFY_PASSWORD_MAX)
		return -EINVAL;
	busy = true;
	told = done;
	memcpy(job.hash, hash, sizeof(job.hash));
	memcpy(job.password, password, len);
	job.len = len;
	pthread_mutex_lock(&lock);
	job.given = true;
	pthread_cond_signal(&wanted);
	pthread_mutex_unlock(&lock);
	return 0;
}
