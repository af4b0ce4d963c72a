/* What http/negotiate promises about any Accept-Encoding lines: the weights that a naive reading
 * finds, whatever the order of lines and members; and a choice that is there, that nobody has
 * refused, and that nothing there beats. */
#include <stdlib.h>
#include <strings.h>

#include "http/negotiate.h"
#include "tests/fuzz/fuzz.h"

enum { LINES_MAX = 8, KEPT_MAX = 256 };

/* All members of all lines, empty ones left out. */
struct members {
    struct str all[KEPT_MAX];
    size_t     count;
};

/* ---- a second reading ----------------------------------------------------------------- */

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static struct str naive_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0]))
        s = str_of(s.ptr + 1, s.len - 1);
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Where the member ends that begins at `at`: a comma outside quotes, or the end. */
static size_t naive_end(struct str list, size_t at)
{
    bool is_quoted = false;

    for (; at < list.len; at++) {
        if (is_quoted && list.ptr[at] == '\\')
            at++;
        else if (list.ptr[at] == '"')
            is_quoted = !is_quoted;
        else if (list.ptr[at] == ',' && !is_quoted)
            return at;
    }
    return list.len;
}

static void naive_split(struct str line, struct members *members)
{
    for (size_t at = 0, end; at < line.len && members->count < KEPT_MAX; at = end + 1) {
        struct str member;

        end = naive_end(line, at);
        member = naive_trim(str_of(line.ptr + at, end - at));
        if (member.len > 0)
            members->all[members->count++] = member;
    }
}

/* Written out in full, "1" being "1.000", it is four digits and a point. */
static int naive_qvalue(const char *text)
{
    char full[] = "0.000";

    if (strlen(text) > 5)
        return -1;
    memcpy(full, text, strlen(text));
    if (strspn(full, "01") < 1 || full[1] != '.' || strspn(full + 2, "0123456789") != 3)
        return -1;
    if (full[0] == '1' && strcmp(full + 2, "000") != 0)
        return -1;
    return full[0] == '1' ? 1000 : atoi(full + 2);
}

/* Of what stands behind the name: 0 to 1000, or -1. */
static int naive_weight(struct str rest)
{
    char text[16] = "";

    rest = naive_trim(rest);
    if (rest.len == 0)
        return 1000;
    if (rest.ptr[0] != ';')
        return -1;
    rest = naive_trim(str_of(rest.ptr + 1, rest.len - 1));
    if (rest.len < 3 || rest.len > 7 || memchr(rest.ptr, '\0', rest.len))
        return -1;
    memcpy(text, rest.ptr, rest.len);
    return strncasecmp(text, "q=", 2) == 0 ? naive_qvalue(text + 2) : -1;
}

/* The weight of what was called by this name, over all members: the smallest.  -1: never called. */
static int naive_named(const struct members *members, const char *name, bool is_spoilt_refusal)
{
    int smallest = -1;

    for (size_t i = 0; i < members->count; i++) {
        struct str member = members->all[i];
        size_t     len = 0;
        int        weight;

        while (len < member.len && naive_is_tchar(member.ptr[len]))
            len++;
        if (len != strlen(name) || strncasecmp(member.ptr, name, len) != 0)
            continue;
        weight = naive_weight(str_of(member.ptr + len, member.len - len));
        if (weight < 0 && is_spoilt_refusal)
            weight = 0;
        if (weight >= 0 && (smallest < 0 || weight < smallest))
            smallest = weight;
    }
    return smallest;
}

static int naive_smaller(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void naive_read(const struct members *members, bool is_absent, int *weights)
{
    static const struct members none;
    const struct members *read = members->count > NEGOTIATE_MEMBERS_MAX ? &none : members;
    int any = naive_named(read, "*", false);

    weights[CODING_IDENTITY] = naive_named(read, "identity", false);
    weights[CODING_BROTLI] = naive_named(read, "br", true);
    weights[CODING_ZSTD] = naive_named(read, "zstd", true);
    weights[CODING_GZIP] =
        naive_smaller(naive_named(read, "gzip", true), naive_named(read, "x-gzip", true));
    for (unsigned coding = 0; coding < CODINGS; coding++) {
        if (weights[coding] < 0)
            weights[coding] = any;
        if (weights[coding] < 0)
            weights[coding] = coding == CODING_IDENTITY || is_absent ? 1 : 0;
    }
    if (is_absent)
        weights[CODING_IDENTITY] = 1000;
}

/* ---- the comparison ------------------------------------------------------------------- */

static void check_weights(const struct coding_wish *wish, const int *naive)
{
    for (unsigned coding = 0; coding < CODINGS; coding++)
        MUST_HOLD((int)wish->weights[coding] == naive[coding]);
}

static int rank(enum coding coding)
{
    static const int ranks[CODINGS] = {
        [CODING_BROTLI] = 4, [CODING_ZSTD] = 3, [CODING_GZIP] = 2, [CODING_IDENTITY] = 1};

    return ranks[coding];
}

static void check_choice(const struct coding_wish *wish, unsigned available)
{
    enum coding chosen = negotiate_choose(wish, available);

    MUST_HOLD(chosen == CODING_NONE || (chosen < CODINGS && (available & BIT(chosen))));
    MUST_HOLD(chosen == CODING_NONE || wish->weights[chosen] > 0);
    for (enum coding other = 0; other < CODINGS; other++) {
        if (other == chosen || !(available & BIT(other)) || wish->weights[other] == 0)
            continue;
        MUST_HOLD(chosen != CODING_NONE);
        MUST_HOLD(wish->weights[chosen] >= wish->weights[other]);
        MUST_HOLD(wish->weights[chosen] > wish->weights[other] || rank(chosen) > rank(other));
    }
}

/* The members from the last to the first, as one line.  A quote that stays open would take others
 * in, so such fields are left out. */
static void check_backwards(const struct members *members, const struct coding_wish *wish)
{
    struct buf         line = BUF_UP_TO(65536);
    struct coding_wish again;

    for (size_t i = members->count; i-- > 0;) {
        if (memchr(members->all[i].ptr, '"', members->all[i].len))
            goto out;
        buf_append(&line, members->all[i]);
        buf_append(&line, STR(" ,"));
    }
    if (!line.failed) {
        negotiate_read(buf_view(&line), &again);
        MUST_HOLD(memcmp(&again, wish, sizeof again) == 0);
    }
out:
    buf_fini(&line);
}

/* One line by itself, whatever its bytes. */
static void check_alone(struct str line)
{
    struct tight_str   field = tight_bytes(line.ptr, line.len);
    struct members     members = {.count = 0};
    struct coding_wish wish;
    int                naive[CODINGS];

    naive_split(field.view, &members);
    naive_read(&members, false, naive);
    negotiate_read(field.view, &wish);
    check_weights(&wish, naive);
    tight_str_free(&field);
}

/* Adds the line to the request, unless no field may say that. */
static struct tight_str add_line(struct fields *fields, struct members *members, struct str value)
{
    struct buf       text = BUF_UP_TO(65536);
    struct tight_str line;

    buf_append(&text, STR("Accept-Encoding:"));
    buf_append(&text, value);
    MUST_HOLD(!text.failed);
    line = tight_bytes(text.ptr, text.len);
    buf_fini(&text);
    if (!is_refused(fields_add_line(fields, line.view)))
        naive_split(fields->all[fields->count - 1].value, members);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fields fields;
    struct str           input = str_of((const char *)data, MIN_OF(size, 16384));
    unsigned             available = choose_byte(&input);
    struct tight_str     lines[LINES_MAX];
    struct members       members = {.count = 0};
    struct coding_wish   wish;
    int                  naive[CODINGS];
    size_t               count = 0;

    fields_reset(&fields);
    for (struct str line; count < LINES_MAX && str_split(&input, '\n', &line); count++) {
        check_alone(line);
        lines[count] = add_line(&fields, &members, line);
    }
    naive_read(&members, fields.count == 0, naive);
    negotiate_read_all(&fields, &wish);
    check_weights(&wish, naive);
    if (fields.count > 0)
        check_backwards(&members, &wish);
    check_choice(&wish, available);

    while (count > 0)
        tight_str_free(&lines[--count]);
    return 0;
}
