// SPDX-License-Identifier: MIT
// Zones and questions for the tests and fuzz targets of the DNS worker.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/answer.h"
#include "dns/packet.h"
#include "dns/zone.h"

static const uint8_t fixture_secret[COOKIE_SECRET] = {0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4,
	0x3f, 0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf};

static inline struct addr fixture_addr(const char *text)
{
	struct addr a;

	if (addr_parse(text, &a) < 0)
		abort();
	return a;
}

/* WORDS: blank-separated prefixes. */
static inline void fixture_ranges(struct ranges *r, const char *words)
{
	char copy[512], *save = NULL;
	struct prefix p;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		if (prefix_parse(w, &p) < 0 || ranges_add(r, &p) < 0)
			abort();
}

static inline struct zone *fixture_zone(struct zone_set *s, const char *name, const char *suffix,
	const char *routes, const char *allow)
{
	struct zone *z;

	if (zone_set_add(s, name, &z) < 0 || zone_add_suffix(z, suffix) < 0)
		abort();
	fixture_ranges(&z->routes, routes);
	fixture_ranges(&z->allow, allow);
	return z;
}

static inline void fixture_host(struct zone *z, const char *name, const char *address)
{
	struct addr a = fixture_addr(address);

	if (zone_add_host(z, name, &a) < 0)
		abort();
}

static inline struct zone_set *fixture_zones(void)
{
	struct zone_set *s;
	struct zone *z;
	char text[32];

	if (zone_set_new(&s) < 0)
		abort();
	z = fixture_zone(s, "fgpu", "fgpu",
		"10.100.0.0/16 192.0.2.128/25 172.16.5.6/32 fd7a:1::/32 127.0.0.0/8 ::ffff:0:0/96",
		"0.0.0.0/0 ::/0");
	fixture_host(z, "grafana", "10.100.10.141");
	fixture_host(z, "a.b", "10.100.1.1");
	fixture_host(z, "a.b", "fd7a:1::1");
	fixture_host(z, "b", "10.100.1.2");
	fixture_host(z, "x.y.empty", "10.100.1.3");
	fixture_host(z, "six", "fd7a:1::6");
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "10.100.200.%d", i);
		fixture_host(z, "many", text);
	}
	z = fixture_zone(s, "lab", "lab", "10.100.0.0/16 10.7.0.0/16", "0.0.0.0/0 ::/0");
	if (zone_add_suffix(z, "cust1.gw.example.com") < 0)
		abort();
	fixture_zone(s, "gw", "gw.example.com", "10.9.0.0/16", "0.0.0.0/0 ::/0");
	fixture_zone(s, "priv", "priv", "10.66.0.0/16 10.7.0.0/16", "192.168.9.0/24");
	fixture_zone(s, "inner", "deep.gw.example.com", "10.8.0.0/16", "192.168.9.0/24");
	if (zone_set_finish(s, 7) < 0)
		abort();
	return s;
}

static inline struct answer_context fixture_context(const struct zone_set *s, const char *client)
{
	return (struct answer_context){
		.zones = s,
		.client = fixture_addr(client),
		.server = fixture_addr("100.121.76.21"),
		.now_s = 1559731985,
		.secret = fixture_secret,
	};
}

/* A question for NAME ("." = root) into P. Returns the length. */
static inline size_t fixture_query(uint8_t *p, const char *name, unsigned type, unsigned class)
{
	size_t n = 12;

	memcpy(p, "\x12\x34\x01\x00\0\1\0\0\0\0\0\0", 12);
	while (*name && strcmp(name, ".") != 0) {
		size_t l = strcspn(name, ".");

		p[n++] = (uint8_t)l;
		memcpy(p + n, name, l);
		n += l;
		name += l + (name[l] == '.');
	}
	p[n++] = 0;
	p[n++] = (uint8_t)(type >> 8);
	p[n++] = (uint8_t)type;
	p[n++] = (uint8_t)(class >> 8);
	p[n++] = (uint8_t) class;
	return n;
}

/* Appends OPT with FLAGS (DO 0x8000), and LEN bytes of options. */
static inline size_t fixture_opt(uint8_t *p, size_t n, unsigned size, unsigned version,
	unsigned flags, const void *options, size_t len)
{
	const uint8_t opt[11] = {0, 0, 41, (uint8_t)(size >> 8), (uint8_t)size, 0, (uint8_t)version,
		(uint8_t)(flags >> 8), (uint8_t)flags, (uint8_t)(len >> 8), (uint8_t)len};

	memcpy(p + n, opt, sizeof(opt));
	memcpy(p + n + sizeof(opt), options, len);
	p[11]++;
	return n + sizeof(opt) + len;
}
