// SPDX-License-Identifier: MIT
// Random numbers for libsodium that are the same for each input, so that what a fuzzer finds can be repeated.
#pragma once

#include <sodium.h>
#include <stdint.h>

static uint64_t same_random_state;

static uint32_t same_random(void)
{
	same_random_state = same_random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(same_random_state >> 32);
}

static void same_random_buf(void *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)same_random();
}

static const char *same_random_name(void)
{
	return "same";
}

/* Before sodium_init(). */
static inline void same_random_install(void)
{
	static randombytes_implementation same = {.implementation_name = same_random_name,
		.random = same_random,
		.buf = same_random_buf};

	randombytes_set_implementation(&same);
}
