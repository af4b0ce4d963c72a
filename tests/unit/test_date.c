/* What http/date promises: HTTP's three ways to write a moment (RFC 9110 §5.6.7). */
#include <time.h>

#include "http/date.h"
#include "tests/support/promise.h"

#define NOW INT64_C(1800000000)     /* Fri, 15 Jan 2027 08:00:00 GMT */

static const struct format_case {
    const char *promise;
    int64_t     wall_s;
    const char *text;
} formats[] = {
    {"the RFC's own example",        784111777,                "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"where counting starts",        0,                        "Thu, 01 Jan 1970 00:00:00 GMT"},
    {"the second before",            -1,                       "Wed, 31 Dec 1969 23:59:59 GMT"},
    {"a leap day",                   951782400,                "Tue, 29 Feb 2000 00:00:00 GMT"},
    {"the day after no leap day",    INT64_C(4107542400),      "Mon, 01 Mar 2100 00:00:00 GMT"},
    {"behind 32 bits",               INT64_C(2147483648),      "Tue, 19 Jan 2038 03:14:08 GMT"},
    {"the first moment",             INT64_C(-62167219200),    "Sat, 01 Jan 0000 00:00:00 GMT"},
    {"what is before is the first",  INT64_C(-62167219201),    "Sat, 01 Jan 0000 00:00:00 GMT"},
    {"the last moment",              INT64_C(253402300799),    "Fri, 31 Dec 9999 23:59:59 GMT"},
    {"what is behind is the last",   INT64_C(253402300800),    "Fri, 31 Dec 9999 23:59:59 GMT"},
    {"as far before as can be",      INT64_MIN,                "Sat, 01 Jan 0000 00:00:00 GMT"},
    {"as far behind as can be",      INT64_MAX,                "Fri, 31 Dec 9999 23:59:59 GMT"},
};

static void a_moment_is_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(formats); i++) {
        char out[DATE_BYTES];

        date_format(formats[i].wall_s, out);
        PROMISED_STR(formats[i].promise, str_of(out, sizeof(out)), formats[i].text);
    }
}

static const struct parse_case {
    const char *promise;
    const char *text;
    int64_t     wall_s;
} parses[] = {
    {"IMF-fixdate",                    "Sun, 06 Nov 1994 08:49:37 GMT",    784111777},
    {"RFC 850",                        "Sunday, 06-Nov-94 08:49:37 GMT",   784111777},
    {"asctime",                        "Sun Nov  6 08:49:37 1994",         784111777},
    {"asctime with two digits",        "Wed Nov 16 08:49:37 1994",         784975777},
    {"asctime with a zero",            "Sun Nov 06 08:49:37 1994",         784111777},
    {"before 1970",                    "Wed, 31 Dec 1969 23:59:59 GMT",    -1},
    {"the first moment",               "Sat, 01 Jan 0000 00:00:00 GMT",    INT64_C(-62167219200)},
    {"the last moment",                "Fri, 31 Dec 9999 23:59:59 GMT",    INT64_C(253402300799)},
    {"the name of the day is not checked", "Mon, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"nor in RFC 850",                 "Wednesday, 06-Nov-94 08:49:37 GMT", 784111777},
    {"a leap second is the second after", "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
    {"a leap day",                     "Tue, 29 Feb 2000 00:00:00 GMT",    951782400},
    {"no leap day in 1900",            "Thu, 29 Feb 1900 00:00:00 GMT",    DATE_NONE},
    {"nor in 2023",                    "Wed, 29 Feb 2023 00:00:00 GMT",    DATE_NONE},
    {"nor a 31st of April",            "Wed, 31 Apr 2024 00:00:00 GMT",    DATE_NONE},
    {"nor a 32nd",                     "Wed, 32 Jan 2024 00:00:00 GMT",    DATE_NONE},
    {"nor a day 0",                    "Wed, 00 Jan 2024 00:00:00 GMT",    DATE_NONE},
    {"nor an hour 24",                 "Sun, 06 Nov 1994 24:00:00 GMT",    DATE_NONE},
    {"nor a minute 60",                "Sun, 06 Nov 1994 08:60:37 GMT",    DATE_NONE},
    {"nor a second 61",                "Sun, 06 Nov 1994 08:49:61 GMT",    DATE_NONE},
    {"months have English names",      "Sun, 06 Okt 1994 08:49:37 GMT",    DATE_NONE},
    {"which are no parts of others",   "Sun, 06 anF 1994 08:49:37 GMT",    DATE_NONE},
    {"days have names",                "Xxx, 06 Nov 1994 08:49:37 GMT",    DATE_NONE},
    {"names have a case",              "sun, 06 nov 1994 08:49:37 gmt",    DATE_NONE},
    {"the time is Greenwich's",        "Sun, 06 Nov 1994 08:49:37 UTC",    DATE_NONE},
    {"and not an offset",              "Sun, 06 Nov 1994 08:49:37 +0000",  DATE_NONE},
    {"a day has two digits",           "Sun, 6 Nov 1994 08:49:37 GMT",     DATE_NONE},
    {"a year has four",                "Sun, 06 Nov 94 08:49:37 GMT",      DATE_NONE},
    {"a year has no sign",             "Sun, 06 Nov -994 08:49:37 GMT",    DATE_NONE},
    {"spaces are single",              "Sun,  06 Nov 1994 08:49:37 GMT",   DATE_NONE},
    {"nothing before",                 " Sun, 06 Nov 1994 08:49:37 GMT",   DATE_NONE},
    {"nothing behind",                 "Sun, 06 Nov 1994 08:49:37 GMT ",   DATE_NONE},
    {"nothing behind asctime",         "Sun Nov  6 08:49:37 1994 GMT",     DATE_NONE},
    {"no list of dates",
     "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",       DATE_NONE},
    {"seconds since 1970 are no date", "784111777",                        DATE_NONE},
    {"nothing is no date",             "",                                 DATE_NONE},
    {"absent is no date",              NULL,                               DATE_NONE},
};

static void a_date_is_read_or_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(parses); i++) {
        struct tight_str text = tight_str(parses[i].text);

        PROMISED_NUMBER(parses[i].promise, date_parse(text.view, NOW), parses[i].wall_s);
        tight_str_free(&text);
    }
}

static void every_beginning_of_a_date_is_none(void **state)
{
    static const char *const dates[] = {
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(dates); i++) {
        for (size_t len = 0; len < strlen(dates[i]); len++) {
            struct tight_str text = tight_bytes(dates[i], len);

            PROMISED_NUMBER(dates[i], date_parse(text.view, NOW), DATE_NONE);
            tight_str_free(&text);
        }
    }
}

/* Two digits mean the latest year that is not more than 50 years ahead. */
static void two_digits_of_a_year_mean_one_near(void **state)
{
    static const struct century_case {
        const char *promise;
        const char *text;
        const char *now;
        const char *meant;
    } cases[] = {
        {"50 years ahead to the second", "Friday, 15-Jan-77 08:00:00 GMT",
         "Fri, 15 Jan 2027 08:00:00 GMT", "Fri, 15 Jan 2077 08:00:00 GMT"},
        {"a second more is past", "Friday, 15-Jan-77 08:00:01 GMT",
         "Fri, 15 Jan 2027 08:00:00 GMT", "Fri, 15 Jan 1977 08:00:01 GMT"},
        {"this year", "Friday, 15-Jan-27 08:00:01 GMT",
         "Fri, 15 Jan 2027 08:00:00 GMT", "Fri, 15 Jan 2027 08:00:01 GMT"},
        {"the next century is nearer", "Friday, 15-Jan-05 08:00:00 GMT",
         "Fri, 15 Jan 1999 08:00:00 GMT", "Fri, 15 Jan 2005 08:00:00 GMT"},
        {"so is the last one", "Friday, 15-Jan-99 08:00:00 GMT",
         "Fri, 15 Jan 2005 08:00:00 GMT", "Fri, 15 Jan 1999 08:00:00 GMT"},
        {"a leap day of the right century", "Tuesday, 29-Feb-00 00:00:00 GMT",
         "Fri, 15 Jan 2027 08:00:00 GMT", "Tue, 29 Feb 2000 00:00:00 GMT"},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        int64_t now_s = date_parse(str_view(cases[i].now), 0);
        int64_t got = date_parse(str_view(cases[i].text), now_s);

        PROMISED_NUMBER(cases[i].promise, got, date_parse(str_view(cases[i].meant), 0));
        PROMISED(cases[i].promise, got != DATE_NONE);
    }
    assert_true(date_parse(STR("Friday, 15-Jan-99 08:00:00 GMT"), INT64_MAX) != DATE_NONE);
    assert_true(date_parse(STR("Friday, 15-Jan-49 08:00:00 GMT"), INT64_MIN) != DATE_NONE);
}

/* Every day of nine centuries, against the C library. */
static void what_is_written_is_read_again(void **state)
{
    (void)state;
    for (int64_t wall_s = INT64_C(-14000000000); wall_s < INT64_C(14000000000); wall_s += 86399) {
        char out[DATE_BYTES], want[DATE_BYTES + 1];
        time_t time = (time_t)wall_s;
        struct tm tm;

        date_format(wall_s, out);
        assert_int_equal(date_parse(str_of(out, sizeof(out)), NOW), wall_s);
        strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&time, &tm));
        assert_memory_equal(out, want, DATE_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moment_is_written),
        cmocka_unit_test(a_date_is_read_or_is_none),
        cmocka_unit_test(every_beginning_of_a_date_is_none),
        cmocka_unit_test(two_digits_of_a_year_mean_one_near),
        cmocka_unit_test(what_is_written_is_read_again),
    };

    return cmocka_run_group_tests_name("date", tests, NULL, NULL);
}
