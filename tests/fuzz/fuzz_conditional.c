/* What http/etag and http/conditional promise about any fields: what a naive reading of the lists,
 * and the steps of RFC 9110 §13.2.2 written out one by one, come to. */
#include "http/conditional.h"
#include "http/date.h"
#include "http/etag.h"
#include "tests/fuzz/fuzz.h"

#define NOW_S INT64_C(784111777)        /* Sun, 06 Nov 1994 08:49:37 GMT */

enum { LINES_MAX = 16 };

/* A request made of field lines, each in a heap copy of its exact size. */
struct asked {
    struct request    request;
    struct tight_str  lines[LINES_MAX];
    size_t            count;
    struct tight_str  etag;
    struct validators ours;
};

/* ---- tags, read a second time --------------------------------------------------------- */

struct naive_tag {
    bool       is_weak;
    struct str opaque;          /* with its quotes */
};

static bool is_etagc(char byte)
{
    unsigned char value = (unsigned char)byte;

    return value == 0x21 || (value >= 0x23 && value <= 0x7e) || value >= 0x80;
}

/* Takes a tag off the front. */
static bool naive_take_tag(struct str *rest, struct naive_tag *tag)
{
    size_t at = 0, start;

    tag->is_weak = rest->len >= 2 && rest->ptr[0] == 'W' && rest->ptr[1] == '/';
    at = start = tag->is_weak ? 2 : 0;
    if (at == rest->len || rest->ptr[at++] != '"')
        return false;
    while (at < rest->len && is_etagc(rest->ptr[at]))
        at++;
    if (at == rest->len || rest->ptr[at++] != '"')
        return false;
    tag->opaque = str_of(rest->ptr + start, at - start);
    *rest = str_of(rest->ptr + at, rest->len - at);
    return true;
}

static bool naive_is_tag(struct str text, struct naive_tag *tag)
{
    return naive_take_tag(&text, tag) && text.len == 0;
}

/* RFC 9110 §8.8.3.2 */
static bool naive_equal(const struct naive_tag *a, const struct naive_tag *b, bool weak)
{
    return str_equal(a->opaque, b->opaque) && (weak || (!a->is_weak && !b->is_weak));
}

static struct str pass(struct str s, const char *bytes)
{
    while (s.len > 0 && s.ptr[0] != '\0' && strchr(bytes, s.ptr[0]))
        s = str_of(s.ptr + 1, s.len - 1);
    return s;
}

static bool naive_list_has(struct str list, const struct naive_tag *wanted, bool weak)
{
    struct naive_tag tag;

    for (;;) {
        list = pass(list, ", \t");
        if (!naive_take_tag(&list, &tag))
            return false;
        list = pass(list, " \t");
        if (list.len > 0 && list.ptr[0] != ',')
            return false;
        if (naive_equal(&tag, wanted, weak))
            return true;
    }
}

static void check_tags(struct str a, struct str b)
{
    struct naive_tag x, y;
    bool             a_is_tag = naive_is_tag(a, &x), b_is_tag = naive_is_tag(b, &y);

    MUST_HOLD(etag_is_valid(a) == a_is_tag && etag_is_valid(b) == b_is_tag);
    if (!b_is_tag)
        return;
    MUST_HOLD(etag_is_weak(b) == y.is_weak);
    for (int weak = 0; weak <= 1; weak++)
        MUST_HOLD(etag_list_has(a, b, weak) == naive_list_has(a, &y, weak));
    if (!a_is_tag)
        return;
    MUST_HOLD(etag_equal_strong(a, b) == naive_equal(&x, &y, false));
    MUST_HOLD(etag_equal_strong(b, a) == naive_equal(&x, &y, false));
    MUST_HOLD(etag_equal_weak(a, b) == naive_equal(&x, &y, true));
    MUST_HOLD(etag_equal_weak(b, a) == naive_equal(&x, &y, true));
}

/* ---- conditions, step by step --------------------------------------------------------- */

static bool naive_names_ours(const struct asked *asked, enum known_field known, bool weak)
{
    const struct fields *fields = &asked->request.fields;
    struct naive_tag     ours;
    bool                 has_ours = asked->ours.etag.ptr && naive_is_tag(asked->ours.etag, &ours);

    for (size_t i = 0; i < fields->count; i++) {
        struct str value = fields->all[i].value;

        if (fields->all[i].known != known)
            continue;
        if ((value.len == 1 && value.ptr[0] == '*') ||
            (has_ours && naive_list_has(value, &ours, weak)))
            return true;
    }
    return false;
}

/* The one field of that name, when there is one and no more; ptr NULL otherwise. */
static struct str only(const struct asked *asked, enum known_field known, size_t *count)
{
    const struct fields *fields = &asked->request.fields;
    struct str           value = {NULL, 0};

    *count = 0;
    for (size_t i = 0; i < fields->count; i++)
        if (fields->all[i].known == known && ++*count == 1)
            value = fields->all[i].value;
    return *count == 1 ? value : (struct str){NULL, 0};
}

/* False: ignore the field. */
static bool naive_date(const struct asked *asked, enum known_field known, int64_t *date)
{
    size_t     count;
    struct str value = only(asked, known, &count);

    *date = value.ptr ? date_parse(value, NOW_S) : DATE_NONE;
    return *date != DATE_NONE && asked->ours.last_modified != DATE_NONE;
}

/* RFC 9110 §13.2.2 */
static enum condition naive_check(const struct asked *asked)
{
    const struct request *request = &asked->request;
    enum method           method = request->method;
    bool                  reads = method == METHOD_GET || method == METHOD_HEAD;
    int64_t               date;

    if (method == METHOD_OPTIONS || method == METHOD_TRACE || method == METHOD_CONNECT)
        return CONDITION_SEND;
    if (fields_has(&request->fields, FIELD_IF_MATCH)) {                         /* 1 */
        if (!naive_names_ours(asked, FIELD_IF_MATCH, false))
            return CONDITION_FAILED;
    } else if (naive_date(asked, FIELD_IF_UNMODIFIED_SINCE, &date)) {           /* 2 */
        if (asked->ours.last_modified > date)
            return CONDITION_FAILED;
    }
    if (fields_has(&request->fields, FIELD_IF_NONE_MATCH)) {                    /* 3 */
        if (naive_names_ours(asked, FIELD_IF_NONE_MATCH, true))
            return reads ? CONDITION_NOT_MODIFIED : CONDITION_FAILED;
    } else if (reads && naive_date(asked, FIELD_IF_MODIFIED_SINCE, &date)) {    /* 4 */
        if (asked->ours.last_modified <= date)
            return CONDITION_NOT_MODIFIED;
    }
    return CONDITION_SEND;
}

/* RFC 9110 §13.1.5; a date is strong when its second was over a second before (§8.8.2.2). */
static bool naive_range_holds(const struct asked *asked)
{
    size_t           count;
    struct str       value = only(asked, FIELD_IF_RANGE, &count);
    struct naive_tag theirs, ours;

    if (asked->request.method != METHOD_GET)
        return false;
    if (count != 1)
        return count == 0;
    if (naive_is_tag(value, &theirs))
        return asked->ours.etag.ptr && naive_is_tag(asked->ours.etag, &ours) &&
               naive_equal(&theirs, &ours, false);
    return asked->ours.last_modified != DATE_NONE && asked->ours.last_modified <= NOW_S - 2 &&
           date_parse(value, NOW_S) == asked->ours.last_modified;
}

/* ---- the comparison ------------------------------------------------------------------- */

static void take_line(struct asked *asked, struct str bytes)
{
    struct tight_str *line = &asked->lines[asked->count++];
    struct refusal    refusal;

    *line = tight_bytes(bytes.ptr, bytes.len);
    refusal = fields_add_line(&asked->request.fields, line->view);
    (void)refusal;      /* such a request would not have come so far; the other lines do */
}

/* The validators first: which of the two there are, how old the date is, and a line with the tag. */
static void choose_validators(struct asked *asked, struct str *input)
{
    unsigned         has = choose_byte(input);
    int8_t           age = (int8_t)choose_byte(input);
    struct str       line = choose_line(input);
    struct naive_tag tag;

    asked->etag = tight_bytes(line.ptr, line.len);
    asked->ours.etag = (struct str){NULL, 0};
    asked->ours.last_modified = has & 2 ? NOW_S + age : DATE_NONE;
    if (has & 1 && naive_is_tag(asked->etag.view, &tag))
        asked->ours.etag = asked->etag.view;
}

static void asked_init(struct asked *asked, struct str *input)
{
    struct str line;

    asked->request.method = (enum method)(choose_byte(input) % (METHODS_COUNT + 1));
    fields_reset(&asked->request.fields);
    asked->count = 0;
    choose_validators(asked, input);
    while (asked->count < LINES_MAX && str_split(input, '\n', &line))
        take_line(asked, line);
}

static void asked_fini(struct asked *asked)
{
    for (size_t i = 0; i < asked->count; i++)
        tight_str_free(&asked->lines[i]);
    tight_str_free(&asked->etag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct asked asked;
    struct str          input = str_of((const char *)data, size);

    asked_init(&asked, &input);
    MUST_HOLD(condition_check(&asked.request, &asked.ours, NOW_S) == naive_check(&asked));
    MUST_HOLD(condition_range_holds(&asked.request, &asked.ours, NOW_S) ==
              naive_range_holds(&asked));
    for (size_t i = 0; i < asked.count; i++)
        check_tags(asked.lines[i].view, asked.etag.view);
    for (size_t i = 0; i < asked.request.fields.count; i++)
        check_tags(asked.request.fields.all[i].value, asked.etag.view);
    asked_fini(&asked);
    return 0;
}
