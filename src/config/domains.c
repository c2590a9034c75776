// SPDX-License-Identifier: MIT
// What a domain name or an interface's name means to the world outside.
#include "config/domains.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/addr.h"
#include "common/cleanup.h"

static const char *last_label(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

const char *domains_refused_suffix(const char *name)
{
	/* RFC 6761, 6762, 7686, 8375 and the zones of in-addr.arpa */
	static const char *const reserved[] = {"local", "localhost", "arpa", "onion", "invalid"};
	const char *label = last_label(name);

	for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
		if ((*label | 0x20) == *reserved[i] && !strcasecmp(label, reserved[i]))
			return "is under a reserved top-level domain";
	if (strspn(label, "0123456789") == strlen(label))
		return "ends in a number: programs would take names under it for addresses";
	return NULL;
}

bool domains_is_public(const char *name)
{
	static const char *const generic[] = {"com", "net", "org", "edu", "gov", "mil", "int", "io",
		"dev", "app", "ai", "cloud", "co", "me", "info", "biz", "name", "pro", "xyz",
		"online", "site", "tech"};
	/* ISO 3166-1 alpha-2, and ac, eu, su, uk, which the root zone has besides */
	static const char countries[] =
		"acadaeafagaialamaoaqarasatauawaxazbabbbdbebfbgbhbibjblbmbnbobqbrbsbtbvbwbybzcacccd"
		"cf"
		"cgchcickclcmcncocrcucvcwcxcyczdedjdkdmdodzeceeegehereseteufifjfkfmfofrgagbgdgegfgg"
		"ghgi"
		"glgmgngpgqgrgsgtgugwgyhkhmhnhrhthuidieiliminioiqirisitjejmjojpkekgkhkikmknkpkrkwky"
		"kzla"
		"lblclilklrlsltlulvlymamcmdmemfmgmhmkmlmmmnmompmqmrmsmtmumvmwmxmymznancnenfngninlno"
		"npnr"
		"nunzompapepfpgphpkplpmpnprpsptpwpyqarerorsrurwsasbscsdsesgshsisjskslsmsnsosrssstsu"
		"svsx"
		"sysztctdtftgthtjtktltmtntotrtttvtwtzuaugukumusuyuzvavcvevgvivnvuwfwsyeytzazmzw";

	if (strlen(name) > strlen("online"))
		return false;
	for (size_t i = 0; i < ELEMENTSOF(generic); i++)
		if ((*name | 0x20) == *generic[i] && !strcasecmp(name, generic[i]))
			return true;
	for (size_t i = 0; strlen(name) == 2 && countries[i]; i += 2)
		if (!strncasecmp(countries + i, name, 2))
			return true;
	return false;
}

bool domains_is_address(const char *name)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;

	if (addr_parse(name, &a) == 0)
		return true;
	if (strlen(name) >= sizeof(text))
		return false;
	for (unsigned char sep = '.';; sep = ':') {
		snprintf(text, sizeof(text), "%s", name);
		for (char *p = text; *p; p++)
			if (*p == '-')
				*p = (char)sep;
		if (addr_parse(text, &a) == 0)
			return true;
		if (sep == ':')
			return false;
	}
}

bool domains_is_ifname(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		if (*p <= ' ' || *p == 0x7f || *p == '/' || *p == ':' || *p == ',')
			return false;
	return true;
}
