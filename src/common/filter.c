// SPDX-License-Identifier: MIT
// Loads the seccomp filter of a worker, which was made when tsgw was built (gen/filters.c): a thousand that start need
// not make theirs a thousand times, nor the library for it.
#include "common/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/filterbuild.h"
#include "common/filterrules.h"

#ifdef TSGW_FILTERS
#include TSGW_FILTERS /* filter_programs[], filter_log_program */

static int filter_find(enum sandbox_kind kind, struct filter_program *ret)
{
	*ret = filter_programs[kind];
	return 0;
}

static int filter_find_log(struct filter_program *ret)
{
	*ret = filter_log_program;
	return 0;
}
#else /* built for another machine: they have to be made there */
static int filter_find(enum sandbox_kind kind, struct filter_program *ret)
{
	return filter_make(kind, ret);
}

static int filter_find_log(struct filter_program *ret)
{
	return filter_make_log(ret);
}
#endif

/* With our own number where the tables could not know it. */
static int filter_apply(const struct filter_program *p)
{
	_cleanup_free_ struct sock_filter *code = calloc(p->n, sizeof(*code));
	struct sock_fprog program = {p->n, code};

	if (!code)
		return -ENOMEM;
	memcpy(code, p->code, p->n * sizeof(*code));
	for (size_t i = 0; i < p->n; i++)
		if (code[i].k == FILTER_OWN_PID)
			code[i].k = (uint32_t)getpid();
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

int filter_load(enum sandbox_kind kind)
{
	struct filter_program p;
	int r = 0;

	if ((size_t)kind > SANDBOX_WG_BINDER)
		return -EINVAL;
	/* first, for the other one does not let a filter be added */
	if (filter_is_pathless(kind)) {
		r = filter_find_log(&p);
		if (r == 0)
			r = filter_apply(&p);
	}
	if (r == 0)
		r = filter_find(kind, &p);
	return r < 0 ? r : filter_apply(&p);
}
