// SPDX-License-Identifier: MIT
// The types of values that keys have: text in, struct out, text again.
#pragma once

#include "config/keys.h"

extern const struct key_type type_bool, type_number, type_duration, type_mtu, type_prefixes,
	type_pool, type_primaries, type_engine, type_suffixes, type_path, type_addr, type_choice,
	type_names, type_forward, type_publish;
/* Of engine tailscale and of uplinks. */
extern const struct key_type type_uplink, type_prefix, type_outer_addr, type_outer_addrs,
	type_networks, type_url, type_label, type_exit, type_tags, type_flags;

/* Text for an error message: clipped, so that a value cannot fill the line. */
#define CLIP "%.80s"
/* "canonical form" of P is put into BUF if P has host bits. */
bool value_host_bits(const struct prefix *p, char buf[PREFIX_TEXT_MAX]);
/* An absolute path for VALUE, which is relative to the directory of FILE: fresh memory or NULL. */
char *value_absolute_path(const char *file, const char *value);
/* TEXT is one of the words of CHOICES. */
bool value_is_choice(const char *choices, const char *text);
void value_bad_choice(struct value *v);
/* Notes and returns false unless the value is a network without host bits. */
bool value_network(struct value *v, struct prefix *ret);
/* 12 -> "12 s", 120 -> "2 min", 7200 -> "2 h", 86400 -> "1 d" */
void value_format_duration(uint64_t s, char *buf, size_t size);
