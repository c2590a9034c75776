// SPDX-License-Identifier: MIT
// The log: what a line looks like, what it never holds, and how fast lines may come.
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "test.h"

static int pipe_fds[2], real_stderr;
static char got[8192];

/* Between these two, stderr is a pipe; GOT is what was written. */
static void listen_to_stderr(void)
{
	CHECK_EQ(pipe2(pipe_fds, O_CLOEXEC), 0);
	fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	dup2(pipe_fds[1], STDERR_FILENO);
	close(pipe_fds[1]);
}

static const char *heard(void)
{
	size_t len = 0;
	ssize_t n;

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	while ((n = read(pipe_fds[0], got + len, sizeof(got) - 1 - len)) > 0)
		len += (size_t)n;
	close(pipe_fds[0]);
	got[len] = '\0';
	return got;
}

static void lines(void)
{
	unsetenv("JOURNAL_STREAM");
	log_open("tsgwd", NULL);
	log_set_level(LOG_INFO);
	listen_to_stderr();
	log_info(NULL, NULL, "hello %d", 7);
	log_info("red", NULL, "hello");
	log_info("red", "wg0", "hello");
	log_info(NULL, "wg0", "100%%");
	log_debug("red", "wg0", "not seen");
	CHECK_STR(heard(),
		"tsgwd: hello 7\ntsgwd: red: hello\ntsgwd: red: wg0: hello\n"
		"tsgwd: wg0: 100%\n");
	log_open("tsgw-wg", "blue");
	listen_to_stderr();
	log_info(NULL, NULL, "x");
	log_info("red", NULL, "x");
	CHECK_STR(heard(), "tsgw-wg: blue: x\ntsgw-wg: red: x\n");
}

static void levels(void)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {{"error", LOG_ERR}, {"warning", LOG_WARNING}, {"notice", LOG_NOTICE},
		{"info", LOG_INFO}, {"debug", LOG_DEBUG}, {"verbose", LOG_DEBUG},
		{"silent", LOG_EMERG}, {"", -EINVAL}, {"Error", -EINVAL}, {"7", -EINVAL},
		{"info ", -EINVAL}};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++)
		CHECK_EQ(log_level_parse(cases[i].text), cases[i].want);
	log_open("x", NULL);
	log_set_level(LOG_WARNING);
	CHECK_EQ(log_level(), LOG_WARNING);
	listen_to_stderr();
	log_notice(NULL, NULL, "no");
	log_warning(NULL, NULL, "yes");
	log_error(NULL, NULL, "yes");
	CHECK_STR(heard(), "x: yes\nx: yes\n");
	log_set_level(LOG_INFO);
}

/* Nothing that a client can say makes a second line or moves a terminal's cursor. */
static void control_characters(void)
{
	char text[300];
	const char *line;

	log_open("x", NULL);
	for (int i = 1; i < 256; i++)
		text[i - 1] = (char)i;
	text[255] = '\0';
	listen_to_stderr();
	log_info("r\ned", "o\x1b[2J", "%s", text);
	line = heard();
	CHECK_EQ(strchr(line, '\n') - line, strlen(line) - 1);
	for (const char *p = line; p[1]; p++)
		CHECK((unsigned char)*p >= 0x20 && *p != 0x7f);
	CHECK(!strncmp(line, "x: r?ed: o?[2J: ", 16));
	listen_to_stderr();
	log_info(NULL, NULL,
		"\xc2\x9b"
		"31m \xc2\x80 \xc2\x9f \xc2\xa0 gr\xc3\xbc\xc3\x9f \xe2\x82\xac\xc2");
	CHECK_STR(heard(), "x: ??31m ?? ?? \xc2\xa0 gr\xc3\xbc\xc3\x9f \xe2\x82\xac\xc2\n");
}

static void long_lines(void)
{
	char big[5000];
	const char *line;

	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_open("x", NULL);
	listen_to_stderr();
	log_info(NULL, NULL, "%s", big);
	line = heard();
	CHECK_EQ(strlen(line), 1023);
	CHECK(line[1022] == '\n');
	listen_to_stderr();
	log_info(big, big, "%s", big);
	CHECK_EQ(strlen(heard()), 1023);
	listen_to_stderr();
	log_info("t", big, "%s", big);
	CHECK_EQ(strlen(heard()), 1023);
	log_open(big, big); /* cut, not overrun */
	listen_to_stderr();
	log_info(NULL, NULL, "x");
	CHECK(strlen(heard()) < 120);
}

/* Who does not read loses lines, and holds up nobody. */
static void reader_that_is_stuck(void)
{
	static const char filler[8192];
	int size;

	log_open("tsgwd", NULL);
	listen_to_stderr();
	size = fcntl(pipe_fds[0], F_SETPIPE_SZ, 8192);
	CHECK_EQ(size, 8192);
	CHECK_EQ(write(STDERR_FILENO, filler, sizeof(filler)), 8192);
	for (int i = 0; i < 1000; i++)
		log_info("red", NULL, "line %d", i);
	CHECK_EQ(read(pipe_fds[0], got, sizeof(got)), 8192);
	log_info("red", NULL, "next");
	log_info("red", NULL, "last");
	CHECK_STR(heard(), "tsgwd: 1000 lines lost\ntsgwd: red: next\ntsgwd: red: last\n");
}

static void errno_is_kept(void)
{
	log_open("x", NULL);
	listen_to_stderr();
	errno = ENOENT;
	log_info(NULL, NULL, "cannot: %m");
	CHECK_EQ(errno, ENOENT);
	CHECK_STR(heard(), "x: cannot: No such file or directory\n");
	errno = EDOM;
	log_debug(NULL, NULL, "unseen");
	CHECK_EQ(errno, EDOM);
	int saved = dup(STDERR_FILENO);
	close(STDERR_FILENO);
	errno = EDOM;
	log_error(NULL, NULL, "to nobody");
	CHECK_EQ(errno, EDOM);
	dup2(saved, STDERR_FILENO);
	close(saved);
}

static void journal(void)
{
	struct stat st;
	char stream[64];

	listen_to_stderr();
	CHECK_EQ(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_journal_socket = "/nowhere";
	log_open("x", NULL);
	log_error("red", NULL, "bad");
	log_info("red", NULL, "good");
	CHECK_STR(heard(), "<3>red: bad\n<6>red: good\n");
	/* inherited, but stderr goes elsewhere */
	setenv("JOURNAL_STREAM", "1:1", 1);
	listen_to_stderr();
	log_open("x", NULL);
	log_error("red", NULL, "bad");
	CHECK_STR(heard(), "x: red: bad\n");
	unsetenv("JOURNAL_STREAM");
}

/* A journal's socket, and what it was sent last. */
static int journal_open(char dir[64])
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	static char path[80];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(dir, 64, "%s/tsgw-log-XXXXXX", getenv("TMPDIR") ?: "/tmp");
	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	CHECK_EQ(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	log_journal_socket = path;
	return fd;
}

static const char *journal_got(int fd)
{
	static char packet[4096];
	ssize_t n = recv(fd, packet, sizeof(packet) - 1, 0);

	packet[n > 0 ? n : 0] = '\0';
	return packet;
}

static void journal_fields(void)
{
	struct stat st;
	char stream[64], dir[64];
	int fd, other;

	listen_to_stderr();
	CHECK_EQ(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	fd = journal_open(dir);
	log_open("tsgwd", "red");
	other = dup(STDIN_FILENO);
	log_keep_at(other); /* another number, as in a worker */
	log_event(LOG_ID_UP, LOG_INFO, NULL, "wg0", "a\nTSGW_TAILNET=blue");
	CHECK_STR(journal_got(fd),
		"MESSAGE=red: wg0: a?TSGW_TAILNET=blue\nPRIORITY=6\nSYSLOG_IDENTIFIER=tsgwd\n"
		"TSGW_TAILNET=red\nTSGW_OBJECT=wg0\nMESSAGE_ID=" LOG_ID_UP "\n");
	log_keep_above(other); /* which is somebody else's then, as in the supervisor */
	CHECK_EQ(dup2(STDIN_FILENO, other), other);
	log_error("", "x\ny", "bad");
	CHECK_STR(journal_got(fd),
		"MESSAGE=x?y: bad\nPRIORITY=3\nSYSLOG_IDENTIFIER=tsgwd\nTSGW_OBJECT=x?y\n");
	close(fd); /* the journal ends: lines go to stderr */
	log_error("red", NULL, "late");
	CHECK_STR(heard(), "<3>red: late\n");
	unlink(log_journal_socket);
	rmdir(dir);
	unsetenv("JOURNAL_STREAM");
	log_open("x", NULL);
	close(other);
}

/* ---- rate ---- */

static void limit(void)
{
	struct log_limit l = {.burst = 3, .interval_ms = 1000};
	uint32_t lost = 99;
	uint64_t now = 5000;

	for (int i = 0; i < 3; i++)
		CHECK(log_limit_ok(&l, now, &lost) && lost == 0);
	for (int i = 0; i < 10; i++)
		CHECK(!log_limit_ok(&l, now + 999, NULL));
	CHECK(log_limit_ok(&l, now + 1000, &lost));
	CHECK_EQ(lost, 10);
	CHECK(!log_limit_ok(&l, now + 1001, NULL));
	CHECK(log_limit_ok(&l, now + 2000, &lost));
	CHECK_EQ(lost, 1);
	/* a long silence earns no more than the burst */
	for (int i = 0; i < 3; i++)
		CHECK(log_limit_ok(&l, now + 1000000, &lost));
	CHECK(!log_limit_ok(&l, now + 1000000, NULL));
}

/* Whatever the times of the calls: never more than burst + elapsed / interval lines. */
static void limit_property(void)
{
	unsigned seed = 5;

	for (int round = 0; round < 200; round++) {
		struct log_limit l = {.burst = 1 + (uint32_t)rand_r(&seed) % 10,
			.interval_ms = 1 + (uint32_t)rand_r(&seed) % 500};
		uint64_t start = 1 + (uint64_t)rand_r(&seed) % 1000, now = start, passed = 0,
			 lost = 0, calls = 0;
		uint32_t n;

		for (int i = 0; i < 500; i++) {
			now += (uint64_t)rand_r(&seed) % 200;
			calls++;
			if (log_limit_ok(&l, now, &n)) {
				passed++;
				lost += n;
			}
			CHECK(passed <= l.burst + (now - start) / l.interval_ms);
		}
		CHECK_EQ(
			passed + lost + l.suppressed, calls); /* every line is printed or counted */
	}
}

int main(void)
{
	RUN(lines);
	RUN(levels);
	RUN(control_characters);
	RUN(long_lines);
	RUN(reader_that_is_stuck);
	RUN(errno_is_kept);
	RUN(journal);
	RUN(journal_fields);
	RUN(limit);
	RUN(limit_property);
	return TEST_END();
}
