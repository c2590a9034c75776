// SPDX-License-Identifier: MIT
// A wall clock that may be wrong, for tests: preloaded into tsgwd and so into its workers (LD_PRELOAD), it adds to
// CLOCK_REALTIME the seconds that stand in the file which WALLTIME names. The test changes them while all of it
// runs: every process sees the clock jump at the same moment, as after a real settimeofday(2). What only the
// kernel knows, its timers by the wall clock, does not jump.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t right = 0, *offset_s = &right;
static int (*real_gettime)(clockid_t id, struct timespec *ts);

__attribute__((constructor)) static void walltime_open(void)
{
	const char *path = getenv("WALLTIME");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (p != MAP_FAILED)
		offset_s = p;
	if (fd >= 0)
		close(fd);
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int r;

	if (!real_gettime)
		*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	r = real_gettime(id, ts);
	if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += __atomic_load_n(offset_s, __ATOMIC_ACQUIRE);
	return r;
}

time_t time(time_t *ret)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ts.tv_sec, ts.tv_nsec / 1000};
	return 0;
}
