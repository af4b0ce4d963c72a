/* What http/formdata promises: the same parts however the bytes are cut (RFC 7578, RFC 2046
 * §5.1.1). */
#include <stdio.h>

#include "base/buf.h"
#include "http/formdata.h"
#include "tests/support/promise.h"

#define TYPE             "multipart/form-data; boundary=B"
#define NAME(n)          "Content-Disposition: form-data; name=\"" n "\"\r\n"
#define PART(n, content) "--B\r\n" NAME(n) "\r\n" content "\r\n"
#define PARAMS(p)        "--B\r\nContent-Disposition: form-data" p "\r\n\r\nx\r\n--B--\r\n"
#define FIELDS(f)        "--B\r\n" f "\r\n\r\nx\r\n--B--\r\n"

static const char malformed[] = "malformed Content-Disposition of a part";
static const char goes_on[] = "the form's boundary stands in a line that goes on";
static const char unfinished[] = "the form ends before its last boundary";
static const char nameless[] = "a part of the form has no name";

/* clang-format off */
/* `parts` as "name(file name)[type]=content|...", without what was not there. */
static const struct formdata_case {
    const char *promise;
    const char *body;
    const char *parts;
    const char *why;            /* NULL: a whole form */
} cases[] = {
    {"a value",                      PART("a", "1") "--B--\r\n", "a=1", NULL},
    {"several, in their order",      PART("b", "1") PART("a", "2") PART("b", "3") "--B--\r\n",
     "b=1|a=2|b=3", NULL},
    {"an empty value",               PART("a", "") "--B--\r\n", "a=", NULL},
    {"an empty name",                PART("", "1") "--B--\r\n", "=1", NULL},
    {"a form of nothing, as browsers send it", "--B--\r\n", "", NULL},
    {"the last line end may be missing", PART("a", "1") "--B--", "a=1", NULL},
    {"RFC 2046 §5.1.1: a preamble and an epilogue are nothing",
     "This is\r\n--no\r\na form.\r\n" PART("a", "1") "--B--\r\n--B\r\nand more", "a=1", NULL},
    {"a preamble that ends in a line end", "\r\n" PART("a", "1") "--B--", "a=1", NULL},
    {"padding behind a boundary",    "--B \t\r\n" NAME("a") "\r\n1\r\n--B-- \t", "a=1", NULL},
    {"a part without content shares its line end with the boundary",
     "--B\r\n" NAME("a") "\r\n--B\r\n" NAME("b") "\r\n\r\n--B--", "a=|b=", NULL},
    {"what only begins like a boundary is content",
     PART("a", "\r\n--A\r\n--\r\n-\r\r\n\r\n--\rB--B\n--B") "--B--", "a=\r\n--A\r\n--\r\n-\r\r\n\r\n--\rB--B\n--B",
     NULL},
    {"a file", "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n--B--",
     "f(a.txt)[text/plain; charset=utf-8]=hello", NULL},
    {"a file that nobody chose", PARAMS("; name=\"f\"; filename=\"\""), "f()=x", NULL},
    {"other fields are passed over",
     FIELDS(NAME("a") "Content-Length: 1\r\nX-A: b\r\ncontent-type: a/b"), "a[a/b]=x", NULL},
    {"names of fields and parameters in any case",
     FIELDS("CONTENT-disposition: Form-Data; NAME=a; FileName=b"), "a(b)=x", NULL},

    {"without quotes",               PARAMS("; name=a;filename = "), "", malformed},
    {"a token as a value",           PARAMS(";name=a ; filename=b.c"), "a(b.c)=x", NULL},
    {"a semicolon in quotes",        PARAMS("; name=\"a; filename=b\""), "a; filename=b=x", NULL},
    {"empty parameters",             PARAMS(";; name=a;;"), "a=x", NULL},
    {"other parameters",             PARAMS("; size=3; name=a; x=\"y\""), "a=x", NULL},
    {"RFC 7578 §4.2: filename* is passed over",
     PARAMS("; name=a; filename*=UTF-8''b%2f; filename=c"), "a(c)=x", NULL},
    {"and makes no file",            PARAMS("; name=a; filename*=UTF-8''b"), "a=x", NULL},
    {"what browsers escape",         PARAMS("; name=\"%22%0D%0A\"; filename=\"%22a%22\""),
     "\"\r\n(\"a\")=x", NULL},
    {"and what they do not",         PARAMS("; name=\"%41%0d%%2f+\""), "%41%0d%%2f+=x", NULL},
    {"a quote behind a backslash",   PARAMS("; name=\"a\\\"b\"; filename=\"c\\\\d\""), "a\"b(c\\d)=x", NULL},
    {"a backslash before anything else", PARAMS("; name=a; filename=\"C:\\new\\a.txt\""),
     "a(C:\\new\\a.txt)=x", NULL},
    {"a backslash at the end of a name", PARAMS("; name=\"a\"; filename=\"b\\\""), "a(b\\)=x", NULL},
    {"bytes from 0x80",              PARAMS("; name=\"\xc3\xbc\"; filename=\"\xff\""), "\xc3\xbc(\xff)=x", NULL},
    {"a tab",                        PARAMS("; name=\"a\tb\""), "a\tb=x", NULL},

    {"nothing",                      "", "", unfinished},
    {"no boundary",                  "a=1&b=2", "", unfinished},
    {"no end",                       PART("a", "1"), "", unfinished},
    {"half an end",                  PART("a", "1") "--B-", "a=1", unfinished},
    {"no end of its last line",      PART("a", "1") "--B--\r", "a=1", unfinished},
    {"no end of a head",             "--B\r\n" NAME("a"), "", unfinished},
    {"another boundary",             "--C\r\n" NAME("a") "\r\n1\r\n--C--", "", unfinished},
    {"a longer boundary",            "--BB\r\n" NAME("a") "\r\n1\r\n--BB--", "", goes_on},
    {"a longer boundary at the end", PART("a", "1") "--B--C\r\n", "a=1", goes_on},
    {"a longer boundary in a value", PART("a", "1\r\n--BC\r\n2") "--B--", "a=1", goes_on},
    {"one dash at the end",          PART("a", "1") "--B-\r\n", "a=1", goes_on},
    {"a bare line feed behind a boundary", "--B\n" NAME("a") "\r\n1\r\n--B--", "", goes_on},
    {"a bare carriage return behind one", "--B\rC", "", "bare carriage return behind the form's boundary"},
    {"and behind the last one",      "--B--\rC", "", "bare carriage return behind the form's boundary"},
    {"a bare line feed in a head",   FIELDS("A: b\n" NAME("a")), "", "bare line feed in the head of a part"},
    {"a bare line feed as a head",   "--B\r\n\n1\r\n--B--", "", "bare line feed in the head of a part"},
    {"a bare carriage return in a head", FIELDS("A: \rb"), "", "control byte in a field value"},
    {"a control byte in a name",     PARAMS("; name=\"\x01\""), "", "control byte in a field value"},
    {"a folded line",                FIELDS("Content-Disposition: form-data;\r\n name=a"), "", "folded field line"},
    {"a line without a colon",       FIELDS("name"), "", "field line without a colon"},
    {"no head",                      "--B\r\n\r\nx\r\n--B--", "", nameless},
    {"no disposition",               FIELDS("Content-Type: a/b"), "", nameless},
    {"no name",                      PARAMS("; filename=a"), "", nameless},
    {"no parameters",                PARAMS(""), "", nameless},
    {"another disposition",          FIELDS("Content-Disposition: attachment; name=a"), "",
     "a part of the form is not form-data"},
    {"two dispositions",             FIELDS(NAME("a") "Content-Disposition: form-data; name=b"), "",
     "a field stands twice in a part of the form"},
    {"two types",                    FIELDS("Content-Type: a/b\r\nContent-Type: a/c\r\n" NAME("a")), "",
     "a field stands twice in a part of the form"},
    {"two names",                    PARAMS("; name=a; name=a"), "",
     "a parameter stands twice in a part's Content-Disposition"},
    {"two file names",               PARAMS("; filename=\"\"; name=a; filename=b"), "",
     "a parameter stands twice in a part's Content-Disposition"},
    {"quotes that do not close",     PARAMS("; name=\"a"), "", malformed},
    {"something behind quotes",      PARAMS("; name=\"a\"b"), "", malformed},
    {"a quote inside a token",       PARAMS("; name=a\"b"), "", malformed},
    {"a backslash inside a token",   PARAMS("; name=a\\b"), "", malformed},
    {"a space inside a token",       PARAMS("; name=a b"), "", malformed},
    {"a space before the \"=\"",     PARAMS("; name =a"), "", malformed},
    {"no value",                     PARAMS("; name="), "", malformed},
    {"no \"=\"",                     PARAMS("; name"), "", malformed},
    {"no name of a parameter",       PARAMS("; =a"), "", malformed},
    {"RFC 7578 §4.7: a transfer encoding",
     FIELDS(NAME("a") "Content-Transfer-Encoding: base64"), "", "a part of the form has a transfer encoding"},
    {"one that changes nothing",     FIELDS(NAME("a") "Content-Transfer-Encoding: Binary"), "a=x", NULL},
    {"nor does this one",            FIELDS(NAME("a") "Content-Transfer-Encoding: 8bit"), "a=x", NULL},
    {"nor that one",                 FIELDS(NAME("a") "Content-Transfer-Encoding: 7bit"), "a=x", NULL},
};
/* clang-format on */

/* What was read so far. */
struct reading {
    struct formdata form;
    struct buf      parts;
    const char     *why;
};

static void begin(struct reading *reading, const char *type)
{
    struct tight_str content_type = tight_str(type);

    reading->parts = BUF_UP_TO(1024 * 1024);
    reading->why = formdata_init(&reading->form, content_type.view);
    tight_str_free(&content_type);
}

static void append_in(struct buf *buf, const char *before, struct str text, const char *behind)
{
    if (!text.ptr)
        return;
    buf_append(buf, str_view(before));
    buf_append(buf, text);
    buf_append(buf, str_view(behind));
}

static void append_part(struct buf *buf, const struct formdata_part *part, struct str body)
{
    if (buf->len)
        buf_append_byte(buf, '|');
    buf_append(buf, part->name);
    append_in(buf, "(", part->file_name, ")");
    append_in(buf, "[", part->type, "]");
    append_in(buf, "=", str_of(body.ptr + part->offset, (size_t)part->length), "");
}

/* Feeds body[from, to), in a heap copy of its exact size. */
static void feed(struct reading *reading, struct str body, size_t from, size_t to)
{
    struct tight_str   copy = tight_bytes(body.ptr + from, to - from);
    struct str         piece = copy.view;
    enum formdata_step step = FORMDATA_PART;

    while (step == FORMDATA_PART && !reading->why) {
        step = formdata_next(&reading->form, &piece);
        if (step == FORMDATA_PART)
            append_part(&reading->parts, &reading->form.part, body);
        if (step == FORMDATA_REFUSED)
            reading->why = reading->form.why;
    }
    assert_true(reading->why || piece.len == 0);
    tight_str_free(&copy);
}

static void check(const struct formdata_case *c, struct reading *reading)
{
    const char *why = formdata_end(&reading->form);

    PROMISED_STR(c->promise, why ? str_view(why) : str_of(NULL, 0), c->why);
    PROMISED_STR(c->promise, buf_view(&reading->parts), c->parts);
    buf_fini(&reading->parts);
}

static void a_form_is_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct str     body = str_view(cases[i].body);
        struct reading reading;

        begin(&reading, TYPE);
        feed(&reading, body, 0, body.len);
        check(&cases[i], &reading);
    }
}

static void however_it_is_cut_in_three(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct str body = str_view(cases[i].body);

        for (size_t a = 0; a <= body.len; a++) {
            for (size_t b = a; b <= body.len; b++) {
                struct reading reading;

                begin(&reading, TYPE);
                feed(&reading, body, 0, a);
                feed(&reading, body, a, b);
                feed(&reading, body, b, body.len);
                check(&cases[i], &reading);
            }
        }
    }
}

static void and_in_single_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct str     body = str_view(cases[i].body);
        struct reading reading;

        begin(&reading, TYPE);
        for (size_t at = 0; at < body.len; at++)
            feed(&reading, body, at, at + 1);
        check(&cases[i], &reading);
    }
}

#define SEVENTY "0123456789012345678901234567890123456789012345678901234567890123456789"

/* clang-format off */
/* `boundary` NULL: refused. */
static const struct type_case {
    const char *promise;
    const char *type;
    const char *boundary;
} types[] = {
    {"a token",                        "multipart/form-data; boundary=abc", "abc"},
    {"in quotes",                      "multipart/form-data; boundary=\"a b:c\"", "a b:c"},
    {"its name in any case",           "multipart/form-data;BOUNDARY=aBc", "aBc"},
    {"as browsers make it",            "multipart/form-data; boundary=----WebKitFormBoundaryXyZ09",
     "----WebKitFormBoundaryXyZ09"},
    {"no token, but nobody minds",     "multipart/form-data; boundary=----=_Part_1", "----=_Part_1"},
    {"every byte that it may have",    "multipart/form-data; boundary=\"'()+_,-./:=? a\"", "'()+_,-./:=? a"},
    {"RFC 9110 §5.6.4: a backslash",   "multipart/form-data; boundary=\"a\\b\\'\"", "ab'"},
    {"among others",                   "multipart/form-data; charset=\"a;b\"; boundary=a; x=y", "a"},
    {"seventy bytes",                  "multipart/form-data; boundary=" SEVENTY, SEVENTY},
    {"seventy-one",                    "multipart/form-data; boundary=" SEVENTY "0", NULL},
    {"none",                           "multipart/form-data", NULL},
    {"only others",                    "multipart/form-data; a=b", NULL},
    {"an empty one",                   "multipart/form-data; boundary=\"\"", NULL},
    {"an empty one without quotes",    "multipart/form-data; boundary=", NULL},
    {"a space at its end",             "multipart/form-data; boundary=\"a \"", NULL},
    {"a byte that it may not have",    "multipart/form-data; boundary=a%b", NULL},
    {"a byte from 0x80",               "multipart/form-data; boundary=\xc3\xbc", NULL},
    {"a line end",                     "multipart/form-data; boundary=\"a\r\nb\"", NULL},
    {"a quote",                        "multipart/form-data; boundary=\"a\\\"b\"", NULL},
    {"a backslash without quotes",     "multipart/form-data; boundary=a\\b", NULL},
    {"two",                            "multipart/form-data; boundary=a; boundary=a", NULL},
    {"quotes that do not close",       "multipart/form-data; boundary=\"a", NULL},
    {"a parameter that is none behind it", "multipart/form-data; boundary=a; b", NULL},
};
/* clang-format on */

static void the_boundary_is_found_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(types); i++) {
        const struct type_case *c = &types[i];
        struct reading          reading;
        char                    body[256];

        begin(&reading, c->type);
        PROMISED_NUMBER(c->promise, reading.why == NULL, c->boundary != NULL);
        if (c->boundary) {
            snprintf(body, sizeof body, "--%s\r\n" NAME("a") "\r\n1\r\n--%s--", c->boundary,
                     c->boundary);
            feed(&reading, str_view(body), 0, strlen(body));
            PROMISED_STR(c->promise, buf_view(&reading.parts), "a=1");
        }
        buf_fini(&reading.parts);
    }
}

/* `count` times the same piece between others; NULL, or why it was refused. */
static const char *read_many(const char *before, const char *piece, size_t count,
                             const char *behind)
{
    struct buf     body = BUF_UP_TO(1024 * 1024);
    struct reading reading;
    const char    *why;

    buf_append(&body, str_view(before));
    for (size_t i = 0; i < count; i++)
        buf_append(&body, str_view(piece));
    buf_append(&body, str_view(behind));
    begin(&reading, TYPE);
    feed(&reading, buf_view(&body), 0, body.len);
    why = formdata_end(&reading.form);
    buf_fini(&reading.parts);
    buf_fini(&body);
    return why;
}

static void everything_has_limits(void **state)
{
    static const char head[] = NAME("a") "X: \r\n\r\n";
    static const char file[] = "--B\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n";
    size_t            room = FORMDATA_HEAD_MAX - strlen(head);

    (void)state;
    assert_null(read_many("", PART("a", "1"), FORMDATA_PARTS_MAX, "--B--"));
    assert_string_equal(read_many("", PART("a", "1"), FORMDATA_PARTS_MAX + 1, "--B--"),
                        "the form has more parts than are taken here");

    assert_null(read_many("--B\r\n" NAME("a") "\r\n", "x", FORMDATA_VALUE_MAX, "\r\n--B--"));
    assert_string_equal(
        read_many("--B\r\n" NAME("a") "\r\n", "x", FORMDATA_VALUE_MAX + 1, "\r\n--B--"),
        "a value of the form is longer than is taken here");
    assert_string_equal(read_many("--B\r\n" NAME("a") "\r\n", "x", 2 * FORMDATA_VALUE_MAX, ""),
                        "a value of the form is longer than is taken here");
    assert_null(read_many(file, "x", 3 * FORMDATA_VALUE_MAX, "\r\n--B--"));

    assert_null(read_many("--B\r\n" NAME("a") "X: ", "x", room, "\r\n\r\n\r\n--B--"));
    assert_string_equal(read_many("--B\r\n" NAME("a") "X: ", "x", room + 1, "\r\n\r\n\r\n--B--"),
                        "the head of a part is longer than is taken here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_is_read_or_refused),
        cmocka_unit_test(however_it_is_cut_in_three),
        cmocka_unit_test(and_in_single_bytes),
        cmocka_unit_test(the_boundary_is_found_or_refused),
        cmocka_unit_test(everything_has_limits),
    };

    return cmocka_run_group_tests_name("formdata", tests, NULL, NULL);
}
