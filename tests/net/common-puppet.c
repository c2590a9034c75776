// SPDX-License-Identifier: MIT
// Makes a process that runs already do one thing, as somebody would who has taken it over.
//
// puppet PID OTHER PATH ATTEMPT: stops PID, puts the registers and the data of a system call into it and lets it
// make that call: with its uid, its namespaces, its filter and all, as they are. Exit 0 = it worked, 10 = refused
// (the errno is printed), 11 = it was killed by SIGSYS for it, 2 = usage, 3 = no way in, 77 = not for this processor.
// OTHER is a process to be harmed, PATH a socket to be spoken to, PATH.datagrams one that takes datagrams; "list" alone prints all attempts.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__
#define DATA_BELOW_STACK 8192u
#define DATA		 ((uint64_t)-1) /* stands for where the data was put */
#define ANOTHER		 ((uint64_t)-2) /* for the pid OTHER */
#define MAX_ERRNO	 4095

static pid_t puppet;

struct call {
	long number;
	uint64_t args[6];
	const void *data;
	size_t size;
};

static void no_way(const char *what)
{
	fprintf(stderr, "puppet: %s: %s\n", what, strerror(errno));
	exit(3);
}

/* Waits for its next stop. Leaves this program if it is its end. */
static int stopped(void)
{
	int status;

	while (waitpid(puppet, &status, __WALL) < 0)
		if (errno != EINTR)
			no_way("waitpid");
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
		puts("killed");
		fflush(stdout);
		_exit(11);
	}
	if (!WIFSTOPPED(status)) {
		printf("ended: %x\n", (unsigned)status);
		fflush(stdout);
		_exit(3);
	}
	return status;
}

static void write_data(uint64_t at, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i += sizeof(long)) {
		long word = 0;

		memcpy(&word, (const char *)data + i,
			size - i < sizeof(word) ? size - i : sizeof(word));
		if (ptrace(PTRACE_POKEDATA, puppet, (void *)(uintptr_t)(at + i),
			    (void *)(uintptr_t)word) < 0)
			no_way("its memory");
	}
}

/* It was interrupted in a system call: the instruction lies just before. */
static void find_instruction(const struct user_regs_struct *r)
{
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, puppet, (void *)(uintptr_t)(r->rip - 2), NULL);
	if (errno || (word & 0xffff) != 0x050f) {
		errno = EILSEQ;
		no_way("it waits in no system call");
	}
}

/* The call's result: negative numbers are errors. */
static long make(const struct user_regs_struct *saved, const struct call *c, uint64_t other)
{
	struct user_regs_struct r = *saved;
	uint64_t at = (saved->rsp - DATA_BELOW_STACK) & ~15ull, a[6];

	write_data(at, c->data, c->size);
	for (size_t i = 0; i < 6; i++)
		a[i] = c->args[i] == DATA ? at : c->args[i] == ANOTHER ? other : c->args[i];
	r.rip -= 2;
	r.rax = (uint64_t)c->number;
	r.orig_rax = (uint64_t)-1;
	r.rdi = a[0];
	r.rsi = a[1];
	r.rdx = a[2];
	r.r10 = a[3];
	r.r8 = a[4];
	r.r9 = a[5];
	if (ptrace(PTRACE_SETREGS, puppet, NULL, &r) < 0)
		no_way("its registers");
	do { /* it may stop for something else before that instruction */
		if (ptrace(PTRACE_SINGLESTEP, puppet, NULL, NULL) < 0)
			no_way("a step");
		(void)stopped();
		if (ptrace(PTRACE_GETREGS, puppet, NULL, &r) < 0)
			no_way("its registers");
	} while (r.rip == saved->rip - 2);
	return (long)r.rax;
}

static const char program[] = "/bin/true", passwd[] = "/etc/passwd",
		  environment[] = "/proc/self/environ";
static struct sockaddr_un un = {.sun_family = AF_UNIX}, datagrams = {.sun_family = AF_UNIX};

static const struct {
	const char *name;
	struct call call, then; /* THEN: with the first call's result as its first argument */
} attempts[] = {
	{"passwd", {SYS_openat, {(uint64_t)AT_FDCWD, DATA, O_RDONLY}, passwd, sizeof(passwd)}, {0}},
	{"access", {SYS_faccessat, {(uint64_t)AT_FDCWD, DATA, F_OK}, passwd, sizeof(passwd)}, {0}},
	{"stat",
		{SYS_newfstatat, {(uint64_t)AT_FDCWD, DATA, DATA, AT_EMPTY_PATH}, passwd,
			sizeof(passwd)},
		{0}},
	{"proc",
		{SYS_openat, {(uint64_t)AT_FDCWD, DATA, O_RDONLY}, environment,
			sizeof(environment)},
		{0}},
	/* by what is its descriptor 0, the journal's socket below a unit */
	{"datagram",
		{SYS_sendto, {0, DATA, 1, 0, DATA, sizeof(datagrams)}, &datagrams,
			sizeof(datagrams)},
		{0}},
	{"raw", {SYS_socket, {AF_INET, SOCK_RAW, IPPROTO_ICMP}, NULL, 0}, {0}},
	{"packet", {SYS_socket, {AF_PACKET, SOCK_RAW, 0x300}, NULL, 0}, {0}},
	{"ptrace", {SYS_ptrace, {PTRACE_SEIZE, ANOTHER, 0, 0}, NULL, 0}, {0}},
	{"setns", {SYS_setns, {0, 0}, NULL, 0}, {0}},
	{"exec", {SYS_execve, {DATA, 0, 0}, program, sizeof(program)}, {0}},
	{"kill", {SYS_kill, {ANOTHER, SIGCONT}, NULL, 0}, {0}},
	{"neighbour", {SYS_socket, {AF_UNIX, SOCK_SEQPACKET, 0}, NULL, 0},
		{SYS_connect, {0, DATA, sizeof(un)}, &un, sizeof(un)}},
};

static int attempt(size_t i, uint64_t other)
{
	struct user_regs_struct saved;
	struct call then = attempts[i].then;
	long r;

	if (ptrace(PTRACE_SEIZE, puppet, NULL, NULL) < 0 ||
		ptrace(PTRACE_INTERRUPT, puppet, NULL, NULL) < 0)
		no_way("ptrace");
	(void)stopped();
	if (ptrace(PTRACE_GETREGS, puppet, NULL, &saved) < 0)
		no_way("its registers");
	find_instruction(&saved);
	r = make(&saved, &attempts[i].call, other);
	if (r >= 0 && then.number) {
		then.args[0] = (uint64_t)r;
		r = make(&saved, &then, other);
	}
	/* what it was in the middle of is interrupted, as by a signal */
	saved.rax = (uint64_t)-EINTR;
	saved.orig_rax = (uint64_t)-1;
	if (ptrace(PTRACE_SETREGS, puppet, NULL, &saved) < 0 ||
		ptrace(PTRACE_DETACH, puppet, NULL, NULL) < 0)
		no_way("letting it go");
	if (r >= 0 || r < -MAX_ERRNO)
		return 0;
	puts(strerrorname_np((int)-r));
	return 10;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "list")) {
		for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
			puts(attempts[i].name);
		return 0;
	}
	if (argc != 5)
		return 2;
	puppet = (pid_t)atoi(argv[1]);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", argv[3]);
	snprintf(datagrams.sun_path, sizeof(datagrams.sun_path), "%s.datagrams", argv[3]);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		if (!strcmp(attempts[i].name, argv[4]))
			return attempt(i, (uint64_t)atoll(argv[2]));
	return 2;
}
#else
int main(void)
{
	return 77;
}
#endif
