// SPDX-License-Identifier: MIT
// Names under a tailnet's suffix, as `tsgwctl ping` understands them.
#include "ctl/hostname.h"
#include "test.h"

static void names(void)
{
	static char *suffixes[] = {"fgpu", "cust1.gw.example.com", "gw.example.com"};
	static struct host_entry hosts[] = {{.name = "grafana"}};
	static const struct tailnet_config t = {
		.suffixes = suffixes, .n_suffixes = 3, .hosts = hosts, .n_hosts = 1};
	static const struct {
		const char *host, *is;
	} vectors[] = {
		{"10.100.10.141", "10.100.10.141"},
		{"10.100.10.141.fgpu", "10.100.10.141"},
		{"10.100.10.141.FGPU.", "10.100.10.141"},
		{"10-100-10-141.fgpu", "10.100.10.141"},
		{"fd7a--1.fgpu", "fd7a::1"},
		{"grafana.fgpu", "10.100.10.7"},
		{"Grafana", "10.100.10.7"},
		{"gpu1.fgpu", "gpu1"},
		{"gpu1.cust1.gw.example.com", "gpu1"}, /* the longest suffix */
		{"gpu1.cust2.gw.example.com", "gpu1.cust2"},
		{"fgpu", "fgpu"},
		{".fgpu", ".fgpu"},
		{"afgpu", "afgpu"},
		{"10.100.10.300.fgpu", "10.100.10.300"},
		{"", ""},
		{"gpu1.tail1234.ts.net", "gpu1.tail1234.ts.net"},
	};
	char buf[HOSTNAME_MAX], longest[2 * HOSTNAME_MAX];

	addr_parse("10.100.10.7", &hosts[0].addr);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		hostname_resolve(&t, vectors[i].host, buf);
		CHECK_STR(buf, vectors[i].is);
	}
	hostname_resolve(NULL, "10-1-1-1.fgpu", buf);
	CHECK_STR(buf, "10-1-1-1.fgpu");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	hostname_resolve(&t, longest, buf); /* cut, never overrun */
	CHECK_EQ(strlen(buf), HOSTNAME_MAX - 1);
}

int main(void)
{
	RUN(names);
	return TEST_END();
}
