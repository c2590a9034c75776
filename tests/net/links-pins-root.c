// SPDX-License-Identifier: MIT
// Pins below /run/netns beside the real iproute2, on shared and private mounts; locks of the run directory.
//
// Needs root. Nothing of the real host is touched: its /run is not to be seen from here.
#include "links-stage.h"

/* ---- pins, with the real iproute2 beside us ---- */

static size_t mounts_below_netns(const char *mountinfo)
{
	size_t n = 0;

	while ((mountinfo = strstr(mountinfo, " /run/netns/"))) {
		mountinfo++;
		n++;
	}
	return n;
}

static void pin_and_unpin(bool iproute_before, bool iproute_meanwhile)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	_cleanup_close_ int fd = -1, again = -1;
	struct netns_id a, b;

	if (iproute_before)
		CHECK_EQ(shell("ip netns add before"), 0);
	before = read_text("/proc/self/mountinfo");
	CHECK_EQ(netns_create(&fd), 0);
	CHECK_EQ(netns_pin(fd, PIN), 0);
	CHECK_EQ(netns_pin(fd, PIN), -EEXIST);
	CHECK_EQ(netns_pin(fd, "tsgw-two"), 0);
	CHECK_EQ(netns_open(PIN, &again), 0);
	CHECK_EQ(netns_identify(fd, &a), 0);
	CHECK_EQ(netns_identify(again, &b), 0);
	CHECK(a.ino == b.ino && a.dev == b.dev);
	CHECK_EQ(shell("ip netns exec " PIN " ip link show lo >/dev/null"), 0);
	CHECK_EQ(shell("ip netns list | grep -q ^" PIN), 0);
	if (iproute_meanwhile) {
		CHECK_EQ(shell("ip netns add while"), 0);
		CHECK_EQ(shell("ip netns exec " PIN " true && ip netns exec while true"), 0);
	}
	CHECK_EQ(netns_unpin(PIN), 0);
	CHECK_EQ(netns_unpin(PIN), 0);
	if (iproute_meanwhile)
		CHECK_EQ(shell("ip netns del while"), 0);
	CHECK_EQ(netns_unpin("tsgw-two"), 0);
	fd_closep(&again);
	CHECK_EQ(netns_open(PIN, &again), -ENOENT);
	after = read_text("/proc/self/mountinfo");
	if (iproute_meanwhile && !iproute_before) /* iproute2 leaves its own mount behind */
		CHECK_EQ(mounts_below_netns(after), mounts_below_netns(before));
	else
		check_mounts(before);
	if (iproute_before) {
		CHECK_EQ(shell("ip netns exec before true"), 0);
		CHECK_EQ(shell("ip netns del before"), 0);
	}
}

static void pins_beside_iproute2(void)
{
	for (int i = 0; i < 8; i++) {
		int failed = test_failed_checks;

		fresh_run(i & 4);
		pin_and_unpin(i & 1, i & 2);
		old_run();
		if (test_failed_checks != failed)
			fprintf(stderr, "with /run %s%s%s\n", i & 4 ? "shared" : "private",
				i & 1 ? ", iproute2 before" : "",
				i & 2 ? ", iproute2 meanwhile" : "");
	}
}

/* The mount under the pins goes with the last of them, also when another process made it. */
static void pins_of_two_processes(void)
{
	_cleanup_free_ char *before = NULL;
	_cleanup_close_ int fd = -1;
	pid_t pid;

	fresh_run(false);
	before = read_text("/proc/self/mountinfo");
	CHECK_EQ(netns_create(&fd), 0);
	pid = fork();
	if (pid == 0) {
		if (netns_pin(fd, PIN) == 0)
			raise(SIGKILL);
		_exit(1);
	}
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(netns_pin(fd, "tsgw-two"), 0);
	CHECK_EQ(netns_unpin(PIN), 0);
	CHECK_EQ(netns_unpin("tsgw-two"), 0);
	check_mounts(before);
	old_run();
}

static void pin_is_no_namespace(void)
{
	int fd = -1;

	fresh_run(false);
	CHECK_EQ(mkdir("/run/netns", 0755), 0);
	put_text("/run/netns/" PIN, "hello");
	CHECK_EQ(netns_open(PIN, &fd), -EINVAL);
	CHECK_EQ(unlink("/run/netns/" PIN), 0);
	CHECK_EQ(symlink("/proc/self/ns/net", "/run/netns/" PIN), 0);
	CHECK_EQ(netns_open(PIN, &fd), -EINVAL);
	CHECK_EQ(unlink("/run/netns/" PIN), 0);
	CHECK_EQ(mkfifo("/run/netns/" PIN, 0600), 0);
	CHECK_EQ(netns_open(PIN, &fd), -EINVAL);
	CHECK_EQ(unlink("/run/netns/" PIN), 0);
	CHECK_EQ(mkdir("/run/netns/" PIN, 0700), 0);
	CHECK_EQ(netns_open(PIN, &fd), -EINVAL);
	CHECK_EQ(rmdir("/run/netns/" PIN), 0);
	CHECK_EQ(fd, -1);
	old_run();
}

/* ---- locks ---- */

static void locks(void)
{
	int fd = -1, other = -1, front = -1;
	pid_t holder = 0, pid;

	fresh_run(true);
	CHECK_EQ(store_lock(&store, NAME, &fd, NULL), 0);
	CHECK_EQ(store_lock(&store, NAME, &other, &holder), -EAGAIN);
	CHECK_EQ(holder, getpid());
	CHECK_EQ(store_lock(&store, NULL, &front, NULL), 0);
	front = fd_close(front);
	fd = fd_close(fd);
	/* its holder is dead, but a child that it had just forked keeps the lock for a moment */
	int gate[2], held[2];
	char c;
	CHECK_EQ(pipe(gate), 0);
	CHECK_EQ(pipe(held), 0);
	pid = fork();
	if (pid == 0) {
		if (store_lock(&store, NAME, &fd, NULL) < 0)
			_exit(1);
		if (fork() == 0) {
			struct pollfd p = {.fd = gate[0], .events = POLLIN};

			close(gate[1]);
			poll(&p, 1, 100); /* as long as a slow exec */
			_exit(0);
		}
		_exit(write(held[1], "x", 1) == 1 ? 0 : 1);
	}
	CHECK_EQ(read(held[0], &c, 1), 1);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(store_lock(&store, NAME, &fd, &holder), 0);
	fd_close(fd);
	for (int i = 0; i < 2; i++) {
		close(gate[i]);
		close(held[i]);
	}
	old_run();
}

int main(void)
{
	int r = set_the_stage("links-pins-root");

	if (r <= 0)
		return r < 0;
	RUN(pins_beside_iproute2);
	RUN(pins_of_two_processes);
	RUN(pin_is_no_namespace);
	RUN(locks);
	links_close(host);
	return TEST_END();
}
