// SPDX-License-Identifier: MIT
// Descriptors and files: flags, limits of whole reads, writes that are whole or not at all.
#include "common/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "test.h"

static char dir[64];

static const char *at(const char *file)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return path;
}

static size_t files(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static void closing(void)
{
	int fd = dup(0), copy = fd;

	errno = EDOM;
	fd_closep(&fd);
	CHECK_EQ(fd, -1);
	CHECK_EQ(errno, EDOM);
	CHECK_EQ(fcntl(copy, F_GETFD), -1);
	errno = EDOM;
	fd_closep(&fd);
	CHECK_EQ(fd_close(-1), -1);
	CHECK_EQ(errno, EDOM);
	fd = dup(0);
	copy = fd;
	fd = fd_close(fd);
	CHECK_EQ(fd, -1);
	CHECK_EQ(fcntl(copy, F_GETFD), -1);
}

static void taking(void)
{
	int kept;

	{
		_cleanup_close_ int fd = dup(0);

		kept = take_fd(fd);
		CHECK_EQ(fd, -1);
	}
	CHECK(fcntl(kept, F_GETFD) >= 0);
	fd_close(kept);
}

static void flags(void)
{
	int pair[2];

	CHECK_EQ(pipe(pair), 0);
	CHECK_EQ(fd_nonblock(pair[1], true), 0);
	CHECK(fcntl(pair[1], F_GETFL) & O_NONBLOCK);
	CHECK_EQ(fcntl(pair[1], F_GETFL) & O_ACCMODE, O_WRONLY);
	CHECK_EQ(fd_nonblock(pair[1], false), 0);
	CHECK(!(fcntl(pair[1], F_GETFL) & O_NONBLOCK));
	CHECK_EQ(fd_cloexec(pair[0], true), 0);
	CHECK(fcntl(pair[0], F_GETFD) & FD_CLOEXEC);
	CHECK_EQ(fd_cloexec(pair[0], false), 0);
	CHECK(!(fcntl(pair[0], F_GETFD) & FD_CLOEXEC));
	close(pair[0]);
	close(pair[1]);
	CHECK_EQ(fd_nonblock(-1, true), -EBADF);
	CHECK_EQ(fd_cloexec(-1, true), -EBADF);
}

/* Every length around the steps of the buffer, and the limit just met and just missed. */
static void reading_whole_files(void)
{
	static const size_t sizes[] = {
		0, 1, 2, 4093, 4094, 4095, 4096, 4097, 8190, 8191, 8192, 8193, 70000};
	static char data[70000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
		char *text = NULL;
		size_t len = 99;

		CHECK_EQ(file_write_atomic(at("f"), data, sizes[i], 0600), 0);
		CHECK_EQ(file_read(at("f"), sizes[i], &text, &len), 0);
		CHECK_EQ(len, sizes[i]);
		CHECK(text && !memcmp(text, data, len) && text[len] == '\0');
		free(text);
		text = NULL;
		CHECK_EQ(file_read(at("f"), sizes[i] + 1, &text, NULL), 0);
		free(text);
		text = NULL;
		if (sizes[i])
			CHECK_EQ(file_read(at("f"), sizes[i] - 1, &text, &len), -EFBIG);
		CHECK(!text || !sizes[i]);
	}
	char *text = NULL;
	CHECK_EQ(file_read(at("none"), 10, &text, NULL), -ENOENT);
	CHECK_EQ(file_read(dir, 10, &text, NULL), -EISDIR);
	CHECK_EQ(fd_read_all(-1, 10, &text, NULL), -EBADF);
	CHECK(!text);
	unlink(at("f"));
}

/* A pipe gives its bytes in pieces, and signals interrupt. */
static void on_signal(int signal)
{
}

static void reading_in_pieces(void)
{
	struct sigaction sa = {.sa_handler = on_signal}; /* no SA_RESTART */
	char *text = NULL;
	int pair[2];
	size_t len = 0;
	pid_t pid;

	sigaction(SIGUSR1, &sa, NULL);
	CHECK_EQ(pipe(pair), 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		for (int i = 0; i < 2000; i++)
			if (fd_write_all(pair[1], "0123456789", 10) < 0 ||
				kill(getppid(), SIGUSR1) < 0)
				_exit(1);
		_exit(0);
	}
	close(pair[1]);
	CHECK_EQ(fd_read_all(pair[0], 20000, &text, &len), 0);
	CHECK_EQ(len, 20000);
	close(pair[0]);
	free(text);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void writing_to_nobody(void)
{
	int pair[2];

	signal(SIGPIPE, SIG_IGN);
	CHECK_EQ(pipe(pair), 0);
	close(pair[0]);
	CHECK_EQ(fd_write_all(pair[1], "x", 1), -EPIPE);
	CHECK_EQ(fd_write_all(pair[1], "", 0), 0);
	close(pair[1]);
}

static void check_text(const char *file, const char *want)
{
	char *text = NULL;

	CHECK_EQ(file_read(at(file), 1000, &text, NULL), 0);
	if (text)
		CHECK_STR(text, want);
	free(text);
}

static void atomic_writes(void)
{
	struct stat st;
	mode_t mask = umask(077);

	CHECK_EQ(file_write_atomic(at("a"), "one", 3, 0644), 0);
	CHECK(stat(at("a"), &st) == 0 && (st.st_mode & 07777) == 0644); /* whatever the umask is */
	CHECK_EQ(file_write_atomic(at("a"), "two", 3, 0600), 0);
	CHECK(stat(at("a"), &st) == 0 && (st.st_mode & 07777) == 0600);
	check_text("a", "two");
	CHECK_EQ(files(), 1);
	CHECK_EQ(directory_make(at("open"), 0755), 0);
	CHECK(stat(at("open"), &st) == 0 && (st.st_mode & 07777) == 0755);
	CHECK_EQ(directory_make(at("open"), 0700), 0); /* is there, and stays as it is */
	CHECK(stat(at("open"), &st) == 0 && (st.st_mode & 07777) == 0755);
	CHECK_EQ(directory_make(at("none/at/all"), 0755), -ENOENT);
	CHECK_EQ(rmdir(at("open")), 0);
	umask(mask);
	/* what cannot be replaced stays, and nothing is left beside it */
	CHECK_EQ(mkdir(at("d"), 0700), 0);
	CHECK(file_write_atomic(at("d"), "x", 1, 0600) < 0);
	CHECK_EQ(files(), 2);
	CHECK_EQ(file_write_atomic(at("none/x"), "x", 1, 0600), -ENOENT);
	CHECK_EQ(rmdir(at("d")), 0);
	/* a link is replaced, not followed */
	CHECK_EQ(symlink("a", at("l")), 0);
	CHECK_EQ(file_write_atomic(at("l"), "three", 5, 0600), 0);
	CHECK(lstat(at("l"), &st) == 0 && S_ISREG(st.st_mode));
	check_text("a", "two");
	unlink(at("a"));
	unlink(at("l"));
	char path[PATH_MAX + 8];
	memset(path, 'x', sizeof(path));
	path[PATH_MAX - 1] = '\0';
	CHECK_EQ(file_write_atomic(path, "x", 1, 0600), -ENAMETOOLONG);
}

/* A reader beside a writer sees the old or the new whole, never a part. */
static void atomic_for_a_reader(void)
{
	static char a[9000], b[9000];
	int status = 0;
	pid_t pid;

	memset(a, 'a', sizeof(a));
	memset(b, 'b', sizeof(b));
	CHECK_EQ(file_write_atomic(at("f"), a, sizeof(a), 0600), 0);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 300; i++)
			if (file_write_atomic(at("f"), i & 1 ? a : b, sizeof(a), 0600) < 0)
				_exit(1);
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		char *text = NULL;
		size_t len = 0;

		CHECK_EQ(file_read(at("f"), sizeof(a), &text, &len), 0);
		CHECK_EQ(len, sizeof(a));
		if (text)
			CHECK(!memcmp(text, text[0] == 'a' ? a : b, len));
		free(text);
	}
	CHECK_EQ(status, 0);
	unlink(at("f"));
}

/* Sends one datagram on each of the sockets that it is given, and closes it at once. */
static void *says_goodbye(void *arg)
{
	int fd, from = *(int *)arg;

	while (read(from, &fd, sizeof(fd)) == sizeof(fd)) {
		CHECK_EQ(send(fd, "x", 1, 0), 1);
		close(fd);
	}
	return NULL;
}

/* The last datagram and the end come at the same time, very often: the end is never seen first. */
static void the_end_comes_last(void)
{
	int to[2], pair[2];
	pthread_t sender;
	struct timespec now, begin;

	CHECK_EQ(pipe(to), 0);
	CHECK_EQ(pthread_create(&sender, NULL, says_goodbye, &to[0]), 0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < 100000; i++) {
		ssize_t n;
		char c;

		CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
		CHECK_EQ(write(to[1], &pair[1], sizeof(pair[1])), (ssize_t)sizeof(pair[1]));
		while ((n = fd_recv(pair[0], &c, 1)) < 0 && errno == EAGAIN)
			;
		CHECK_EQ(n, 1);
		while ((n = fd_recv(pair[0], &c, 1)) < 0 && errno == EAGAIN)
			;
		CHECK_EQ(n, 0);
		close(pair[0]);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > begin.tv_sec + 1)
			break;
	}
	close(to[1]);
	CHECK_EQ(pthread_join(sender, NULL), 0);
	close(to[0]);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/tsgw-fd-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return 1;
	RUN(closing);
	RUN(taking);
	RUN(flags);
	RUN(reading_whole_files);
	RUN(reading_in_pieces);
	RUN(writing_to_nobody);
	RUN(atomic_writes);
	RUN(atomic_for_a_reader);
	RUN(the_end_comes_last);
	rmdir(dir);
	return TEST_END();
}
