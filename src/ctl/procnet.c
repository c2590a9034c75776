// SPDX-License-Identifier: MIT
// Who has which port: /proc/net/{tcp,tcp6,udp,udp6} and /proc/PID/fd.
#include "ctl/procnet.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

#define PROCNET_MAX	65536 /* sockets that are looked at */
#define TCP_LISTENING	10
#define UDP_UNCONNECTED 7

/* Groups of 8 hex digits, each a word of the host's byte order. */
static bool parse_hex_address(const char *text, size_t len, struct addr *ret)
{
	*ret = (struct addr){.family = len == 8 ? 4 : 6};
	if (len != 8 && len != 32)
		return false;
	for (size_t i = 0; i < len / 8; i++) {
		char word[9];
		uint32_t n;

		snprintf(word, sizeof(word), "%.8s", text + i * 8);
		if (strspn(word, "0123456789abcdefABCDEF") != 8)
			return false;
		n = (uint32_t)strtoul(word, NULL, 16);
		memcpy(ret->bytes + i * 4, &n, 4);
	}
	return true;
}

bool procnet_parse(const char *line, bool udp, struct bound *ret)
{
	char local[40], remote[40];
	unsigned port, state;
	struct bound b;
	uint64_t inode;
	uint32_t uid;

	/* sl local_address rem_address st tx:rx tr:tm->when retrnsmt uid timeout inode */
	if (sscanf(line, " %*u: %39[0-9A-Fa-f]:%4x %39s %2x %*s %*s %*s %" SCNu32 " %*s %" SCNu64,
		    local, &port, remote, &state, &uid, &inode) != 6)
		return false;
	if (port > UINT16_MAX || state != (udp ? UDP_UNCONNECTED : TCP_LISTENING))
		return false;
	b = (struct bound){.port = (uint16_t)port, .udp = udp, .inode = inode, .uid = uid};
	if (!parse_hex_address(local, strlen(local), &b.addr))
		return false;
	*ret = b;
	return true;
}

static int read_file(const char *path, bool udp, struct bound **list, size_t *n)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	struct bound b, *more;

	if (!f)
		return errno == ENOENT ? 0 : -errno; /* a kernel without IPv6 */
	while (*n < PROCNET_MAX && getline(&line, &size, f) > 0) {
		if (!procnet_parse(line, udp, &b))
			continue;
		more = reallocarray(*list, *n + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		*list = more;
		more[(*n)++] = b;
	}
	return 0;
}

int procnet_bound(struct bound **ret, size_t *ret_n)
{
	static const struct {
		const char *path;
		bool udp;
	} files[] = {{"/proc/net/tcp", false}, {"/proc/net/tcp6", false}, {"/proc/net/udp", true},
		{"/proc/net/udp6", true}};
	struct bound *list = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ELEMENTSOF(files); i++)
		r = read_file(files[i].path, files[i].udp, &list, &n);
	if (r < 0) {
		free(list);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

static bool has_socket(const char *pid, const char *wanted)
{
	char path[300], target[64];
	struct dirent *de;
	bool found = false;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	while (d && !found && (de = readdir(d))) {
		n = readlinkat(dirfd(d), de->d_name, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		found = !strcmp(target, wanted);
	}
	if (d)
		closedir(d);
	return found;
}

/* Its real uid; the owner of /proc/PID is root where the process may not be dumped. */
static uid_t uid_of(const char *pid)
{
	char path[300];
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	unsigned uid;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0)
		if (sscanf(line, "Uid: %u", &uid) == 1)
			return uid;
	return (uid_t)-1;
}

static void describe(const char *pid, struct holder *ret)
{
	char path[300];
	_cleanup_fclose_ FILE *f = NULL;
	char *end;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	ret->pid = (pid_t)strtol(pid, NULL, 10);
	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	ret->uid = uid_of(pid);
	f = fopen(path, "re");
	if (!f || getline(&line, &size, f) < 0)
		return;
	/* "PID (NAME) STATE PPID": the name may hold anything */
	end = strrchr(line, ')');
	if (!end || !strchr(line, '('))
		return;
	ret->parent = (pid_t)strtol(end + 3, NULL, 10);
	*end = '\0';
	snprintf(ret->name, sizeof(ret->name), "%s", strchr(line, '(') + 1);
	for (char *c = ret->name; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
}

void procnet_holder(uint64_t inode, struct holder *ret)
{
	char wanted[40];
	DIR *d = opendir("/proc");
	struct dirent *de;

	*ret = (struct holder){0};
	snprintf(wanted, sizeof(wanted), "socket:[%" PRIu64 "]", inode);
	while (d && ret->pid <= PROCNET_INIT && (de = readdir(d)))
		if (isdigit((unsigned char)*de->d_name) && has_socket(de->d_name, wanted))
			describe(de->d_name, ret);
	if (d)
		closedir(d);
}
