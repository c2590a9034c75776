// SPDX-License-Identifier: MIT
// Apple configuration profiles (Configuration Profile Reference) that carry the PAC's address.
#include <stdint.h>

#include "clients/build.h"
#include "clients/markup.h"

static void key(const char *name, const char *value, FILE *out)
{
	fprintf(out, "\t<key>%s</key>\n\t<string>", name);
	markup_text(out, value);
	fputs("</string>\n", out);
}

static uint64_t mix(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 1099511628211u; /* FNV-1a */
	return h;
}

/* The same for the same gateway, so that a newer profile replaces the older one. */
static void uuid(const char *host, const char *what, FILE *out)
{
	uint64_t a = mix(mix(1469598103934665603u, what), host);
	uint64_t b = mix(mix(a, host), what);

	fprintf(out, "\t<key>PayloadUUID</key>\n\t<string>%08X-%04X-8%03X-%04X-%012llX</string>\n",
		(unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff,
		0x8000u | ((unsigned)(b >> 48) & 0x3fff),
		(unsigned long long)(b & 0xffffffffffffu));
}

static void proxy(const struct clients_view *v, const char *ssid, FILE *out)
{
	char host[CLIENTS_HOST_MAX + 2];

	clients_authority(v, host);
	if (ssid) {
		key("PayloadType", "com.apple.wifi.managed", out);
		key("SSID_STR", ssid, out);
		key("EncryptionType", "Any", out);
		fputs("\t<key>AutoJoin</key>\n\t<true/>\n", out);
		key("ProxyType", "Auto", out);
	} else {
		key("PayloadType", "com.apple.proxy.http.global", out);
		key("ProxyType", "Auto", out);
	}
	fprintf(out, "\t<key>ProxyPACURL</key>\n\t<string>http://%s:%u/proxy.pac</string>\n", host,
		v->web_port);
	/* without the gateway everything goes on as before */
	fputs("\t<key>ProxyPACFallbackAllowed</key>\n\t<true/>\n", out);
}

void clients_profile(const struct clients_view *view, const char *ssid, FILE *out)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	      "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
	      "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
	      "<plist version=\"1.0\">\n<dict>\n",
		out);
	key("PayloadType", "Configuration", out);
	key("PayloadIdentifier", "io.tsgw.proxy", out);
	key("PayloadDisplayName", "tsgw", out);
	key("PayloadDescription",
		"Names of the gateway's networks go through the gateway, everything else as "
		"before.",
		out);
	uuid(view->host, "profile", out);
	fputs("\t<key>PayloadVersion</key>\n\t<integer>1</integer>\n"
	      "\t<key>PayloadContent</key>\n\t<array>\n\t<dict>\n",
		out);
	proxy(view, ssid, out);
	key("PayloadIdentifier", ssid ? "io.tsgw.proxy.wifi" : "io.tsgw.proxy.global", out);
	key("PayloadDisplayName", "tsgw proxy", out);
	uuid(view->host, ssid ? ssid : "global", out);
	fputs("\t<key>PayloadVersion</key>\n\t<integer>1</integer>\n"
	      "\t</dict>\n\t</array>\n</dict>\n</plist>\n",
		out);
}
