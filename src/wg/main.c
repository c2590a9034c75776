// SPDX-License-Identifier: MIT
// tsgw-wg: the WireGuard node, as the supervisor's worker or alone in the place of wireguard-go.
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "ipc/stats.h"
#include "ipc/worker.h"
#include "wg/aead.h"
#include "wg/alone.h"
#include "wg/channel.h"

int main(int argc, char **argv)
{
	void *stats;
	int r;

	if (sodium_init() < 0)
		return EXIT_FAILURE;
	if (!worker_is(argc, argv))
		return alone_main(argc, argv);
	aead_init(AEAD_AUTO);
	r = worker_start(argc, argv, SANDBOX_WG, sizeof(struct wg_stats), &stats);
	if (r < 0)
		return r == -EPIPE ? EXIT_SUCCESS : worker_exit_code(r);
	return channel_main(stats);
}
