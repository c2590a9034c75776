// SPDX-License-Identifier: MIT
// Cards of the home network's own split DNS, which its devices follow without any set-up of theirs.
#include "clients/build.h"

static bool has_names(const struct builder *b)
{
	return b->view->dns_port == 53 && *b->address; /* none of them knows another port */
}

void splitdns_tailscale(struct builder *b)
{
	FILE *out;

	if (!has_names(b))
		return;
	out = build_code(b,
		"In the admin console, page DNS: Add nameserver, Custom; the address, \"Restrict "
		"to domain\", and as domain, once for each:");
	EACH_TAILNET(b->view, t)
	EACH_SUFFIX(t, s)
	fprintf(out, "%s %s\n", b->address, *s);
	fputs("The same page, the nameserver's menu: Delete\n", build_undo(b));
	out = build_code(b,
		"Or by its API, with a key of scope dns in TS_API_KEY (the tailnet \"-\" is "
		"your own):");
	fputs("curl -fsS -X PATCH -u \"$TS_API_KEY:\" -H 'Content-Type: application/json' \\\n"
	      "  https://api.tailscale.com/api/v2/tailnet/-/dns/split-dns \\\n  -d '{",
		out);
	const char *comma = "";
	EACH_TAILNET(b->view, t)
	EACH_SUFFIX(t, s)
	{
		fprintf(out, "%s\"%s\": [\"%s\"]", comma, *s, b->address);
		comma = ", ";
	}
	fputs("}'\n", out);
	fputs("The same with null in place of each list.\n", build_undo(b));
}

void splitdns_headscale(struct builder *b)
{
	FILE *out;

	if (!has_names(b))
		return;
	out = build_code(
		b, "In its config.yaml, below what is there of dns; then restart headscale:");
	fputs("dns:\n  nameservers:\n    split:\n", out);
	EACH_TAILNET(b->view, t)
	EACH_SUFFIX(t, s)
	fprintf(out, "      %s:\n        - %s\n", *s, b->address);
	fputs("Remove these lines again, restart headscale.\n", build_undo(b));
}

/* A resource's name has no dots. */
static void resource_name(const char *suffix, FILE *out)
{
	fputs("tsgw_", out);
	for (; *suffix; suffix++)
		fputc(*suffix == '.' || *suffix == '-' ? '_' : *suffix, out);
}

void splitdns_terraform(struct builder *b)
{
	FILE *out;

	if (!has_names(b))
		return;
	out = build_code(b, "With the provider tailscale/tailscale:");
	EACH_TAILNET(b->view, t)
	EACH_SUFFIX(t, s)
	{
		fputs("resource \"tailscale_dns_split_nameservers\" \"", out);
		resource_name(*s, out);
		fprintf(out, "\" {\n  domain      = \"%s\"\n  nameservers = [\"%s\"]\n}\n", *s,
			b->address);
	}
	fputs("Remove these resources again, terraform apply.\n", build_undo(b));
}
