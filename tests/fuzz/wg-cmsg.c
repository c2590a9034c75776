// SPDX-License-Identifier: MIT
// Fuzz: control messages of a received datagram, as no kernel would send them.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wg/udpio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two bytes: length of the datagram; the rest is control data. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct udpio_message m = {0};
	struct udpio_path path = {0};
	struct msghdr h = {0};
	uint8_t *copy;

	if (size < 2)
		return 0;
	m.len = (uint32_t)(data[0] << 8 | data[1]);
	copy = malloc(size - 2 ? size - 2 : 1);
	memcpy(copy, data + 2, size - 2);
	h.msg_control = copy;
	h.msg_controllen = size - 2;
	udpio_parse_control(&h, &m);
	if (m.segment > m.len || (m.len && !m.segment) || m.ecn > 3 ||
		(m.to.family != 0 && m.to.family != 4 && m.to.family != 6))
		abort();
	m.from.sa.sa_family = m.to.family == 6 ? AF_INET6 : AF_INET;
	udpio_path_from(&path, &m);
	(void)udpio_hostport(&path.to);
	free(copy);
	return 0;
}
