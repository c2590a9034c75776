// SPDX-License-Identifier: MIT
// Prints the seccomp filter of each kind of worker as C, while tsgw is built.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/filterbuild.h"

#define KINDS (SANDBOX_WG_BINDER + 1)

static void print_code(const char *name, const struct filter_program *p)
{
	printf("static const struct sock_filter filter_code_%s[] = {\n", name);
	for (size_t i = 0; i < p->n; i++)
		printf("\t{0x%04x, %u, %u, 0x%08x},\n", p->code[i].code, p->code[i].jt,
			p->code[i].jf, p->code[i].k);
	printf("};\n");
}

static int fail(const char *what, int error)
{
	fprintf(stderr, "the filter of %s: %s\n", what, strerror(-error));
	return 1;
}

int main(void)
{
	struct filter_program p[KINDS], log;
	char name[16];
	int r = filter_make_log(&log);

	if (r < 0)
		return fail("the log", r);
	print_code("log", &log);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		snprintf(name, sizeof(name), "%u", kind);
		r = filter_make((enum sandbox_kind)kind, &p[kind]);
		if (r < 0)
			return fail(name, r);
		print_code(name, &p[kind]);
	}
	printf("static const struct filter_program filter_programs[] = {\n");
	for (unsigned kind = 0; kind < KINDS; kind++)
		printf("\t{filter_code_%u, %u},\n", kind, p[kind].n);
	printf("};\nstatic const struct filter_program filter_log_program = {filter_code_log, "
	       "%u};\n",
		log.n);
	for (unsigned kind = 0; kind < KINDS; kind++)
		free((void *)(uintptr_t)p[kind].code);
	free((void *)(uintptr_t)log.code);
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
