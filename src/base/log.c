#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/courier.h"

static atomic_int wanted_level = LOG_INFO;

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {
#define X(name, text) [LOG_##name] = text,
        LOG_LEVELS(X)
#undef X
    };

    assert((size_t)level < COUNTOF(names));
    return names[level];
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&wanted_level, (int)level, memory_order_relaxed);
}

bool log_wants(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&wanted_level, memory_order_relaxed);
}

bool log_within(struct log_quota *quota, unsigned a_second, unsigned *untold)
{
    int64_t  second = clock_now().ms / 1000;
    unsigned before = 0;

    if (atomic_exchange(&quota->second, second) != second)
        before = atomic_exchange(&quota->count, 0);
    *untold = before > a_second ? before - a_second : 0;
    return atomic_fetch_add(&quota->count, 1) < a_second;
}

/* What stands for itself between double quotes: ASCII that prints, without '"' and '\\'. */
static bool is_plain(char byte)
{
    static const bool plain[256] = {
        [' ' ... '!'] = true,
        ['#' ... '['] = true,
        [']' ... '~'] = true,
    };

    return plain[(unsigned char)byte];
}

/* How `byte` stands between double quotes. */
static struct str escaped(char byte, char room[static 4])
{
    static const char digits[] = "0123456789abcdef";

    if (is_plain(byte)) {
        room[0] = byte;
        return str_of(room, 1);
    }
    room[0] = '\\';
    if (byte == '"' || byte == '\\') {
        room[1] = byte;
        return str_of(room, 2);
    }
    room[1] = 'x';
    room[2] = digits[(unsigned char)byte >> 4];
    room[3] = digits[(unsigned char)byte & 15];
    return str_of(room, 4);
}

void log_escape(struct buf *buf, struct str text)
{
    char room[4];

    while (text.len) {
        size_t plain = 0;

        while (plain < text.len && is_plain(text.ptr[plain]))
            plain++;
        buf_append(buf, str_of(text.ptr, plain));
        if (plain < text.len)
            buf_append(buf, escaped(text.ptr[plain++], room));
        text = str_from(text, plain);
    }
}

void log_escape_json(struct buf *buf, struct str text)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];

        if (byte == '"' || byte == '\\') {
            char pair[2] = {'\\', (char)byte};

            buf_append(buf, str_of(pair, 2));
        } else if (byte < 0x20 || byte >= 0x7f) {
            char code[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};

            buf_append(buf, str_of(code, 6));
        } else {
            buf_append_byte(buf, (char)byte);
        }
    }
}

const char *log_quote(char *room, size_t size, struct str text)
{
    static const char dots[] = "...";
    size_t len = 0, cut_at = 0;         /* cut_at: the last place where the dots fit */
    char piece[4];

    assert(size >= sizeof(dots));
    for (size_t i = 0; i < text.len; i++) {
        struct str next = escaped(text.ptr[i], piece);

        if (len + next.len >= size) {
            memcpy(room + cut_at, dots, sizeof(dots));
            return room;
        }
        memcpy(room + len, next.ptr, next.len);
        len += next.len;
        if (len + sizeof(dots) <= size)
            cut_at = len;
    }
    room[len] = '\0';
    return room;
}

/* One message, no longer than what a pipe takes in one piece. */
struct line {
    char   bytes[PIPE_BUF];
    size_t len;
};

static void line_add(struct line *line, const char *format, va_list values) PRINTF_LIKE(2, 0);

static void line_add(struct line *line, const char *format, va_list values)
{
    size_t room = sizeof(line->bytes) - line->len;
    int len = vsnprintf(line->bytes + line->len, room, format, values);

    if (len > 0)
        line->len += MIN_OF((size_t)len, room - 1);
}

static void line_begin(struct line *line, enum log_level level, const char *what)
{
    time_t now = (time_t)clock_now().wall_s;
    size_t size = sizeof(line->bytes);
    struct tm utc;

    gmtime_r(&now, &utc);
    line->len = strftime(line->bytes, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
    line->len += (size_t)snprintf(line->bytes + line->len, size - line->len, " %s %.200s",
                                  log_level_name(level), what);
}

/* Values are quoted by those who pass them; should one forget, a line is still one line. */
static struct str line_end(struct line *line)
{
    if (line->len == sizeof(line->bytes) - 1)
        memcpy(line->bytes + line->len - 3, "...", 3);
    for (size_t i = 0; i < line->len; i++)
        if ((unsigned char)line->bytes[i] < 0x20 || line->bytes[i] == 0x7f)
            line->bytes[i] = '?';
    line->bytes[line->len++] = '\n';
    return str_of(line->bytes, line->len);
}

void log_say(enum log_level level, const char *what, const char *format, ...)
{
    struct line line;
    va_list values;
    int error = errno;

    if (!log_wants(level))
        return;
    line_begin(&line, level, what);
    if (*format)
        line.bytes[line.len++] = ' ';
    errno = error;              /* for %m */
    va_start(values, format);
    line_add(&line, format, values);
    va_end(values);
    courier_take(COURIER_ERR, line_end(&line));
    errno = error;
}

void log_print(struct str lines)
{
    courier_take(COURIER_OUT, lines);
}

bool log_start(void)
{
    return courier_start();
}

void log_stop(int64_t within_ms)
{
    courier_stop(within_ms);
}

uint64_t log_lost(void)
{
    return courier_lost();
}
