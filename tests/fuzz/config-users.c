// SPDX-License-Identifier: MIT
// A users-file of any bytes: every user that comes out has a name and a hash that may be checked.
#include <stdlib.h>
#include <string.h>

#include "config/load.h"
#include "config/users.h"

#define FUZZ_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tailnet_config t = {.name = "a"};
	struct config *c = NULL;
	struct loader l;
	char *copy;

	if (size > FUZZ_MAX)
		return 0;
	copy = malloc(size + 1);
	must(copy && load_begin(&l, "/etc/tsgw/tsgw.ini") == 0);
	memcpy(copy, data, size);
	copy[size] = '\0';
	load_file_name(&l, "/etc/tsgw/tsgw.ini");
	users_parse(&l, &t, load_file_name(&l, "/etc/tsgw/users"), copy, size);
	free(copy);
	must(t.n_users <= CONFIG_USERS_MAX);
	for (size_t i = 0; i < t.n_users; i++) {
		must(!users_bad_name(t.users[i].name) && !users_bad_hash(t.users[i].hash));
		must(!i || strcmp(t.users[i - 1].name, t.users[i].name) < 0);
	}
	users_free(&t);
	must(load_end(&l, &c) == 0);
	config_free(c);
	return 0;
}
