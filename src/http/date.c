#include "http/date.h"

enum {
    MINUTE_S = 60,
    HOUR_S   = 60 * MINUTE_S,
    DAY_S    = 24 * HOUR_S,
};

#define FIRST_S INT64_C(-62167219200)       /* 0000-01-01 00:00:00, and */
#define LAST_S  INT64_C(253402300799)       /* 9999-12-31 23:59:59: what four digits can say */

struct moment {
    int64_t year;
    int64_t month;                  /* 1 to 12 */
    int64_t day;                    /* 1 to 31 */
    int64_t hour, minute, second;
};

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char day_names[] = "SunMonTueWedThuFriSat";

/* The calendar, reckoned as if years began in March of the year 400 before the first: the leap
 * day is then the last of its year, and nothing is negative.  (153 * m + 2) / 5 days come before
 * the m-th month after March; 400 years have 146097 days; the last number is 1970-01-01. */
enum { DAYS_IN_400_YEARS = 146097, DAYS_TO_1970 = 719468 + DAYS_IN_400_YEARS };

static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    int64_t y = year + 400 - (month <= 2);
    int64_t m = month > 2 ? month - 3 : month + 9;

    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - DAYS_TO_1970;
}

static int64_t seconds_from_moment(const struct moment *m)
{
    return days_from_date(m->year, m->month, m->day) * DAY_S + m->hour * HOUR_S +
           m->minute * MINUTE_S + m->second;
}

/* For moments from FIRST_S to LAST_S. */
static struct moment moment_from_seconds(int64_t wall_s)
{
    int64_t days = (wall_s - FIRST_S) / DAY_S + FIRST_S / DAY_S;
    int64_t second = (wall_s - FIRST_S) % DAY_S;
    int64_t since = days + DAYS_TO_1970;
    int64_t in_era = since % DAYS_IN_400_YEARS;
    int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (y * 365 + y / 4 - y / 100);
    int64_t m = (5 * in_year + 2) / 153;
    int64_t month = m < 10 ? m + 3 : m - 9;

    return (struct moment){
        .year   = since / DAYS_IN_400_YEARS * 400 + y - 400 + (month <= 2),
        .month  = month,
        .day    = in_year - (153 * m + 2) / 5 + 1,
        .hour   = second / HOUR_S,
        .minute = second / MINUTE_S % 60,
        .second = second % 60,
    };
}

static bool is_real(const struct moment *m)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (m->year % 4 == 0 && m->year % 100 != 0) || m->year % 400 == 0;
    int64_t last = m->month == 2 && is_leap ? 29 : days[m->month - 1];

    return m->day >= 1 && m->day <= last && m->hour <= 23 && m->minute <= 59 &&
           m->second <= 60;                             /* a leap second */
}

static void write_digits(char *out, int count, int64_t value)
{
    while (count-- > 0) {
        out[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* IMF-fixdate = day-name "," SP day SP month SP year SP hour ":" minute ":" second SP GMT */
void date_format(int64_t wall_s, char out[DATE_BYTES])
{
    int64_t within = MAX_OF(FIRST_S, MIN_OF(wall_s, LAST_S));
    struct moment m = moment_from_seconds(within);
    int64_t weekday = ((within - FIRST_S) / DAY_S + 6) % 7;     /* 0000-01-01 is a Saturday */

    memcpy(out, "Sun, 06 Nov 1994 08:49:37 GMT", DATE_BYTES);
    memcpy(out, day_names + weekday * 3, 3);
    write_digits(out + 5, 2, m.day);
    memcpy(out + 8, month_names + (m.month - 1) * 3, 3);
    write_digits(out + 12, 4, m.year);
    write_digits(out + 17, 2, m.hour);
    write_digits(out + 20, 2, m.minute);
    write_digits(out + 23, 2, m.second);
}

static bool take_digits(struct str *rest, size_t count, int64_t *value)
{
    uint64_t number;

    if (rest->len < count || !str_to_u64(str_of(rest->ptr, count), &number))
        return false;
    *value = (int64_t)number;
    *rest = str_from(*rest, count);
    return true;
}

/* One of the three-letter names that stand side by side in `names`; *number counts from 1. */
static bool take_name(struct str *rest, const char *names, int64_t *number)
{
    if (rest->len < 3)
        return false;
    for (size_t i = 0; names[i * 3] != '\0'; i++) {
        if (memcmp(rest->ptr, names + i * 3, 3) == 0) {
            *number = (int64_t)i + 1;
            *rest = str_from(*rest, 3);
            return true;
        }
    }
    return false;
}

static bool take_long_day_name(struct str *rest)
{
    static const char *const names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

    for (size_t i = 0; i < COUNTOF(names); i++) {
        struct str name = str_view(names[i]);

        if (str_starts(*rest, name)) {
            *rest = str_from(*rest, name.len);
            return true;
        }
    }
    return false;
}

static bool take_byte(struct str *rest, char byte)
{
    if (rest->len == 0 || rest->ptr[0] != byte)
        return false;
    *rest = str_from(*rest, 1);
    return true;
}

/* Takes what one letter of a pattern stands for, in the letters of strptime. */
static bool take_part(char letter, struct str *rest, struct moment *m)
{
    int64_t ignored;

    switch (letter) {
    case 'a':
        return take_name(rest, day_names, &ignored);
    case 'A':
        return take_long_day_name(rest);
    case 'b':
        return take_name(rest, month_names, &m->month);
    case 'd':
        return take_digits(rest, 2, &m->day);
    case 'e':                                           /* a space may be the first digit */
        return take_digits(rest, take_byte(rest, ' ') ? 1 : 2, &m->day);
    case 'Y':
        return take_digits(rest, 4, &m->year);
    case 'y':
        return take_digits(rest, 2, &m->year);
    case 'H':
        return take_digits(rest, 2, &m->hour);
    case 'M':
        return take_digits(rest, 2, &m->minute);
    case 'S':
        return take_digits(rest, 2, &m->second);
    default:
        return false;
    }
}

static bool matches(struct str text, const char *pattern, struct moment *m)
{
    for (; *pattern != '\0'; pattern++) {
        bool taken = *pattern == '%' ? take_part(*++pattern, &text, m)
                                     : take_byte(&text, *pattern);

        if (!taken)
            return false;
    }
    return text.len == 0;
}

/* RFC 9110 §5.6.7: a two-digit year means the latest one that is not more than 50 years ahead. */
static void choose_century(struct moment *m, int64_t now_s)
{
    struct moment ahead = moment_from_seconds(MAX_OF(FIRST_S, MIN_OF(now_s, LAST_S)));

    ahead.year += 50;
    m->year += ahead.year / 100 * 100;
    if (seconds_from_moment(m) > seconds_from_moment(&ahead))
        m->year -= 100;
}

/* HTTP-date = IMF-fixdate / rfc850-date / asctime-date             RFC 9110 §5.6.7 */
int64_t date_parse(struct str text, int64_t now_s)
{
    struct moment m = {0};

    if (!matches(text, "%a, %d %b %Y %H:%M:%S GMT", &m) &&
        !matches(text, "%a %b %e %H:%M:%S %Y", &m)) {
        if (!matches(text, "%A, %d-%b-%y %H:%M:%S GMT", &m))
            return DATE_NONE;
        choose_century(&m, now_s);
    }
    return is_real(&m) ? seconds_from_moment(&m) : DATE_NONE;
}
