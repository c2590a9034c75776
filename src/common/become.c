// SPDX-License-Identifier: MIT
// Root without its capabilities over others' files and processes: somebody else for one system call.
#include "common/become.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int become(uid_t uid, int *ret_dumpable)
{
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);

	if (uid == 0 || seteuid(uid) < 0)
		return -EPERM;
	*ret_dumpable = dumpable;
	return 0;
}

void become_root(int dumpable)
{
	int error = errno;

	if (seteuid(0) < 0)
		abort();
	(void)prctl(PR_SET_DUMPABLE, dumpable == 1, 0, 0, 0); /* a change of uid takes it away */
	errno = error;
}
