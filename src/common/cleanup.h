// SPDX-License-Identifier: MIT
// Scope-bound ownership for locals: descriptors and heap memory.
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "common/fd.h"

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_	 __attribute__((cleanup(cleanup_free)))
#define _cleanup_fclose_ __attribute__((cleanup(cleanup_fclose)))
#define _cleanup_close_	 __attribute__((cleanup(fd_closep)))

/* Hands a pointer or descriptor out of a scope that would clean it up. */
#define take_ptr(p)                    \
	({                             \
		typeof(p) *_pp = &(p); \
		typeof(p) _v = *_pp;   \
		*_pp = NULL;           \
		_v;                    \
	})
#define take_fd(fd)               \
	({                        \
		int *_pf = &(fd); \
		int _v = *_pf;    \
		*_pf = -1;        \
		_v;               \
	})

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)                   \
	({                          \
		typeof(a) _a = (a); \
		typeof(b) _b = (b); \
		_a < _b ? _a : _b;  \
	})
#define MAX(a, b)                   \
	({                          \
		typeof(a) _a = (a); \
		typeof(b) _b = (b); \
		_a > _b ? _a : _b;  \
	})
#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))
