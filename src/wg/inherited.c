// SPDX-License-Identifier: MIT
// Descriptors that whoever starts a node by hand has open, on purpose or not.
#include "wg/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/parse.h"

#define STDIO 3

/* -1: not set; -EINVAL: no number. */
static int number_of(const char *variable)
{
	const char *text = getenv(variable);
	uint64_t fd;

	if (!text || !*text)
		return -1;
	return parse_u64(text, 0, INT32_MAX, &fd) < 0 ? -EINVAL : (int)fd;
}

static int close_from_to(unsigned first, unsigned last)
{
	if (first > last)
		return 0;
	return syscall(SYS_close_range, first, last, 0) < 0 ? -errno : 0;
}

int inherited_tidy(void)
{
	int tun = number_of(INHERITED_TUN), uapi = number_of(INHERITED_UAPI), fd, r;
	int low = MIN(tun, uapi), high = MAX(tun, uapi);

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < STDIO);
	if (fd < 0)
		return -errno;
	close(fd);
	low = MAX(low, STDIO - 1);
	high = MAX(high, STDIO - 1);
	r = close_from_to((unsigned)STDIO, (unsigned)low - 1);
	if (r == 0)
		r = close_from_to((unsigned)low + 1, (unsigned)high - 1);
	return r < 0 ? r : close_from_to((unsigned)high + 1, ~0u);
}

int inherited_descriptor(const char *variable)
{
	int fd = number_of(variable), r;

	if (fd == -1)
		return -1;
	r = fd < 0 ? fd : fd_cloexec(fd, true);
	if (r == 0 && fd < STDIO)
		fd = r = fcntl(fd, F_DUPFD_CLOEXEC, STDIO);
	if (r < 0) {
		log_error(NULL, variable, "not a descriptor: %s", getenv(variable));
		return -EBADF;
	}
	return fd;
}
