// SPDX-License-Identifier: MIT
// Records of a control socket: what passes client_check() can be printed whole.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_tailnet(const union client_record *m)
{
	struct control_tailnet live = m->tailnet;
	struct entry e = {.live = &live};
	json_t *j;
	char *text;

	memcpy(e.name, live.name, sizeof(e.name));
	j = entry_json(&e, true);
	text = json_dumps(j, 0);
	if (!text)
		abort(); /* every record must have its JSON */
	free(text);
	json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union client_record m;

	memset(&m, 0xa5, sizeof(m)); /* what recv() did not write is not zero either */
	if (size > sizeof(m))
		return 0;
	memcpy(&m, data, size);
	if (client_check(&m, size) == 0 && m.h.record == CONTROL_TAILNET)
		print_tailnet(&m);
	return 0;
}
