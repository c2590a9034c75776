// SPDX-License-Identifier: MIT
// Which of the kernel's offloads a node uses: what may be configured, and what "auto" means where.
#include "common/offload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/cleanup.h"
#include "common/log.h"

int offload_parse(const char *text, enum offload *ret)
{
	static const char *const words[] = {"auto", "on", "off", "sentinel"};

	for (unsigned i = 0; i < ELEMENTSOF(words); i++)
		if (!strcmp(text, words[i])) {
			*ret = (enum offload)i;
			return 0;
		}
	return -EINVAL;
}

static int from_env(const char *variable, bool sentinel, enum offload *ret)
{
	const char *text = getenv(variable);
	enum offload got = *ret;
	int r = text && *text ? offload_parse(text, &got) : 0;

	if (r == 0 && got == OFFLOAD_SENTINEL && !sentinel)
		r = -EINVAL;
	if (r == 0)
		*ret = got;
	else
		log_error(NULL, variable, "auto, on%s or off, not %s", sentinel ? ", sentinel" : "",
			text);
	return r;
}

/* Major, minor and patch as one number that can be compared; 0 if RELEASE is none. */
static unsigned long version_of(const char *release)
{
	unsigned major = 0, minor = 0, patch = 0;

	if (sscanf(release, "%3u.%3u.%3u", &major, &minor, &patch) < 2)
		return 0;
	return major * 1000000ul + minor * 1000 + patch;
}

enum offload offload_udp_gso(enum offload configured, const char *release)
{
	unsigned long version = version_of(release);

	return configured == OFFLOAD_AUTO && version >= 7000000 && version <= 7001004
		? OFFLOAD_SENTINEL
		: configured;
}

bool offload_udp_gro(enum offload configured, const char *release)
{
	return configured == OFFLOAD_AUTO ? version_of(release) >= 5012000
					  : configured != OFFLOAD_OFF;
}

const char *offload_release(void)
{
	static struct utsname name;

	return uname(&name) < 0 ? "" : name.release;
}

int offload_from_env(struct offload_set *ret)
{
	enum offload gso = OFFLOAD_AUTO, gro = OFFLOAD_AUTO, tun = OFFLOAD_AUTO;
	int r = from_env("TSGW_UDP_GSO", true, &gso);

	if (r == 0)
		r = from_env("TSGW_UDP_GRO", false, &gro);
	if (r == 0)
		r = from_env("TSGW_TUN_OFFLOAD", false, &tun);
	if (r == 0)
		*ret = (struct offload_set){.udp_gso = offload_udp_gso(gso, offload_release()),
			.udp_gro = offload_udp_gro(gro, offload_release()),
			.tun = tun};
	return r;
}
