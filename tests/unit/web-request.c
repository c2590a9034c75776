// SPDX-License-Identifier: MIT
// What a request asks for: Host header, path, client system, names of wireless networks.
#include <errno.h>

#include "web/request.h"

#include "test.h"

static void hosts(void)
{
	static const struct {
		const char *value, *host; /* NULL: refused */
		int family;
	} rows[] = {
		{"demon", "demon", 0},
		{"Demon.Example.ORG:11079", "demon.example.org", 0},
		{"demon.", "demon", 0},
		{"demon:", "demon", 0},
		{"100.121.76.21:11079", "100.121.76.21", 4},
		{"[FD7A::1]:11079", "fd7a::1", 6},
		{"[fd7a:0::1]", "fd7a::1", 6},
		{"[::1]:", "::1", 6},
		{"", NULL, 0},
		{":80", NULL, 0},
		{".", NULL, 0},
		{"a..b", NULL, 0},
		{"demon..", NULL, 0},
		{"demon:0", NULL, 0},
		{"demon:65536", NULL, 0},
		{"demon:8x", NULL, 0},
		{"demon:1:2", NULL, 0},
		{"::1", NULL, 0},
		{"[::1", NULL, 0},
		{"[]", NULL, 0},
		{"[1.2.3.4]", NULL, 0},
		{"[::1]x", NULL, 0},
		{"[fe80::1%eth0]", NULL, 0},
		{"a b", NULL, 0},
		{"a/b", NULL, 0},
		{"u@demon", NULL, 0},
		{"<b>", NULL, 0},
		{"\xc3\xa4", NULL, 0},
	};
	char host[CLIENTS_HOST_MAX], longest[400];
	struct addr a;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = request_host(rows[i].value, host, &a);

		CHECK_EQ(r, rows[i].host ? 0 : -EINVAL);
		if (r == 0) {
			CHECK_STR(host, rows[i].host);
			CHECK_EQ(a.family, rows[i].family);
		}
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	CHECK_EQ(request_host(longest, host, &a), -EINVAL);
}

static void paths(void)
{
	static const struct {
		const char *path;
		enum route route;
		int kind;
		const char *tailnet, *wrong;
	} rows[] = {
		{"/", ROUTE_PAGE, -1, "", ""},
		{"/status.json", ROUTE_STATUS, -1, "", ""},
		{"/proxy.pac", ROUTE_PAC, -1, "", ""},
		{"/fgpu.pac", ROUTE_PAC, -1, "fgpu", ""},
		{"/.pac", ROUTE_NONE, -1, "", ""},
		{"/a/b.pac", ROUTE_NONE, -1, NULL, ""},
		{"/Fgpu.pac", ROUTE_NONE, -1, NULL, ""},
		{"fgpu.pac", ROUTE_NONE, -1, "", ""},
		{"/setup/ssh", ROUTE_SETUP, CLIENTS_SSH, "", ""},
		{"/setup/ssh/", ROUTE_SETUP, CLIENTS_SSH, "", ""},
		{"/setup/ssh/fgpu", ROUTE_SETUP, CLIENTS_SSH, "fgpu", ""},
		{"/setup/ssh/a/b", ROUTE_SETUP, CLIENTS_SSH, NULL, "a/b"},
		{"/setup/sssh", ROUTE_SETUP, -1, "", "sssh"},
		{"/setup/\xff<", ROUTE_SETUP, -1, "", "?<"},
		{"/setup", ROUTE_KINDS, -1, "", ""},
		{"", ROUTE_NONE, -1, "", ""},
		{"//", ROUTE_NONE, -1, "", ""},
	};
	struct request r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		request_path(rows[i].path, &r);
		CHECK_EQ(r.route, rows[i].route);
		CHECK_EQ(r.kind, rows[i].kind);
		if (rows[i].tailnet)
			CHECK_STR(r.tailnet, rows[i].tailnet);
		CHECK_STR(r.wrong, rows[i].wrong);
	}
	CHECK_STR(request_nearest("/metric"), "/metrics");
	CHECK_STR(request_nearest("/statsu.json"), "/status.json");
	CHECK(!request_nearest("/nothing-like-it"));
	CHECK(!request_nearest(""));
}

static void escapes(void)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{"/a%20b", "/a b"},
		{"%41%6a", "Aj"},
		{"%", "%"},
		{"%4", "%4"},
		{"%g1%1g", "%g1%1g"},
		{"%00x", "%00x"},
		{"%25%32%35", "%25"},
		{"%ff", "\xff"},
		{"", ""},
	};
	char buf[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		strcpy(buf, rows[i].from);
		CHECK_EQ(request_unescape(buf), strlen(rows[i].to));
		CHECK_STR(buf, rows[i].to);
	}
}

static void systems(void)
{
	CHECK_EQ(request_system("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)"),
		CLIENTS_IOS);
	CHECK_EQ(request_system("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"), CLIENTS_MACOS);
	CHECK_EQ(request_system("Mozilla/5.0 (Linux; Android 14; Pixel 8)"), CLIENTS_ANDROID);
	CHECK_EQ(request_system("Mozilla/5.0 (X11; Linux x86_64)"), CLIENTS_LINUX);
	CHECK_EQ(request_system("Mozilla/5.0 (Windows NT 10.0; Win64; x64)"), CLIENTS_WINDOWS);
	CHECK_EQ(request_system("curl/8.5.0"), CLIENTS_CURL);
	CHECK_EQ(request_system(""), -1);
	CHECK_EQ(request_system(NULL), -1);
}

static void networks(void)
{
	CHECK(request_ssid_ok("Home"));
	CHECK(request_ssid_ok("\xc3\xa4 \xe2\x98\x95 \xf0\x9f\x8d\xb5"));
	CHECK(request_ssid_ok("0123456789abcdef0123456789abcdef"));
	CHECK(!request_ssid_ok("0123456789abcdef0123456789abcdefX"));
	CHECK(!request_ssid_ok(""));
	CHECK(!request_ssid_ok("a\nb"));
	CHECK(!request_ssid_ok("\x7f"));
	CHECK(!request_ssid_ok("\xff"));
	CHECK(!request_ssid_ok("\xc3"));	 /* cut */
	CHECK(!request_ssid_ok("\xc0\x80"));	 /* too long for NUL */
	CHECK(!request_ssid_ok("\xe0\x80\xaf")); /* too long for / */
	CHECK(!request_ssid_ok("\xed\xa0\x80")); /* a surrogate */
	CHECK(!request_ssid_ok("\xef\xbf\xbe")); /* no character of XML */
	CHECK(!request_ssid_ok("\xf4\x90\x80\x80"));
}

int main(void)
{
	RUN(hosts);
	RUN(paths);
	RUN(escapes);
	RUN(systems);
	RUN(networks);
	return TEST_END();
}
