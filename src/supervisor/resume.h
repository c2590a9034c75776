// SPDX-License-Identifier: MIT
// What an earlier supervisor left behind is taken over, where systemd has kept its descriptors.
#pragma once

#include "supervisor/tailnet.h"

/* Under the tailnet's lock, before anything is made: 0 and it runs with what was there, or -errno and
 * nothing of it is in our hands; the record still names all of it. */
int resume_tailnet(struct tailnet *t);
/* Lets go of the processes of earlier builds that keep their connections. */
void resume_forget(struct tailnet *t);

/* Endpoints' names were looked up by the supervisor before us: until they are again, the node knows. */
void resume_endpoints(struct tailnet *t);

/* The parts: descriptors are taken and brought to the configuration. -errno: not as it should be. */
int resume_namespace(struct tailnet *t);
int resume_link(struct tailnet *t);
int resume_tun(struct tailnet *t);
int resume_addresses(struct tailnet *t);
int resume_routes(struct tailnet *t);
int resume_uplink(struct tailnet *t);
int resume_sockets(struct tailnet *t);
int resume_uapi(struct tailnet *t);
int resume_listeners(struct tailnet *t);
int resume_node(struct tailnet *t);
int resume_proxy(struct tailnet *t);
