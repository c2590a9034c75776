// SPDX-License-Identifier: MIT
// The state of a gateway: pool, record, locks and directories, below a directory of the test's own.
#include "supervisor/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "supervisor/poolindex.h"
#include "test.h"

static char base[64], run_dir[80], state_dir[80];
static struct store store = {.run_dir = run_dir, .state_dir = state_dir};

static void fresh(void)
{
	char command[192];

	snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s/*", base, base);
	CHECK(system(command) == 0);
	CHECK_EQ(store_init(&store), 0);
}

static const char *path_of(const char *dir, const char *name, const char *file)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s", dir, name, file);
	return path;
}

static void put(const char *path, const void *data, size_t len)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && fd_write_all(fd, data, len) == 0);
}

static struct prefix prefix(const char *text)
{
	struct prefix p = {0};

	CHECK_EQ(prefix_parse(text, &p), 0);
	return p;
}

static bool is(const struct prefix *p, const char *text)
{
	char buf[PREFIX_TEXT_MAX];

	prefix_format(p, buf);
	if (strcmp(buf, text))
		fprintf(stderr, "%s is not %s\n", buf, text);
	return !strcmp(buf, text);
}

/* Both directories, as if the tailnet had been started before. */
static void init(const char *name)
{
	CHECK_EQ(store_init_tailnet(&store, name), 0);
	CHECK_EQ(store_init_state(&store, name), 0);
}

/* ---- pool ---- */

static int get(
	const char *name, const char *pool, const char *used, struct prefix *ret, uint32_t *slot)
{
	struct prefix p = prefix(pool), u[8];
	char text[256];
	size_t n = 0;

	snprintf(text, sizeof(text), "%s", used);
	for (char *t = strtok(text, " "); t; t = strtok(NULL, " "))
		u[n++] = prefix(t);
	CHECK_EQ(store_init_tailnet(&store, name), 0);
	return store_pool_get(&store, name, &p, u, n, false, ret, slot);
}

static void pool_first_free(void)
{
	static const struct {
		const char *pool, *taken, *want; /* "" = none */
	} cases[] = {
		{"10.200.0.0/16", "", "10.200.0.0/30"},
		{"10.200.0.0/16", "10.200.0.0/30", "10.200.0.4/30"},
		{"10.200.0.0/16", "10.200.0.4/30 10.200.0.0/30", "10.200.0.8/30"},
		{"10.200.0.0/16", "10.200.0.4/30", "10.200.0.0/30"},
		{"10.200.0.0/16", "10.200.0.3/32", "10.200.0.4/30"},
		{"10.200.0.0/16", "10.200.0.5/32 10.200.0.0/32", "10.200.0.8/30"},
		{"10.200.0.0/16", "10.200.0.0/24", "10.200.1.0/30"},
		{"10.200.0.0/16", "10.200.0.77/24", "10.200.1.0/30"}, /* host bits */
		{"10.200.0.0/16", "10.200.0.0/24 10.200.0.16/30 10.200.1.0/31", "10.200.1.4/30"},
		{"10.200.0.0/16", "10.200.0.0/30 10.200.0.0/24 10.200.0.0/28", "10.200.1.0/30"},
		{"10.200.0.0/16", "192.168.0.0/16 10.201.0.0/16 fd00::/8", "10.200.0.0/30"},
		{"10.200.0.0/16", "10.0.0.0/8", ""},
		{"10.200.0.0/16", "10.200.0.0/17 10.200.128.0/17", ""},
		{"10.200.0.0/16", "0.0.0.0/0", ""},
		{"10.200.0.77/16", "", "10.200.0.0/30"},
		{"10.200.0.0/30", "", "10.200.0.0/30"},
		{"10.200.0.0/30", "10.200.0.2/32", ""},
		{"10.200.0.0/31", "", ""},
		{"10.200.0.0/32", "", ""},
		{"fd00::/64", "", ""},
		{"255.255.255.248/29", "255.255.255.248/30", "255.255.255.252/30"},
		{"255.255.255.248/29", "255.255.255.248/29", ""},
		{"255.255.255.252/30", "255.255.255.255/32", ""},
		{"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/30"},
		{"0.0.0.0/0", "0.0.0.0/1 128.0.0.0/1", ""},
		{"0.0.0.0/0", "0.0.0.0/8 1.0.0.0/30", "1.0.0.4/30"},
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		struct prefix pool = prefix(cases[i].pool), taken[8], got = {0};
		char text[256];
		size_t n = 0;
		int r;

		snprintf(text, sizeof(text), "%s", cases[i].taken);
		for (char *t = strtok(text, " "); t; t = strtok(NULL, " "))
			taken[n++] = prefix(t);
		r = store_pool_first(&pool, taken, n, &got);
		if (*cases[i].want)
			CHECK(r == 0 && is(&got, cases[i].want));
		else
			CHECK_EQ(r, -ENOSPC);
	}
}

/* Against the slow and obvious way, for many random sets. */
static void pool_first_free_oracle(void)
{
	unsigned seed = 7;

	for (int round = 0; round < 3000; round++) {
		struct prefix pool = prefix("10.9.0.0/24"), taken[24], copy[24], got, want = {0};
		size_t n = (size_t)rand_r(&seed) % ELEMENTSOF(taken);
		int r, r_want = -ENOSPC;

		for (size_t i = 0; i < n; i++)
			taken[i] = (struct prefix){
				.addr = addr_v4(0x0a0900c0u - 0xc0 + (uint32_t)rand_r(&seed) % 256),
				.len = (uint8_t)(25 + rand_r(&seed) % 8)};
		memcpy(copy, taken, sizeof(copy));
		for (uint32_t at = 0; at < 256 && r_want < 0; at += 4) {
			bool free_one = true;

			want = (struct prefix){.addr = addr_v4(0x0a090000 + at), .len = 30};
			for (size_t i = 0; i < n; i++)
				free_one &= !prefix_overlaps(&taken[i], &want);
			if (free_one)
				r_want = 0;
		}
		r = store_pool_first(&pool, copy, n, &got);
		CHECK_EQ(r, r_want);
		if (r == 0 && r_want == 0)
			CHECK(prefix_equal(&got, &want));
	}
}

static void pool_is_kept_by_name(void)
{
	struct prefix p;
	uint32_t slot = 0;

	fresh();
	CHECK_EQ(get("red", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.0/30") && slot == 1);
	CHECK_EQ(get("blue", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.4/30") && slot == 2);
	CHECK_EQ(get("green", "10.200.0.0/16", "10.200.0.9/32", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.12/30") && slot == 4);
	CHECK_EQ(store_pool_free(&store, "red"), 0);
	CHECK_EQ(store_pool_free(&store, "red"), 0);
	CHECK_EQ(store_pool_free(&store, "never"), 0);
	CHECK_EQ(store_pool_free(&store, ".."), -EINVAL);
	CHECK_EQ(get("blue", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.4/30") && slot == 2);
	CHECK_EQ(get("new", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.0/30") && slot == 1);
	/* the host has taken it meanwhile */
	CHECK_EQ(get("blue", "10.200.0.0/16", "10.200.0.0/29", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.8/30") && slot == 3);
	/* another pool, which holds the old one, or does not */
	CHECK_EQ(get("blue", "10.0.0.0/8", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.8/30") && slot == 1 + (200u << 16 | 8) / 4);
	CHECK_EQ(get("blue", "10.200.0.8/31", "", &p, &slot), -ENOSPC);
	CHECK_EQ(get("blue", "172.16.0.0/24", "", &p, &slot), 0);
	CHECK(is(&p, "172.16.0.0/30") && slot == 1);
}

/* What is given to many at once is what each would have got alone, in their order. */
static void pool_many_at_once(void)
{
	static const char *const names[] = {"a", "old", "b", "c", "d"};
	struct prefix pool = prefix("10.9.0.0/28"), used = prefix("10.9.0.5/32"), p;
	uint32_t slot;

	fresh();
	CHECK_EQ(get("old", "10.9.0.0/28", "10.9.0.0/29", &p, &slot), 0);
	CHECK(is(&p, "10.9.0.8/30"));
	for (size_t i = 0; i < 5; i++)
		CHECK_EQ(store_init_tailnet(&store, names[i]), 0);
	CHECK_EQ(store_pool_prepare(&store, names, 5, &pool, &used, 1), -ENOSPC);
	CHECK_EQ(get("old", "10.9.0.0/28", "", &p, &slot), 0);
	CHECK(is(&p, "10.9.0.8/30"));
	CHECK_EQ(get("a", "10.9.0.0/28", "", &p, &slot), 0);
	CHECK(is(&p, "10.9.0.0/30"));
	CHECK_EQ(get("b", "10.9.0.0/28", "", &p, &slot), 0);
	CHECK(is(&p, "10.9.0.12/30"));
	CHECK_EQ(access(path_of(state_dir, "c", "net"), F_OK), -1);
	CHECK_EQ(access(path_of(state_dir, "c", "net.new"), F_OK), -1);
}

static void pool_exhausted(void)
{
	char name[16];
	struct prefix p = {.len = 99};
	uint32_t slot = 99;

	fresh();
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		CHECK_EQ(get(name, "10.9.0.0/24", "", &p, &slot), 0);
		CHECK_EQ(slot, i + 1);
	}
	p.len = 99;
	CHECK_EQ(get("more", "10.9.0.0/24", "", &p, &slot), -ENOSPC);
	CHECK(p.len == 99 && slot == 64); /* untouched */
	CHECK_EQ(access(path_of(state_dir, "more", "net"), F_OK), -1);
	CHECK_EQ(store_pool_free(&store, "t31"), 0);
	CHECK_EQ(get("more", "10.9.0.0/24", "", &p, &slot), 0);
	CHECK_EQ(slot, 32);
}

static void pool_damaged_file(void)
{
	static const char *const texts[] = {"", "\n", "veth", "veth = ", "veth = \n",
		"veth = 10.200.0.4/30", "veth = 10.200.0.5/30\n", "veth = 10.200.0.4/29\n",
		"veth = 10.200.0.4\n", "veth = fd00::/30\n", " veth = 10.200.0.4/30\n",
		"veth=10.200.0.4/30\n", "veth = 10.200.0.4/30\n\n", "veth = 10.200.0.4/30 \n",
		"veth = 010.200.0.4/30\n", "veth = 10.200.0.4/030\n",
		"veth = 10.200.0.4/30\nveth = 10.200.0.8/30\n", "vath = 10.200.0.4/30\n",
		"VETH = 10.200.0.4/30\n"};
	struct prefix p;
	uint32_t slot;
	char long_text[200];

	fresh();
	CHECK_EQ(get("other", "10.200.0.0/16", "", &p, &slot), 0);
	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		CHECK_EQ(store_net_parse(texts[i], strlen(texts[i]), &p), -EBADMSG);
		init("red");
		put(path_of(state_dir, "red", "net"), texts[i], strlen(texts[i]));
		CHECK_EQ(get("red", "10.200.0.0/16", "10.200.0.0/28", &p, &slot), 0);
		CHECK(is(&p, "10.200.0.16/30"));
	}
	CHECK_EQ(store_net_parse("veth = 10.200.0.4/30\n", 21, &p), 0);
	CHECK_EQ(store_net_parse("veth = 10.200\0.4/30\n", 20, &p), -EBADMSG);
	memset(long_text, 'x', sizeof(long_text));
	put(path_of(state_dir, "red", "net"), long_text, sizeof(long_text));
	CHECK_EQ(get("red", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.4/30"));
	/* a leftover of a killed write, a directory where the file should be */
	put(path_of(state_dir, "red", "net.new"), "veth", 4);
	CHECK_EQ(store_pool_free(&store, "red"), 0);
	CHECK_EQ(access(path_of(state_dir, "red", "net.new"), F_OK), -1);
	CHECK_EQ(mkdir(path_of(state_dir, "red", "net"), 0700), 0);
	CHECK(get("red", "10.200.0.0/16", "", &p, &slot) < 0);
	CHECK_EQ(get("blue", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.4/30"));
}

static void forget(const char *name)
{
	CHECK_EQ(unlink(path_of(state_dir, name, "net")), 0);
	CHECK_EQ(rmdir(path_of(state_dir, name, "")), 0);
}

/* What pool.lock says of the others is worth no more than what it was told, and is made again. */
static void pool_index(void)
{
	static const char *const texts[] = {"", "\n", "tsgw-pool 1 another boot\na 10.200.0.4/30\n",
		"tsgw-pool 2 \n", "garbage", "a 10.200.0.0/30\n"};
	const char *path = strdup(path_of(state_dir, "pool.lock", ""));
	_cleanup_free_ char *good = NULL;
	struct prefix p;
	uint32_t slot;
	size_t len;

	((char *)path)[strlen(path) - 1] = '\0'; /* it is no directory */
	fresh();
	CHECK_EQ(get("a", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK_EQ(get("b", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.4/30"));
	CHECK_EQ(file_read(path, 4096, &good, &len), 0);
	CHECK(strstr(good, "\na 10.200.0.0/30\n") && strstr(good, "\nb 10.200.0.4/30\n"));
	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		put(path, texts[i], strlen(texts[i]));
		CHECK_EQ(get("c", "10.200.0.0/16", "", &p, &slot), 0);
		CHECK(is(&p, "10.200.0.8/30"));
		forget("c"); /* it is not there any more, so nor is what is noted of it */
	}
	for (size_t cut = 0; cut < len; cut++) { /* a write that was stopped */
		if (cut && good[cut - 1] == '\n')
			continue;
		put(path, good, cut);
		CHECK_EQ(get("d", "10.200.0.0/16", "", &p, &slot), 0);
		CHECK(is(&p, "10.200.0.8/30"));
		forget("d");
	}
	/* somebody has brought one from elsewhere */
	init("e");
	put(path_of(state_dir, "e", "net"), "veth = 10.200.0.8/30\n", 21);
	CHECK_EQ(get("f", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.12/30"));
	CHECK_EQ(store_pool_free(&store, "a"), 0);
	CHECK_EQ(get("g", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.0/30"));
	free((char *)path);
}

/* Who comes and goes by way of us is noted; who does in any other way is seen. */
static void pool_index_is_whole(void)
{
	struct prefix p;
	uint32_t slot;

	fresh();
	CHECK_EQ(get("a", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK_EQ(get("b", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK_EQ(mkdir(path_of(state_dir, "x", ""), 0700), 0);
	put(path_of(state_dir, "x", "net"), "veth = 10.200.0.8/30\n", 21);
	CHECK_EQ(get("c", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.12/30"));
	forget("a");
	CHECK_EQ(get("d", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.0/30"));
	/* noted, and not looked for any more: its file alone would not tell */
	CHECK_EQ(unlink(path_of(state_dir, "d", "net")), 0);
	CHECK_EQ(get("e", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.16/30"));
	CHECK_EQ(store_pool_free(&store, "d"), 0);
	CHECK_EQ(get("f", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK(is(&p, "10.200.0.0/30"));
}

/* Reads what a tailnet remembers; at the first one, somebody puts back a backup of another. */
static int read_during_restore(const struct store *s, const char *name, struct prefix *ret)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/late", state_dir);
	(void)mkdir(path, 0700);
	CHECK_EQ(prefix_parse(strcmp(name, "late") ? "10.200.0.0/30" : "10.200.0.4/30", ret), 0);
	return 0;
}

/* Who comes while it is looked who is there, and not under the lock, is found the next time. */
static void pool_index_during_restore(void)
{
	const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	struct pool_prefixes t = {0};
	char path[128];
	int fd;

	fresh();
	snprintf(path, sizeof(path), "%s/pool", base);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(store_init_state(&store, "first"), 0);
	/* a directory says no more of its time than a tick of the clock */
	CHECK_EQ(utimensat(AT_FDCWD, state_dir, long_ago, 0), 0);
	CHECK_EQ(poolindex_taken(fd, &store, "", read_during_restore, &t), 0);
	CHECK_EQ(t.n, 1);
	t.n = 0;
	CHECK_EQ(poolindex_taken(fd, &store, "", read_during_restore, &t), 0);
	CHECK_EQ(t.n, 2);
	free(t.items);
	close(fd);
}

/* Nothing is written, nothing needs to be there. */
static void pool_dry_run(void)
{
	struct prefix pool = prefix("10.200.0.0/16"), p;
	struct store none = {.run_dir = "/nonexistent/run", .state_dir = "/nonexistent/state"};
	uint32_t slot;

	fresh();
	CHECK_EQ(store_pool_get(&none, "red", &pool, NULL, 0, true, &p, &slot), 0);
	CHECK(is(&p, "10.200.0.0/30") && slot == 1);
	CHECK_EQ(store_pool_get(&store, "red", &pool, NULL, 0, true, &p, &slot), 0);
	CHECK_EQ(access(path_of(state_dir, "pool.lock", ""), F_OK), -1);
	CHECK_EQ(get("blue", "10.200.0.0/16", "", &p, &slot), 0);
	CHECK_EQ(store_pool_get(&store, "red", &pool, NULL, 0, true, &p, &slot), 0);
	CHECK(is(&p, "10.200.0.4/30"));
	CHECK_EQ(access(path_of(state_dir, "red", "net"), F_OK), -1);
	CHECK_EQ(store_pool_get(&none, "red", &pool, NULL, 0, false, &p, &slot), -ENOENT);
	CHECK_EQ(store_pool_get(&store, "../red", &pool, NULL, 0, false, &p, &slot), -EINVAL);
}

static void pool_unwritable(void)
{
	struct prefix p;
	uint32_t slot;

	fresh();
	if (geteuid() == 0) {
		printf("# as root every directory can be written: a file in its place stands for "
		       "it\n");
		init("red");
		CHECK_EQ(mkdir(path_of(state_dir, "red", "net.new"), 0700), 0);
	} else {
		init("red");
		CHECK_EQ(chmod(path_of(state_dir, "red", ""), 0500), 0);
	}
	struct prefix pool = prefix("10.200.0.0/16");
	CHECK(store_pool_get(&store, "red", &pool, NULL, 0, false, &p, &slot) < 0);
	CHECK_EQ(access(path_of(state_dir, "red", "net"), F_OK), -1);
	chmod(path_of(state_dir, "red", ""), 0700);
}

/* Four processes take at once: no /30 is given twice. */
static void pool_in_parallel(void)
{
	struct prefix seen[80];
	size_t n = 0;

	fresh();
	for (int c = 0; c < 4; c++) {
		if (fork() != 0)
			continue;
		for (int i = 0; i < 20; i++) {
			struct prefix p;
			uint32_t slot;
			char name[32];

			snprintf(name, sizeof(name), "c%d-%d", c, i);
			if (get(name, "10.200.0.0/16", "", &p, &slot) < 0)
				_exit(1);
		}
		_exit(0);
	}
	for (int c = 0; c < 4; c++) {
		int status = 1;

		CHECK(wait(&status) > 0 && status == 0);
	}
	for (int c = 0; c < 4; c++) {
		for (int i = 0; i < 20; i++) {
			char name[32];
			uint32_t slot;

			snprintf(name, sizeof(name), "c%d-%d", c, i);
			CHECK_EQ(get(name, "10.200.0.0/16", "", &seen[n], &slot), 0);
			CHECK(slot <= 80);
			for (size_t k = 0; k < n; k++)
				CHECK(!prefix_equal(&seen[k], &seen[n]));
			n++;
		}
	}
}

/* ---- the record ---- */

static const struct made full = {
	.netns = {.dev = 4, .ino = 4026532345},
	.link = "tsgw-red",
	.resolv_conf = true,
	.uapi_link = "tsgw-0123456789",
	.table = true,
	.forwards = {[0] = {"eth0.100", 4, 0}, [STORE_FORWARDS_MAX - 1] = {"=a:b%-", 6, 1}},
	.processes = {[0] = {1234, 998877, 1900000008, 0x0123456789abcdef},
		[1] = {4194304, UINT64_MAX, UINT32_MAX, UINT64_MAX},
		[STORE_PIDS_MAX - 1] = {2, 3, 4, 0}},
};

static void check_same(const struct made *a, const struct made *b)
{
	CHECK(a->netns.dev == b->netns.dev && a->netns.ino == b->netns.ino);
	CHECK_STR(a->link, b->link);
	CHECK_STR(a->uapi_link, b->uapi_link);
	CHECK_EQ(a->resolv_conf, b->resolv_conf);
	CHECK_EQ(a->table, b->table);
	for (size_t i = 0; i < STORE_FORWARDS_MAX; i++) {
		CHECK_STR(a->forwards[i].ifname, b->forwards[i].ifname);
		CHECK_EQ(a->forwards[i].family, b->forwards[i].family);
		CHECK_EQ(a->forwards[i].old, b->forwards[i].old);
	}
	for (size_t i = 0; i < STORE_PIDS_MAX; i++) {
		CHECK_EQ(a->processes[i].pid, b->processes[i].pid);
		CHECK(a->processes[i].start_ticks == b->processes[i].start_ticks);
		CHECK_EQ(a->processes[i].uid, b->processes[i].uid);
		CHECK(a->processes[i].build == b->processes[i].build);
	}
}

static void made_round_trip(void)
{
	struct made m, empty = {0};
	uint64_t ticks;

	fresh();
	init("red");
	CHECK_EQ(store_made_read(&store, "red", &m), -ENOENT);
	CHECK_EQ(store_made_write(&store, "red", &full), 0);
	CHECK_EQ(store_made_read(&store, "red", &m), 0);
	check_same(&m, &full);
	CHECK_EQ(m.owner.pid, getpid());
	CHECK_EQ(store_process_start(getpid(), &ticks), 0);
	CHECK(m.owner.start_ticks == ticks);
	CHECK_EQ(store_made_write(&store, "red", &empty), 0);
	CHECK_EQ(store_made_read(&store, "red", &m), 0);
	check_same(&m, &empty);
	CHECK_EQ(access(path_of(run_dir, "red", "made.new"), F_OK), -1);
	put(path_of(run_dir, "red", "made.new"), "x", 1);
	CHECK_EQ(store_made_remove(&store, "red"), 0);
	CHECK_EQ(store_made_remove(&store, "red"), 0);
	CHECK_EQ(access(path_of(run_dir, "red", "made.new"), F_OK), -1);
	CHECK_EQ(store_made_read(&store, "red", &m), -ENOENT);
}

static void made_bad_names(void)
{
	struct made m = full;
	char text[STORE_MADE_TEXT_MAX];

	strcpy(m.link, "tsgw red");
	CHECK_EQ(store_made_format(&m, text), -EINVAL);
	strcpy(m.link, "../../x");
	CHECK_EQ(store_made_format(&m, text), -EINVAL);
	memset(m.link, 'x', sizeof(m.link));
	CHECK_EQ(store_made_format(&m, text), -EINVAL);
}

/* Every byte changed to every other, every length: never taken for a record. */
static void made_damage_at_every_byte(void)
{
	char text[STORE_MADE_TEXT_MAX], bad[STORE_MADE_TEXT_MAX + 1];
	int len = store_made_format(&full, text);
	struct made m;

	CHECK(len > 0);
	CHECK_EQ(store_made_parse(text, (size_t)len, &m), 0);
	check_same(&m, &full);
	for (int i = 0; i < len; i++) {
		CHECK_EQ(store_made_parse(text, (size_t)i, &m), -EBADMSG);
		memcpy(bad, text, (size_t)len);
		for (int c = 0; c < 256; c++) {
			bad[i] = (char)c;
			if (bad[i] != text[i])
				CHECK_EQ(store_made_parse(bad, (size_t)len, &m), -EBADMSG);
		}
		memmove(bad + i, text + i + 1, (size_t)(len - i - 1));
		CHECK_EQ(store_made_parse(bad, (size_t)len - 1, &m), -EBADMSG);
	}
	memcpy(bad, text, (size_t)len);
	bad[len] = '\n';
	CHECK_EQ(store_made_parse(bad, (size_t)len + 1, &m), -EBADMSG);
	bad[len] = '\0';
	CHECK_EQ(store_made_parse(bad, (size_t)len + 1, &m), -EBADMSG);
	memset(bad, 'x', sizeof(bad));
	CHECK_EQ(store_made_parse(bad, sizeof(bad), &m), -EBADMSG);
}

static void made_damaged_file(void)
{
	struct made m;
	char big[4096] = {0};

	fresh();
	init("red");
	put(path_of(run_dir, "red", "made"), "", 0);
	CHECK_EQ(store_made_read(&store, "red", &m), -EBADMSG);
	put(path_of(run_dir, "red", "made"), big, sizeof(big));
	CHECK_EQ(store_made_read(&store, "red", &m), -EBADMSG);
}

/* ---- processes, locks, directories ---- */

static void process_start(void)
{
	uint64_t a = 0, b = 0, c = 1;
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	CHECK_EQ(store_process_start(getpid(), &a), 0);
	CHECK_EQ(store_process_start(getpid(), &b), 0);
	CHECK(a == b && a > 0);
	CHECK_EQ(store_process_start(pid, &c), 0);
	CHECK(c >= a);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	c = 1;
	CHECK_EQ(store_process_start(pid, &c), -ESRCH);
	CHECK_EQ(c, 1);
}

static void process_with_a_nasty_name(void)
{
	uint64_t a = 0, b = 0;
	_cleanup_close_ int fd = open("/proc/self/comm", O_WRONLY | O_CLOEXEC);

	CHECK_EQ(store_process_start(getpid(), &a), 0);
	CHECK(fd >= 0 && write(fd, ") R 1 2 3 (", 11) == 11);
	CHECK_EQ(store_process_start(getpid(), &b), 0);
	CHECK(a == b);
}

static void lock_is_exclusive(void)
{
	int fd = -1, other = -1, front = -1;
	pid_t holder = 0;
	struct stat st;

	fresh();
	CHECK_EQ(store_lock(&store, "red", &fd, NULL), -ENOENT);
	init("red");
	init("blue");
	CHECK_EQ(store_lock(&store, "red", &fd, NULL), 0);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK_EQ(store_lock(&store, "red", &other, &holder), -EAGAIN);
	CHECK_EQ(holder, getpid());
	CHECK_EQ(other, -1);
	CHECK_EQ(store_lock(&store, "blue", &other, NULL), 0);
	CHECK_EQ(store_lock(&store, NULL, &front, NULL), 0);
	CHECK_EQ(store_lock(&store, NULL, &front, &holder), -EAGAIN);
	fd_closep(&fd);
	CHECK_EQ(store_lock(&store, "red", &fd, &holder), 0);
	fd_closep(&fd);
	fd_closep(&other);
	fd_closep(&front);
	/* a symbolic link does not lead elsewhere */
	CHECK_EQ(unlink(path_of(run_dir, "red", "lock")), 0);
	CHECK_EQ(symlink("/dev/null", path_of(run_dir, "red", "lock")), 0);
	CHECK_EQ(store_lock(&store, "red", &fd, NULL), -ELOOP);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void directories(void)
{
	mode_t mask = umask(0);

	fresh();
	CHECK_EQ(mode_of(run_dir), 0755);
	CHECK_EQ(mode_of(state_dir), 0700);
	CHECK_EQ(mode_of(path_of(run_dir, ".empty", "")), 0555);
	umask(077);
	init("red");
	CHECK_EQ(mode_of(path_of(run_dir, "red", "")), 0755);
	CHECK_EQ(mode_of(path_of(state_dir, "red", "")), 0700);
	CHECK_EQ(store_init(&store), 0);
	CHECK_EQ(store_init_tailnet(&store, "../x"), -EINVAL);
	/* others may write in it: it is not ours to trust */
	CHECK_EQ(chmod(run_dir, 0777), 0);
	CHECK_EQ(store_init(&store), -EPERM);
	CHECK_EQ(chmod(run_dir, 0755), 0);
	CHECK_EQ(chmod(path_of(state_dir, "red", ""), 0770), 0);
	CHECK_EQ(store_init_tailnet(&store, "red"), -EPERM);
	umask(mask);
}

static void directory_is_a_file(void)
{
	char path[128];

	fresh();
	snprintf(path, sizeof(path), "%s/red", state_dir);
	put(path, "", 0);
	CHECK_EQ(store_init_tailnet(&store, "red"), -ENOTDIR);
}

static void mark_has_no_links_in_its_path(void)
{
	char mark[STORE_MARK_MAX], again[STORE_MARK_MAX], link_path[128], slash[128], want[128];
	struct store other = {.run_dir = link_path, .state_dir = state_dir};

	fresh();
	store_mark(&store, mark);
	snprintf(want, sizeof(want), "tsgw:%s", run_dir);
	CHECK_STR(mark, want);
	snprintf(link_path, sizeof(link_path), "%s/other", base);
	CHECK_EQ(symlink(run_dir, link_path), 0);
	store_mark(&other, again);
	CHECK_STR(again, mark);
	snprintf(slash, sizeof(slash), "%s/./", run_dir);
	other.run_dir = slash;
	store_mark(&other, again);
	CHECK_STR(again, mark);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char command[192];

	log_set_level(LOG_EMERG);
	snprintf(
		base, sizeof(base), "%s/tsgw-store-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	if (!mkdtemp(base))
		return 1;
	snprintf(run_dir, sizeof(run_dir), "%s/run", base);
	snprintf(state_dir, sizeof(state_dir), "%s/state", base);
	RUN(pool_first_free);
	RUN(pool_first_free_oracle);
	RUN(pool_is_kept_by_name);
	RUN(pool_many_at_once);
	RUN(pool_exhausted);
	RUN(pool_damaged_file);
	RUN(pool_index);
	RUN(pool_index_is_whole);
	RUN(pool_index_during_restore);
	RUN(pool_dry_run);
	RUN(pool_unwritable);
	RUN(pool_in_parallel);
	RUN(made_round_trip);
	RUN(made_bad_names);
	RUN(made_damage_at_every_byte);
	RUN(made_damaged_file);
	RUN(process_start);
	RUN(process_with_a_nasty_name);
	RUN(lock_is_exclusive);
	RUN(directories);
	RUN(directory_is_a_file);
	RUN(mark_has_no_links_in_its_path);
	snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", base, base);
	if (system(command) != 0)
		return 1;
	return TEST_END();
}
