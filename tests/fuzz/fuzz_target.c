/* What http/target promises about any target: a path that is clean and the one a naive reading
 * finds, that survives being written into a Location and read again; and IPv6 addresses as the C
 * library has them. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/head.h"
#include "http/target.h"
#include "tests/fuzz/fuzz.h"

enum { SEGMENTS_MAX = 4096, PATH_MAX_BYTES = 65536 };

/* One parse of a heap copy of exactly these bytes, into a room of exactly the size promised. */
struct reading {
    struct tight_str raw;
    char            *room;
    struct target    target;
    struct refusal   refusal;
};

static void reading_init(struct reading *reading, struct str raw, enum method method)
{
    reading->raw = tight_bytes(raw.ptr, raw.len);
    reading->room = malloc(raw.len + 1);
    MUST_HOLD(reading->room);
    reading->refusal = target_parse(reading->raw.view, method, reading->room, &reading->target);
}

static void reading_fini(struct reading *reading)
{
    free(reading->room);
    tight_str_free(&reading->raw);
}

/* ---- a second reading of the path ----------------------------------------------------- */

struct naive_path {
    struct str segments[SEGMENTS_MAX];
    size_t     count;
    char       bytes[PATH_MAX_BYTES];   /* what the segments were decoded to */
    size_t     used;
    bool       has_slash;
    bool       is_directory;
    bool       is_bad;
};

static int naive_hex(char digit)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char       *found = digit ? strchr(digits, digit) : NULL;

    return found ? (int)(found - digits) % 16 : -1;
}

static char naive_escape(struct naive_path *path, struct str escape)
{
    int high = escape.len >= 3 ? naive_hex(escape.ptr[1]) : -1;
    int low = escape.len >= 3 ? naive_hex(escape.ptr[2]) : -1;
    int byte = high * 16 + low;

    path->is_bad |= high < 0 || low < 0 || byte < 32 || byte == 127;
    path->has_slash |= byte == '/';
    return (char)byte;
}

static struct str naive_decode(struct naive_path *path, struct str raw)
{
    char *start = path->bytes + path->used;

    for (size_t i = 0; i < raw.len; i++) {
        char byte = raw.ptr[i];

        if (byte == '%') {
            byte = naive_escape(path, str_from(raw, i));
            i += 2;
        }
        path->bytes[path->used++] = byte;
    }
    return str_of(start, (size_t)(path->bytes + path->used - start));
}

static void naive_take(struct naive_path *path, struct str segment)
{
    path->is_directory = segment.len == 0 || str_equal(segment, STR(".")) ||
                         str_equal(segment, STR(".."));
    if (!path->is_directory)
        path->segments[path->count++] = segment;
    else if (segment.len == 2 && path->count == 0)
        path->is_bad = true;
    else if (segment.len == 2)
        path->count--;
}

/* Splits first, decodes each segment, and keeps them on a stack. */
static void naive_read(struct naive_path *path, struct str raw)
{
    size_t start = 1;

    path->count = path->used = 0;
    path->has_slash = path->is_bad = false;
    path->is_directory = true;
    for (size_t i = 1; i <= raw.len && !path->is_bad; i++) {
        if (i < raw.len && raw.ptr[i] != '/')
            continue;
        naive_take(path, naive_decode(path, str_of(raw.ptr + start, i - start)));
        start = i + 1;
    }
}

/* Told apart, they are the segments of the other reading, whatever slashes they hold. */
static void check_segments(const struct target *target, const struct naive_path *naive)
{
    char      *room = malloc(target->raw_path.len + 1);
    struct str rest = target_segments(target, room), segment;
    size_t     count = 0;

    for (; str_split(&rest, '/', &segment); count++) {
        MUST_HOLD(count < naive->count && segment.len == naive->segments[count].len);
        for (size_t i = 0; i < segment.len; i++)
            MUST_HOLD((segment.ptr[i] ? segment.ptr[i] : '/') == naive->segments[count].ptr[i]);
    }
    MUST_HOLD(count == naive->count);
    free(room);
}

static void check_path(const struct target *target, struct naive_path *naive)
{
    struct buf joined = BUF_UP_TO(PATH_MAX_BYTES);

    naive_read(naive, target->raw_path);
    MUST_HOLD(!naive->is_bad);
    MUST_HOLD(naive->is_directory == target->is_directory);
    MUST_HOLD(naive->has_slash == target->has_slash);
    for (size_t i = 0; i < naive->count; i++) {
        buf_append(&joined, i > 0 ? STR("/") : STR_NONE);
        buf_append(&joined, naive->segments[i]);
    }
    MUST_HOLD(str_equal(buf_view(&joined), target->path));
    check_segments(target, naive);
    buf_fini(&joined);
}

/* ---- what must hold of one reading ---------------------------------------------------- */

static void check_clean(const struct target *target)
{
    struct str rest = target->path, segment;

    MUST_HOLD(target->path.ptr[target->path.len] == '\0');
    for (size_t i = 0; i < target->path.len; i++)
        MUST_HOLD((unsigned char)target->path.ptr[i] >= 0x20 && target->path.ptr[i] != 0x7f);
    if (target->has_slash)      /* such a path names no file and is not looked up */
        return;
    while (str_split(&rest, '/', &segment)) {
        MUST_HOLD(segment.len > 0);
        MUST_HOLD(!str_equal(segment, STR(".")) && !str_equal(segment, STR("..")));
    }
}

static void check_parts(const struct reading *reading)
{
    const struct target *target = &reading->target;
    struct str           raw = reading->raw.view;

    MUST_HOLD(is_inside(target->query, raw) && is_inside(target->authority, raw));
    MUST_HOLD(is_inside(target->raw_path, raw) || str_equal(target->raw_path, STR("/")));
    MUST_HOLD(is_inside(target->path, str_of(reading->room, raw.len)));
    MUST_HOLD(target->form == TARGET_ASTERISK || str_starts(target->raw_path, STR("/")));
    if (target->form == TARGET_ABSOLUTE)
        MUST_HOLD(target->authority.len > 0 && target_authority_is_valid(target->authority));
}

/* Written into a Location, the path is read as the same, and written as the same. */
static void check_location(const struct target *target)
{
    struct buf     first = BUF_UP_TO(PATH_MAX_BYTES), second = BUF_UP_TO(PATH_MAX_BYTES);
    struct reading again;

    head_append_path(&first, target->path);
    MUST_HOLD(!first.failed && first.ptr[0] == '/' && (first.len == 1 || first.ptr[1] != '/'));
    for (size_t i = 0; i < first.len; i++)
        MUST_HOLD(first.ptr[i] > 0x20 && first.ptr[i] < 0x7f);
    if (!target->has_slash) {
        if (target->is_directory && target->path.len > 0)
            buf_append_byte(&first, '/');
        reading_init(&again, buf_view(&first), METHOD_GET);
        MUST_HOLD(!is_refused(again.refusal) && again.target.form == TARGET_ORIGIN);
        MUST_HOLD(!again.target.query.ptr && !again.target.has_slash);
        MUST_HOLD(str_equal(again.target.path, target->path));
        MUST_HOLD(again.target.is_directory == target->is_directory);
        head_append_path(&second, again.target.path);
        MUST_HOLD(str_starts(buf_view(&first), buf_view(&second)));
        reading_fini(&again);
    }
    buf_fini(&first);
    buf_fini(&second);
}

/* A path that is refused is one that the naive reading does not understand either. */
static void check_refusal(const struct reading *reading, struct naive_path *naive)
{
    struct str raw = reading->raw.view;
    size_t     mark = str_find(raw, '?');

    MUST_HOLD(reading->refusal.status == HTTP_BAD_REQUEST);
    if (!str_starts(raw, STR("/")) || str_find(raw, '#') < raw.len)
        return;
    naive_read(naive, str_of(raw.ptr, mark));
    MUST_HOLD(naive->is_bad);
}

/* ---- addresses ------------------------------------------------------------------------ */

/* In brackets, an IPv6 address and nothing else is a host. */
static void check_address(struct str text)
{
    char             terminated[64], bracketed[sizeof terminated + 2];
    struct tight_str authority;
    struct in6_addr  address;

    if (text.len >= sizeof terminated || str_find(text, ']') < text.len)
        return;
    snprintf(terminated, sizeof terminated, "%.*s", STR_ARG(text));
    snprintf(bracketed, sizeof bracketed, "[%s]", terminated);
    authority = tight_str(bracketed);
    MUST_HOLD(target_authority_is_valid(authority.view) ==
              (inet_pton(AF_INET6, terminated, &address) == 1));
    tight_str_free(&authority);
}

/* The request line's reader lets only these bytes come to a target. */
static struct str keep_target_bytes(struct str input, char *room)
{
    size_t len = 0;

    for (size_t i = 0; i < input.len; i++)
        if ((unsigned char)input.ptr[i] > 0x20 && input.ptr[i] != 0x7f)
            room[len++] = input.ptr[i];
    return str_of(room, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct naive_path naive;
    static char              room[SEGMENTS_MAX];
    struct str               input = str_of((const char *)data, MIN_OF(size, sizeof room));
    enum method              method = choose_byte(&input) == 'O' ? METHOD_OPTIONS : METHOD_GET;
    struct str               raw = keep_target_bytes(input, room);
    struct reading           reading;

    reading_init(&reading, raw, method);
    if (is_refused(reading.refusal)) {
        check_refusal(&reading, &naive);
    } else {
        check_parts(&reading);
        check_clean(&reading.target);
        if (reading.target.form != TARGET_ASTERISK) {
            check_path(&reading.target, &naive);
            check_location(&reading.target);
        }
    }
    reading_fini(&reading);
    check_address(raw);
    return 0;
}
