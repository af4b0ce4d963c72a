/* What http/field, the lists of http/token and http/head promise about any lines: the same fields
 * as a naive reading finds, the same answers to every question about them, and nothing that cannot
 * be written down as one line and read again. */
#include <stdlib.h>
#include <strings.h>

#include "http/field.h"
#include "http/head.h"
#include "http/token.h"
#include "tests/fuzz/fuzz.h"

enum { LINES_MAX = FIELDS_MAX + 2 };

/* The naive table: what was read so far, with the lines it was read from. */
struct table {
    struct tight_str lines[LINES_MAX];
    size_t           lines_count;
    struct str       names[FIELDS_MAX];
    struct str       values[FIELDS_MAX];
    size_t           count;
};

static const struct str known_names[FIELDS_KNOWN] = {
    [FIELD_OTHER] = {"", 0},
#define X(name, text) [FIELD_##name] = {text, sizeof(text) - 1},
    KNOWN_FIELDS(X)
#undef X
};

static bool naive_same(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        char x = a.ptr[i], y = b.ptr[i];

        x = x >= 'A' && x <= 'Z' ? (char)(x + 32) : x;
        y = y >= 'A' && y <= 'Z' ? (char)(y + 32) : y;
        if (x != y)
            return false;
    }
    return true;
}

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

/* ---- lines ---------------------------------------------------------------------------- */

/* field-line = field-name ":" OWS field-value OWS */
static bool naive_line(struct str line, struct str *name, struct str *value)
{
    size_t colon = 0;

    while (colon < line.len && line.ptr[colon] != ':')
        if (!naive_is_tchar(line.ptr[colon++]))
            return false;
    if (colon == 0 || colon == line.len)
        return false;
    *name = str_of(line.ptr, colon);
    *value = naive_trim(str_of(line.ptr + colon + 1, line.len - colon - 1));
    for (size_t i = 0; i < value->len; i++)
        if (!naive_is_text(value->ptr[i]))
            return false;
    return true;
}

static void take_line(struct table *table, struct fields *fields, struct str bytes)
{
    struct tight_str *line = &table->lines[table->lines_count++];
    struct str        name, value;
    struct refusal    refusal;

    *line = tight_bytes(bytes.ptr, bytes.len);
    refusal = fields_add_line(fields, line->view);
    if (!naive_line(line->view, &name, &value)) {
        MUST_HOLD(refusal.why && refusal.status == HTTP_BAD_REQUEST);
    } else if (table->count == FIELDS_MAX) {
        MUST_HOLD(refusal.why && refusal.status == HTTP_HEAD_TOO_LARGE);
    } else {
        MUST_HOLD(!is_refused(refusal));
        table->names[table->count] = name;
        table->values[table->count++] = value;
    }
    MUST_HOLD(fields->count == table->count);
}

/* Whatever the value, what is written is one line, or nothing. */
static void check_line_written(struct str name, struct str value)
{
    struct buf out = BUF_UP_TO(65536);

    head_field(&out, name, value);
    if (out.failed)
        MUST_HOLD(out.len == 0);
    else
        MUST_HOLD(str_find(buf_view(&out), '\n') == out.len - 1 &&
                  str_find(buf_view(&out), '\r') == out.len - 2);
    buf_fini(&out);
}

static void check_read_again(const struct field *field)
{
    static struct fields again;
    struct buf           out = BUF_UP_TO(65536);
    struct refusal       refusal;

    head_field(&out, field->name, field->value);
    MUST_HOLD(!out.failed && out.len >= 4);
    fields_reset(&again);
    refusal = fields_add_line(&again, str_of(out.ptr, out.len - 2));
    MUST_HOLD(!is_refused(refusal) && again.count == 1);
    MUST_HOLD(str_equal(again.all[0].name, field->name));
    MUST_HOLD(str_equal(again.all[0].value, field->value));
    buf_fini(&out);
}

/* ---- lists ---------------------------------------------------------------------------- */

/* Where the element ends that begins at `at`: a comma outside quotes, or the end. */
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

/* The next element that is not empty; false at the end. */
static bool naive_next(struct str list, size_t *at, struct str *element)
{
    while (*at < list.len) {
        size_t end = naive_end(list, *at);

        *element = naive_trim(str_of(list.ptr + *at, end - *at));
        *at = end + 1;
        if (element->len > 0)
            return true;
    }
    return false;
}

/* The two walks meet at every element; says whether one of them was `wanted`. */
static bool check_list(struct str list, struct str wanted)
{
    struct tight_str copy = tight_bytes(list.ptr, list.len);
    struct str       rest = copy.view, ours, theirs;
    size_t           at = 0;
    bool             has = false;

    while (naive_next(copy.view, &at, &theirs)) {
        MUST_HOLD(token_list_next(&rest, &ours));
        MUST_HOLD(ours.ptr == theirs.ptr && ours.len == theirs.len);
        has |= naive_same(ours, wanted);
    }
    MUST_HOLD(!token_list_next(&rest, &ours));
    MUST_HOLD(token_list_has(copy.view, wanted) == has);
    tight_str_free(&copy);
    return has;
}

/* ---- questions ------------------------------------------------------------------------ */

static void check_walk(const struct table *table, const struct fields *fields,
                       enum known_field known, struct str wanted)
{
    struct str value, first = {NULL, 0};
    size_t     at = 0, times = 0;
    bool       has = false;

    for (size_t i = 0; i < table->count; i++) {
        if (!naive_same(table->names[i], known_names[known]))
            continue;
        MUST_HOLD(fields_next(fields, known, &at, &value));
        MUST_HOLD(value.ptr == table->values[i].ptr && value.len == table->values[i].len);
        first = times++ == 0 ? value : first;
        has |= check_list(value, wanted);
    }
    MUST_HOLD(!fields_next(fields, known, &at, &value));
    MUST_HOLD(fields->times[known] == times && fields_has(fields, known) == (times > 0));
    MUST_HOLD(fields_get(fields, known).ptr == first.ptr);
    MUST_HOLD(fields_list_has(fields, known, wanted) == has);
}

static void check_find(const struct table *table, const struct fields *fields, struct str name)
{
    struct str found = fields_find(fields, name);

    for (size_t i = 0; i < table->count; i++) {
        if (naive_same(table->names[i], name)) {
            MUST_HOLD(found.ptr == table->values[i].ptr && found.len == table->values[i].len);
            return;
        }
    }
    MUST_HOLD(!found.ptr);
}

static void check_table(const struct table *table, const struct fields *fields,
                        struct str wanted, struct str name)
{
    for (int known = FIELD_OTHER + 1; known < FIELDS_KNOWN; known++)
        check_walk(table, fields, (enum known_field)known, wanted);
    check_find(table, fields, name);
    for (size_t i = 0; i < table->count; i++) {
        MUST_HOLD(str_equal(fields->all[i].name, table->names[i]));
        check_find(table, fields, table->names[i]);
        check_list(table->values[i], wanted);
        check_read_again(&fields->all[i]);
    }
}

/* The first line is what to look for in lists, the second a name, the others are field lines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct table  table;
    static struct fields fields;
    struct str           input = str_of((const char *)data, size);
    struct str           wanted = choose_line(&input), name = choose_line(&input), line;

    fields_reset(&fields);
    table.lines_count = table.count = 0;
    while (table.lines_count < LINES_MAX && str_split(&input, '\n', &line))
        take_line(&table, &fields, line);

    check_list(wanted, name);
    check_line_written(name, wanted);
    check_line_written(STR("X"), str_of((const char *)data, size));
    check_table(&table, &fields, wanted, name);
    for (size_t i = 0; i < table.lines_count; i++)
        tight_str_free(&table.lines[i]);
    return 0;
}
