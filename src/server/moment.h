/* moment - the texts of the present second, made once a second and not once a request.
 *
 * Each worker has its own, so nobody waits for anybody to read a clock. */
#ifndef SERVER_MOMENT_H
#define SERVER_MOMENT_H

#include "base/clock.h"
#include "base/str.h"

struct moment {
    struct clock now;
    int64_t      written_s;         /* the second that the texts tell */
    char         date_line[40];     /* "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" */
    char         log_time[32];      /* "06/Nov/1994:08:49:37 +0000" (Common Log Format) */
    char         iso_time[24];      /* "1994-11-06T08:49:37Z" */
};

#define MOMENT_NONE ((struct moment){.written_s = INT64_MIN})

/* Reads the clock. */
void moment_refresh(struct moment *moment);

#endif
