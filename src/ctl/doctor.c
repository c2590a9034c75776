// SPDX-License-Identifier: MIT
// doctor: looks at everything that a gateway stands on, one line each, and says what to do.
//
// Nothing is changed, nothing secret is printed. What needs root is said to be skipped without it.
#include "ctl/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "ctl/host.h"
#include "ctl/sockets.h"
#include "report/text.h"

void doctor_say(struct doctor *d, const char *what, enum finding_kind kind, const char *advice,
	const char *fmt, ...)
{
	struct finding f = {.kind = kind};
	va_list ap;

	snprintf(f.advice, sizeof(f.advice), "%s", advice ? advice : "");
	va_start(ap, fmt);
	vsnprintf(f.text, sizeof(f.text), fmt, ap);
	va_end(ap);
	report_add(&d->report, what, REPORT_NO_TIME, &f);
}

static int note_owner(void *arg, const char *name, int fd, pid_t pid, int error)
{
	struct doctor *d = arg;

	d->has_front = d->has_front || !name;
	if (pid > 0 && d->n_owners < DOCTOR_OWNERS_MAX)
		d->owners[d->n_owners++] = pid;
	return 0;
}

static void (*const checks[])(struct doctor *d) = {
	doctor_config,
	doctor_kernel,
	doctor_primaries,
	doctor_allow,
	doctor_ports,
	doctor_front,
	doctor_tailnets,
	doctor_keys,
	doctor_units,
	doctor_suffixes,
	doctor_overlaps,
	doctor_mtu,
	doctor_clock,
	doctor_resolv,
	doctor_leftovers,
};

static int finish(struct doctor *d)
{
	const struct report *r = &d->report;
	bool bad = r->counts[FINDING_FAIL];
	json_t *j;

	if (!r->json) {
		printf("%zu ok, %zu warning%s, %zu failed, %zu skipped\n", r->counts[FINDING_OK],
			r->counts[FINDING_WARN], r->counts[FINDING_WARN] == 1 ? "" : "s",
			r->counts[FINDING_FAIL], r->counts[FINDING_SKIP]);
		return bad ? CTL_FAILED : CTL_DONE;
	}
	j = json_object();
	json_object_set_new(j, "ok", json_boolean(!bad));
	for (unsigned i = 0; i < FINDING_KINDS; i++)
		json_object_set_new(j, i == FINDING_OK ? "passed" : finding_name(i),
			json_integer((json_int_t)r->counts[i]));
	json_object_set(j, "checks", r->items);
	return text_print_json(j) != CTL_DONE || bad ? CTL_FAILED : CTL_DONE;
}

int doctor_show(const struct args *a)
{
	struct doctor d = {.args = a, .root = geteuid() == 0};
	int code;

	report_begin(&d.report, a->json);
	if (view_load(a, &d.view) < 0) {
		fputs("tsgwctl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	if (host_addresses(&d.addresses, &d.n_addresses) == 0)
		expose_find(&d.view.config->gateway, d.addresses, d.n_addresses, &d.expose);
	sockets_each(a->run_dir, &(struct sockets_walk){.each = note_owner, .arg = &d});
	for (size_t i = 0; i < ELEMENTSOF(checks); i++)
		checks[i](&d);
	code = finish(&d);
	json_decref(d.report.items);
	free(d.addresses);
	view_free(&d.view);
	return code;
}
