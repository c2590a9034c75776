// SPDX-License-Identifier: MIT
// Replays the seeds of one fuzz target: every file of the directories and files named as arguments.
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	struct stat st;
	uint8_t *data;
	FILE *f = fopen(path, "re");

	if (!f || fstat(fileno(f), &st) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		if (f)
			fclose(f);
		return -errno;
	}
	/* exactly the size, so that a sanitizer sees the first byte past the end */
	data = malloc((size_t)st.st_size ? (size_t)st.st_size : 1);
	if (!data || fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
		fprintf(stderr, "%s: short read\n", path);
		free(data);
		fclose(f);
		return -EIO;
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	free(data);
	return 0;
}

static int replay_directory(const char *path, DIR *d, int *count)
{
	char name[4096];

	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (replay_file(name) < 0)
			return -EIO;
		++*count;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
	int count = 0, failed = 0;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);

		if (d) {
			failed |= replay_directory(argv[i], d, &count) < 0;
			closedir(d);
		} else {
			failed |= replay_file(argv[i]) < 0;
			count++;
		}
	}
	if (!count)
		fprintf(stderr, "%s: no seeds\n", name);
	printf("%s fuzz seeds of %s (%d)\n", failed || !count ? "not ok" : "ok", name, count);
	return failed || !count;
}
