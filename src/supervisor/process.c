// SPDX-License-Identifier: MIT
// Signals to processes of ours that run as other uids, without CAP_KILL.
//
// CAP_KILL would reach every process of the host. A supervisor that has only CAP_SETUID, which it needs to
// give its workers their uids, becomes for one system call who the process is: kill(2) looks at the
// effective uid. Meanwhile it has no capability and is not dumpable, and the process cannot signal back,
// since our real and saved uid stay root's.
#include "supervisor/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/become.h"
#include "common/cleanup.h"

static int send_to(int pidfd, pid_t pid, int number)
{
	long r = pidfd >= 0 ? syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0)
			    : kill(pid, number);

	return r < 0 ? -errno : 0;
}

static int uid_of(pid_t pid, uid_t *ret)
{
	_cleanup_free_ char *status = NULL;
	char path[32];
	const char *line;
	unsigned uid;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	r = file_read(path, 65536, &status, NULL);
	if (r < 0)
		return r;
	line = strstr(status, "\nUid:");
	if (!line || sscanf(line, "\nUid: %u", &uid) != 1)
		return -EINVAL;
	*ret = uid;
	return 0;
}

/* PID is only asked for its uid here: if it was somebody else's by now, the descriptor says ESRCH. */
static int send_as_itself(int pidfd, pid_t pid, int number)
{
	int dumpable, r;
	uid_t uid;

	r = uid_of(pid, &uid);
	if (r == 0)
		r = become(uid, &dumpable);
	if (r < 0)
		return r;
	r = send_to(pidfd, pid, number);
	become_root(dumpable);
	return r;
}

int process_signal(int pidfd, int number)
{
	pid_t pid;
	int r = send_to(pidfd, -1, number);

	if (r != -EPERM)
		return r;
	r = fd_pidfd_pid(pidfd, &pid);
	return r < 0 ? r : send_as_itself(pidfd, pid, number);
}

int process_signal_child(pid_t pid, int number)
{
	int r = send_to(-1, pid, number);

	return r != -EPERM ? r : send_as_itself(-1, pid, number);
}
