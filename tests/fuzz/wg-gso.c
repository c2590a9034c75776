// SPDX-License-Identifier: MIT
// Fuzz: a frame of the TUN device is split; whatever comes out is bounded, complete and has good checksums.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/wg-packets.h"
#include "wg/gso.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void look(const struct gso *g, const uint8_t *ip, size_t len)
{
	size_t inner = ip[0] >> 4 == 4 ? packets_get16(ip + 2) : packets_get16(ip + 4) + 40u;

	require(inner <= len && len < inner + 16);
	for (size_t i = inner; i < len; i++)
		require(ip[i] == 0);
	/* extension headers are more than the slow checksum knows */
	if (g->size && g->sum_start == (g->version == 4 ? (ip[0] & 15u) * 4 : 40u) &&
		(g->version == 6 || ip[0] == 0x45))
		require(packets_valid(ip, inner));
}

/* First byte: with virtio_net_hdr or without; two bytes: MTU; the rest is the frame. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t left, packets = 0;
	struct train t;
	uint8_t *frame;
	struct gso g;

	if (size < 3)
		return 0;
	frame = malloc(size - 3 ? size - 3 : 1);
	memcpy(frame, data + 3, size - 3);
	if (gso_begin(&g, frame, size - 3, data[0] & 1) == 0) {
		t.buf = malloc(TRAIN_BYTES_MAX);
		left = g.left;
		require(left >= 1 && left <= 65535);
		while (g.left) {
			int n;

			train_reset(&t, packets_get16(data + 1));
			n = gso_append(&g, &t);
			require(n > 0 && t.n == n && n <= TRAIN_PACKETS_MAX);
			require(train_bytes(&t) <= TRAIN_BYTES_MAX);
			for (unsigned i = 0; i < t.n; i++)
				look(&g, train_datagram(&t, i) + TRAIN_HEADER,
					train_length(&t, i) - TRAIN_HEADER - TRAIN_TAG);
			packets += t.n;
		}
		require(packets == left);
		free(t.buf);
	}
	free(frame);
	return 0;
}
