// SPDX-License-Identifier: MIT
// Any bytes as tsgw.ini, and behind the first 0xff byte as every wg-quick file that it names. What loads
// without an error must print to a text that loads again and prints the same.
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "config/load.h"

#define FUZZ_MAX 65536

static const uint8_t *wg_text;
static size_t wg_len;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_wg(const char *path, struct source *ret)
{
	if (!wg_text)
		return -ENOENT;
	ret->text = malloc(wg_len + 1);
	if (!ret->text)
		return -ENOMEM;
	memcpy(ret->text, wg_text, wg_len);
	ret->text[wg_len] = '\0';
	ret->len = wg_len;
	ret->mode = 0600;
	return 0;
}

static struct config *load(const void *text, size_t len)
{
	struct config *c = NULL;
	struct loader l;
	char *copy;

	if (load_begin(&l, "/etc/tsgw/tsgw.ini") < 0)
		abort();
	l.read = read_wg;
	copy = malloc(len + 1);
	if (!copy)
		abort();
	memcpy(copy, text, len);
	copy[len] = '\0';
	load_ini(&l, load_file_name(&l, "/etc/tsgw/tsgw.ini"), copy, len);
	free(copy);
	if (load_end(&l, &c) < 0)
		abort();
	return c;
}

static char *print(const struct config *c)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	config_print(c, f);
	fclose(f);
	return text;
}

/* Each problem is one printable line, and the flags say what the problems say. */
static void check_problems(const struct config *c)
{
	bool errors = false;

	for (size_t i = 0; i < c->n_problems; i++) {
		errors |= !c->problems[i].warning;
		for (const char *p = c->problems[i].text; *p; p++)
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				abort();
	}
	if (errors != c->errors || (c->fatal && !c->errors))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *split = memchr(data, 0xff, size);
	struct config *c, *again;

	if (size > FUZZ_MAX)
		return 0;
	wg_text = split ? split + 1 : NULL;
	wg_len = split ? size - (size_t)(split + 1 - data) : 0;
	c = load(data, split ? (size_t)(split - data) : size);
	check_problems(c);
	if (!c->errors) {
		_cleanup_free_ char *first = print(c), *second = NULL;

		again = load(first, strlen(first));
		second = print(again);
		if (again->errors || strcmp(first, second))
			abort();
		for (size_t i = 0; i < c->n_tailnets; i++)
			if (!wg_config_equal(c->tailnets[i]->wg, again->tailnets[i]->wg))
				abort();
		config_free(again);
	}
	config_free(c);
	return 0;
}
