// SPDX-License-Identifier: MIT
// What of the bus's lines is a refusal, what is trouble, and what is neither.
#include "common/cleanup.h"
#include "host/ipn.h"
#include "test.h"

static struct ipn_notify notify(const char *text)
{
	struct ipn_notify n;

	CHECK_EQ(ipn_notify_parse(text, strlen(text), &n), 0);
	return n;
}

static struct ipn_notify login_state(const char *text)
{
	char line[512];

	snprintf(line, sizeof(line),
		"{\"Health\":{\"Warnings\":{\"login-state\":{\"Text\":\"%s\"}}}}", text);
	return notify(line);
}

static void test_refusals(void)
{
	struct ipn_notify n = notify("{\"ErrMessage\":\"invalid key\"}");

	CHECK(n.has_error && !n.has_health);
	CHECK_STR(n.error, "invalid key");
	n = login_state("You are logged out. The last login error was: invalid key");
	CHECK(n.has_health && n.has_login_error);
	CHECK_STR(n.login_error, "invalid key");
	n = login_state("of another version");
	CHECK(n.has_login_error);
	CHECK_STR(n.login_error, "of another version");
}

/* A login that took the place of another is told like this: nobody refused anything. */
static void test_no_refusals(void)
{
	static const char *const texts[] = {
		"You are logged out.", "You are logged out", "You are logged out. ", ""};

	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		struct ipn_notify n = login_state(texts[i]);

		CHECK(n.has_health && !n.has_login_error);
		CHECK_STR(n.login_error, "");
	}
	CHECK(!notify("{\"ErrMessage\":\"\"}").has_error);
	CHECK(!notify("{\"Health\":{\"Warnings\":null}}").has_login_error);
}

int main(void)
{
	RUN(test_refusals);
	RUN(test_no_refusals);
	return TEST_END();
}
