// SPDX-License-Identifier: MIT
// The rules of iptables-legacy(8), of which the kernel tells no changes: what they come to is asked now and then.
//
// To ask for a table makes it, so only those that /proc names are asked for. Counters change with every packet and
// do not count.
#include "supervisor/legacyrules.h"

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"

#define LEGACY_TABLE	 "filter"
#define LEGACY_BYTES_MAX (16u << 20)
#define FNV_PRIME	 1099511628211u

static bool legacy_is_there(const char *path)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;

	if (file_read(path, 4096, &text, NULL) < 0)
		return false;
	rest = text;
	while ((line = strsep(&rest, "\n")))
		if (!strcmp(line, LEGACY_TABLE))
			return true;
	return false;
}

static uint64_t legacy_mix(uint64_t h, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * FNV_PRIME;
	return h;
}

/* An entry without its counters: what is before them, and what is behind. */
static uint64_t legacy_entries(
	uint64_t h, const uint8_t *p, size_t len, size_t counters, size_t next)
{
	const size_t after = counters + sizeof(struct xt_counters);

	while (len >= after) {
		uint16_t size;

		memcpy(&size, p + next, sizeof(size));
		if (size < after || size > len)
			break;
		h = legacy_mix(h, p, counters);
		h = legacy_mix(h, p + after, size - after);
		p += size;
		len -= size;
	}
	return h;
}

/* The two families' structs are the same but for an entry's head, and so are the numbers of the options. */
static uint64_t legacy_table(uint64_t h, int family, int level, size_t counters, size_t next)
{
	_cleanup_close_ int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	_cleanup_free_ struct ipt_get_entries *entries = NULL;
	struct ipt_getinfo info = {.name = LEGACY_TABLE};
	socklen_t len = sizeof(info);

	if (fd < 0 || getsockopt(fd, level, IPT_SO_GET_INFO, &info, &len) < 0 ||
		info.size > LEGACY_BYTES_MAX)
		return h;
	entries = calloc(1, sizeof(*entries) + info.size);
	if (!entries)
		return h;
	memcpy(entries->name, LEGACY_TABLE, sizeof(LEGACY_TABLE));
	entries->size = info.size;
	len = (socklen_t)(sizeof(*entries) + info.size);
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, entries, &len) < 0)
		return h;
	return legacy_entries(h, (const uint8_t *)entries->entrytable, info.size, counters, next);
}

uint64_t legacyrules_digest(void)
{
	uint64_t h = 0;

	if (legacy_is_there("/proc/self/net/ip_tables_names"))
		h = legacy_table(h, AF_INET, IPPROTO_IP, offsetof(struct ipt_entry, counters),
			offsetof(struct ipt_entry, next_offset));
	if (legacy_is_there("/proc/self/net/ip6_tables_names"))
		h = legacy_table(h, AF_INET6, IPPROTO_IPV6, offsetof(struct ip6t_entry, counters),
			offsetof(struct ip6t_entry, next_offset));
	return h;
}
