// SPDX-License-Identifier: MIT
// What "auto" means on which kernel.
#include "test.h"

#include <errno.h>

#include "common/offload.h"

static void test_words(void)
{
	enum offload o = OFFLOAD_ON;

	CHECK_EQ(offload_parse("sentinel", &o), 0);
	CHECK_EQ(o, OFFLOAD_SENTINEL);
	CHECK_EQ(offload_parse("auto", &o), 0);
	CHECK_EQ(o, OFFLOAD_AUTO);
	CHECK_EQ(offload_parse("Off", &o), -EINVAL);
	CHECK_EQ(offload_parse("", &o), -EINVAL);
	CHECK_EQ(o, OFFLOAD_AUTO);
}

static void test_kernels(void)
{
	static const struct {
		const char *release;
		enum offload gso;
		bool gro;
	} cases[] = {
		{"4.19.0-27-amd64", OFFLOAD_AUTO, false},
		{"5.10.0-35-amd64", OFFLOAD_AUTO, false},
		{"5.11.22", OFFLOAD_AUTO, false},
		{"5.12", OFFLOAD_AUTO, true},
		{"6.18.2+deb13-cloud-amd64", OFFLOAD_AUTO, true},
		{"6.99.99", OFFLOAD_AUTO, true},
		{"7.0.0-rc1", OFFLOAD_SENTINEL, true},
		{"7.0.12-arch1", OFFLOAD_SENTINEL, true},
		{"7.1.4", OFFLOAD_SENTINEL, true},
		{"7.1.5", OFFLOAD_AUTO, true},
		{"7.2.0", OFFLOAD_AUTO, true},
		{"", OFFLOAD_AUTO, false},
		{"next", OFFLOAD_AUTO, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *r = cases[i].release;

		CHECK_EQ(offload_udp_gso(OFFLOAD_AUTO, r), cases[i].gso);
		CHECK_EQ(offload_udp_gro(OFFLOAD_AUTO, r), cases[i].gro);
		/* who says what he wants gets it */
		CHECK_EQ(offload_udp_gso(OFFLOAD_ON, r), OFFLOAD_ON);
		CHECK_EQ(offload_udp_gso(OFFLOAD_OFF, r), OFFLOAD_OFF);
		CHECK_EQ(offload_udp_gso(OFFLOAD_SENTINEL, r), OFFLOAD_SENTINEL);
		CHECK_EQ(offload_udp_gro(OFFLOAD_ON, r), true);
		CHECK_EQ(offload_udp_gro(OFFLOAD_OFF, r), false);
	}
	CHECK(offload_release()[0] != '\0');
}

int main(void)
{
	RUN(test_words);
	RUN(test_kernels);
	return TEST_END();
}
