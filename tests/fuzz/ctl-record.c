// SPDX-License-Identifier: MIT
// Records of a control socket: what passes record_check() can be printed whole.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "ctl/client.h"
#include "report/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_tailnet(const union control_any *m)
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

static void check(union control_any *m, size_t size)
{
	if (record_check(m, size) == 0 && m->h.record == CONTROL_TAILNET)
		print_tailnet(m);
}

/* As it is; and with the size that it should have, or hardly any input would be read further. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t sizes[] = {
		[CONTROL_TAILNET] = sizeof(struct control_tailnet),
		[CONTROL_PEER] = sizeof(struct control_peer),
		[CONTROL_STEP] = sizeof(struct control_text),
		[CONTROL_PROBLEM] = sizeof(struct control_text),
		[CONTROL_END] = sizeof(struct control_end),
		[CONTROL_EVENT] = sizeof(struct control_event),
		[CONTROL_FACTS] = sizeof(struct control_facts),
		[CONTROL_ROUTES] = sizeof(struct control_routes),
		[CONTROL_NAME] = sizeof(struct control_name),
		[CONTROL_TOLD] = sizeof(struct control_told),
		[CONTROL_DNS_COUNTS] = sizeof(struct control_dns),
	};
	union control_any m;

	memset(&m, 0xa5, sizeof(m)); /* what recv() did not write is not zero either */
	if (size > sizeof(m))
		return 0;
	memcpy(&m, data, size);
	check(&m, size);
	if (size < sizeof(m.h) || m.h.record >= ELEMENTSOF(sizes) || !sizes[m.h.record])
		return 0;
	memset(&m, 0, sizeof(m));
	memcpy(&m, data, size);
	m.h.size = (uint16_t)sizes[m.h.record];
	check(&m, m.h.size);
	return 0;
}
