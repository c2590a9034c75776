// SPDX-License-Identifier: MIT
// What is said of a node that runs, and of clocks.
#include "host/trouble.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "test.h"

static void test_control_server(void)
{
	struct ipn_status s = {.state = IPN_RUNNING, .online = true};
	struct trouble t = {0};

	CHECK(!trouble_look(&t, &s, 1000));
	CHECK_STR(trouble_text(&t), "");
	s.online = false;
	CHECK(trouble_look(&t, &s, 2000));
	CHECK_STR(trouble_text(&t), ""); /* a moment */
	CHECK(trouble_look(&t, &s, 2000 + TROUBLE_GRACE_MS));
	CHECK(strstr(trouble_text(&t), "login server is not reached"));
	snprintf(t.heard, sizeof(t.heard), "no relay");
	CHECK_STR(trouble_text(&t), "no relay");
	t.heard[0] = '\0';
	s.online = true;
	CHECK(!trouble_look(&t, &s, 30000));
	CHECK_STR(trouble_text(&t), "");
	s.online = false;
	CHECK(trouble_look(&t, &s, 40000));
	CHECK_STR(trouble_text(&t), "");
	s.state = IPN_NEEDS_LOGIN;
	CHECK(!trouble_look(&t, &s, 90000));
}

static const struct {
	const char *error, *said;
} table[] = {
	{"fetch control key: 500", "fetch control key: 500"},
	{"tls: failed to verify certificate: x509: certificate has expired or is not yet valid: "
	 "current time "
	 "2001-01-01T00:00:00Z is before 2026-01-01T00:00:00Z",
		"its certificate is not yet valid: valid from 2026-01-01T00:00:00Z, and the clock "
		"of this host "
		"says 2001-01-01T00:00:00Z: is the clock wrong?"},
	{"Get \"https://x\": x509: certificate has expired or is not yet valid: current time "
	 "2041-01-01T00:00:00Z is after 2027-01-01T00:00:00Z",
		"its certificate has expired: valid until 2027-01-01T00:00:00Z, and the clock of "
		"this host says "
		"2041-01-01T00:00:00Z: is the clock wrong?"},
	{"current time is before noon", "current time is before noon"},
	{"x509: certificate signed by unknown authority",
		"x509: certificate signed by unknown authority"},
};

static void test_clock(void)
{
	char said[ENGINE_REASON_MAX];

	for (size_t i = 0; i < ELEMENTSOF(table); i++) {
		trouble_explain(table[i].error, said, sizeof(said));
		CHECK_STR(said, table[i].said);
	}
}

/* A node without peers is believed when it has been up for two seconds; one with some at once. */
static void test_early(void)
{
	struct ipn_status s = {.state = IPN_STARTING, .online = true};
	struct trouble t = {0};

	(void)trouble_look(&t, &s, 500);
	s.state = IPN_RUNNING;
	(void)trouble_look(&t, &s, 1000);
	CHECK(trouble_early(&t, &s, 1000));
	(void)trouble_look(&t, &s, 2900);
	CHECK(trouble_early(&t, &s, 2999));
	CHECK(!trouble_early(&t, &s, 3000));
	s.n_peers = 1;
	CHECK(!trouble_early(&t, &s, 1000));
}

int main(void)
{
	RUN(test_control_server);
	RUN(test_clock);
	RUN(test_early);
	return TEST_END();
}
