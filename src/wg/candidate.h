// SPDX-License-Identifier: MIT
// Which received packets may be joined with others of their flow, by the kernel's rules for GRO.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CANDIDATE_TCP_SUM 16 /* offset of the checksum in the header */
#define CANDIDATE_UDP_SUM 6
#define CANDIDATE_PSH	  0x08

/* What is to be known about a packet; .data and .len are given. */
struct candidate {
	uint8_t *data;
	uint32_t hash; /* of the flow */
	uint32_t seq;
	uint16_t len, headers, payload;
	uint8_t l4, protocol, version;
	bool psh;
};

enum flow {
	FLOW_NONE,  /* neither TCP nor UDP, or with IP options, or a fragment */
	FLOW_ALONE, /* of a flow, but never joined */
	FLOW_JOIN,
};
enum flow candidate_parse(struct candidate *c);

/* Of FIRST, a packet that was parsed with the same result for .l4 and .protocol: */
bool candidate_same_flow(
	const uint8_t *first, unsigned l4, unsigned protocol, const struct candidate *c);
/* ToS, TTL and the like are equal. */
bool candidate_same_ip(const uint8_t *first, const struct candidate *c);
/* All of the TCP header but sequence number, PSH and checksum is equal. */
bool candidate_same_tcp(const uint8_t *first, const struct candidate *c);
/* B's IPv4 identification is A's and DISTANCE, unless the packet may not be cut anyway (RFC 6864). */
bool candidate_id_follows(const uint8_t *a, const uint8_t *b, unsigned distance);
/* The checksums of a packet that was parsed to FLOW_JOIN. */
bool candidate_checksum_good(const uint8_t *data, unsigned len, unsigned l4, uint8_t protocol);
