// SPDX-License-Identifier: MIT
// Any bytes as a message between our own processes: what is not on the page msg.h is refused.
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* First byte: sender and number of descriptors; the rest: the datagram. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum ipc_sender sender;
	size_t n_fds;
	union msg m = {0};
	int r;

	if (size < 1 || size - 1 > sizeof(m))
		return 0;
	sender = data[0] & 1 ? IPC_WORKER : IPC_PARENT;
	n_fds = data[0] >> 1 & 7;
	memcpy(&m, data + 1, size - 1);
	r = ipc_check(&m, size - 1, n_fds, sender);
	if (r != 0 && r != -EBADMSG)
		abort();
	/* whoever passes says its own size and carries no more descriptors than we take */
	if (r == 0 && (m.h.size != size - 1 || n_fds > MSG_FDS_MAX || !*ipc_type_name(m.h.type)))
		abort();
	/* and nobody passes as both */
	if (r == 0 &&
		ipc_check(&m, size - 1, n_fds, sender == IPC_WORKER ? IPC_PARENT : IPC_WORKER) == 0)
		abort();
	return 0;
}
