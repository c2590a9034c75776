// SPDX-License-Identifier: MIT
// How much memory a process takes.
#include "supervisor/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/cleanup.h"

/* Everybody may read this one. */
static uint64_t resident(pid_t pid)
{
	char path[64];
	_cleanup_fclose_ FILE *f = NULL;
	uint64_t pages;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%*s %" SCNu64, &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* This one takes CAP_SYS_PTRACE, since workers are not dumpable. */
static uint64_t proportional(pid_t pid)
{
	char path[64], line[128];
	_cleanup_fclose_ FILE *f = NULL;
	uint64_t kib;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Pss: %" SCNu64 " kB", &kib) == 1)
			return kib * 1024;
	return 0;
}

void memory_of(pid_t pid, struct process_memory *ret)
{
	*ret = (struct process_memory){0};
	if (pid <= 0)
		return;
	ret->resident = resident(pid);
	ret->proportional = proportional(pid);
}
