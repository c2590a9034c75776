// SPDX-License-Identifier: MIT
// Landlock by raw system calls: no file, no TCP, no way to other processes, as far as the kernel goes.
#include "common/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

/* linux/landlock.h as of ABI 7; the build host's header may be older */
struct landlock_attr {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};
#define FS_V1		    ((1ull << 13) - 1)
#define FS_REFER	    (1ull << 13)
#define FS_TRUNCATE	    (1ull << 14)
#define FS_IOCTL_DEV	    (1ull << 15)
#define NET_BIND_TCP	    (1ull << 0)
#define NET_CONNECT_TCP	    (1ull << 1)
#define SCOPE_ABSTRACT_UNIX (1ull << 0)
#define SCOPE_SIGNAL	    (1ull << 1)

static struct landlock_attr landlock_attr_for(long abi, bool tcp_connect)
{
	struct landlock_attr a = {.fs = FS_V1};

	if (abi >= 2)
		a.fs |= FS_REFER;
	if (abi >= 3)
		a.fs |= FS_TRUNCATE;
	if (abi >= 4)
		a.net = NET_BIND_TCP | (tcp_connect ? 0 : NET_CONNECT_TCP);
	if (abi >= 5)
		a.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		a.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	return a;
}

static int landlock_allow(int ruleset, const char *path, uint64_t dir_rights, uint64_t file_rights)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.parent_fd = fd};
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	rule.allowed_access = S_ISDIR(st.st_mode) ? dir_rights : file_rights;
	if (rule.allowed_access &&
		syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return 0;
}

int landlock_restrict(const struct landlock_plan *plan)
{
	const uint64_t read_dir = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_attr attr;
	_cleanup_close_ int ruleset = -1;
	int r = 0;

	/* not in this kernel, or switched off, or (EPERM) unknown to a container's own filter */
	if (abi < 1)
		return abi < 0 && errno == ENOMEM ? -errno : 0;
	attr = landlock_attr_for(abi, plan->tcp_connect);
	/* an older kernel knows a shorter struct; what it does not know is zero */
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr,
		abi < 4		  ? sizeof(uint64_t)
			: abi < 6 ? 2 * sizeof(uint64_t)
				  : sizeof(attr),
		0);
	if (ruleset < 0)
		return -errno;
	for (const char *const *p = plan->read; p && *p && r == 0; p++)
		r = landlock_allow(ruleset, *p, read_dir, LANDLOCK_ACCESS_FS_READ_FILE);
	for (const char *const *p = plan->unlink; p && *p && r == 0; p++)
		r = landlock_allow(ruleset, *p, LANDLOCK_ACCESS_FS_REMOVE_FILE, 0);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	return r;
}
