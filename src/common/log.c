// SPDX-License-Identifier: MIT
// One line to stderr for each event: tailnet, object, cause. Never a secret.
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define LOG_LINE_MAX 1024

static char log_program[32] = "tsgw";
static char log_tailnet[64];
static int log_max = LOG_INFO;
static bool log_journal;

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

void log_open(const char *program, const char *tailnet)
{
	snprintf(log_program, sizeof(log_program), "%s", program);
	snprintf(log_tailnet, sizeof(log_tailnet), "%s", tailnet ? tailnet : "");
	log_journal = log_is_journal();
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

void log_line(int priority, const char *tailnet, const char *object, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	size_t len = 0;
	int saved = errno;
	va_list ap;

	if (priority > log_max)
		return;
	if (!tailnet)
		tailnet = log_tailnet;
	if (log_journal)
		len += (size_t)snprintf(line, sizeof(line), "<%d>", priority);
	else
		len += (size_t)snprintf(line, sizeof(line), "%s: ", log_program);
	size_t start = len;
	if (*tailnet)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s: ", tailnet);
	if (object && len < sizeof(line))
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s: ", object);
	if (len < sizeof(line)) {
		va_start(ap, fmt);
		errno = saved; /* for %m */
		len += (size_t)vsnprintf(line + len, sizeof(line) - len, fmt, ap);
		va_end(ap);
	}
	len = MIN(len, sizeof(line) - 2);
	log_defuse(line + start, len - start);
	line[len++] = '\n';
	(void)!write(STDERR_FILENO, line, len);
	errno = saved;
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
