// SPDX-License-Identifier: MIT
// Threads that ask the host's resolver, which blocks: one for endpoints, a few for published services.
//
// The loop's thread owns the queues and hands a question to a thread that is idle; threads are made when
// they are first needed and stay. A thread touches nothing but its own question and answer, under the
// one lock, and wakes the loop by an eventfd.
#include "host/asker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "host/lookup.h"
#include "host/queue.h"
#include "relay/loop.h"

#define ASKER_THREADS	  (1 + ASKER_SERVICE_THREADS)
#define ASKER_STACK_BYTES (256u << 10)
#define ASKER_RING_MS	  10

enum asker_state { ASKER_NONE, ASKER_IDLE, ASKER_ASKING, ASKER_ANSWERED };

struct asker {
	enum asker_state state; /* under the lock, as the rest */
	enum asker_lane lane;
	pthread_cond_t wake;
	struct msg_host_lookup question;
	struct msg_host_answer answer;
};

static struct asker askers[ASKER_THREADS];
static struct queue queues[ASKER_LANES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*on_answer)(enum asker_lane lane, const struct msg_host_answer *a);
static struct source bell;

/* Whoever is not heard rings again: nobody else would look for the answer. EAGAIN: it has rung as often as it can
 * count, and has not been heard yet. */
static void asker_ring(void)
{
	const uint64_t one = 1;

	while (write(bell.fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		(void)poll(NULL, 0, ASKER_RING_MS);
}

static void *asker_run(void *arg)
{
	struct asker *a = arg;

	pthread_mutex_lock(&lock);
	for (;;) {
		struct msg_host_lookup q;
		struct msg_host_answer answer = {0};

		while (a->state != ASKER_ASKING)
			pthread_cond_wait(&a->wake, &lock);
		q = a->question;
		pthread_mutex_unlock(&lock);
		lookup_name(&q, a->lane == ASKER_SERVICES, &answer);
		pthread_mutex_lock(&lock);
		a->answer = answer;
		a->state = ASKER_ANSWERED;
		pthread_mutex_unlock(&lock);
		asker_ring();
		pthread_mutex_lock(&lock);
	}
	return NULL;
}

static int asker_start(struct asker *a)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, ASKER_STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the loop's thread */
	r = pthread_create(&thread, &attr, asker_run, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -r;
}

/* Gives what waits to who is idle. */
static void asker_dispatch(enum asker_lane lane)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < ASKER_THREADS && queues[lane].n; i++) {
		struct asker *a = &askers[i];

		if (a->lane != lane || (a->state != ASKER_IDLE && a->state != ASKER_NONE))
			continue;
		if (a->state == ASKER_NONE) {
			int r = asker_start(a);

			if (r < 0) {
				log_warning(NULL, "resolver", "no thread: %s", strerror(-r));
				continue;
			}
		}
		(void)queue_take(&queues[lane], &a->question);
		a->state = ASKER_ASKING;
		pthread_cond_signal(&a->wake);
	}
	pthread_mutex_unlock(&lock);
}

static void bell_event(struct source *s, uint32_t events)
{
	uint64_t n;

	(void)!read(s->fd, &n, sizeof(n));
	for (size_t i = 0; i < ASKER_THREADS; i++) {
		struct msg_host_answer answer;
		bool answered;

		pthread_mutex_lock(&lock);
		answered = askers[i].state == ASKER_ANSWERED;
		if (answered) {
			answer = askers[i].answer;
			askers[i].state = ASKER_IDLE;
		}
		pthread_mutex_unlock(&lock);
		if (answered)
			on_answer(askers[i].lane, &answer);
	}
	for (unsigned lane = 0; lane < ASKER_LANES; lane++)
		asker_dispatch(lane);
}

int asker_open(void (*answered)(enum asker_lane lane, const struct msg_host_answer *a))
{
	on_answer = answered;
	for (size_t i = 0; i < ASKER_THREADS; i++) {
		askers[i].lane = i ? ASKER_SERVICES : ASKER_ENDPOINTS;
		pthread_cond_init(&askers[i].wake, NULL);
	}
	bell = (struct source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .on_event = bell_event};
	return bell.fd < 0 ? -errno : loop_add(&bell, EPOLLIN);
}

bool asker_ask(enum asker_lane lane, const struct msg_host_lookup *q)
{
	if (!queue_put(&queues[lane], q))
		return false;
	asker_dispatch(lane);
	return true;
}
