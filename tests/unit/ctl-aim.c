// SPDX-License-Identifier: MIT
// What a person may point at, and what is refused.
#include "ctl/aim.h"
#include "ctl/probe.h"
#include "test.h"

static void good(void)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		enum aim_talk talk;
		const char *path;
		int family;
	} vectors[] = {
		{"gpu1.fgpu", "gpu1.fgpu", 0, AIM_UNKNOWN, "/", 0},
		{"GPU1.Fgpu.", "gpu1.fgpu", 0, AIM_UNKNOWN, "/", 0},
		{"gpu1", "gpu1", 0, AIM_UNKNOWN, "/", 0},
		{"10.100.10.141.fgpu:3000", "10.100.10.141.fgpu", 3000, AIM_HTTP, "/", 0},
		{"10.100.10.141", "10.100.10.141", 0, AIM_UNKNOWN, "/", 4},
		{"10.100.10.141:22", "10.100.10.141", 22, AIM_BANNER, "/", 4},
		{"fd00::1", "fd00::1", 0, AIM_UNKNOWN, "/", 6},
		{"[fd00::1]", "fd00::1", 0, AIM_UNKNOWN, "/", 6},
		{"[FD00::1]:443", "fd00::1", 443, AIM_TLS, "/", 6},
		{"http://a.fgpu", "a.fgpu", 80, AIM_HTTP, "/", 0},
		{"HTTPS://a.fgpu/x/y?z=1#top", "a.fgpu", 443, AIM_TLS, "/x/y?z=1", 0},
		{"https://me:pw@a.fgpu:8443/", "a.fgpu", 8443, AIM_TLS, "/", 0},
		{"http://[fd00::1]:8080/a", "fd00::1", 8080, AIM_HTTP, "/a", 6},
		{"http://a.fgpu?q", "a.fgpu", 80, AIM_HTTP, "/", 0},
		{"ssh://root@a.fgpu", "a.fgpu", 22, AIM_BANNER, "/", 0},
		{"root@a.fgpu", "a.fgpu", 0, AIM_UNKNOWN, "/", 0},
		{"a.fgpu:5432", "a.fgpu", 5432, AIM_UNKNOWN, "/", 0},
		{"a.fgpu:3000/login", "a.fgpu", 3000, AIM_HTTP, "/login", 0},
		{"a.fgpu:65535", "a.fgpu", 65535, AIM_UNKNOWN, "/", 0},
	};
	char error[256];
	struct aim a;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		CHECK_EQ(aim_parse(vectors[i].text, &a, error, sizeof(error)), 0);
		CHECK_STR(a.host, vectors[i].host);
		CHECK_EQ(a.port, vectors[i].port);
		CHECK_EQ(a.talk, vectors[i].talk);
		CHECK_STR(a.path, vectors[i].path);
		CHECK_EQ(a.addr.family, vectors[i].family);
	}
}

static void bad(void)
{
	static const char *const vectors[] = {"", "/", ":", ":80", "a:", "a:0", "a:65536", "a:x",
		"a b", "a\n", "http://", "http:///x", "gopher://a", "[fd00::1", "[fd00::1]x",
		"[10.0.0.1]", "[]", "a..b", ".", "..", "-._", "a:80:80", "fd00::1:zz",
		"k\xc3\xa4se.fgpu", "a\x7f"};
	struct aim a = {.port = 7};
	char error[256], longer[AIM_TEXT_MAX + 2];

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		*error = '\0';
		CHECK(aim_parse(vectors[i], &a, error, sizeof(error)) < 0);
		if (!*error)
			printf("# %s\n", vectors[i]);
		CHECK(*error && !strchr(error, '\n'));
	}
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	CHECK(aim_parse(longer, &a, error, sizeof(error)) < 0);
	CHECK_EQ(a.port, 7); /* untouched */
}

/* The lengths inside a ClientHello add up, whatever the name. */
static void hello(void)
{
	uint8_t p[PROBE_HELLO_MAX];
	char host[AIM_HOST_MAX];

	for (size_t n = 1; n < sizeof(host); n++) {
		size_t len, at;

		memset(host, 'a', n);
		host[n] = '\0';
		len = probe_client_hello(host, p);
		CHECK(len < sizeof(p));
		CHECK_EQ(p[0], 0x16);
		CHECK_EQ(p[3] << 8 | p[4], len - 5);
		CHECK_EQ(p[5], 1);
		CHECK_EQ(p[6] << 16 | p[7] << 8 | p[8], len - 9);
		at = 9 + 2 + 32;
		at += 1 + p[at];
		at += 2 + (size_t)(p[at] << 8 | p[at + 1]);
		at += 1 + p[at];
		CHECK_EQ(p[at] << 8 | p[at + 1], len - at - 2);
		at += 2;
		while (at + 4 <= len)
			at += 4 + (size_t)(p[at + 2] << 8 | p[at + 3]);
		CHECK_EQ(at, len);
	}
	/* an address is no server name */
	CHECK(probe_client_hello("10.0.0.1", p) + 9 + 8 == probe_client_hello("10.0.0.x", p));
}

int main(void)
{
	RUN(good);
	RUN(bad);
	RUN(hello);
	return TEST_END();
}
