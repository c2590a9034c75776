// SPDX-License-Identifier: MIT
// Answers of a DNS server as tsgwctl reads them, and what a person points at.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/aim.h"
#include "ctl/dnsask.h"
#include "ctl/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken for a target is one that can be asked for. */
static void point(const char *text)
{
	uint8_t hello[PROBE_HELLO_MAX], question[DNSASK_SIZE_MAX];
	char error[256] = "";
	struct aim a;

	if (aim_parse(text, &a, error, sizeof(error)) < 0) {
		if (!*error || strchr(error, '\n'))
			abort();
		return;
	}
	if (!*a.host || strlen(a.host) >= sizeof(a.host) || *a.path != '/')
		abort();
	if (probe_client_hello(a.host, hello) > sizeof(hello))
		abort();
	if (!a.addr.family && dnsask_question(a.host, DNSASK_A, 1, question) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dnsask d;
	char *text;

	if (size >= 2 && dnsask_answer(data, size, (uint16_t)(data[0] << 8 | data[1]), &d) == 0)
		if (d.n_addrs > DNSASK_ADDRS_MAX || d.n_addrs > d.n_answers || d.rcode > 15)
			abort();
	text = strndup((const char *)data, size);
	if (text)
		point(text);
	free(text);
	return 0;
}
