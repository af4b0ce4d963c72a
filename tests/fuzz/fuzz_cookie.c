/* What http/cookie promises about any bytes: the cookies that a naive reading has; and what is set says
 * what was asked for and no more, is refused where the grammar says so, and comes back as it went. */
#include <stdio.h>

#include "http/cookie.h"
#include "tests/fuzz/fuzz.h"

/* ---- reading -------------------------------------------------------------------------- */

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Without blanks at its ends. */
static struct str naive_trim(const char *from, const char *to)
{
    while (from < to && is_blank(*from))
        from++;
    while (from < to && is_blank(to[-1]))
        to--;
    return str_of(from, (size_t)(to - from));
}

/* The next cookie of [*at, end); false when there is none. */
static bool naive_next(const char **at, const char *end, struct str *name, struct str *value)
{
    while (*at < end) {
        const char *from = *at, *to = from, *mark;

        while (to < end && *to != ';')
            to++;
        for (mark = from; mark < to && *mark != '=';)
            mark++;
        *at = to < end ? to + 1 : end;
        *name = naive_trim(from, mark);
        if (mark == to || name->len == 0)
            continue;
        *value = naive_trim(mark + 1, to);
        if (value->len > 1 && *value->ptr == '"' && value->ptr[value->len - 1] == '"')
            *value = str_of(value->ptr + 1, value->len - 2);
        return true;
    }
    return false;
}

static void check_reading(struct str field)
{
    const char *at = field.ptr, *end = field.ptr + field.len;
    struct str  rest = field, name, value, naive_name, naive_value;
    bool        has_more = true;

    while (has_more) {
        has_more = cookie_next(&rest, &name, &value);
        MUST_HOLD(naive_next(&at, end, &naive_name, &naive_value) == has_more);
        if (!has_more)
            break;
        MUST_HOLD(name.ptr == naive_name.ptr && name.len == naive_name.len);
        MUST_HOLD(value.ptr == naive_value.ptr && value.len == naive_value.len);
    }
}

/* ---- setting -------------------------------------------------------------------------- */

static bool all_are(struct str s, bool (*is_good)(char byte))
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_good(s.ptr[i]))
            return false;
    return true;
}

/* cookie-octet = %x21 / %x23-2B / %x2D-3A / %x3C-5B / %x5D-7E */
static bool is_octet(char c)
{
    unsigned char x = (unsigned char)c;

    return x == 0x21 || (x >= 0x23 && x <= 0x2b) || (x >= 0x2d && x <= 0x3a) ||
           (x >= 0x3c && x <= 0x5b) || (x >= 0x5d && x <= 0x7e);
}

static bool is_path_byte(char c)
{
    unsigned char x = (unsigned char)c;

    return x >= 0x20 && x <= 0x7e && x != 0x3b;
}

static bool may_be_set(const struct cookie *cookie)
{
    struct str path = cookie->path;

    return cookie->name.len > 0 && all_are(cookie->name, naive_is_tchar) &&
           all_are(cookie->value, is_octet) && all_are(path, is_path_byte) && path.len > 0 &&
           path.ptr[0] == '/' && path.ptr[path.len - 1] != ' ' &&
           cookie->name.len + cookie->value.len <= COOKIE_BYTES_MAX;
}

static bool takes(struct str *rest, struct str attribute)
{
    bool has = str_starts(*rest, attribute);

    if (has)
        *rest = str_from(*rest, attribute.len);
    return has;
}

/* The attributes that were asked for, and nothing behind them. */
static void check_attributes(struct str rest, const struct cookie *cookie)
{
    char age[64];

    snprintf(age, sizeof age, "; Max-Age=%lld", (long long)cookie->max_age_s);
    MUST_HOLD(takes(&rest, STR("; Path=")) && takes(&rest, cookie->path));
    MUST_HOLD(takes(&rest, STR("; Expires=Thu, 01 Jan 1970 00:00:00 GMT")) ==
              (cookie->max_age_s < 0));
    MUST_HOLD(takes(&rest, str_view(age)) == (cookie->max_age_s > 0));
    MUST_HOLD(takes(&rest, STR("; Secure")) == cookie->is_secure);
    MUST_HOLD(takes(&rest, STR("; HttpOnly")) == !cookie->is_for_scripts);
    MUST_HOLD(takes(&rest, STR("; SameSite=None")) == cookie->is_cross_site);
    MUST_HOLD(takes(&rest, STR("; SameSite=Lax")) == !cookie->is_cross_site);
    MUST_HOLD(rest.len == 0);
}

static void check_setting(const struct cookie *cookie)
{
    struct buf buf = BUF_UP_TO(1 << 24);
    bool       is_set = cookie_write(&buf, cookie);
    struct str rest = buf_view(&buf), name, value;

    MUST_HOLD(is_set == may_be_set(cookie));
    MUST_HOLD(is_set || buf.len == 0);
    if (is_set) {
        MUST_HOLD(cookie_next(&rest, &name, &value));
        MUST_HOLD(str_equal(name, cookie->name) && str_equal(value, cookie->value));
        check_attributes(str_from(buf_view(&buf), name.len + 1 + value.len), cookie);
    }
    buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str       input = str_of((const char *)data, size);
    uint8_t          choices = choose_byte(&input);
    uint64_t         age = choose_u64(&input);
    struct str       name = choose_line(&input), value = choose_line(&input);
    struct tight_str field = tight_bytes(input.ptr, input.len);

    check_reading(field.view);
    check_setting(&(struct cookie){
        .name = name,
        .value = value,
        .path = choices & 8 ? input : STR("/"),
        .max_age_s = (int64_t)age,
        .is_secure = choices & 1,
        .is_for_scripts = choices & 2,
        .is_cross_site = choices & 4,
    });
    tight_str_free(&field);
    return 0;
}
