// SPDX-License-Identifier: MIT
// Inside `doctor` only: what its checks share.
#pragma once

#include <sys/types.h>

#include "config/expose.h"
#include "ctl/report.h"
#include "ctl/view.h"

#define DOCTOR_OWNERS_MAX 64

struct doctor {
	const struct args *args;
	struct report report;
	struct view view;
	struct link_address *addresses; /* of this host */
	size_t n_addresses;
	struct expose expose;
	pid_t owners[DOCTOR_OWNERS_MAX]; /* supervisors below the run directory */
	size_t n_owners;
	bool has_front; /* somebody serves it */
	bool root;
};

/* One line of the report. ADVICE may be NULL. */
void doctor_say(struct doctor *d, const char *what, enum finding_kind kind, const char *advice,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* doctorkernel.c */
void doctor_kernel(struct doctor *d);
/* doctorports.c */
void doctor_ports(struct doctor *d);
/* doctormtu.c */
void doctor_mtu(struct doctor *d);
/* doctorleft.c */
void doctor_leftovers(struct doctor *d);
/* doctorconfig.c: what the configuration says, against what there is */
void doctor_config(struct doctor *d);
void doctor_primaries(struct doctor *d);
void doctor_allow(struct doctor *d);
void doctor_overlaps(struct doctor *d);
void doctor_suffixes(struct doctor *d);
/* doctorrun.c: what runs, and the host around it */
void doctor_tailnets(struct doctor *d);
void doctor_keys(struct doctor *d);
void doctor_units(struct doctor *d);
void doctor_clock(struct doctor *d);
void doctor_resolv(struct doctor *d);
void doctor_front(struct doctor *d);
