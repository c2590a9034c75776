// SPDX-License-Identifier: MIT
// Files of a hand-made gateway: whatever they hold, what is printed is sections, keys and comments.
//
// The input is several files with NUL bytes between them; the first byte of each says what it is called.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/parse.h"
#include "ctl/tsproxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_section(const char *line, size_t len)
{
	static const char *const kinds[] = {"[tailnet ", "[hosts "};
	char name[TSPROXY_TEXT_MAX];

	if (len == 9 && !memcmp(line, "[gateway]", 9))
		return;
	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(kinds[i]);

		if (len < n + 1 || strncmp(line, kinds[i], n) != 0 || line[len - 1] != ']' ||
			len - n - 1 >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(len - n - 1), line + n);
		if (parse_is_tailnet_name(name))
			return;
	}
	abort();
}

static void check_line(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			abort();
	if (!len || *line == ';')
		return;
	if (*line == '[')
		check_section(line, len);
	else if (!memmem(line, len, " = ", 3) || memchr(line, ';', len) || memchr(line, '\\', len))
		abort();
}

static void check(const struct tsproxy *t)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return;
	tsproxy_print(t, f);
	fclose(f);
	for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
		check_line(line, (size_t)(end - line));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"Corefile", "a-tsFGPU.service", "x.sh", "x.corefile"};
	struct tsproxy *t = calloc(1, sizeof(*t));
	char *all = malloc(size + 1), *file = all;

	if (t && all) {
		memcpy(all, data, size);
		all[size] = '\0';
		while (file < all + size) {
			size_t len = strlen(file);

			if (len)
				tsproxy_feed(t, names[(unsigned char)*file % 4], file + 1);
			file += len + 1;
		}
		if (!tsproxy_finish(t))
			check(t);
		tsproxy_free(t);
	}
	free(all);
	free(t);
	return 0;
}
