// SPDX-License-Identifier: MIT
// From the text a client names a destination with to addresses: literals, dotted and dashed addresses
// under a suffix, [hosts].
#include "proxy/resolve.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 63

static void lower(char *to, const char *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (char)tolower((unsigned char)from[i]);
	to[len] = '\0';
}

/* Letters, digits, '-', '_' in labels of 1…63; hyphens anywhere ("fd00--" is fd00::). */
static bool is_name(const char *text, size_t len)
{
	size_t label = 0;

	if (!len || len >= MSG_DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '.') {
			if (!label)
				return false;
			label = 0;
			continue;
		}
		if (c >= 0x80 || !(isalnum(c) || c == '-' || c == '_') || ++label > LABEL_MAX)
			return false;
	}
	return label > 0;
}

static int append(void **array, size_t *n, size_t size, size_t max, const void *item)
{
	/* grows at every power of two, so the count alone says how much there is */
	if (*n >= max)
		return -ENOSPC;
	if (!(*n & (*n - 1))) {
		void *more = realloc(*array, (*n ? *n * 2 : 1) * size);

		if (!more)
			return -ENOMEM;
		*array = more;
	}
	memcpy((char *)*array + *n * size, item, size);
	++*n;
	return 0;
}

int resolve_add_suffix(struct resolve_names *n, const char *text)
{
	struct resolve_suffix item = {0};
	void *array = n->suffixes;
	int r;

	if (!is_name(text, strlen(text)))
		return -EINVAL;
	lower(item.text, text, strlen(text));
	r = append(&array, &n->n_suffixes, sizeof(item), RESOLVE_SUFFIXES_MAX, &item);
	n->suffixes = array;
	return r;
}

static bool is_word(
	const struct suffix_entry *all, size_t first, size_t bytes, uint32_t at, size_t max)
{
	return at >= first && at < bytes && strnlen(suffix_word(all, at), max) < max;
}

int resolve_set_all(
	struct resolve_names *n, const struct suffix_entry *all, size_t n_all, size_t bytes)
{
	size_t first = n_all * sizeof(*all);

	if (bytes <= first || suffix_word(all, 0)[bytes - 1])
		return -EBADMSG;
	for (size_t i = 0; i < n_all; i++)
		if (!is_word(all, first, bytes, all[i].text, MSG_DOMAIN_MAX) ||
			!is_word(all, first, bytes, all[i].tailnet, MSG_NAME_MAX) ||
			(i &&
				strcmp(suffix_word(all, all[i - 1].text),
					suffix_word(all, all[i].text)) > 0))
			return -EBADMSG;
	n->all = all;
	n->n_all = n_all;
	return 0;
}

int resolve_add_host(struct resolve_names *n, const char *name, const struct addr *a)
{
	struct resolve_host item = {.order = (uint32_t)n->n_hosts, .addr = *a};
	void *array = n->hosts;
	int r;

	if (!is_name(name, strlen(name)))
		return -EINVAL;
	lower(item.name, name, strlen(name));
	r = append(&array, &n->n_hosts, sizeof(item), RESOLVE_HOSTS_MAX, &item);
	n->hosts = array;
	return r;
}

static int compare_hosts(const void *x, const void *y)
{
	const struct resolve_host *a = x, *b = y;
	int c = strcmp(a->name, b->name);

	if (c)
		return c;
	return a->order < b->order ? -1 : a->order > b->order;
}

void resolve_seal(struct resolve_names *n)
{
	if (n->n_hosts)
		qsort(n->hosts, n->n_hosts, sizeof(*n->hosts), compare_hosts);
}

void resolve_free(struct resolve_names *n)
{
	free(n->suffixes);
	free(n->hosts);
	*n = (struct resolve_names){0};
}

static bool is_own_suffix(const struct resolve_names *n, const char *text)
{
	for (size_t i = 0; i < n->n_suffixes; i++)
		if (!strcmp(n->suffixes[i].text, text))
			return true;
	return false;
}

static const struct suffix_entry *find_suffix(const struct resolve_names *n, const char *text)
{
	size_t low = 0, high = n->n_all;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(suffix_word(n->all, n->all[mid].text), text) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n->n_all && !strcmp(suffix_word(n->all, n->all[low].text), text) ? &n->all[low]
										      : NULL;
}

/* True if NAME is under a suffix; the longest counts. *ret_rel = length of what stands before it and its dot,
 * *ret_foreign = whose it is, nobody's if it is our own. */
static bool match_suffix(const struct resolve_names *n, const char *name, size_t *ret_rel,
	struct resolve_foreign *ret_foreign)
{
	const char *at = name;

	*ret_foreign = (struct resolve_foreign){0};
	for (;;) {
		bool own = is_own_suffix(n, at);
		const struct suffix_entry *other = own ? NULL : find_suffix(n, at);

		*ret_rel = at == name ? 0 : (size_t)(at - name - 1);
		if (other)
			*ret_foreign = (struct resolve_foreign){
				suffix_word(n->all, other->tailnet), other->port};
		if (own || other)
			return true;
		at = strchr(at, '.');
		if (!at)
			return false;
		at++;
	}
}

static bool find_hosts(const struct resolve_names *n, const char *name, struct resolve_result *ret)
{
	size_t low = 0, high = n->n_hosts;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(n->hosts[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < n->n_hosts && !strcmp(n->hosts[low].name, name); low++)
		if (ret->n < RESOLVE_ADDRS_MAX)
			ret->addrs[ret->n++] = n->hosts[low].addr;
	return ret->n > 0;
}

/* "10.1.2.3", "10-1-2-3", "fd7a-115c--1": LABELS as they stand before a suffix. */
static bool parse_labels(const char *labels, struct addr *ret)
{
	char text[ADDR_TEXT_MAX];
	size_t len = strlen(labels);
	struct addr a;

	if (addr_parse(labels, &a) == 0 && a.family == 4)
		goto found;
	if (len >= sizeof(text) || strchr(labels, '.'))
		return false;
	for (int v6 = 0; v6 < 2; v6++) {
		for (size_t i = 0; i <= len; i++)
			text[i] = labels[i] != '-' ? labels[i] : v6 ? ':' : '.';
		if (addr_parse(text, &a) == 0)
			goto found;
	}
	return false;
found:
	*ret = a;
	return true;
}

/* "localhost", "127.1", "0x7f000001", "2130706433": what most programs take for an address, numbers as
 * inet_aton(3) does. It is judged as one, and at once: the DNS has no such names (RFC 3696, section 2). */
static bool parse_other_forms(const char *text, struct addr *ret)
{
	struct in_addr in = {.s_addr = htonl(INADDR_LOOPBACK)};
	size_t len = strlen(text);

	/* a name that no resolver is to be asked for (RFC 6761, section 6.3) */
	bool local = len >= 9 && !strcmp(text + len - 9, "localhost") &&
		(len == 9 || text[len - 10] == '.');

	if (!local && (!isdigit((unsigned char)*text) || !inet_aton(text, &in)))
		return false;
	*ret = (struct addr){.family = 4};
	memcpy(ret->bytes, &in, sizeof(in));
	return true;
}

static void resolve_name(const struct resolve_names *n, struct resolve_result *ret)
{
	char relative[MSG_DOMAIN_MAX];
	size_t len;
	bool under = match_suffix(n, ret->name, &len, &ret->foreign);

	if (ret->foreign.tailnet) {
		ret->kind = RESOLVE_FOREIGN;
		return;
	}
	if (!under) {
		ret->kind = RESOLVE_ADDRS;
		if (find_hosts(n, ret->name, ret))
			return;
		if (parse_other_forms(ret->name, &ret->addrs[0]))
			ret->n = 1;
		else
			ret->kind = RESOLVE_ASK;
		return;
	}
	memcpy(relative, ret->name, len);
	relative[len] = '\0';
	ret->relative = len;
	ret->kind = RESOLVE_ADDRS;
	if (find_hosts(n, relative, ret))
		return;
	if (parse_labels(relative, &ret->addrs[0]))
		ret->n = 1;
	else
		ret->kind = len ? RESOLVE_ASK : RESOLVE_NONE;
}

void resolve_text(
	const struct resolve_names *n, const char *text, size_t len, struct resolve_result *ret)
{
	ret->kind = RESOLVE_BAD;
	ret->name[0] = '\0';
	ret->n = 0;
	ret->foreign = (struct resolve_foreign){0};
	ret->relative = 0;
	ret->absolute = false;
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		if (addr_parse_n(text + 1, len - 2, &ret->addrs[0]) < 0 ||
			ret->addrs[0].family != 6)
			return;
		lower(ret->name, text, len);
		ret->kind = RESOLVE_ADDRS;
		ret->n = 1;
		return;
	}
	if (len && text[len - 1] == '.') {
		len--;
		ret->absolute = true;
	}
	if (len && len < ADDR_TEXT_MAX && addr_parse_n(text, len, &ret->addrs[0]) == 0) {
		lower(ret->name, text, len);
		ret->kind = RESOLVE_ADDRS;
		ret->n = 1;
		return;
	}
	if (!is_name(text, len))
		return;
	lower(ret->name, text, len);
	resolve_name(n, ret);
}
