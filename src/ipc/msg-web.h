// SPDX-License-Identifier: MIT
// Part of ipc/msg.h, which includes it: the messages of tsgw-web.
#pragma once

#include <stdint.h>

#include "ipc/stats.h"

#define MSG_RECORD_MAX 4000 /* room for a record of control.h */
#define MSG_REASON_MAX 512

struct msg_web_config {
	struct msg_header h;
	char hostname[MSG_DOMAIN_MAX];
	char fqdn[MSG_DOMAIN_MAX]; /* "" = not known */
	uint16_t dns_port;
	uint16_t web_port;
	uint8_t zero[2];
};

struct msg_web_name {
	struct msg_header h;
	char name[MSG_DOMAIN_MAX];
	uint8_t zero[2];
};

struct msg_web_tailnet {
	struct msg_header h;
	char name[MSG_NAME_MAX];
	uint8_t enabled;
	uint8_t engine; /* enum engine of config.h */
	uint8_t zero;
	uint16_t port;
	uint16_t zero2;
	char broken[MSG_REASON_MAX]; /* its configuration's first error, "" = none */
};

struct msg_web_record {
	struct msg_header h;
	char tailnet[MSG_NAME_MAX];
	uint8_t known; /* 0: nobody runs it */
	uint8_t zero[2];
	int32_t pid; /* of its supervisor, 0 = unknown */
	uint32_t n;
	uint8_t record[MSG_RECORD_MAX]; /* struct control_tailnet, the first .n bytes */
};

struct msg_web_front {
	struct msg_header h;
	uint32_t restarts_dns;
	uint32_t restarts_web;
	uint64_t resident_supervisor, resident_dns, resident_web; /* bytes, 0 = not known */
	uint64_t proportional_supervisor, proportional_dns, proportional_web;
	uint8_t has_dns; /* there is a DNS responder, and WEB_DNS told of it */
	uint8_t zero[7];
};

struct msg_web_dns { /* .tailnet "": .all is it, else .zone */
	struct msg_header h;
	char tailnet[MSG_NAME_MAX];
	uint8_t zero[3];
	struct dns_counts all;
	struct dns_zone_stats zone;
};

struct msg_empty { /* WEB_FRESH, WEB_WANTED */
	struct msg_header h;
};
