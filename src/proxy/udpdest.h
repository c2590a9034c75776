// SPDX-License-Identifier: MIT
// Where the datagrams of a UDP association may go, and who may answer.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/stats.h"
#include "proxy/destset.h"
#include "proxy/socksudp.h"

#define UDPDEST_NAMES_MAX     16 /* of one association that the tailnet's resolver was asked for */
#define UDPDEST_WAITING_MAX   16 /* datagrams of one association that wait for an answer */
#define UDPDEST_WAITING_BYTES 65536
#define UDPDEST_KEEP_MIN_S    60 /* a name stays at its address so long, whatever its TTL */

struct udpname;

struct udpdest {
	struct addr client; /* its share of questions to the resolver */
	struct destset known;
	struct udpname *names; /* the one that was used last is the first */
	unsigned n_names, n_waiting;
	size_t waiting_bytes;
	/* A datagram that has waited may go TO. */
	void (*go)(struct udpdest *d, const struct hostport *to, const void *payload, size_t len);
	/* N that have waited are dropped. */
	void (*drop)(struct udpdest *d, enum proxy_udp_drop why, unsigned n);
};

enum {
	UDPDEST_GO = -1,    /* to *ret */
	UDPDEST_WAITS = -2, /* a copy of the payload waits for the tailnet's resolver */
};

/* For a datagram with header H: the above, or enum proxy_udp_drop. */
int udpdest_judge(struct udpdest *d, const struct socksudp *h, const void *payload, size_t len,
	struct hostport *ret);
bool udpdest_may_answer(struct udpdest *d, const struct hostport *from);
void udpdest_free(struct udpdest *d);
