// SPDX-License-Identifier: MIT
// The records of ipc/control.h, checked before anything of them is used.
#pragma once

#include <stddef.h>

#include "ipc/control.h"

union control_any {
	struct control_header h;
	struct control_tailnet tailnet;
	struct control_peer peer;
	struct control_connection connection;
	struct control_event event;
	struct control_facts facts;
	struct control_routes routes;
	struct control_name name;
	struct control_told told;
	struct control_dns dns;
	struct control_text text;
	struct control_end end;
};

/* Is a datagram of SIZE bytes a record of control.h: size, terminated strings, counts, enums and
 * address families in range? Control characters in its texts are replaced by '?'.
 * 0 or -EBADMSG. */
int record_check(union control_any *m, size_t size);
