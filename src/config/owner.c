// SPDX-License-Identifier: MIT
// Files of the configuration that belong to somebody else than root.
//
// /home/alice/fgpu.conf, 0600 in a directory that is 0700: without CAP_DAC_OVERRIDE root is refused like anybody
// else, but with CAP_SETUID it can be Alice for the time of one open(2). Then it can do what she can, to her files
// and to no others: less than the capability allows.
#include "config/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/become.h"

/* Of the file, or of the first directory on the way to it that is closed to us. */
static bool find_owner(const char *path, uid_t *ret)
{
	char part[PATH_MAX];
	struct stat st;
	char *slash;

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return false;
	while (stat(part, &st) < 0) {
		slash = strrchr(part, '/');
		if (errno != EACCES || !slash || slash == part)
			return false;
		*slash = '\0';
	}
	*ret = st.st_uid;
	return true;
}

int owner_open(const char *path, int flags)
{
	int fd = open(path, flags), dumpable;
	uid_t owner;

	if (fd >= 0 || errno != EACCES || geteuid() != 0)
		return fd;
	if (!find_owner(path, &owner) || become(owner, &dumpable) < 0) {
		errno = EACCES;
		return -1;
	}
	fd = open(path, flags);
	become_root(dumpable);
	return fd;
}
