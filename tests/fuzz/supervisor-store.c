// SPDX-License-Identifier: MIT
// Fuzz target: the record of a run and the file of a tailnet's /30. The first byte chooses.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_record(const char *text, size_t len)
{
	char again[STORE_MADE_TEXT_MAX];
	struct made m;

	if (store_made_parse(text, len, &m) < 0)
		return;
	/* what is taken prints back to the same bytes */
	if (store_made_format(&m, again) != (int)len || memcmp(again, text, len))
		abort();
}

/* A record with the right checksum: without it hardly any input would be read to its end. */
static void fuzz_fields(const uint8_t *data, size_t size)
{
	char text[STORE_MADE_TEXT_MAX], again[STORE_MADE_TEXT_MAX];
	struct made m = {0}, n;
	int len;

	memcpy(&m, data, size < sizeof(m) ? size : sizeof(m));
	m.resolv_conf = data[0] & 1; /* no bool is made of any byte */
	m.table = data[0] & 2;
	len = store_made_format(&m, text);
	if (len < 0 || store_made_parse(text, (size_t)len, &n) < 0)
		return;
	if (store_made_format(&n, again) != len || memcmp(again, text, (size_t)len))
		abort();
}

static void fuzz_net(const char *text, size_t len)
{
	char again[STORE_NET_TEXT_MAX];
	struct prefix p;

	if (store_net_parse(text, len, &p) < 0)
		return;
	if (p.addr.family != 4 || p.len != 30 || store_net_format(&p, again) != (int)len ||
		memcmp(again, text, len))
		abort();
}

/* Prefixes of 5 bytes: whatever is found is free and in the pool. */
static void fuzz_pool(const uint8_t *data, size_t size)
{
	struct prefix p[64] = {0}, copy[64], found;
	size_t n = 0;

	for (; size >= 5 && n < 64; data += 5, size -= 5) {
		p[n] = (struct prefix){.addr = {.family = 4}, .len = data[4] % 33};
		memcpy(p[n++].addr.bytes, data, 4);
	}
	memcpy(copy, p, sizeof(copy));
	if (!n || store_pool_first(&p[0], copy + 1, n - 1, &found) < 0)
		return;
	if (found.len != 30 || !prefix_contains(&p[0], &found.addr))
		abort();
	for (size_t i = 1; i < n; i++)
		if (prefix_overlaps(&p[i], &found))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (data[0] & 3) {
	case 0:
		fuzz_record((const char *)data + 1, size - 1);
		break;
	case 1:
		fuzz_fields(data, size);
		break;
	case 2:
		fuzz_net((const char *)data + 1, size - 1);
		break;
	default:
		fuzz_pool(data + 1, size - 1);
	}
	return 0;
}
