// SPDX-License-Identifier: MIT
// The host's full name out of hosts(5).
#include "supervisor/hostnames.h"

#include "test.h"

static void names(void)
{
	static const struct {
		const char *hosts, *full; /* NULL: none */
	} rows[] = {
		{"127.0.0.1 localhost\n127.0.1.1 demon.example.org demon\n", "demon.example.org"},
		{"127.0.1.1\tDemon.Example.org\n", "Demon.Example.org"},
		{"10.0.0.1 a.example demon # x\n", "a.example"},
		{"127.0.1.1 demon\n", NULL},
		{"#127.0.1.1 demon.example.org demon\n", NULL},
		{"127.0.1.1 demonx.example.org\n", NULL},
		{"127.0.1.1 demon..org demon\n", NULL},
		{"127.0.1.1", NULL},
		{"", NULL},
		{"\r\n\r\n::1 demon.example.org demon", "demon.example.org"},
	};
	char full[MSG_DOMAIN_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool found = hostnames_find(rows[i].hosts, "demon", full);

		CHECK_EQ(found, rows[i].full != NULL);
		if (found && rows[i].full)
			CHECK_STR(full, rows[i].full);
	}
}

int main(void)
{
	RUN(names);
	return TEST_END();
}
