// SPDX-License-Identifier: MIT
// Sizes, durations, tables and distances as tsgwctl prints them.
#include <stdlib.h>

#include "common/distance.h"
#include "report/text.h"
#include "test.h"

static void sizes(void)
{
	static const struct {
		uint64_t n;
		const char *text;
	} vectors[] = {
		{0, "0"},
		{1, "1 B"},
		{999, "999 B"},
		{1000, "1.0 kB"},
		{1049, "1.0 kB"},
		{1050, "1.1 kB"},
		{9949, "9.9 kB"},
		{9950, "10 kB"},
		{80000000, "80 MB"},
		{1200000000, "1.2 GB"},
		{999499999, "999 MB"},
		{999500000, "1.0 GB"},
		{10499999999, "10 GB"},
		{UINT64_MAX, "18 EB"},
	};
	char buf[TEXT_SIZE_MAX];

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		CHECK_STR(text_bytes(vectors[i].n, buf), vectors[i].text);
}

static void durations(void)
{
	static const struct {
		uint64_t s;
		const char *text;
	} vectors[] = {
		{0, "0s"},
		{12, "12s"},
		{59, "59s"},
		{60, "1m"},
		{200, "3m 20s"},
		{3600, "1h"},
		{3659, "1h"},
		{86399, "23h 59m"},
		{86400, "1d"},
		{2 * 86400 + 4 * 3600 + 59, "2d 4h"},
		{UINT64_MAX, "213503982334601d 7h"},
	};
	char buf[TEXT_SIZE_MAX];

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		CHECK_STR(text_duration(vectors[i].s, buf), vectors[i].text);
}

static void tables(void)
{
	struct table t = {.columns = 3};
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	CHECK_EQ(table_add(&t, "NAME"), 0);
	CHECK_EQ(table_add(&t, "RX"), 0);
	CHECK_EQ(table_add(&t, "UP"), 0);
	CHECK_EQ(table_add(&t, "%s", "a-long-one"), 0);
	CHECK_EQ(table_add(&t, "%s", ""), 0);
	CHECK_EQ(table_add(&t, "%d", 12), 0);
	table_print(&t, f);
	fclose(f);
	CHECK_STR(text, "NAME        RX  UP\na-long-one  -   12\n");
	free(text);
	table_free(&t);
	CHECK_EQ(t.n, 0);
}

static void joins(void)
{
	char buf[8] = "";

	text_join(buf, sizeof(buf), "ab");
	text_join(buf, sizeof(buf), "cd");
	CHECK_STR(buf, "ab,cd");
	text_join(buf, sizeof(buf), "xyz"); /* would not fit: left out whole */
	CHECK_STR(buf, "ab,cd");
	text_join(buf, sizeof(buf), "x");
	CHECK_STR(buf, "ab,cd,x");
}

static void distances(void)
{
	CHECK_EQ(distance_edits("", ""), 0);
	CHECK_EQ(distance_edits("red", "red"), 0);
	CHECK_EQ(distance_edits("rde", "red"), 2);
	CHECK_EQ(distance_edits("re", "red"), 1);
	CHECK_EQ(distance_edits("", "red"), 3);
	CHECK_EQ(distance_edits("kitten", "sitting"), 3);
}

static void json_is_utf8(void)
{
	json_t *j = text_json("gr\xc3\xbc\xc3\x9f"
			      "e");

	CHECK_STR(json_string_value(j),
		"gr\xc3\xbc\xc3\x9f"
		"e");
	json_decref(j);
	j = text_json("bad \xff\xfe end");
	CHECK_STR(json_string_value(j), "bad ?? end");
	json_decref(j);
}

static const char *red(size_t row, size_t column, const char *text)
{
	return row && column == 1 ? "31" : NULL;
}

static void narrow_tables(void)
{
	static const struct {
		size_t width;
		bool colours;
		const char *text;
	} vectors[] = {
		{0, false, "NAME  STATE  ENGINE\nfgpu  up     wireguard-and-more\n"},
		{80, false, "NAME  STATE  ENGINE\nfgpu  up     wireguard-and-more\n"},
		{31, false, "NAME  STATE  ENGINE\nfgpu  up     wireguard-and-more\n"},
		{30, false, "NAME  STATE\n    ENGINE\nfgpu  up\n    wireguard-and-more\n"},
		{20, false, "NAME  STATE\n    ENGINE\nfgpu  up\n    wireguard-and...\n"},
		/* no terminal is so narrow */
		{5, false, "NAME  STATE  ENGINE\nfgpu  up     wireguard-and-more\n"},
		{0, true, "NAME  STATE  ENGINE\nfgpu  \033[31mup\033[0m     wireguard-and-more\n"},
	};
	static const char *const cells[] = {
		"NAME", "STATE", "ENGINE", "fgpu", "up", "wireguard-and-more"};
	struct table t = {.columns = 3, .colour = red};

	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		CHECK_EQ(table_add(&t, "%s", cells[i]), 0);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *f = open_memstream(&text, &size);

		table_print_width(&t, f, vectors[i].width, vectors[i].colours);
		fclose(f);
		CHECK_STR(text, vectors[i].text);
		free(text);
	}
	table_free(&t);
}

int main(void)
{
	RUN(sizes);
	RUN(durations);
	RUN(tables);
	RUN(narrow_tables);
	RUN(joins);
	RUN(distances);
	RUN(json_is_utf8);
	return TEST_END();
}
