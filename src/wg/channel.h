// SPDX-License-Identifier: MIT
// tsgw-wg as the supervisor's worker: what it is told, what it reports.
#pragma once

#include "ipc/stats.h"

/* The worker's life after worker_start(): returns the exit code. */
int channel_main(struct wg_stats *stats);
