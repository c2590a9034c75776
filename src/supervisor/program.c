// SPDX-License-Identifier: MIT
// The workers' programs: where they are, and which build they are of.
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
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
#define PART_MAX     4096 /* bytes at the start of a program, with the linker's notes, and at its end */

/* A file is read once, and again when it is another one. */
static struct known {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
	uint64_t build;
} known[PROGRAMS_MAX];
static size_t n_known;

static uint64_t digest(const void *p, size_t size)
{
	unsigned char hash[crypto_generichash_BYTES_MIN];
	uint64_t build;

	crypto_generichash(hash, sizeof(hash), p, size, NULL, 0);
	memcpy(&build, hash, sizeof(build));
	return build;
}

static uint64_t digest_all(int fd, size_t size)
{
	void *p = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	uint64_t build;

	if (p == MAP_FAILED)
		return 0;
	build = digest(p, size);
	munmap(p, size);
	return build;
}

/* Of the notes in [p, end) the linker's, a digest of all that it has linked: 0 = none. */
static uint64_t note_build(const unsigned char *p, const unsigned char *end)
{
	ElfW(Nhdr) n;
	uint64_t build = 0;

	while ((size_t)(end - p) >= sizeof(n)) {
		size_t name, left = (size_t)(end - p) - sizeof(n);

		memcpy(&n, p, sizeof(n));
		p += sizeof(n);
		name = ((size_t)n.n_namesz + 3) & ~(size_t)3;
		if (name > left || (((size_t)n.n_descsz + 3) & ~(size_t)3) > left - name)
			return 0;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && !memcmp(p, "GNU", 4) &&
			n.n_descsz >= sizeof(build)) {
			memcpy(&build, p + name, sizeof(build));
			return build;
		}
		p += name + (((size_t)n.n_descsz + 3) & ~(size_t)3);
	}
	return 0;
}

static uint64_t find_note(const unsigned char *b, size_t len)
{
	const ElfW(Ehdr) *e = (const void *)b;
	uint64_t build = 0;

	if (len < sizeof(*e) || memcmp(e->e_ident, ELFMAG, SELFMAG) != 0 ||
		e->e_phentsize != sizeof(ElfW(Phdr)) || e->e_phoff > len ||
		(len - e->e_phoff) / sizeof(ElfW(Phdr)) < e->e_phnum)
		return 0;
	for (size_t i = 0; i < e->e_phnum && !build; i++) {
		ElfW(Phdr) h;

		memcpy(&h, b + e->e_phoff + i * sizeof(h), sizeof(h));
		if (h.p_type == PT_NOTE && h.p_offset <= len && h.p_filesz <= len - h.p_offset)
			build = note_build(b + h.p_offset, b + h.p_offset + h.p_filesz);
	}
	return build;
}

/* What the linker has noted of all that it linked, and the end of the file, which tells a program with symbols from
 * one without, and one that somebody has added to: so a thousand supervisors need not read all of theirs. */
static uint64_t digest_linked(int fd, size_t size)
{
	_Alignas(ElfW(Ehdr)) unsigned char b[PART_MAX];
	ssize_t len = pread(fd, b, sizeof(b), 0);
	struct {
		uint64_t linked, end, size;
	} of = {.size = size};

	of.linked = len > 0 ? find_note(b, (size_t)len) : 0;
	len = pread(fd, b, sizeof(b), size > sizeof(b) ? (off_t)(size - sizeof(b)) : 0);
	if (!of.linked || len <= 0)
		return 0;
	of.end = digest(b, (size_t)len);
	return digest(&of, sizeof(of));
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
	k.build = digest_linked(fd, (size_t)st.st_size);
	if (!k.build)
		k.build = digest_all(fd, (size_t)st.st_size);
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
