/* head - the head of a response, to bytes (RFC 9112 §4, §5).
 *
 * Appends to a buffer, and cannot emit a line break it was not asked for: a name that is not a
 * token or a value with a control byte marks the buffer as failed instead.  Pure. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/buf.h"
#include "http/status.h"

/* "HTTP/1.1 200 OK\r\n".  Always 1.1, whatever the request's version (RFC 9110 §6.2). */
void head_status(struct buf *buf, int code);

/* "Name: value\r\n" */
void head_field(struct buf *buf, struct str name, struct str value);
void head_field_u64(struct buf *buf, struct str name, uint64_t value);
void head_field_date(struct buf *buf, struct str name, int64_t wall_s);

/* "\r\n" */
void head_end(struct buf *buf);

/* Escapes a clean path for use in Location: every byte that may not stand unescaped in a path
 * segment becomes %XX; "/" stays.  Starts with exactly one "/", also for "". */
void head_append_path(struct buf *buf, struct str path);

/* A raw path that came from outside, from its "/" on: the same about its bytes as for a query. */
void head_append_raw_path(struct buf *buf, struct str raw);

/* "?" and a query that came from outside: what may stand in one stays, escapes too; every other
 * byte becomes %XX, also a "%" that begins no escape (RFC 3986 §3.4). */
void head_append_query(struct buf *buf, struct str query);

#endif
