// SPDX-License-Identifier: MIT
// The comment of an nftables table of ours: whose it is and what it has turned on.
#include "supervisor/forwarding.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "test.h"

static const struct made_forward two[STORE_FORWARDS_MAX] = {{"eth0.100", 4, 0}, {"wl:=n0", 6, 1}};

static void there_and_back(void)
{
	struct made_forward back[STORE_FORWARDS_MAX];
	char comment[NFT_COMMENT_MAX];

	CHECK_EQ(forwarding_format("tsgw:/run/tsgw", two, 2, comment), 0);
	CHECK_STR(comment, "tsgw:/run/tsgw forwards 4:0:eth0.100 6:1:wl:=n0");
	CHECK_EQ(forwarding_parse(comment, back), 2);
	for (size_t i = 0; i < 2; i++) {
		CHECK_STR(back[i].ifname, two[i].ifname);
		CHECK_EQ(back[i].family, two[i].family);
		CHECK_EQ(back[i].old, two[i].old);
	}
}

/* A path may hold what looks like a claim. */
static void marks(void)
{
	const char *const marks[] = {"tsgw:/run/tsgw", "tsgw:/tmp/a forwards 4:0:lo/run", "tsgw:",
		"tsgw:/tmp/"
		"0123456789012345678901234567890123456789012345678901234567890123456789012345"
		"6789012345678901234567890123456789/run"};
	struct made_forward back[STORE_FORWARDS_MAX];
	char comment[NFT_COMMENT_MAX];

	for (size_t i = 0; i < ELEMENTSOF(marks); i++) {
		CHECK_EQ(forwarding_format(marks[i], two, 2, comment), 0);
		CHECK_EQ(forwarding_parse(comment, back), 2);
		for (size_t k = 0; k < ELEMENTSOF(marks); k++)
			CHECK_EQ(forwarding_is_ours(comment, marks[k]), i == k);
	}
}

static void foreign(void)
{
	static const char *const texts[] = {"", "forwards", " forwards", " forwards ",
		"tsgw:/run/tsgw", " forwards 5:0:eth0", " forwards 4:2:eth0", " forwards 4:0",
		" forwards 4:0:", "x forwards -1:0:a"};
	struct made_forward back[STORE_FORWARDS_MAX];

	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		CHECK_EQ(forwarding_parse(texts[i], back), 0);
		CHECK(!forwarding_is_ours(texts[i], "tsgw:/run/tsgw"));
	}
}

static void bounds(void)
{
	struct made_forward many[STORE_FORWARDS_MAX], back[STORE_FORWARDS_MAX];
	char comment[NFT_COMMENT_MAX] = "as it was";
	char longest[200] = "tsgw:/";

	for (size_t i = 0; i < STORE_FORWARDS_MAX; i++)
		many[i] = (struct made_forward){"fifteen-letters", 4, 0};
	CHECK_EQ(forwarding_format("tsgw:/run/tsgw", many, STORE_FORWARDS_MAX, comment), 0);
	CHECK_EQ(forwarding_parse(comment, back), STORE_FORWARDS_MAX);
	memset(longest + 6, 'x', 93);
	CHECK_EQ(forwarding_format(longest, many, STORE_FORWARDS_MAX, comment), -E2BIG);
	CHECK_EQ(forwarding_parse(comment, back), STORE_FORWARDS_MAX); /* untouched */
}

int main(void)
{
	RUN(there_and_back);
	RUN(marks);
	RUN(foreign);
	RUN(bounds);
	return TEST_END();
}
