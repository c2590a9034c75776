// SPDX-License-Identifier: MIT
// One line to stderr for each event: tailnet, object, cause. Never a secret.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

/* Call once. TAILNET may be NULL (the gateway itself). Both strings are copied. Where stderr is
 * the journal ($JOURNAL_STREAM), lines go to its socket with the fields TSGW_TAILNET and TSGW_OBJECT; and
 * to stderr, with a <N> priority instead of the program's name, where it does not take them. Nothing here
 * waits: a line that stderr does not take at once is lost, and the next one says how many were. */
void log_open(const char *program, const char *tailnet);
extern const char *log_journal_socket; /* another one for the tests */
/* The connection to the journal gets this number: for who closes all others. */
void log_keep_at(int fd);
/* It has a number above FD: for who needs those up to it. */
void log_keep_above(int fd);
/* Highest syslog(3) priority that is printed; LOG_INFO at first. */
void log_set_level(int priority);
int log_level(void);
/* "error", "warning", "notice", "info", "debug" -> priority; -EINVAL else. */
int log_level_parse(const char *text);

/* TAILNET NULL: the one given to log_open(). OBJECT: "wg0", "listener 127.0.0.1:11080", … or NULL.
 * Control characters in the formatted text are printed as '?'. Keeps errno. */
void log_line(int priority, const char *tailnet, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The same, with a MESSAGE_ID that units/tsgw.catalog explains (`journalctl -x`). */
void log_event(const char *id, int priority, const char *tailnet, const char *object,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));
#define LOG_ID_UP			  "9502d3a2c4484e77afdbbf317ca3f37c"
#define LOG_ID_DEGRADED			  "2cd3659caa0e4feba18b8f383fdb8b57"
#define LOG_ID_FAILED			  "d3d5795cf61f4df49c902a7e5e401427"
#define LOG_ID_DOWN			  "444d90f8d2854b8785f2e58de37fe9a1"
#define LOG_ID_WORKER			  "b54b1e6c492c4830bddd3fde6ca32a1b"
#define LOG_ID_RESUMED			  "31c2b2c5afbc4ad685f1ee2845190ebb"
#define LOG_ID_RELOADED			  "9149b6bc76c340b3ac828ab1be0195d3"

#define log_error(tailnet, object, ...)	  log_line(LOG_ERR, tailnet, object, __VA_ARGS__)
#define log_warning(tailnet, object, ...) log_line(LOG_WARNING, tailnet, object, __VA_ARGS__)
#define log_notice(tailnet, object, ...)  log_line(LOG_NOTICE, tailnet, object, __VA_ARGS__)
#define log_info(tailnet, object, ...)	  log_line(LOG_INFO, tailnet, object, __VA_ARGS__)
#define log_debug(tailnet, object, ...)	  log_line(LOG_DEBUG, tailnet, object, __VA_ARGS__)

/* Token bucket for lines that packets or clients can cause: at most BURST lines at once, one more
 * every INTERVAL_MS. Zero-initialise with the two limits set. */
struct log_limit {
	uint32_t burst;
	uint32_t interval_ms;
	uint32_t tokens;
	uint32_t suppressed;
	uint64_t last_ms;
};
/* True if a line may be printed now; *ret_suppressed (may be NULL) = lines swallowed since. */
bool log_limit_ok(struct log_limit *l, uint64_t now_ms, uint32_t *ret_suppressed);
