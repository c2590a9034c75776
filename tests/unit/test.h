// SPDX-License-Identifier: MIT
// The smallest harness: each TEST is a function; a failed CHECK names its line and fails that test.
#pragma once

#include <stdio.h>
#include <string.h>

static int test_failed_checks;
static int test_passed, test_failed;

#define CHECK(cond)                                                                \
	do {                                                                       \
		if (!(cond)) {                                                     \
			test_failed_checks++;                                      \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
		}                                                                  \
	} while (0)
#define CHECK_EQ(a, b)                                                                           \
	do {                                                                                     \
		long long _x = (long long)(a), _y = (long long)(b);                              \
		if (_x != _y) {                                                                  \
			test_failed_checks++;                                                    \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #a, \
				_x, _y);                                                         \
		}                                                                                \
	} while (0)
#define CHECK_STR(a, b)                                                                          \
	do {                                                                                     \
		const char *_x = (a), *_y = (b);                                                 \
		if (strcmp(_x, _y)) {                                                            \
			test_failed_checks++;                                                    \
			fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, \
				#a, _x, _y);                                                     \
		}                                                                                \
	} while (0)
#define CHECK_MEM(a, b, n) CHECK(!memcmp((a), (b), (n)))

#define RUN(fn)                                     \
	do {                                        \
		test_failed_checks = 0;             \
		fn();                               \
		if (test_failed_checks) {           \
			test_failed++;              \
			printf("not ok %s\n", #fn); \
		} else {                            \
			test_passed++;              \
			printf("ok %s\n", #fn);     \
		}                                   \
	} while (0)

/* Last line of main(). */
#define TEST_END() (printf("%d passed, %d failed\n", test_passed, test_failed), test_failed ? 1 : 0)
