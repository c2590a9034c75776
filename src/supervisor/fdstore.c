// SPDX-License-Identifier: MIT
// systemd's descriptor store: what is put there outlives this process and comes back at the next start.
//
// A descriptor is put into the store when it is made, before anybody uses it, and dropped when it is
// closed: a supervisor that dies at any moment has nothing to hand over any more. What comes back is only
// believed as far as the record (RUN/NAME/made) and the kernel say the same, see adopt.c.
//
// systemd's names may hold neither colons nor control characters. FDPOLL=0 keeps it from dropping a
// descriptor by itself when that reports a hang-up: we drop what is no longer needed.
#include "supervisor/fdstore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "ipc/worker.h"

#define FDSTORE_CHAINS \
	1024 /* by owner: as long as one tailnet has objects, however many tailnets */

struct entry {
	struct entry *next;
	char name[FDSTORE_NAME_MAX];
	size_t owner_len;
	int fd; /* received and not yet taken, else -1 */
	bool twice;
};

static struct entry *chains[FDSTORE_CHAINS];

static struct entry **chain_of(const char *owner, size_t len)
{
	uint32_t h = 0x811c9dc5; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)owner[i]) * 0x01000193;
	return &chains[h % FDSTORE_CHAINS];
}

static bool is_of(const struct entry *e, const char *owner)
{
	return e->owner_len == strlen(owner) && !memcmp(e->name, owner, e->owner_len);
}

static struct entry **find(const char *owner, const char *object)
{
	struct entry **e = chain_of(owner, strlen(owner));

	while (*e && !(is_of(*e, owner) && !strcmp((*e)->name + (*e)->owner_len + 1, object)))
		e = &(*e)->next;
	return e;
}

/* One is put once; it is dropped by its name. */
static void tell_dropped(const char *name)
{
	(void)sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

static void unlink_entry(struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	tell_dropped(e->name);
	fd_close(e->fd);
	free(e);
}

static struct entry *add(const char *name, size_t owner_len, int fd)
{
	struct entry **at = chain_of(name, owner_len);
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->owner_len = owner_len;
	e->fd = fd;
	e->next = *at;
	*at = e;
	return e;
}

/* The first lies where a worker has its channel, see spawn.h. */
static int move_away(int fd)
{
	int to = fd == WORKER_CHANNEL ? fcntl(fd, F_DUPFD_CLOEXEC, WORKER_CHANNEL + 1) : fd;

	if (to >= 0 && to != fd)
		close(fd);
	return to;
}

/* Takes FD over. */
static int receive(const char *name, int fd)
{
	const char *slash = strchr(name, '/');
	size_t len = slash ? (size_t)(slash - name) : 0;
	char owner[FDSTORE_NAME_MAX];
	struct entry **known;

	if (!len || !slash[1] || strlen(name) >= FDSTORE_NAME_MAX) {
		tell_dropped(name);
		fd_close(fd);
		return 0;
	}
	snprintf(owner, sizeof(owner), "%.*s", (int)len, name);
	known = find(owner, slash + 1);
	if (*known) { /* which of them? */
		(*known)->twice = true;
		fd_close(fd);
		return 0;
	}
	if (add(name, len, fd))
		return 0;
	fd_close(fd);
	return -ENOMEM;
}

int fdstore_open(void)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names), r = n < 0 ? n : 0;

	for (int i = 0; i < n; i++) {
		int fd = move_away(SD_LISTEN_FDS_START + i);
		int e = fd < 0 ? -errno : receive(names[i], fd);

		r = r ?: e;
		free(names[i]);
	}
	free(names);
	for (size_t i = 0; i < FDSTORE_CHAINS && n > 0; i++)
		for (struct entry **e = &chains[i]; *e;)
			if ((*e)->twice)
				unlink_entry(e);
			else
				e = &(*e)->next;
	return r;
}

void fdstore_place(const struct hostport *at, char ret[HOSTPORT_TEXT_MAX])
{
	hostport_format(at, ret);
	for (char *p = ret; *p; p++)
		if (*p == ':')
			*p = '_';
}

/* Once for each: for the first of its entries in the chain. */
void fdstore_each_owner(void (*each)(void *arg, const char *owner), void *arg)
{
	char owner[FDSTORE_NAME_MAX];

	for (size_t i = 0; i < FDSTORE_CHAINS; i++) {
		for (const struct entry *e = chains[i], *f; e; e = e->next) {
			snprintf(owner, sizeof(owner), "%.*s", (int)e->owner_len, e->name);
			for (f = chains[i]; !is_of(f, owner);)
				f = f->next;
			if (f == e)
				each(arg, owner);
		}
	}
}

bool fdstore_has(const char *owner)
{
	const struct entry *e = *chain_of(owner, strlen(owner));

	while (e && !is_of(e, owner))
		e = e->next;
	return e != NULL;
}

int fdstore_take(const char *owner, const char *object)
{
	struct entry *e = *find(owner, object);

	return e && e->fd >= 0 ? take_fd(e->fd) : -ENOENT;
}

int fdstore_take_any(const char *owner, const char *prefix, char *ret_object)
{
	struct entry *e = *chain_of(owner, strlen(owner));

	for (; e; e = e->next) {
		const char *object = e->name + e->owner_len + 1;

		if (e->fd < 0 || !is_of(e, owner) || strncmp(object, prefix, strlen(prefix)))
			continue;
		snprintf(ret_object, FDSTORE_NAME_MAX, "%s", object);
		return take_fd(e->fd);
	}
	return -ENOENT;
}

void fdstore_put(const char *owner, const char *object, int fd)
{
	char name[FDSTORE_NAME_MAX], text[FDSTORE_NAME_MAX + 48];
	int r;

	if (!getenv("NOTIFY_SOCKET") || fd < 0)
		return;
	fdstore_drop(owner, object);
	if (snprintf(name, sizeof(name), "%s/%s", owner, object) >= (int)sizeof(name) ||
		!add(name, strlen(owner), -1))
		return; /* then this one does not come back */
	snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	r = sd_pid_notify_with_fds(0, 0, text, &fd, 1);
	if (r < 0)
		log_warning(strcmp(owner, "-") ? owner : NULL, object,
			"cannot be put into the descriptor store: %s", strerror(-r));
}

void fdstore_drop(const char *owner, const char *object)
{
	struct entry **e = find(owner, object);

	if (*e)
		unlink_entry(e);
}

void fdstore_clear(const char *owner)
{
	for (struct entry **e = chain_of(owner, strlen(owner)); *e;)
		if (is_of(*e, owner))
			unlink_entry(e);
		else
			e = &(*e)->next;
}

void fdstore_close_rest(void)
{
	for (size_t i = 0; i < FDSTORE_CHAINS; i++)
		for (struct entry **e = &chains[i]; *e;)
			if ((*e)->fd >= 0)
				unlink_entry(e);
			else
				e = &(*e)->next;
}
