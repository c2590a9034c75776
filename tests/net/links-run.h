// SPDX-License-Identifier: MIT
// What a supervisor makes for a tailnet, step by step as it does, and the look for what is left of it.
#pragma once

#include "links-stage.h"

/* What a supervisor makes, step by step, each recorded first. STEPS limits it. */
struct run {
	struct made made;
	int netns_fd, uapi_fd;
	struct links *links;
	pid_t worker;
};
#define RUN_STEPS 11

static int listen_at(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 || listen(fd, 1) < 0)
		return fd_close(fd);
	return fd;
}

static void record_worker(struct run *run, int slot, pid_t pid, uid_t uid)
{
	struct made_process *p = &run->made.processes[slot];

	p->pid = pid;
	p->uid = uid;
	CHECK_EQ(store_process_start(pid, &p->start_ticks), 0);
}

static int make_step(struct run *run, int step)
{
	static const struct addr dns = {.family = 4, .bytes = {10, 77, 0, 1}};
	static char *const search[] = {(char *)"corp.example"};

	switch (step) {
	case 0:
		return netns_create(&run->netns_fd) ?: links_open(run->netns_fd, &run->links);
	case 1:
		return netns_identify(run->netns_fd, &run->made.netns)
			?: store_made_write(&store, NAME, &run->made);
	case 2:
		return netns_pin(run->netns_fd, PIN);
	case 3:
		strcpy(run->made.link, LINK);
		return store_made_write(&store, NAME, &run->made);
	case 4:
		return links_veth(run->links, host_fd, LINK, "veth0", "tsgw:/run/gw");
	case 5:
		run->made.resolv_conf = true;
		return store_made_write(&store, NAME, &run->made);
	case 6:
		return resolvconf_write(&store, NAME, &dns, 1, search, 1);
	case 7:
		strcpy(run->made.uapi_link, LINK);
		return store_made_write(&store, NAME, &run->made);
	case 8:
		run->uapi_fd = listen_at("/run/wireguard/" LINK ".sock");
		return run->uapi_fd < 0 ? -EIO : 0;
	case 9:
		run->worker = start_worker(1900000001, false);
		return run->worker > 0 ? 0 : -EIO;
	default:
		record_worker(run, 0, run->worker, 1900000001);
		return store_made_write(&store, NAME, &run->made);
	}
}

static void make_run(struct run *run, int steps)
{
	*run = (struct run){.netns_fd = -1, .uapi_fd = -1};
	for (int i = 0; i < steps; i++)
		CHECK_EQ(make_step(run, i), 0);
}

/* What the kernel does when the supervisor is killed. */
static void drop_run(struct run *run)
{
	links_close(run->links);
	run->links = NULL;
	fd_closep(&run->netns_fd);
	fd_closep(&run->uapi_fd);
}

static void end_worker(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static bool is_gone(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == pid;
}

static int recover(void)
{
	char object[128] = "";
	int r = recover_tailnet(&store, NAME, host, object);

	if (r == -EEXIST)
		CHECK(*object);
	return r;
}

static void check_nothing_left(void)
{
	struct link_info info;
	struct made made;
	int fd = -1;

	CHECK_EQ(links_find(host, LINK, &info), -ENODEV);
	CHECK_EQ(netns_open(PIN, &fd), -ENOENT);
	CHECK_EQ(access("/etc/netns/" PIN, F_OK), -1);
	CHECK_EQ(count("/run/wireguard"), 0);
	CHECK_EQ(store_made_read(&store, NAME, &made), -ENOENT);
	CHECK_EQ(count("/run/netns"), 0);
}
