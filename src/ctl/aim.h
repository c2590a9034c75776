// SPDX-License-Identifier: MIT
// What a person points at: a URL, "host:port", "user@host", an address, a name.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

#define AIM_TEXT_MAX 2048
#define AIM_HOST_MAX 254 /* with NUL */
#define AIM_PATH_MAX 512

enum aim_talk { /* who says what first over such a connection */
	AIM_UNKNOWN,
	AIM_HTTP,
	AIM_TLS,
	AIM_BANNER, /* the server speaks first */
};

struct aim {
	char host[AIM_HOST_MAX]; /* lower case, without brackets or a last dot */
	struct addr addr;	 /* family 0: HOST is a name */
	uint16_t port;		 /* 0 = none was named */
	enum aim_talk talk;
	char path[AIM_PATH_MAX]; /* of a URL, "/" at least */
};

/* 0 and *ret; -EINVAL and one line for the user in ERROR. */
int aim_parse(const char *text, struct aim *ret, char *error, size_t error_size);
/* What is spoken on a port where no scheme said it. */
enum aim_talk aim_talk_of_port(uint16_t port);
