// SPDX-License-Identifier: MIT
// What a line of forward or publish leads to, as text.
#include "config/config.h"

#include <stdio.h>

const char *port_map_target(const struct port_map *m, char buf[PORT_TARGET_MAX])
{
	if (m->name)
		snprintf(buf, PORT_TARGET_MAX, "%s:%u", m->name, m->to.port);
	else
		hostport_format(&m->to, buf);
	return buf;
}
