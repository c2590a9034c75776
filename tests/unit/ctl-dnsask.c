// SPDX-License-Identifier: MIT
// Questions to, and answers of, the gateway's DNS as tsgwctl reads them.
#include <errno.h>

#include "ctl/dnsask.h"
#include "test.h"

static void questions(void)
{
	static const uint8_t wanted[] = {0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 4, 'f',
		'g', 'p', 'u', 0, 0, 28, 0, 1};
	uint8_t p[DNSASK_SIZE_MAX];
	char name[300];

	CHECK_EQ(dnsask_question("a.fgpu", DNSASK_AAAA, 0x1234, p), sizeof(wanted));
	CHECK_MEM(p, wanted, sizeof(wanted));
	CHECK_EQ(dnsask_question("a.fgpu.", DNSASK_A, 1, p), sizeof(wanted));
	CHECK_EQ(dnsask_question("", DNSASK_A, 1, p), -EINVAL);
	CHECK_EQ(dnsask_question("a..b", DNSASK_A, 1, p), -EINVAL);
	CHECK_EQ(dnsask_question(".", DNSASK_A, 1, p), -EINVAL);
	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	CHECK_EQ(dnsask_question(name, DNSASK_A, 1, p), -EINVAL);
	name[63] = '\0';
	CHECK_EQ(dnsask_question(name, DNSASK_A, 1, p), 12 + 64 + 1 + 4);
	name[63] = name[64] = 'a';
	name[299] = '\0';
	CHECK_EQ(dnsask_question(name, DNSASK_A, 1, p), -EINVAL);
}

static const uint8_t answer[] = {0, 7, 0x84, 0, 0, 1, 0, 3, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1,
	/* CNAME, A, AAAA */
	0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 3, 1, 'b', 0, 0xc0, 31, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4,
	10, 1, 2, 3, 1, 'b', 0, 0, 28, 0, 1, 0, 0, 0, 9, 0, 16, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 1};

static void answers(void)
{
	struct dnsask d;
	char text[ADDR_TEXT_MAX];

	CHECK_EQ(dnsask_answer(answer, sizeof(answer), 7, &d), 0);
	CHECK(d.authoritative);
	CHECK_EQ(d.rcode, 0);
	CHECK_EQ(d.n_answers, 3);
	CHECK_EQ(d.n_addrs, 2);
	CHECK_STR(addr_format(&d.addrs[0], text), "10.1.2.3");
	CHECK_STR(addr_format(&d.addrs[1], text), "fd00::1");
	CHECK_EQ(dnsask_answer(answer, sizeof(answer), 8, &d), -EBADMSG);
}

/* Cut anywhere, it is no answer; and nothing behind the cut is read (the fuzzer sees to that, too). */
static void cut(void)
{
	struct dnsask d = {.rcode = 99};

	for (size_t n = 0; n < sizeof(answer); n++)
		CHECK_EQ(dnsask_answer(answer, n, 7, &d), -EBADMSG);
	CHECK_EQ(d.rcode, 99);
}

int main(void)
{
	RUN(questions);
	RUN(answers);
	RUN(cut);
	CHECK_STR(dnsask_rcode_text(5), "REFUSED");
	CHECK_STR(dnsask_rcode_text(99), "an error");
	return TEST_END();
}
