// SPDX-License-Identifier: MIT
// One line to stderr for each event: tailnet, object, cause. Never a secret.
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"

#define LOG_LINE_MAX 1024

const char *log_journal_socket = "/run/systemd/journal/socket";

static char log_program[32] = "tsgw";
static char log_tailnet[64];
static int log_max = LOG_INFO;
static bool log_journal;
static int log_fd = -1; /* of the journal's socket */

/* Inherited by what a unit's shell redirects elsewhere, so it names the stream: "DEVICE:INODE". */
static bool log_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[48];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return !strcmp(stream, own);
}

/* A reader that is stuck must not hold us: then lines go to stderr, as without it. */
static void log_connect(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", log_journal_socket);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&un, sizeof(un)) == 0)
		log_fd = take_fd(fd);
}

void log_open(const char *program, const char *tailnet)
{
	snprintf(log_program, sizeof(log_program), "%s", program);
	snprintf(log_tailnet, sizeof(log_tailnet), "%s", tailnet ? tailnet : "");
	log_journal = log_is_journal();
	log_fd = fd_close(log_fd);
	if (log_journal)
		log_connect();
}

void log_keep_at(int fd)
{
	if (log_fd < 0 || log_fd == fd || dup3(log_fd, fd, O_CLOEXEC) < 0)
		return;
	fd_close(log_fd);
	log_fd = fd;
}

void log_keep_above(int fd)
{
	int higher = log_fd < 0 || log_fd > fd ? -1 : fcntl(log_fd, F_DUPFD_CLOEXEC, fd + 1);

	if (higher < 0)
		return;
	fd_close(log_fd);
	log_fd = higher;
}

void log_set_level(int priority)
{
	log_max = priority;
}

int log_level(void)
{
	return log_max;
}

int log_level_parse(const char *text)
{
	static const struct {
		const char *name;
		int priority;
	} names[] = {
		{"error", LOG_ERR},
		{"err", LOG_ERR},
		{"warning", LOG_WARNING},
		{"warn", LOG_WARNING},
		{"notice", LOG_NOTICE},
		{"info", LOG_INFO},
		{"verbose", LOG_DEBUG},
		{"debug", LOG_DEBUG},
		{"silent", LOG_EMERG},
	};

	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (!strcmp(text, names[i].name))
			return names[i].priority;
	return -EINVAL;
}

/* Nothing that a terminal obeys: C0, DEL, and the C1 controls as UTF-8 writes them (U+0080…U+009F). */
static void log_defuse(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		unsigned char next = i + 1 < len ? (unsigned char)text[i + 1] : 0;

		if (c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0))
			text[i] = '?';
		if (c == 0xc2 && next >= 0x80 && next < 0xa0)
			text[++i] = '?';
	}
}

/* "[tailnet: ][object: ]text", defused. */
static size_t log_text(char *line, size_t size, const char *tailnet, const char *object,
	const char *fmt, va_list ap)
{
	size_t len = 0;

	if (*tailnet)
		len += (size_t)snprintf(line, size, "%s: ", tailnet);
	if (object && len < size)
		len += (size_t)snprintf(line + len, size - len, "%s: ", object);
	if (len < size)
		len += (size_t)vsnprintf(line + len, size - len, fmt, ap);
	len = MIN(len, size - 1);
	log_defuse(line, len);
	return len;
}

/* The journal's native protocol: a datagram of KEY=value lines. No value holds a newline. */
static bool log_to_journal(
	const char *id, int priority, const char *tailnet, const char *object, const char *text)
{
	char place[128], packet[LOG_LINE_MAX + 512];
	int n;

	if (log_fd < 0)
		return false;
	snprintf(place, sizeof(place), "%s", object ? object : "");
	log_defuse(place, strlen(place));
	n = snprintf(packet, sizeof(packet),
		"MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n%s%s%s%s%s%s%s%s%s", text, priority,
		log_program, *tailnet ? "TSGW_TAILNET=" : "", tailnet, *tailnet ? "\n" : "",
		*place ? "TSGW_OBJECT=" : "", place, *place ? "\n" : "", id ? "MESSAGE_ID=" : "",
		id ? id : "", id ? "\n" : "");
	return n < (int)sizeof(packet) && write(log_fd, packet, (size_t)n) == n;
}

/* A reader that is stuck does not hold us, one that is slow misses lines: what takes none now (a pipe that is
 * full, a journal that hangs, a terminal that was stopped) is told later how many they were. */
static void log_to_stderr(int priority, const char *text)
{
	static unsigned lost;
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	char line[LOG_LINE_MAX + 64], before[sizeof(log_program) + 4];
	unsigned missing;
	int n = 0;

	if (poll(&p, 1, 0) == 0) {
		__atomic_add_fetch(&lost, 1, __ATOMIC_RELAXED);
		return;
	}
	if (log_journal)
		snprintf(before, sizeof(before), "<%d>", priority);
	else
		snprintf(before, sizeof(before), "%s: ", log_program);
	missing = __atomic_exchange_n(&lost, 0, __ATOMIC_RELAXED);
	if (missing)
		n = snprintf(line, sizeof(line), "%s%u lines lost\n", before, missing);
	n += MIN(snprintf(line + n, LOG_LINE_MAX, "%s%s\n", before, text), LOG_LINE_MAX - 1);
	line[n - 1] = '\n'; /* also of one that was cut */
	(void)!write(STDERR_FILENO, line, (size_t)n);
}

static void log_put(const char *id, int priority, const char *tailnet, const char *object,
	const char *fmt, va_list ap)
{
	char text[LOG_LINE_MAX];
	int saved = errno;

	if (priority > log_max)
		return;
	if (!tailnet)
		tailnet = log_tailnet;
	(void)log_text(text, sizeof(text), tailnet, object, fmt, ap);
	if (!log_to_journal(id, priority, tailnet, object, text))
		log_to_stderr(priority, text);
	errno = saved;
}

void log_line(int priority, const char *tailnet, const char *object, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_put(NULL, priority, tailnet, object, fmt, ap);
	va_end(ap);
}

void log_event(
	const char *id, int priority, const char *tailnet, const char *object, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_put(id, priority, tailnet, object, fmt, ap);
	va_end(ap);
}

bool log_limit_ok(struct log_limit *l, uint64_t now_ms, uint32_t *ret_suppressed)
{
	if (!l->last_ms) {
		l->last_ms = now_ms;
		l->tokens = l->burst;
	}
	uint64_t earned = l->interval_ms ? (now_ms - l->last_ms) / l->interval_ms : l->burst;
	if (earned) {
		l->last_ms += earned * l->interval_ms;
		l->tokens = (uint32_t)MIN((uint64_t)l->burst, l->tokens + earned);
	}
	if (!l->tokens) {
		l->suppressed++;
		return false;
	}
	l->tokens--;
	if (ret_suppressed)
		*ret_suppressed = l->suppressed;
	l->suppressed = 0;
	return true;
}
