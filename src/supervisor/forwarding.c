// SPDX-License-Identifier: MIT
// Forwarding of single interfaces of the host: turned on for whoever needs it, put back by the last one.
#include "supervisor/forwarding.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/ip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "supervisor/policy.h"

#define FORWARDING_WORD	    " forwards"
#define FORWARDING_MARK_MAX 100 /* bytes of a mark that are kept as they are */

int forwarding_lock(int *ret_fd)
{
	_cleanup_close_ int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

/* ---- the comment ---- */

static void forwarding_mark(const char *mark, char ret[FORWARDING_MARK_MAX + 1])
{
	if (strlen(mark) <= FORWARDING_MARK_MAX)
		snprintf(ret, FORWARDING_MARK_MAX + 1, "%s", mark);
	else
		snprintf(ret, FORWARDING_MARK_MAX + 1, "tsgw:#%08" PRIx32, links_group(mark));
}

int forwarding_format(
	const char *mark, const struct made_forward *f, size_t n, char ret[NFT_COMMENT_MAX])
{
	char text[NFT_COMMENT_MAX], kept[FORWARDING_MARK_MAX + 1];
	size_t len;

	forwarding_mark(mark, kept);
	len = (size_t)snprintf(text, sizeof(text), "%s" FORWARDING_WORD, kept);
	for (size_t i = 0; i < n && len < sizeof(text); i++)
		if (*f[i].ifname)
			len += (size_t)snprintf(text + len, sizeof(text) - len, " %u:%u:%s",
				f[i].family, f[i].old, f[i].ifname);
	if (len >= sizeof(text))
		return -E2BIG;
	memcpy(ret, text, len + 1);
	return 0;
}

/* The mark holds a path, which may hold anything: the last word of ours counts. */
static const char *forwarding_claims(const char *comment)
{
	const char *p, *found = NULL;

	for (p = comment; (p = strstr(p, FORWARDING_WORD)); p++)
		found = p;
	return found;
}

size_t forwarding_parse(const char *comment, struct made_forward ret[STORE_FORWARDS_MAX])
{
	const char *p = forwarding_claims(comment);
	size_t n = 0;

	p = p ? p + strlen(FORWARDING_WORD) : "";
	while (n < STORE_FORWARDS_MAX) {
		unsigned family, old;
		int len = 0;

		if (sscanf(p, " %u:%u:%15[^ \n]%n", &family, &old, ret[n].ifname, &len) != 3 ||
			!len || (family != 4 && family != 6) || old > 1)
			break;
		ret[n].family = (uint8_t)family;
		ret[n].old = (uint8_t)old;
		n++;
		p += len;
	}
	return n;
}

bool forwarding_is_ours(const char *comment, const char *mark)
{
	const char *end = forwarding_claims(comment);
	char kept[FORWARDING_MARK_MAX + 1];

	forwarding_mark(mark, kept);
	return end && (size_t)(end - comment) == strlen(kept) &&
		!strncmp(comment, kept, strlen(kept));
}

/* ---- one interface ---- */

static int forwarding_path(const char *ifname, char *ret, size_t size)
{
	if (strchr(ifname, '/') || !strcmp(ifname, ".") || !strcmp(ifname, ".."))
		return -EINVAL;
	snprintf(ret, size, "/proc/sys/net/ipv6/conf/%s/force_forwarding", ifname);
	return 0;
}

static int forwarding_get(struct links *host, const char *ifname, uint8_t family, uint32_t *ret)
{
	_cleanup_free_ char *text = NULL;
	char path[96];
	int r;

	if (family == 4)
		return policy_get(host, ifname, IPV4_DEVCONF_FORWARDING, ret);
	if (policy_forwards_all(host, 6)) {
		*ret = 1;
		return 0;
	}
	r = forwarding_path(ifname, path, sizeof(path));
	if (r == 0)
		r = file_read(path, 16, &text, NULL);
	if (r == 0)
		*ret = *text != '0';
	return r == -ENOENT ? -ENODEV : r;
}

static int forwarding_set(struct links *host, const char *ifname, uint8_t family, uint32_t value)
{
	_cleanup_close_ int fd = -1;
	char path[96];
	int r;

	if (family == 4)
		return policy_set(host, ifname, IPV4_DEVCONF_FORWARDING, value);
	r = forwarding_path(ifname, path, sizeof(path));
	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	return fd_write_all(fd, value ? "1" : "0", 1);
}

struct forwarding_query {
	const char *except;
	const struct made_forward *f;
	uint8_t old;
};

static int forwarding_on_table(const char *name, const char *comment, void *arg)
{
	struct forwarding_query *q = arg;
	struct made_forward claims[STORE_FORWARDS_MAX];
	size_t n = strcmp(name, q->except) != 0 ? forwarding_parse(comment, claims) : 0;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(claims[i].ifname, q->f->ifname) != 0 || claims[i].family != q->f->family)
			continue;
		q->old = claims[i].old;
		return 1;
	}
	return 0;
}

int forwarding_ask(struct links *host, struct nft *nft, const char *table, struct made_forward *f)
{
	struct forwarding_query q = {.except = table, .f = f};
	int r = nft_each_table(nft, FORWARDING_TABLES, forwarding_on_table, &q);
	uint32_t now;

	if (r > 0)
		f->old = q.old;
	if (r != 0)
		return r < 0 ? r : 0;
	r = forwarding_get(host, f->ifname, f->family, &now);
	if (r == 0)
		f->old = now != 0;
	return r;
}

int forwarding_on(struct links *host, const struct made_forward *f)
{
	return f->old ? 0 : forwarding_set(host, f->ifname, f->family, 1);
}

int forwarding_back(
	struct links *host, struct nft *nft, const char *table, const struct made_forward *f)
{
	struct forwarding_query q = {.except = table, .f = f};
	int r;

	if (!*f->ifname || f->old)
		return 0;
	r = nft_each_table(nft, FORWARDING_TABLES, forwarding_on_table, &q);
	if (r > 0)
		return 0;
	/* somebody has made the whole host a router meanwhile: that turned it on for this link, too */
	if (f->family == 4 && policy_forwards_all(host, 4))
		return 0;
	r = forwarding_set(host, f->ifname, f->family, 0);
	return r == -ENODEV ? 0 : r;
}

bool forwarding_has_ipv6(struct links *host)
{
	return policy_forwards_all(host, 6) ||
		access("/proc/sys/net/ipv6/conf/all/force_forwarding", F_OK) == 0;
}
