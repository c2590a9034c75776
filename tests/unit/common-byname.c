// SPDX-License-Identifier: MIT
// A growing array by name: against a plain list, over every time that it grows.
#include "common/byname.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

#define ITEMS 1000

struct item {
	char name[8];
	size_t number;
};

static void grows_and_finds(void)
{
	struct byname t = {
		.stride = sizeof(struct item), .name_max = sizeof(((struct item *)0)->name)};
	char name[16];

	CHECK(!byname_find(&t, "n0"));
	for (size_t i = 0; i < ITEMS; i++) {
		struct item *it;

		snprintf(name, sizeof(name), "n%zu", i);
		CHECK(!byname_find(&t, name));
		it = byname_add(&t, name);
		CHECK(it && it->number == 0 && !strcmp(it->name, name));
		it->number = i + 1;
		CHECK(byname_add(&t, name) == it); /* the same again adds nothing */
		CHECK(t.n == i + 1);
	}
	for (size_t i = 0; i < ITEMS; i++) {
		struct item *it;

		snprintf(name, sizeof(name), "n%zu", i);
		it = byname_find(&t, name);
		CHECK(it && it->number == i + 1);
		CHECK(it == (struct item *)t.items + i); /* in their order */
	}
	byname_free(&t);
	CHECK(!t.n && !byname_find(&t, "n0"));
	CHECK(byname_add(&t, "n0") && t.n == 1); /* as new */
	byname_free(&t);
}

int main(void)
{
	RUN(grows_and_finds);
	return TEST_END();
}
