// SPDX-License-Identifier: MIT
// FNV-1a with 32 bits: for tables whose names come from the configuration, not from strangers.
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint32_t hash_bytes(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}
