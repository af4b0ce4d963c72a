/* log - what the program says, to stderr; and the lines it is told to print, to stdout.
 *
 * Writers never wait: lines go into two bounded buffers, and one thread carries them out.  A
 * reader that is slow or stuck costs lines, never service: what did not fit is counted, and the
 * count is said once there is room again.  O_NONBLOCK is never set on a descriptor we
 * inherited; the thread (courier.h) polls, and writes at most what a ready pipe takes.
 *
 * An error line is one line of `key=value` pairs:
 *
 *     2026-11-21T08:30:00Z error cannot open path="/a b" owner=0:0 mode=0600 errno="Permission denied"
 *
 * Bytes below 0x20, 0x7f and up, quotes and backslashes that peers or file names bring arrive
 * as \xHH, \" and \\, so that no peer can forge a line.
 *
 * Before log_start and after log_stop, lines go straight to their descriptor. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/clock.h"

#define LOG_LEVELS(X)       \
    X(ERROR, "error")       \
    X(WARN,  "warn")        \
    X(INFO,  "info")        \
    X(DEBUG, "debug")

/* A message without pairs has an empty format, on purpose. */
#pragma GCC diagnostic ignored "-Wformat-zero-length"

enum log_level {
#define X(name, text) LOG_##name,
    LOG_LEVELS(X)
#undef X
};

/* "error", "warn", "info" or "debug". */
const char *log_level_name(enum log_level level);

/* Messages less urgent than `level` are dropped from here on.  Before: LOG_INFO. */
void log_set_level(enum log_level level);
bool log_wants(enum log_level level) MUST_USE;

/* Starts the thread, or counts one more who needs it: each start has its stop.  False, with errno,
 * when there is none to be had. */
bool log_start(void) MUST_USE;

/* The last stop carries out what is waiting, for at most `within_ms`, and ends the thread; what is
 * left after that is lost.  Returns a moment after that at the latest, even if the thread hangs in a write to
 * a stopped terminal.  Does nothing when log_start was not called. */
void log_stop(int64_t within_ms);

/* Says one thing: `what` is a phrase of ours, the rest `key=value` pairs made as printf does, or
 * "".  Values that come from outside must be passed through log_quote first.  Leaves errno as it
 * was, so errno=\"%m\" may be among them.  A line ends after PIPE_BUF bytes, with "...". */
void log_say(enum log_level level, const char *what, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_error(...) log_say(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_say(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_say(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_say(LOG_DEBUG, __VA_ARGS__)

/* What peers cause can be caused by the thousand: so many lines of a kind in a second are said, the
 * others are counted. */
struct log_quota {
    _Atomic int64_t second;
    atomic_uint     count;
};

/* May one more be said?  Then *untold is how many could not be in the last second in which that
 * happened, once.  Any thread; two at the turn of a second may let one line more pass, or less. */
bool log_within(struct log_quota *quota, unsigned a_second, unsigned *untold) MUST_USE;

/* Makes text from outside safe inside double quotes: what is not printable ASCII becomes \xHH,
 * quote and backslash get a backslash.  Appends to `buf` (never fails but by the buffer). */
void log_escape(struct buf *buf, struct str text);

/* The same for a string of JSON (RFC 8259 §7), its quotes not included.  What is not ASCII is told byte by
 * byte as U+0080 to U+00FF: what comes from outside need not be UTF-8, JSON must be. */
void log_escape_json(struct buf *buf, struct str text);

/* As log_escape, into a small buffer of the caller's, cut off with "..." where it does not fit, always
 * terminated; returns `room`, so that it can stand in an argument list. */
const char *log_quote(char *room, size_t size, struct str text);

/* Room for log_quote, living until the end of the enclosing block. */
#define LOG_QUOTE(text) log_quote((char[512]){0}, 512, (text))

/* Prints whole lines to stdout, in the order of the calls of one thread.  Where only some fit,
 * the first do; a last one without its line break is lost. */
void log_print(struct str lines);

/* Lines that did not fit so far, on stdout and stderr together. */
uint64_t log_lost(void);

#endif
