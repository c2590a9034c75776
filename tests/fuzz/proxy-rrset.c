// SPDX-License-Identifier: MIT
// Any bytes as a resolver's reply (the first two: the type that was asked for): whatever comes out obeys
// the page of resolve.sock, and is nothing but what that type can be.
#include <stdlib.h>
#include <string.h>

#include "proxy/rrset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct resolve_answer a;
	size_t at = 0, len;
	uint16_t type;

	if (size < 2)
		return 0;
	type = (uint16_t)(data[0] << 8 | data[1]);
	memset(&a, 0, RESOLVE_ANSWER_HEAD);
	if (rrset_take(data + 2, size - 2, type, &a) < 0)
		return 0;
	a.relative = type == 12 && a.n; /* then its names are looked at, too */
	if (resolve_check_answer(&a, RESOLVE_ANSWER_HEAD + a.len) < 0 || a.ttl_s > 0x7fffffff)
		abort();
	while (resolve_record(&a, &at, &len))
		if ((type == 1 && len != 4) || (type == 28 && len != 16))
			abort();
	return 0;
}
