// SPDX-License-Identifier: MIT
// Strict scanners for numbers, durations, keys and names. All return 0 or -EINVAL / -ERANGE.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits only (no sign, blank, 0x or leading zero). -EINVAL not a number, -ERANGE. */
int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
/* yes/no, true/false, on/off, 1/0 (lower case). */
int parse_bool(const char *text, bool *ret);
/* "30", "30 s", "30s", "5 min", "5m", "2 h", "1 d" -> seconds. */
int parse_duration_s(const char *text, uint64_t min_s, uint64_t max_s, uint64_t *ret);
/* 44 characters of canonical base64 (as wg genkey prints) -> 32 bytes. */
int parse_key_base64(const char *text, uint8_t ret[32]);
/* 64 hex digits -> 32 bytes. */
int parse_key_hex(const char *text, uint8_t ret[32]);
void format_key_base64(const uint8_t key[32], char ret[45]);
void format_key_hex(const uint8_t key[32], char ret[65]);
/* A DNS name of LDH labels (underscore allowed), each 1…63, total ≤ 253, no trailing dot, lower or
 * upper case. */
bool parse_is_dns_name(const char *text);
/* A tailnet's name: [a-z0-9]([a-z0-9-]{0,30}[a-z0-9])? */
bool parse_is_tailnet_name(const char *text);
