/* What http/date promises about any text and any moment: what is read is a moment that, written
 * by the C library, gives the text again; what is written is read again; and dates with two-digit
 * years lie near the present. */
#include <stdio.h>
#include <time.h>

#include "http/date.h"
#include "tests/fuzz/fuzz.h"

#define FIRST_S INT64_C(-62167219200)       /* 0000-01-01 00:00:00 */
#define LAST_S  INT64_C(253402300799)       /* 9999-12-31 23:59:59 */
#define CENTURY_HALF_S INT64_C(1577880000)  /* 50 years, to within a day */
#define DAY_S INT64_C(86400)

enum form { FORM_FIXED, FORM_RFC850, FORM_ASCTIME, FORM_ASCTIME_ZERO, FORMS };

static const char *const short_days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const long_days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static int64_t nearest(int64_t wall_s)
{
    return wall_s < FIRST_S ? FIRST_S : wall_s > LAST_S ? LAST_S : wall_s;
}

/* What stands behind the name of the day, which is not checked against the date. */
static struct str render(char *room, size_t size, int64_t wall_s, enum form form)
{
    static const char *const formats[FORMS] = {
        [FORM_FIXED] = ", %02d %s %04d %02d:%02d:%02d GMT",
        [FORM_RFC850] = ", %02d-%s-%02d %02d:%02d:%02d GMT",
        [FORM_ASCTIME] = " %s %2d %02d:%02d:%02d %04d",
        [FORM_ASCTIME_ZERO] = " %s %02d %02d:%02d:%02d %04d",
    };
    time_t    when = (time_t)wall_s;
    struct tm tm;
    int       year, len;

    MUST_HOLD(gmtime_r(&when, &tm));
    year = tm.tm_year + 1900;
    year = form == FORM_RFC850 ? (year % 100 + 100) % 100 : year;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (form == FORM_FIXED || form == FORM_RFC850)
        len = snprintf(room, size, formats[form], tm.tm_mday, months[tm.tm_mon], year, tm.tm_hour,
                       tm.tm_min, tm.tm_sec);
    else
        len = snprintf(room, size, formats[form], months[tm.tm_mon], tm.tm_mday, tm.tm_hour,
                       tm.tm_min, tm.tm_sec, year);
#pragma GCC diagnostic pop
    MUST_HOLD(len > 0 && (size_t)len < size);
    return str_of(room, (size_t)len);
}

/* ---- a text that was read ------------------------------------------------------------- */

/* A leap second reads as the second after it; written down, it is the one before with 60 in it. */
static bool is_leap_second_of(struct str text, struct str rendered_before)
{
    for (size_t i = 0; i + 3 <= text.len; i++) {
        if (text.len == rendered_before.len && memcmp(text.ptr + i, ":60", 3) == 0)
            return memcmp(text.ptr, rendered_before.ptr, i) == 0 &&
                   memcmp(rendered_before.ptr + i, ":59", 3) == 0 &&
                   memcmp(text.ptr + i + 3, rendered_before.ptr + i + 3, text.len - i - 3) == 0;
    }
    return false;
}

static bool has_day_name(struct str text, const char *const names[], struct str *rest)
{
    for (size_t i = 0; i < 7; i++) {
        if (str_starts(text, str_view(names[i]))) {
            *rest = str_from(text, strlen(names[i]));
            return true;
        }
    }
    return false;
}

/* Written in one of the forms, the moment is the text. */
static void check_accepted(struct str text, int64_t read_s)
{
    bool is_found = false;

    for (int form = 0; form < FORMS; form++) {
        struct str rest;
        char       room[64], before[64];

        if (!has_day_name(text, form == FORM_RFC850 ? long_days : short_days, &rest))
            continue;
        is_found |= str_equal(rest, render(room, sizeof room, read_s, (enum form)form)) ||
                    is_leap_second_of(
                        rest, render(before, sizeof before, read_s - 1, (enum form)form));
    }
    MUST_HOLD(is_found);
}

static void check_text(struct str input, int64_t now_s)
{
    struct tight_str text = tight_bytes(input.ptr, input.len);
    int64_t          read_s = date_parse(text.view, now_s);
    char             written[DATE_BYTES];

    if (read_s != DATE_NONE) {
        check_accepted(text.view, read_s);
        date_format(read_s, written);
        MUST_HOLD(date_parse(str_of(written, DATE_BYTES), now_s) == nearest(read_s));
    }
    tight_str_free(&text);
}

/* ---- a moment that is written --------------------------------------------------------- */

static void check_written(int64_t wall_s)
{
    char      written[DATE_BYTES], room[64];
    time_t    when = (time_t)nearest(wall_s);
    struct tm tm;

    date_format(wall_s, written);
    MUST_HOLD(gmtime_r(&when, &tm));
    MUST_HOLD(memcmp(written, short_days[tm.tm_wday], 3) == 0);
    MUST_HOLD(str_equal(str_of(written + 3, DATE_BYTES - 3),
                        render(room, sizeof room, nearest(wall_s), FORM_FIXED)));
    MUST_HOLD(date_parse(str_of(written, DATE_BYTES), 0) == nearest(wall_s));
}

static void check_asctime(int64_t wall_s, enum form form)
{
    char       text[64] = "Sun";
    struct str rest = render(text + 3, sizeof text - 3, nearest(wall_s), form);

    MUST_HOLD(date_parse(str_of(text, 3 + rest.len), 0) == nearest(wall_s));
}

static bool is_leap_day(int64_t wall_s)
{
    time_t    when = (time_t)wall_s;
    struct tm tm;

    return gmtime_r(&when, &tm) && tm.tm_mon == 1 && tm.tm_mday == 29;
}

/* The date may be of another century, and then a 29th of February need not be real. */
static void check_two_digit_year(int64_t wall_s, int64_t now_s)
{
    char       text[64] = "Sunday";
    struct str rest = render(text + 6, sizeof text - 6, nearest(wall_s), FORM_RFC850);
    int64_t    read_s = date_parse(str_of(text, 6 + rest.len), now_s);

    if (read_s == DATE_NONE) {
        MUST_HOLD(is_leap_day(nearest(wall_s)));
        return;
    }
    MUST_HOLD(read_s - nearest(now_s) <= CENTURY_HALF_S + 2 * DAY_S);
    MUST_HOLD(read_s - nearest(now_s) >= -CENTURY_HALF_S - 2 * DAY_S);
}

/* Any number, most of them in the years that can be written. */
static int64_t choose_moment(struct str *input)
{
    uint8_t  kind = choose_byte(input);
    uint64_t number = choose_u64(input);

    return kind == 0 ? (int64_t)number : FIRST_S + (int64_t)(number % (uint64_t)(LAST_S - FIRST_S + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_of((const char *)data, size);
    int64_t    now_s = choose_moment(&input);
    int64_t    wall_s = choose_moment(&input);

    check_text(input, now_s);
    check_written(wall_s);
    check_asctime(wall_s, FORM_ASCTIME);
    check_asctime(wall_s, FORM_ASCTIME_ZERO);
    check_two_digit_year(wall_s, now_s);
    return 0;
}
