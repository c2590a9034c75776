// SPDX-License-Identifier: MIT
// How many processor cycles a byte costs in each implementation of the transport's cipher.
//
// Trains of PACKETS packets of 1,420 bytes, as a full read from the TUN gives them; the best of many
// rounds, so that it may be run beside other things. Of our own the part of Poly1305 is shown as well. A
// cycle is what an addition takes that needs the one before it.
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "wg/aead.h"
#include "wg/chapoly512.h"
#include "wg/poly512.h"

#define PACKETS	    45
#define LEN	    1420u
#define STRIDE	    (16 + LEN + AEAD_TAG)
#define ROUNDS	    3000
#define CHAIN	    80000
#define TRAIN_BYTES ((double)PACKETS * LEN)

static uint8_t buf[PACKETS * STRIDE + 64];
static struct aead_packet packets[PACKETS];
static const uint8_t key[AEAD_KEY] = {7};
static double cycles_per_ns;

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* In cycles a byte. */
static double best(void (*run)(struct aead *a), struct aead *a, int rounds)
{
	double least = 1e18;

	for (int i = 0; i < rounds; i++) {
		double t = now_ns();

		run(a);
		t = now_ns() - t;
		least = MIN(least, t);
	}
	return least * cycles_per_ns / TRAIN_BYTES;
}

__attribute__((optimize("O3"))) static void calibrate(void)
{
	double least = 1e18;

	for (int i = 0; i < 200; i++) {
		double t = now_ns();
		uint64_t x = 1;

		for (int j = 0; j < CHAIN / 8; j++)
			for (int k = 0; k < 8; k++) {
				x += (uint64_t)j;
				__asm__ volatile("" : "+r"(x));
			}
		t = now_ns() - t;
		least = MIN(least, t);
	}
	cycles_per_ns = CHAIN / least;
}

static void do_seal(struct aead *a)
{
	aead_seal(a, key, packets, PACKETS);
}

static void do_open(struct aead *a)
{
	aead_open(a, key, packets, PACKETS);
}

#if HAVE_VECTOR512
static void do_poly(struct aead *a)
{
	static const uint8_t blocks[16][64];
	static struct poly512_keys keys[2];
	uint8_t tag[16];

	for (unsigned i = 0; i < PACKETS; i++) {
		if (i % 16 == 0) {
			poly512_prepare(&keys[0], blocks[0], 64);
			poly512_prepare(&keys[1], blocks[8], 64);
		}
		poly512_tag(&keys[i / 8 % 2], i % 8, packets[i].data, LEN, tag);
	}
}
#endif

static void measure(enum aead_kind kind)
{
	struct aead *a;
	double seal, open;

	if (aead_init(kind) < 0)
		return;
	a = aead_new();
	seal = best(do_seal, a, ROUNDS);
	/* what is opened is the last round's plaintext: refused, which takes the same time, where it is
	 * not decrypted first */
	do_seal(a);
	open = best(do_open, a, ROUNDS);
	printf("%-20s seal %6.3f   open %6.3f   cycles/byte   %6.2f Gb/s a core\n", aead_name(a),
		seal, open, 8 * cycles_per_ns / seal);
	aead_free(a);
}

int main(int argc, char **argv)
{
	size_t offset = argc > 1 ? (size_t)atoi(argv[1]) % 64 : 0;

	if (sodium_init() < 0)
		return 1;
	calibrate();
	for (unsigned i = 0; i < PACKETS; i++)
		packets[i] = (struct aead_packet){
			.data = buf + offset + 16 + i * STRIDE, .len = LEN, .counter = i};
	printf("%.2f GHz, %d packets of %u bytes\n", cycles_per_ns, PACKETS, LEN);
	measure(AEAD_AVX512);
#if HAVE_VECTOR512
	if (chapoly512_usable())
		printf("%-20s %35.3f\n", "  Poly1305 of it", best(do_poly, NULL, ROUNDS));
#endif
	measure(AEAD_IPSECMB);
	measure(AEAD_SODIUM);
	return 0;
}
