// SPDX-License-Identifier: MIT
// Memory for secrets: locked, left out of core dumps, wiped when given back.
#include "wg/keys.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "common/log.h"

#define CHUNK_BYTES (16 * 1024)

/* A free slot begins with the address of the next one. */
struct free_slot {
	struct free_slot *next;
};

static struct free_slot *free_slots;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool complained;

static void grow(void)
{
	char *chunk =
		mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (chunk == MAP_FAILED)
		return;
	if ((madvise(chunk, CHUNK_BYTES, MADV_DONTDUMP) < 0 || mlock(chunk, CHUNK_BYTES) < 0) &&
		!complained) {
		complained = true;
		log_warning(NULL, "keys", "cannot keep keys out of swap and core dumps: %s",
			strerror(errno));
	}
	for (size_t at = 0; at < CHUNK_BYTES; at += KEYS_SLOT) {
		struct free_slot *s = (struct free_slot *)(void *)(chunk + at);

		s->next = free_slots;
		free_slots = s;
	}
}

void *keys_new(void)
{
	struct free_slot *s;

	pthread_mutex_lock(&lock);
	if (!free_slots)
		grow();
	s = free_slots;
	if (s)
		free_slots = s->next;
	pthread_mutex_unlock(&lock);
	if (s)
		memset(s, 0, KEYS_SLOT);
	return s;
}

void keys_free(void *slot)
{
	struct free_slot *s = slot;

	if (!s)
		return;
	sodium_memzero(s, KEYS_SLOT);
	pthread_mutex_lock(&lock);
	s->next = free_slots;
	free_slots = s;
	pthread_mutex_unlock(&lock);
}
