// SPDX-License-Identifier: MIT
// Cards of whole systems: macOS, iOS, Windows, Android.
#include <string.h>

#include "clients/build.h"

static void pac_address(const struct builder *b, FILE *out)
{
	fprintf(out, "http://%s:%u/proxy.pac", b->host, b->view->web_port);
}

static bool has_names(const struct builder *b)
{
	return b->view->dns_port && *b->address;
}

/* ---- macOS ---- */

static void macos_names(struct builder *b)
{
	FILE *out = build_code(b, "Names, in Terminal:");

	fputs("sudo mkdir -p /etc/resolver\n", out);
	EACH_TAILNET(b->view, t)
	EACH_SUFFIX(t, s)
	{
		fprintf(out, "printf 'nameserver %s\\n", b->address);
		if (b->view->dns_port != 53)
			fprintf(out, "port %u\\n", b->view->dns_port);
		fprintf(out, "' | sudo tee /etc/resolver/%s\n", *s);
	}
	out = build_undo(b);
	fputs("sudo rm", out);
	EACH_TAILNET(b->view, t)
	EACH_SUFFIX(t, s)
	fprintf(out, " /etc/resolver/%s", *s);
	fputc('\n', out);
}

static void macos_proxy(struct builder *b)
{
	FILE *out = build_code(b, "Browsers and apps, in Terminal (\"Ethernet\" for a cable):");

	fputs("sudo networksetup -setautoproxyurl \"Wi-Fi\" \"", out);
	pac_address(b, out);
	fputs("\"\n", out);
	fputs("sudo networksetup -setautoproxystate \"Wi-Fi\" off\n", build_undo(b));
	out = build_code(b,
		"Or the same as a profile for every network: open this address, then System "
		"Settings, General, Device Management:");
	fprintf(out, "open http://%s:%u/tsgw.mobileconfig\n", b->host, b->view->web_port);
	fprintf(build_undo(b), "sudo profiles remove -identifier io.tsgw.proxy\n");
}

void systems_macos(struct builder *b)
{
	if (has_names(b))
		macos_names(b);
	if (b->view->web_port)
		macos_proxy(b);
}

/* ---- iOS ---- */

void systems_ios(struct builder *b)
{
	FILE *out;

	if (!b->view->web_port)
		return;
	out = build_code(b,
		"Settings, Wi-Fi, the (i) beside your network, Configure Proxy, Automatic; "
		"as URL:");
	pac_address(b, out);
	fputc('\n', out);
	fputs("Settings, Wi-Fi, (i), Configure Proxy: Off\n", build_undo(b));
	out = build_code(b,
		"Or as a profile: open this address in Safari with the network's name in "
		"place of WIFI, then Settings, General, VPN & Device Management:");
	fprintf(out, "http://%s:%u/tsgw.mobileconfig?ssid=WIFI\n", b->host, b->view->web_port);
	fputs("Settings, General, VPN & Device Management, tsgw: Remove Profile\n", build_undo(b));
}

/* ---- Windows ---- */

static void windows_names(struct builder *b)
{
	FILE *out = build_code(b, "Names, in PowerShell as administrator:");

	EACH_TAILNET(b->view, t)
	EACH_SUFFIX(t, s)
	fprintf(out,
		"Add-DnsClientNrptRule -Namespace '.%s' -NameServers '%s' -Comment "
		"'tsgw %s'\n",
		*s, b->address, *s);
	fputs("Clear-DnsClientCache\n", out);
	out = build_undo(b);
	EACH_TAILNET(b->view, t)
	EACH_SUFFIX(t, s)
	fprintf(out,
		"Get-DnsClientNrptRule | Where-Object Comment -eq 'tsgw %s' | "
		"Remove-DnsClientNrptRule -Force\n",
		*s);
}

#define WINDOWS_KEY "'HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings'"

static void windows_proxy(struct builder *b)
{
	FILE *out = build_code(b, "Browsers and apps, in PowerShell:");

	fputs("Set-ItemProperty -Path " WINDOWS_KEY " -Name AutoConfigURL -Value '", out);
	pac_address(b, out);
	fputs("'\n", out);
	fputs("Remove-ItemProperty -Path " WINDOWS_KEY " -Name AutoConfigURL\n", build_undo(b));
}

/* There is no nc -X there: the gateway's own tsgwctl is the way in. */
static void windows_ssh(struct builder *b)
{
	FILE *out = build_code(b,
		"SSH, in %USERPROFILE%\\.ssh\\config (you need an account on the "
		"gateway, in group tsgw):");

	EACH_TAILNET(b->view, t)
	{
		fputs("Host", out);
		EACH_SUFFIX(t, s)
		fprintf(out, " *.%s", *s);
		fprintf(out, "\n\tProxyCommand ssh %s tsgwctl nc %s %%h %%p\n", b->view->host,
			t->name);
	}
	fputs("Remove these lines again.\n", build_undo(b));
}

void systems_windows(struct builder *b)
{
	if (has_names(b) && b->view->dns_port == 53) /* its rules know no other port */
		windows_names(b);
	if (b->view->web_port)
		windows_proxy(b);
	windows_ssh(b);
}

/* ---- Android ---- */

void systems_android(struct builder *b)
{
	FILE *out;

	if (!b->view->web_port)
		return;
	out = build_code(b,
		"Settings, Network & internet, Internet, the gear beside your network, Edit, "
		"Advanced options, Proxy: Proxy Auto-Config; as PAC URL:");
	pac_address(b, out);
	fputc('\n', out);
	fputs("The same place, Proxy: None\n", build_undo(b));
}
