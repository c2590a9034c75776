// SPDX-License-Identifier: MIT
// Which events of links and addresses a supervisor is woken by: a filter that the kernel runs.
//
// An event tells the link's name: as IFLA_IFNAME, an IPv4 address as IFA_LABEL. An IPv6 address does not, and is let
// through (links of ours get none by themselves). The kernel's classic BPF finds an attribute by itself
// (SKF_AD_NLATTR: A is where the attributes begin, X the type, the result its place or 0), and reads numbers as
// on the wire, so that words of a name compare as they stand.
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "supervisor/links.h"

#define LINK_ATTRIBUTES	   (NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg)))
#define ADDRESS_ATTRIBUTES (NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifaddrmsg)))
#define FILTER_MAX	   40
#define ACCEPT		   0xffff

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short n;
};

static void add(struct filter *f, uint16_t code, uint32_t k)
{
	f->code[f->n++] = (struct sock_filter)BPF_STMT(code, k);
}

/* Skips N instructions unless A is K. */
static void skip_unless(struct filter *f, uint32_t k, uint8_t n)
{
	f->code[f->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, n);
}

static void accept_unless(struct filter *f, uint32_t k)
{
	f->code[f->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 1, 0);
	add(f, BPF_RET | BPF_K, ACCEPT);
}

/* Accepts what has the bytes of TEXT at X, else goes on. */
static void accept_name(struct filter *f, const char *text)
{
	char name[16] = "";
	size_t words = strlen(text) / 4 + 1; /* with its NUL */

	memcpy(name, text, strnlen(text, sizeof(name) - 1));
	for (size_t i = 0; i < words; i++) {
		uint32_t word;

		memcpy(&word, name + 4 * i, sizeof(word));
		add(f, BPF_LD | BPF_W | BPF_IND, (uint32_t)(NLA_HDRLEN + 4 * i));
		skip_unless(f, ntohl(word), (uint8_t)(2 * (words - i - 1) + 1));
	}
	add(f, BPF_RET | BPF_K, ACCEPT);
}

/* X: the attribute with the link's name; without one the event is accepted. */
static void find_name(struct filter *f)
{
	static const struct {
		uint16_t first, second;
		uint32_t at, attribute;
	} kinds[] = {
		{RTM_NEWLINK, RTM_DELLINK, LINK_ATTRIBUTES, IFLA_IFNAME},
		{RTM_NEWADDR, RTM_DELADDR, ADDRESS_ATTRIBUTES, IFA_LABEL},
	};

	for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
		add(f, BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type));
		f->code[f->n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, htons(kinds[i].first), 1, 0);
		skip_unless(f, htons(kinds[i].second), 4);
		add(f, BPF_LDX | BPF_IMM, kinds[i].attribute);
		add(f, BPF_LD | BPF_IMM, kinds[i].at);
		add(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_NLATTR));
		/* to what follows both kinds */
		add(f, BPF_JMP | BPF_JA, i ? 1 : 7 + 1);
	}
	add(f, BPF_RET | BPF_K, ACCEPT); /* another kind of event */
	f->code[f->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	add(f, BPF_RET | BPF_K, ACCEPT);
	add(f, BPF_MISC | BPF_TAX, 0);
}

void links_watch_less(struct links *l, const char *prefix, const char *own)
{
	struct filter f = {.n = 0};
	struct sock_fprog program;
	uint32_t first;

	find_name(&f);
	memcpy(&first, prefix, sizeof(first)); /* "tsgw", then one byte */
	add(&f, BPF_LD | BPF_W | BPF_IND, NLA_HDRLEN);
	accept_unless(&f, ntohl(first));
	add(&f, BPF_LD | BPF_B | BPF_IND, NLA_HDRLEN + sizeof(first));
	accept_unless(&f, (uint8_t)prefix[sizeof(first)]);
	if (own)
		accept_name(&f, own);
	add(&f, BPF_RET | BPF_K, 0);
	program = (struct sock_fprog){f.n, f.code};
	(void)setsockopt(
		links_watch_fd(l), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}
