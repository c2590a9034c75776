// SPDX-License-Identifier: MIT
// Fuzz: requests of wg(8), whole and byte by byte, must mean the same.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wg/uapi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_operations(const struct uapi_request *a, const struct uapi_request *b)
{
	struct uapi_cursor ca = {0}, cb = {0};
	struct uapi_op x, y;

	do {
		uapi_request_next(a, &ca, &x);
		uapi_request_next(b, &cb, &y);
		if (memcmp(&x, &y, sizeof(x)))
			abort();
		if ((x.type == UAPI_ALLOWED || x.type == UAPI_UNALLOWED) &&
			x.prefix.len > addr_bits(&x.prefix.addr))
			abort();
	} while (x.type != UAPI_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct uapi_request a, b;
	size_t at = 0;

	while (at < size) {
		size_t taken, i = 0;

		uapi_request_init(&a);
		uapi_request_init(&b);
		taken = uapi_request_feed(&a, text + at, size - at);
		while (i < taken)
			i += uapi_request_feed(&b, text + at + i, 1);
		if (!taken || taken > size - at || i != taken || a.state != b.state ||
			a.error != b.error ||
			(a.state == UAPI_BAD) != (a.error < 0 && a.state != UAPI_READING))
			abort();
		same_operations(&a, &b);
		uapi_request_free(&a);
		uapi_request_free(&b);
		at += taken;
	}
	return 0;
}
