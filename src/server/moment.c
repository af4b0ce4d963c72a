#include "server/moment.h"

#include <stdio.h>
#include <time.h>

#include "http/date.h"

static void write_texts(struct moment *moment)
{
    char      date[DATE_BYTES];
    time_t    when = (time_t)moment->now.wall_s;
    struct tm parts;

    date_format(moment->now.wall_s, date);
    snprintf(moment->date_line, sizeof moment->date_line, "Date: %.*s\r\n", DATE_BYTES, date);
    gmtime_r(&when, &parts);
    strftime(moment->log_time, sizeof moment->log_time, "%d/%b/%Y:%H:%M:%S +0000", &parts);
    strftime(moment->iso_time, sizeof moment->iso_time, "%Y-%m-%dT%H:%M:%SZ", &parts);
    moment->written_s = moment->now.wall_s;
}

void moment_refresh(struct moment *moment)
{
    moment->now = clock_now();
    if (moment->now.wall_s != moment->written_s)
        write_texts(moment);
}
