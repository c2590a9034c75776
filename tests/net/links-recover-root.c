// SPDX-License-Identifier: MIT
// Recovery on the real kernel: leftovers of a run killed at any step, foreign objects.
//
//     a run makes: namespace, pin, tsgw-red ── veth0, resolv.conf, UAPI socket, a worker; each is recorded first
//
// Needs root. Nothing of the real host is touched: its /run, /etc and links are not to be seen from here.
#include "links-run.h"

/* ---- recovery ---- */

static void recovery_after_each_step(void)
{
	fresh_run(false);
	_cleanup_free_ char *before = read_text("/proc/self/mountinfo");

	for (int steps = 0; steps <= RUN_STEPS; steps++) {
		struct run run;

		make_run(&run, steps);
		drop_run(&run);
		CHECK_EQ(recover(), 0);
		if (steps == RUN_STEPS)
			CHECK(is_gone(run.worker));
		else
			end_worker(run.worker); /* not recorded yet: it leaves by itself */
		check_nothing_left();
		CHECK_EQ(recover(), 0); /* and again, on nothing */
	}
	check_mounts(before);
	old_run();
}

/* A stop on request: the descriptors are still open, our own socket listens. */
static void recovery_as_a_stop(void)
{
	struct run run;

	fresh_run(true);
	make_run(&run, RUN_STEPS);
	CHECK_EQ(recover(), 0);
	CHECK(is_gone(run.worker));
	drop_run(&run);
	CHECK_EQ(recover(), 0);
	check_nothing_left();
	old_run();
}

static void recovery_kills_the_right_ones(void)
{
	struct run run;
	pid_t stubborn, other_start, other_uid, fresh, unrecorded;
	uint64_t start;

	fresh_run(true);
	make_run(&run, RUN_STEPS - 2);
	stubborn = start_worker(1900000001, true);
	other_start = start_worker(1900000002, false);
	other_uid = start_worker(1900000003, false);
	fresh = start_worker(0, false); /* has not given up root yet */
	unrecorded = start_worker(1900000004, false);
	record_worker(&run, 0, stubborn, 1900000001);
	record_worker(&run, 1, other_start, 1900000002);
	run.made.processes[1].start_ticks++;
	record_worker(&run, 3, other_uid, 1900000099);
	record_worker(&run, 7, fresh, 1900000005);
	run.made.processes[5] = (struct made_process){.pid = 1, .start_ticks = 0, .uid = 0};
	CHECK_EQ(store_made_write(&store, NAME, &run.made), 0);
	drop_run(&run);
	start = clock_now_ms();
	CHECK_EQ(recover(), 0);
	CHECK(clock_now_ms() - start >= 500); /* it was asked first */
	CHECK(is_gone(stubborn) && is_gone(fresh));
	CHECK(!is_gone(other_start) && !is_gone(other_uid) && !is_gone(unrecorded));
	check_nothing_left();
	end_worker(other_start);
	end_worker(other_uid);
	end_worker(unrecorded);
	old_run();
}

/* Killed between the two marks of a link: the group speaks for it, if the record does too. */
static void link_without_alias(void)
{
	struct made made = {.link = LINK};
	struct link_info info;
	char object[128] = "", command[128];

	fresh_run(true);
	snprintf(command, sizeof(command),
		"ip link add " LINK " group %u type veth peer name peer0",
		links_group("tsgw:/run/gw"));
	CHECK_EQ(shell(command), 0);
	CHECK_EQ(recover_tailnet(&store, NAME, host, object), -EEXIST);
	CHECK_EQ(store_made_write(&store, NAME, &made), 0);
	CHECK_EQ(recover(), 0);
	CHECK_EQ(links_find(host, LINK, &info), -ENODEV);
	old_run();
}

/* ---- what is not ours ---- */

struct foreign {
	const char *make;  /* shell */
	const char *check; /* is it untouched? */
	const char *remove;
	const char *object;
};

static const struct foreign foreigners[] = {
	{"ip netns add " PIN, "ip netns exec " PIN " true", "ip netns del " PIN,
		"namespace /run/netns/" PIN},
	{"mkdir -p /run/netns; echo x >/run/netns/" PIN, "grep -q x /run/netns/" PIN,
		"rm /run/netns/" PIN, "file /run/netns/" PIN},
	{"ip link add " LINK " type veth peer name peer0", "ip link show " LINK " >/dev/null",
		"ip link del " LINK, "link " LINK},
	{"ip link add " LINK " type veth peer name peer0; ip link set " LINK " alias tsgw:/run/gw2",
		"ip link show " LINK " >/dev/null", "ip link del " LINK, "link " LINK},
	{"mkdir -p /etc/netns/" PIN "; echo nameserver 192.0.2.1 >/etc/netns/" PIN "/resolv.conf",
		"grep -q 192.0.2.1 /etc/netns/" PIN "/resolv.conf", "rm -r /etc/netns/" PIN,
		"file /etc/netns/" PIN "/resolv.conf"},
	{"mkdir -p /etc/netns/" PIN "; echo '# tsgw:/run/gw2' >/etc/netns/" PIN "/resolv.conf",
		"grep -q gw2 /etc/netns/" PIN "/resolv.conf", "rm -r /etc/netns/" PIN,
		"file /etc/netns/" PIN "/resolv.conf"},
	{"echo x >/run/wireguard/" LINK ".sock", "grep -q x /run/wireguard/" LINK ".sock",
		"rm /run/wireguard/" LINK ".sock", "file /run/wireguard/" LINK ".sock"},
};

/* One foreign object beside a whole earlier run of ours that lacks just this object: nothing is touched. */
static void foreign_object(const struct foreign *f, int without)
{
	_cleanup_free_ char *mounts = NULL, *mounts_after = NULL;
	char object[128] = "";
	struct run run = {.netns_fd = -1, .uapi_fd = -1};

	for (int i = 0; i < RUN_STEPS; i++)
		if (i != without)
			CHECK_EQ(make_step(&run, i), 0);
	drop_run(&run);
	CHECK_EQ(shell(f->make), 0);
	mounts = read_text("/proc/self/mountinfo");
	CHECK_EQ(recover_tailnet(&store, NAME, host, object), -EEXIST);
	CHECK_STR(object, f->object);
	CHECK(!is_gone(run.worker));
	CHECK_EQ(shell(f->check), 0);
	CHECK_EQ(access("/run/gw/" NAME "/made", F_OK), 0);
	mounts_after = read_text("/proc/self/mountinfo");
	CHECK_STR(mounts_after, mounts);
	CHECK_EQ(shell(f->remove), 0);
	CHECK_EQ(recover(), 0);
	CHECK(is_gone(run.worker));
	check_nothing_left();
}

static void foreign_objects(void)
{
	static const int without[] = {2, 2, 4, 4, 6, 6, 8};

	for (size_t i = 0; i < ELEMENTSOF(foreigners); i++) {
		int failed = test_failed_checks;

		fresh_run(true);
		foreign_object(&foreigners[i], without[i]);
		old_run();
		if (test_failed_checks != failed)
			fprintf(stderr, "with: %s\n", foreigners[i].make);
	}
}

static void foreign_neighbours(void)
{
	static const char check[] =
		"ip netns exec tsgw-redder true && ip netns exec tsgw-re true &&"
		"ip link show tsgw-redder >/dev/null && ip link show tsgw-re >/dev/null";
	struct run run;

	fresh_run(true);
	CHECK_EQ(shell("ip netns add tsgw-redder && ip netns add tsgw-re && ip link add "
		       "tsgw-redder type "
		       "veth peer name tsgw-re && ip link set tsgw-re alias "
		       "tsgw:/run/gw"),
		0);
	make_run(&run, RUN_STEPS);
	drop_run(&run);
	CHECK_EQ(recover(), 0);
	CHECK(is_gone(run.worker));
	CHECK_EQ(shell(check), 0);
	CHECK_EQ(shell("ip netns del tsgw-redder; ip netns del tsgw-re; ip link del tsgw-redder"),
		0);
	old_run();
}

/* Somebody else's live UAPI socket under our link's name, with and without a record of ours. */
static void foreign_listener(void)
{
	char object[128] = "";
	struct made made = {.uapi_link = LINK};
	pid_t pid;
	int ready[2];
	char c;

	fresh_run(true);
	CHECK_EQ(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (listen_at("/run/wireguard/" LINK ".sock") < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	CHECK_EQ(recover_tailnet(&store, NAME, host, object), -EEXIST);
	CHECK_STR(object, "socket /run/wireguard/" LINK ".sock");
	CHECK_EQ(store_made_write(&store, NAME, &made), 0);
	CHECK_EQ(recover_tailnet(&store, NAME, host, object), -EEXIST);
	CHECK_EQ(access("/run/wireguard/" LINK ".sock", F_OK), 0);
	end_worker(pid);
	CHECK_EQ(recover(), 0); /* nobody listens any more */
	check_nothing_left();
	old_run();
}

/* The supervisor is dead, its node still serves the socket that the supervisor had opened. */
static void listener_of_a_dead_supervisor(void)
{
	pid_t pid;
	int status, ready[2];
	pid_t node = 0;

	fresh_run(true);
	CHECK_EQ(pipe(ready), 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (pid == 0) {
		struct run run = {.netns_fd = -1, .uapi_fd = -1};

		for (int i = 0; i < RUN_STEPS - 2; i++)
			if (make_step(&run, i) < 0)
				_exit(1);
		node = fork();
		if (node == 0) {
			close(ready[0]);
			for (;;)
				pause();
		}
		record_worker(&run, 0, node, 1900000001);
		if (store_made_write(&store, NAME, &run.made) < 0 ||
			write(ready[1], &node, sizeof(node)) != sizeof(node))
			_exit(1);
		raise(SIGKILL);
	}
	CHECK_EQ(read(ready[0], &node, sizeof(node)), sizeof(node));
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	close(ready[0]);
	close(ready[1]);
	CHECK_EQ(recover(), 0);
	CHECK(is_gone(node));
	check_nothing_left();
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	old_run();
}

static void damaged_record(void)
{
	struct run run;

	fresh_run(true);
	make_run(&run, 5);
	drop_run(&run);
	put_text("/run/gw/" NAME "/made", "tsgw-made 1\nnetns 4 4026");
	CHECK_EQ(recover(), -EEXIST); /* the pin cannot be told from a foreign one */
	CHECK_EQ(netns_unpin(PIN), 0);
	CHECK_EQ(recover(), 0); /* the link can, by its alias */
	check_nothing_left();
	old_run();
}

/* ---- many times ---- */

static void two_hundred_times(void)
{
	uint64_t start;
	struct run run;

	fresh_run(false);
	_cleanup_free_ char *before = read_text("/proc/self/mountinfo");
	size_t fds = count("/proc/self/fd");

	start = clock_now_ns();
	for (int i = 0; i < 200; i++) {
		make_run(&run, 9);
		drop_run(&run);
		CHECK_EQ(recover(), 0);
	}
	printf("# one tailnet made and removed: %.2f ms\n",
		(double)(clock_now_ns() - start) / 200e6);
	check_nothing_left();
	check_mounts(before);
	CHECK_EQ(count("/proc/self/fd"), fds);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	old_run();
}

/* The quick way for many at once: what is not ours stays, what is left is for recover_tailnet(). */
static void many_at_once(void)
{
	static const char *const names[] = {"red", "m1", "m2", "m3", "m4", "foreign", "absent"};
	struct made made = {.netns.ino = 0};
	struct link_info info;
	struct run run;
	pid_t workers[5];
	char link[24];

	fresh_run(false);
	make_run(&run, 9);
	workers[0] = start_worker(1900000001, true);
	record_worker(&run, 0, workers[0], 1900000001);
	CHECK_EQ(store_made_write(&store, NAME, &run.made), 0);
	for (int i = 1; i < 5; i++) {
		struct run other = {.made = made};

		snprintf(link, sizeof(link), "tsgw-m%d", i);
		workers[i] = start_worker(1900000001, false);
		record_worker(&other, 0, workers[i], 1900000001);
		strcpy(other.made.link, link);
		CHECK_EQ(store_init_tailnet(&store, names[i]), 0);
		CHECK_EQ(store_made_write(&store, names[i], &other.made), 0);
		CHECK_EQ(links_veth(run.links, host_fd, link, link + 5, "tsgw:/run/gw"), 0);
	}
	CHECK_EQ(shell("ip link add tsgw-foreign type veth peer name keep"), 0);
	drop_run(&run);
	recover_many(&store, names, ELEMENTSOF(names), host);
	for (int i = 0; i < 5; i++) {
		names_link(names[i], link);
		CHECK(is_gone(workers[i]));
		CHECK_EQ(links_find(host, link, &info), -ENODEV);
	}
	CHECK_EQ(links_find(host, "tsgw-foreign", &info), 0);
	CHECK_EQ(recover(), 0);
	check_nothing_left();
	CHECK_EQ(shell("ip link del tsgw-foreign"), 0);
	old_run();
}

/* A supervisor that makes and removes for ever is killed at any moment: the next one finds all of it. */
static void killed_at_any_moment(void)
{
	unsigned seed = 1;

	fresh_run(false);
	_cleanup_free_ char *before = read_text("/proc/self/mountinfo");

	for (int i = 0; i < 150; i++) {
		struct timespec ts = {.tv_nsec = rand_r(&seed) % 8000000};
		pid_t pid = fork();
		sigset_t none;

		if (pid == 0) {
			struct run run;

			/* a socket of its own: an answer that it does not live to read is not ours */
			if (links_open(-1, &host) < 0)
				_exit(1);
			for (;;) {
				make_run(&run, 9);
				if (test_failed_checks || (rand_r(&seed) % 2 && recover() < 0))
					_exit(1);
				drop_run(&run);
				if (recover() < 0)
					_exit(1);
			}
		}
		sigemptyset(&none);
		ppoll(NULL, 0, &ts, &none); /* the moment is the point of the test */
		CHECK_EQ(kill(pid, SIGKILL), 0);
		int status = 0;
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(recover(), 0);
		check_nothing_left();
		if (test_failed_checks)
			break;
	}
	check_mounts(before);
	old_run();
}

int main(void)
{
	int r = set_the_stage("links-recover-root");

	if (r <= 0)
		return r < 0;
	RUN(recovery_after_each_step);
	RUN(recovery_as_a_stop);
	RUN(recovery_kills_the_right_ones);
	RUN(link_without_alias);
	RUN(foreign_objects);
	RUN(foreign_neighbours);
	RUN(foreign_listener);
	RUN(listener_of_a_dead_supervisor);
	RUN(damaged_record);
	RUN(two_hundred_times);
	RUN(many_at_once);
	RUN(killed_at_any_moment);
	links_close(host);
	return TEST_END();
}
