/* date - moments as HTTP writes them (RFC 9110 §5.6.7).  Pure: the present is an argument. */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include "base/str.h"

enum { DATE_BYTES = 29 };           /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* No moment: what date_parse gives for what it cannot read. */
#define DATE_NONE INT64_MIN

/* Writes DATE_BYTES bytes, not terminated, for seconds since 1970 (years 0 to 9999; beyond, the
 * nearest). */
void date_format(int64_t wall_s, char out[DATE_BYTES]);

/* Reads all three forms: IMF-fixdate, RFC 850 (a two-digit year more than 50 years ahead of
 * `now_s` is in the past), asctime.  DATE_NONE when it is none of them or no real date (day 31
 * of April); the name of the day is not checked against the date.  A leap second reads as the
 * second after it. */
int64_t date_parse(struct str text, int64_t now_s) MUST_USE;

#endif
