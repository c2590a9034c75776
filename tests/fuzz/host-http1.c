// SPDX-License-Identifier: MIT
// An answer of tailscaled, any bytes: taken whole or in two pieces, it is the same answer.
#include "host/http1.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

struct sum {
	uint64_t hash;
	size_t n;
};

static int put(void *arg, const char *data, size_t len)
{
	struct sum *s = arg;

	for (size_t i = 0; i < len; i++)
		s->hash = (s->hash ^ (unsigned char)data[i]) * 0x100000001b3u;
	s->n += len;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http1 whole = {0}, parts = {0};
	struct sum a = {0}, b = {0};
	const char *text = (const char *)data;
	size_t cut = size ? data[size - 1] % size : 0;
	ssize_t x = http1_take(&whole, text, size, put, &a), y;

	y = http1_take(&parts, text, cut, put, &b);
	if (y == (ssize_t)cut && !http1_done(&parts)) {
		ssize_t more = http1_take(&parts, text + cut, size - cut, put, &b);

		y = more < 0 ? more : y + more;
	}
	must(x <= (ssize_t)size && x == y && a.n <= size);
	if (x >= 0)
		must(a.n == b.n && a.hash == b.hash && whole.part == parts.part &&
			whole.status == parts.status && whole.left == parts.left);
	return 0;
}
