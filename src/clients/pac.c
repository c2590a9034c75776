// SPDX-License-Identifier: MIT
// The PAC file: which name, and which address, goes through which network.
//
// JavaScript as old engines speak it (Netscape's, macOS' and Windows' own): var, no regular expressions
// with new features. No name is ever looked up: dnsResolve() would tell the local resolver, and blocks.
// A name goes by the longest suffix, and never DIRECT. An address goes into a network only if exactly one
// has it; networks that take nearly everything (a default route) say nothing about where an address
// belongs, so they are left out.
#include <string.h>

#include "clients/build.h"

#define PAC_SHORTEST 8 /* bits of the shortest prefix that counts */

static bool counts(const struct prefix *p)
{
	return p->len >= PAC_SHORTEST && !addr_is_never_proxied(&p->addr);
}

static void pac_head(const struct clients_view *v, FILE *out)
{
	fputs("// Which names and addresses go through which network; everything else goes "
	      "DIRECT.\n"
	      "// Undo: take this file's address out of the proxy settings again.\n",
		out);
	EACH_TAILNET(v, t)
	{
		char host[CLIENTS_HOST_MAX + 2];

		clients_authority(v, host);
		fprintf(out, "var via_%zu = \"SOCKS5 %s:%u; PROXY %s:%u\"; // %s\n",
			(size_t)(t - v->tailnets), host, t->port, host, t->port, t->name);
	}
}

/* The longest first, whichever network has it. */
static void pac_suffixes(const struct clients_view *v, FILE *out)
{
	size_t longest = 0;

	EACH_TAILNET(v, t)
	EACH_SUFFIX(t, s)
	longest = strlen(*s) > longest ? strlen(*s) : longest;
	fputs("\nvar suffixes = [", out);
	for (size_t len = longest; len > 0; len--)
		EACH_TAILNET(v, t)
	EACH_SUFFIX(t, s)
	if (strlen(*s) == len)
		fprintf(out, "\n\t[\"%s\", via_%zu],", *s, (size_t)(t - v->tailnets));
	fputs("\n\tnull\n];\n", out); /* no comma at the end: old engines count it */
}

/* As the bytes of its network, and its length. */
static void pac_network(const struct prefix *p, size_t i, FILE *out)
{
	struct prefix c = prefix_canonical(p);

	fputs("\n\t[[", out);
	for (size_t k = 0; k < addr_len(&c.addr); k++)
		fprintf(out, "%s%u", k ? "," : "", c.addr.bytes[k]);
	fprintf(out, "], %u, via_%zu],", c.len, i);
}

static void pac_networks(const struct clients_view *v, FILE *out)
{
	fputs("\nvar networks = [", out);
	EACH_TAILNET(v, t)
	for (size_t i = 0; i < t->n_routes; i++)
		if (counts(&t->routes[i]))
			pac_network(&t->routes[i], (size_t)(t - v->tailnets), out);
	fputs("\n\tnull\n];\n", out);
}

static const char pac_functions[] =
	"\n"
	"// The bytes of an address, or null for a name.\n"
	"function bytesOf(host) {\n"
	"\tvar bytes = [], parts, i, n;\n"
	"\tif (host.indexOf(\":\") < 0) {\n"
	"\t\tparts = host.split(\".\");\n"
	"\t\tif (parts.length != 4) return null;\n"
	"\t\tfor (i = 0; i < 4; i++) {\n"
	"\t\t\tif (!/^[0-9]{1,3}$/.test(parts[i]) || Number(parts[i]) > 255) return null;\n"
	"\t\t\tbytes.push(Number(parts[i]));\n"
	"\t\t}\n"
	"\t\treturn bytes;\n"
	"\t}\n"
	"\thost = host.replace(/^\\[/, \"\").replace(/\\]$/, \"\");\n"
	"\tif (!/^[0-9a-f:]+$/.test(host)) return null;\n"
	"\tparts = host.split(\"::\");\n"
	"\tif (parts.length > 2) return null;\n"
	"\tvar left = parts[0] ? parts[0].split(\":\") : [];\n"
	"\tvar right = parts.length == 2 && parts[1] ? parts[1].split(\":\") : [];\n"
	"\tif (parts.length == 1 ? left.length != 8 : left.length + right.length > 7) return "
	"null;\n"
	"\tfor (n = 8 - left.length - right.length; parts.length == 2 && n > 0; n--) "
	"left.push(\"0\");\n"
	"\tleft = left.concat(right);\n"
	"\tfor (i = 0; i < 8; i++) {\n"
	"\t\tif (!/^[0-9a-f]{1,4}$/.test(left[i])) return null;\n"
	"\t\tn = parseInt(left[i], 16);\n"
	"\t\tbytes.push(n >> 8, n & 255);\n"
	"\t}\n"
	"\treturn bytes;\n"
	"}\n"
	"\n"
	"function inside(bytes, network, bits) {\n"
	"\tif (bytes.length != network.length) return false;\n"
	"\tfor (var i = 0; bits > 0; i++, bits -= 8)\n"
	"\t\tif (((bytes[i] ^ network[i]) & (bits >= 8 ? 255 : 256 - (1 << (8 - bits)))) != 0)\n"
	"\t\t\treturn false;\n"
	"\treturn true;\n"
	"}\n"
	"\n"
	"function FindProxyForURL(url, host) {\n"
	"\tvar i, s, found = \"DIRECT\", bytes;\n"
	"\thost = host.toLowerCase();\n"
	"\tif (host.charAt(host.length - 1) == \".\") host = host.substring(0, host.length - 1);\n"
	"\tfor (i = 0; suffixes[i]; i++) {\n"
	"\t\ts = \".\" + suffixes[i][0];\n"
	"\t\tif (\".\" + host == s ||\n"
	"\t\t\t(host.length > s.length && host.substring(host.length - s.length) == s))\n"
	"\t\t\treturn suffixes[i][1];\n"
	"\t}\n"
	"\tbytes = networks[0] ? bytesOf(host) : null;\n"
	"\tfor (i = 0; bytes && networks[i]; i++) {\n"
	"\t\tif (networks[i][2] == found || !inside(bytes, networks[i][0], networks[i][1])) "
	"continue;\n"
	"\t\tif (found != \"DIRECT\") return \"DIRECT\"; // two networks have it\n"
	"\t\tfound = networks[i][2];\n"
	"\t}\n"
	"\treturn found;\n"
	"}\n";

void clients_pac(const struct clients_view *view, FILE *out)
{
	pac_head(view, out);
	pac_suffixes(view, out);
	pac_networks(view, out);
	fputs(pac_functions, out);
}
