// SPDX-License-Identifier: MIT
// The workers' system call filters: every kind has one, with one place for the process' own number.
#include "common/filterbuild.h"

#include <seccomp.h>
#include <stdlib.h>

#include "common/filter.h"
#include "common/filterrules.h"
#include "test.h"

static size_t own_pids(const struct filter_program *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->code[i].k == FILTER_OWN_PID;
	return n;
}

static void test_kinds(void)
{
	for (int kind = 0; kind <= SANDBOX_WG_BINDER; kind++) {
		struct filter_program p = {0};

		CHECK_EQ(filter_make((enum sandbox_kind)kind, &p), 0);
		CHECK(p.n > 20);
		CHECK_EQ(own_pids(&p), 1); /* tgkill */
		free((void *)(uintptr_t)p.code);
	}
}

static void test_log(void)
{
	struct filter_program p = {0};

	CHECK_EQ(filter_make_log(&p), 0);
	/* for libseccomp 2.5, s390x has it below socketcall(2) */
	CHECK(p.n > 5 || seccomp_syscall_resolve_name("sendto") < 0);
	CHECK_EQ(own_pids(&p), 0);
	free((void *)(uintptr_t)p.code);
}

int main(void)
{
	RUN(test_kinds);
	RUN(test_log);
	return TEST_END();
}
