// SPDX-License-Identifier: MIT
// Leftovers: what an earlier run of the same gateway and tailnet made and could not remove; and the refusal of what is not ours.
#pragma once

#include "supervisor/links.h"
#include "supervisor/store.h"

/* Mark on every link of ours: interface alias "tsgw:RUN_DIR". */
#define RECOVER_ALIAS_MAX 256
void recover_alias(const struct store *s, char ret[RECOVER_ALIAS_MAX]);

/* Called under the tailnet's lock, before anything is made. Removes, by the volatile record: its
 * processes (pidfd; pid, start time and uid must match; SIGTERM, then SIGKILL after 500 ms, waited
 * for), host link (our alias), pin (inode matches), resolv.conf (our first line), sockets. An
 * object of our name without our mark: -EEXIST and *ret_object names it ("namespace
 * /run/netns/tsgw-x", "link tsgw-x", "file /etc/netns/…"), nothing is touched at all. The same
 * function is what a stop on request runs last. RET_OBJECT holds 128 bytes. */
int recover_tailnet(const struct store *s, const char *name, struct links *host, char *ret_object);
/* -1, or a pidfd of the recorded process if it still lives. */
int recover_open_process(const struct made_process *p);
void recover_signal_process(int pidfd, int signal_number);
/* SIGTERM, after half a second SIGKILL; waits for it. */
void recover_end_process(int pidfd);
/* For speed, before recover_tailnet() is called for each of many: ends the processes of all and
 * removes the links of all, which one by one takes 20 ms each. What is not clearly ours is left
 * alone. Under the locks of all of them. */
void recover_many(const struct store *s, const char *const *names, size_t n, struct links *host);
/* The same for the front, which has made nothing but a worker. */
int recover_front(const struct store *s);

/* /etc/netns/tsgw-NAME/resolv.conf: first line "# tsgw:RUN_DIR", then "search …" and "nameserver
 * …" lines. -EEXIST if one is there that is not ours. Read-only /etc: -EROFS. */
int resolvconf_write(const struct store *s, const char *name, const struct addr *dns, size_t n_dns,
	char *const *search, size_t n_search);
int resolvconf_remove(
	const struct store *s, const char *name); /* with the directory if empty; only if ours */
/* Whose is the file? 1 ours, 0 not ours, -ENOENT there is none, other -errno. */
int resolvconf_owner(const struct store *s, const char *name);
