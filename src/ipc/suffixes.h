// SPDX-License-Identifier: MIT
// Every suffix of the gateway and where it is served: one table for all tsgw-proxy of a supervisor.
//
// It lies in a sealed memfd (MSG_PROXY_SUFFIXES), which every worker maps read-only: told one by one, a thousand
// tailnets would be a million messages, and each worker would keep a copy.
#pragma once

#include <stdint.h>

#include "ipc/msg.h"

#define SUFFIXES_MAX 65536

struct suffix_entry {		   /* sorted by .text */
	char text[MSG_DOMAIN_MAX]; /* lower case */
	char tailnet[MSG_NAME_MAX];
	uint8_t zero;
	uint16_t port; /* of its listener */
};
