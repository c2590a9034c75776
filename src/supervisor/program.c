// SPDX-License-Identifier: MIT
// The workers' programs: where they are, and which build they are of.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "supervisor/worker.h"

#define PROGRAMS_MAX 16

/* A file is read once, and again when it is another one. */
static struct known {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
	uint64_t build;
} known[PROGRAMS_MAX];
static size_t n_known;

static uint64_t digest(int fd, size_t size)
{
	unsigned char hash[crypto_generichash_BYTES_MIN];
	void *p = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	uint64_t build;

	if (p == MAP_FAILED)
		return 0;
	crypto_generichash(hash, sizeof(hash), p, size, NULL, 0);
	munmap(p, size);
	memcpy(&build, hash, sizeof(build));
	return build;
}

/* The same bytes are the same build, whoever has installed them again. */
uint64_t worker_build(const struct worker *w)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	struct known k = {0};
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", w->dir, w->program) >= (int)sizeof(path))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	for (size_t i = 0; i < MIN(n_known, (size_t)PROGRAMS_MAX); i++)
		if (known[i].dev == st.st_dev && known[i].ino == st.st_ino &&
			known[i].size == st.st_size &&
			!memcmp(&known[i].changed, &st.st_ctim, sizeof(st.st_ctim)))
			return known[i].build;
	k = (struct known){st.st_dev, st.st_ino, st.st_size, st.st_ctim, 0};
	k.build = digest(fd, (size_t)st.st_size);
	if (k.build)
		known[n_known++ % PROGRAMS_MAX] = k;
	return k.build;
}

/* DIR with its links resolved, if the workers are there. */
static int worker_look_in(const char *dir, char *ret, size_t size)
{
	char probe[PATH_MAX + 16];
	char *real = realpath(dir, NULL);
	int r = -ENOENT;

	if (!real)
		return -errno;
	snprintf(probe, sizeof(probe), "%s/tsgw-wg", real);
	if (access(probe, X_OK) == 0)
		r = (size_t)snprintf(ret, size, "%s", real) < size ? 0 : -ENAMETOOLONG;
	free(real);
	return r;
}

int worker_find_dir(char *ret, size_t size)
{
	char self[PATH_MAX], beside[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		snprintf(beside, sizeof(beside), "%s/../libexec/tsgw", self);
		if (worker_look_in(self, ret, size) == 0 || worker_look_in(beside, ret, size) == 0)
			return 0;
	}
	snprintf(ret, size, "%s", TSGW_LIBEXECDIR);
	return worker_look_in(TSGW_LIBEXECDIR, ret, size);
}
