// SPDX-License-Identifier: MIT
// Our block in a file of the user's own: put in, replaced, taken out, and nothing else touched.
#include <stdlib.h>

#include "ctl/install.h"

#include "test.h"

#define BEGIN "# >>> tsgw: written by tsgwctl client-config --install >>>\n"
#define END   "# <<< tsgw <<<\n"

static void merges(void)
{
	static const struct {
		const char *text, *block;
		bool at_top;
		const char *result;
	} rows[] = {
		{"", "a\n", true, BEGIN "a\n" END},
		{"x\n", "a\n", true, BEGIN "a\n" END "x\n"},
		{"x\n", "a\n", false, "x\n" BEGIN "a\n" END},
		{"x", "a\n", false, "x\n" BEGIN "a\n" END},
		{"x\n" BEGIN "a\n" END "y\n", "b\nc\n", true, "x\n" BEGIN "b\nc\n" END "y\n"},
		{"x\n" BEGIN "a\n" END "y\n", "", true, "x\ny\n"},
		{BEGIN "a\n" END, "", false, ""},
		{"x\n", "", true, "x\n"},
		/* a begin without an end, and one in the middle of a line, are none of ours */
		{BEGIN "a\n", "b\n", true, BEGIN "b\n" END BEGIN "a\n"},
		{"echo " BEGIN "a\n" END, "", true, "echo " BEGIN "a\n" END},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *got = install_merge(rows[i].text, rows[i].block, rows[i].at_top);

		CHECK_STR(got, rows[i].result);
		free(got);
	}
}

static void places(void)
{
	CHECK(install_knows(CLIENTS_SSH));
	CHECK(install_knows(CLIENTS_ENV));
	CHECK(!install_knows(CLIENTS_GIT));
}

int main(void)
{
	RUN(merges);
	RUN(places);
	return TEST_END();
}
