// SPDX-License-Identifier: MIT
// What chapoly512.c and poly512.c share: how a function is compiled for these processors.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_VECTOR512 1
#include <immintrin.h>

#ifdef __clang__
#define VECTOR512_LOOPS
#else
#define VECTOR512_LOOPS \
	, optimize("O3") /* arrays of vectors are registers only in unrolled loops */
#endif
#define VECTOR512                                                                          \
	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512ifma,avx512vbmi2") \
			VECTOR512_LOOPS))
/* Intermediate values stay in registers only if these are all one function. */
#define VECTOR512_INLINE static inline __attribute__((always_inline)) VECTOR512
#else
#define HAVE_VECTOR512 0
#endif
