/* What http/field promises about header fields. */
#include "http/field.h"
#include "tests/support/promise.h"

/* RFC 9112 §5, RFC 9110 §5.5 */
static const struct line_case {
    const char      *promise;
    const char      *line;
    enum http_status status;        /* HTTP_STATUS_NONE: it is read */
    const char      *name;
    const char      *value;
} lines[] = {
    {"a name, a colon, a value",            "Host: a.test",   0, "Host", "a.test"},
    {"no space is needed",                  "Host:a.test",    0, "Host", "a.test"},
    {"white space around is not of it",     "A: \t b \t ",    0, "A", "b"},
    {"white space inside is",               "A: b \tc",       0, "A", "b \tc"},
    {"a value may be empty",                "A:",             0, "A", ""},
    {"nothing but white space is empty",    "A: \t",          0, "A", ""},
    {"a value may hold colons",             "A: b:c",         0, "A", "b:c"},
    {"and bytes from 0x80",                 "A: gr\xC3\xBCn", 0, "A", "gr\xC3\xBCn"},
    {"every tchar may stand in a name",     "!#$%&'*+-.^_`|~09azAZ: 1", 0,
     "!#$%&'*+-.^_`|~09azAZ", "1"},
    {"RFC 9112 §5.1: a space before the colon",  "Host : a", 400, NULL, NULL},
    {"a tab before the colon",              "Host\t: a",      400, NULL, NULL},
    {"a space in the name",                 "Ho st: a",       400, NULL, NULL},
    {"RFC 9112 §5.2: a folded line",        " folded: a",     400, NULL, NULL},
    {"folded by a tab",                     "\tfolded",       400, NULL, NULL},
    {"no colon",                            "Host",           400, NULL, NULL},
    {"no name",                             ": a",            400, NULL, NULL},
    {"nothing at all",                      "",               400, NULL, NULL},
    {"a byte that is no tchar",             "Ho(st: a",       400, NULL, NULL},
    {"a name with bytes from 0x80",         "H\xC3\xB6st: a", 400, NULL, NULL},
    {"a control byte in the name",          "Ho\x01st: a",    400, NULL, NULL},
    {"a control byte in the value",         "A: b\x01",       400, NULL, NULL},
    {"DEL in the value",                    "A: b\x7f",       400, NULL, NULL},
    {"a bare CR in the value",              "A: b\rc",        400, NULL, NULL},
    {"a bare CR behind the value",          "A: b\r",         400, NULL, NULL},
    {"a bare CR before the value",          "A:\r",           400, NULL, NULL},
};

static void a_line_is_read_or_refused(void **state)
{
    static struct fields fields;

    (void)state;
    for (size_t i = 0; i < COUNTOF(lines); i++) {
        const struct line_case *c = &lines[i];
        struct tight_str line = tight_str(c->line);

        fields_reset(&fields);
        PROMISED_NUMBER(c->promise, fields_add_line(&fields, line.view).status, c->status);
        PROMISED_NUMBER(c->promise, fields.count, c->status ? 0 : 1);
        if (c->status == 0) {
            PROMISED_STR(c->promise, fields.all[0].name, c->name);
            PROMISED_STR(c->promise, fields.all[0].value, c->value);
        }
        tight_str_free(&line);
    }
}

static void a_NUL_is_no_end_of_a_value(void **state)
{
    static struct fields fields;
    struct tight_str line = tight_bytes("A: b\0c", 6);

    (void)state;
    fields_reset(&fields);
    assert_int_equal(fields_add_line(&fields, line.view).status, 400);
    tight_str_free(&line);
}

static void add(struct fields *fields, const char *line)
{
    assert_false(is_refused(fields_add_line(fields, str_view(line))));
}

static const struct str known_names[] = {
#define X(name, text) [FIELD_##name] = {text, sizeof(text) - 1},
    KNOWN_FIELDS(X)
#undef X
};

static void each_known_name_is_known_whatever_its_case(void **state)
{
    static struct fields fields;
    char line[64];

    (void)state;
    for (size_t i = 1; i < COUNTOF(known_names); i++) {
        size_t len = known_names[i].len;

        memcpy(line, known_names[i].ptr, len);
        memcpy(line + len, ":1", 3);
        fields_reset(&fields);
        add(&fields, line);
        for (size_t k = 0; k < len; k++)
            if (line[k] >= 'a')
                line[k] = (char)(line[k] - 'a' + 'A');
        add(&fields, line);
        assert_int_equal(fields.times[i], 2);

        /* Any other byte makes it another name. */
        for (size_t k = 0; k < len; k++) {
            memcpy(line, known_names[i].ptr, len);
            line[k] = '_';
            add(&fields, line);
        }
        assert_int_equal(fields.times[i], 2);
        assert_int_equal(fields.times[FIELD_OTHER], len);
    }
}

static void a_hundred_fields_are_enough(void **state)
{
    static struct fields fields;

    (void)state;
    fields_reset(&fields);
    for (int i = 0; i < FIELDS_MAX; i++)
        add(&fields, "Range: a");
    assert_int_equal(fields_add_line(&fields, STR("A: b")).status, HTTP_HEAD_TOO_LARGE);
    assert_int_equal(fields.count, FIELDS_MAX);
    assert_int_equal(fields.times[FIELD_RANGE], FIELDS_MAX);
}

static void fields_are_found_in_the_order_they_came(void **state)
{
    static struct fields fields;
    struct str value;
    size_t at = 0;

    (void)state;
    fields_reset(&fields);
    add(&fields, "X-One: 1");
    add(&fields, "If-None-Match: \"a\"");
    add(&fields, "x-one: 2");
    add(&fields, "IF-NONE-MATCH: \"b\"");
    add(&fields, "Host: h");

    assert_true(str_equal(fields_get(&fields, FIELD_IF_NONE_MATCH), STR("\"a\"")));
    assert_true(fields_has(&fields, FIELD_HOST));
    assert_false(fields_has(&fields, FIELD_RANGE));
    assert_null(fields_get(&fields, FIELD_RANGE).ptr);

    assert_true(fields_next(&fields, FIELD_IF_NONE_MATCH, &at, &value));
    assert_true(str_equal(value, STR("\"a\"")));
    assert_true(fields_next(&fields, FIELD_IF_NONE_MATCH, &at, &value));
    assert_true(str_equal(value, STR("\"b\"")));
    assert_false(fields_next(&fields, FIELD_IF_NONE_MATCH, &at, &value));
    assert_false(fields_next(&fields, FIELD_IF_NONE_MATCH, &at, &value));
    at = 0;
    assert_false(fields_next(&fields, FIELD_RANGE, &at, &value));

    assert_true(str_equal(fields_find(&fields, STR("X-ONE")), STR("1")));
    assert_true(str_equal(fields_find(&fields, STR("host")), STR("h")));
    assert_null(fields_find(&fields, STR("X-Two")).ptr);
    assert_null(fields_find(&fields, STR("Range")).ptr);
    assert_null(fields_find(&fields, STR("")).ptr);

    fields_reset(&fields);
    assert_false(fields_has(&fields, FIELD_HOST));
    assert_null(fields_find(&fields, STR("X-One")).ptr);
}

/* RFC 9110 §5.3: several lines are one list. */
static void an_element_is_found_in_any_line(void **state)
{
    static struct fields fields;

    (void)state;
    fields_reset(&fields);
    add(&fields, "Connection: upgrade");
    add(&fields, "Connection: x, Close");
    assert_true(fields_list_has(&fields, FIELD_CONNECTION, STR("close")));
    assert_true(fields_list_has(&fields, FIELD_CONNECTION, STR("upgrade")));
    assert_false(fields_list_has(&fields, FIELD_CONNECTION, STR("keep-alive")));
    assert_false(fields_list_has(&fields, FIELD_EXPECT, STR("close")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_read_or_refused),
        cmocka_unit_test(a_NUL_is_no_end_of_a_value),
        cmocka_unit_test(each_known_name_is_known_whatever_its_case),
        cmocka_unit_test(a_hundred_fields_are_enough),
        cmocka_unit_test(fields_are_found_in_the_order_they_came),
        cmocka_unit_test(an_element_is_found_in_any_line),
    };

    return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
