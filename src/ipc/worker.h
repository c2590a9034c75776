// SPDX-License-Identifier: MIT
// What every worker does first: arguments, log, sandbox, hello.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/sandbox.h"

/* The supervisor starts a worker as `PROGRAM --worker NAME UID EMPTY_DIR`, with the message
 * channel as descriptor 3 and nothing else open but stdio. NAME is the tailnet, or "-" for the
 * front. One more argument tells tsgw-proxy that domains may have resolvers of their own. */
#define WORKER_CHANNEL	 3
#define WORKER_SPLIT_DNS "split-dns"

/* What a worker ends with for want of something that may be there again at any moment; the supervisor does not
 * let it wait as long then as one that fails by itself (EX_TEMPFAIL). */
#define WORKER_EXIT_WANT 75

/* True if ARGV says that the supervisor started us so. */
int worker_is(int argc, char **argv);

/* Opens the log, enters the sandbox of KIND (see common/sandbox.h; load libraries before), then
 * waits for MSG_HELLO and maps its stats memfd of at least STATS_SIZE bytes at *ret_stats. 0, or
 * -errno after having logged why. End of file before HELLO gives -EPIPE. */
int worker_start(
	int argc, char **argv, enum sandbox_kind kind, size_t stats_size, void **ret_stats);

/* What to end with because of ERROR (-errno, or 0). */
int worker_exit_code(int error);
