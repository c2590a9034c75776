// SPDX-License-Identifier: MIT
// From the tables to the program that the kernel runs, by libseccomp: while tsgw is built, or, where it is built for
// another machine, whenever a worker starts.
#include "common/filterbuild.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/filterrules.h"

#define FILTER_TREE 2 /* of SCMP_FLTATR_CTL_OPTIMIZE */

static int filter_add(scmp_filter_ctx f, uint32_t action, const char *name, size_t len,
	const struct scmp_arg_cmp *when)
{
	struct scmp_arg_cmp args[2];
	char call[32];
	unsigned n = 0;
	int nr, r;

	if (len >= sizeof(call))
		return -EINVAL;
	memcpy(call, name, len);
	call[len] = '\0';
	nr = seccomp_syscall_resolve_name(call);
	if (nr < 0) /* not known to this library, or not a call of this processor */
		return 0;
	for (; when && n < ELEMENTSOF(args) && when[n].arg != FILTER_ANY_ARG; n++)
		args[n] = when[n];
	r = seccomp_rule_add_array(f, action, nr, n, args);
	return r == -EEXIST ? 0 : r;
}

static int filter_add_calls(
	scmp_filter_ctx f, uint32_t action, const char *calls, const struct scmp_arg_cmp *when)
{
	int r = 0;

	while (*calls && r == 0) {
		size_t len = strcspn(calls, " ");

		r = filter_add(f, action, calls, len, when);
		calls += len + (calls[len] == ' ');
	}
	return r;
}

/* What the tables say of KIND. */
static int filter_add_tables(scmp_filter_ctx f, uint32_t action, unsigned kind,
	const struct filter_calls *calls, size_t n_calls, const struct filter_row *rows,
	size_t n_rows)
{
	int r = 0;

	for (size_t i = 0; i < n_calls && r == 0; i++)
		if (calls[i].kinds & kind)
			r = filter_add_calls(f, action, calls[i].calls, NULL);
	for (size_t i = 0; i < n_rows && r == 0; i++)
		if (rows[i].kinds & kind)
			r = filter_add(f, action, rows[i].call, strlen(rows[i].call), rows[i].when);
	return r;
}

/* What every filter is. A tree of the calls, not a list: the kernel goes through it for each of its calls when a worker
 * starts, to know which need no filter. */
static int filter_begin(scmp_filter_ctx f)
{
	int r = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	return r < 0 ? r : seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, FILTER_TREE);
}

static int filter_build(scmp_filter_ctx f, unsigned kind)
{
	int r = filter_begin(f);

	if (r == 0)
		r = filter_add_tables(f, SCMP_ACT_KILL_PROCESS, kind, filter_kill, filter_n_kill,
			filter_kill_rows, filter_n_kill_rows);
	if (r == 0)
		r = filter_add_tables(f, SCMP_ACT_ALLOW, kind, filter_calls, filter_n_calls,
			filter_rows, filter_n_rows);
	/* the C library then makes threads with clone, whose flags can be seen here */
	return r < 0 ? r : filter_add(f, SCMP_ACT_ERRNO(ENOSYS), "clone3", 6, NULL);
}

/* The journal's socket, which is where log_keep_at() puts it, takes datagrams by write(2); a call that can name an
 * address could send one to any socket of the host's that has a path or an abstract name. The addresses lie in memory, where
 * no filter looks; so it is the descriptor that counts. A filter of its own, for rows of one filter only add up. */
static const char filter_named[] = "sendto sendmsg sendmmsg";
#define FILTER_LOG_FD STDIN_FILENO

static int filter_build_log(scmp_filter_ctx f, unsigned kind)
{
	const struct scmp_arg_cmp when[] = {{0, SCMP_CMP_MASKED_EQ, 0xffffffffu, FILTER_LOG_FD},
		{FILTER_ANY_ARG, SCMP_CMP_EQ, 0, 0}};
	int r = filter_begin(f);

	return r < 0 ? r : filter_add_calls(f, SCMP_ACT_KILL_PROCESS, filter_named, when);
}

/* What libseccomp writes to a file, read back. */
static int read_program(int fd, struct filter_program *ret)
{
	off_t size = lseek(fd, 0, SEEK_END);
	struct sock_filter *code;

	if (size <= 0 || size % (off_t)sizeof(*code) || size > UINT16_MAX * (off_t)sizeof(*code))
		return -EBADMSG;
	code = malloc((size_t)size);
	if (!code)
		return -ENOMEM;
	if (pread(fd, code, (size_t)size, 0) != size) {
		free(code);
		return -EIO;
	}
	*ret = (struct filter_program){code, (unsigned short)((size_t)size / sizeof(*code))};
	return 0;
}

/* With SCMP_ACT_KILL_PROCESS (Linux 4.14), wherever this is built: a container's kernel, or qemu, may know less. */
#define FILTER_API 3

static int make(uint32_t otherwise, int (*build)(scmp_filter_ctx f, unsigned kind), unsigned kind,
	struct filter_program *ret)
{
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	scmp_filter_ctx f;
	int r = seccomp_api_set(FILTER_API);

	f = seccomp_init(otherwise);
	if (r == 0)
		r = !f ? -ENOMEM : fd < 0 ? -errno : build(f, kind);

	if (r == 0)
		r = seccomp_export_bpf(f, fd);
	if (f)
		seccomp_release(f);
	return r < 0 ? r : read_program(fd, ret);
}

int filter_make(enum sandbox_kind kind, struct filter_program *ret)
{
	return make(SCMP_ACT_ERRNO(EPERM), filter_build, 1u << kind, ret);
}

int filter_make_log(struct filter_program *ret)
{
	return make(SCMP_ACT_ALLOW, filter_build_log, 0, ret);
}
