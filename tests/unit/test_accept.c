/* What http/accept promises: RFC 9110 §12.5.1. */
#include "http/accept.h"
#include "tests/support/promise.h"

/* clang-format off */
/* Of image/png. */
static const struct accept_case {
    const char           *promise;
    const char           *field;
    enum accept_precision precision;
    unsigned              weight;
} cases[] = {
    {"an empty field accepts nothing",     "", ACCEPT_UNSAID, 0},
    {"another type says nothing of it",    "text/html", ACCEPT_UNSAID, 0},
    {"the type itself",                    "image/png", ACCEPT_NAMED, 1000},
    {"whatever its case",                  "Image/PNG", ACCEPT_NAMED, 1000},
    {"its kind",                           "image/*", ACCEPT_KIND, 1000},
    {"anything",                           "*/*", ACCEPT_ANY, 1000},
    {"another kind",                       "text/*", ACCEPT_UNSAID, 0},
    {"half an asterisk is none",           "*/png, image/p*, *, image*", ACCEPT_UNSAID, 0},
    {"a longer name is another",           "image/pngx, ximage/png", ACCEPT_UNSAID, 0},
    {"a weight",                           "image/png;q=0.5", ACCEPT_NAMED, 500},
    {"with space around it",               "image/png ; q=0.25", ACCEPT_NAMED, 250},
    {"whatever its case",                  "image/png;Q=0.1", ACCEPT_NAMED, 100},
    {"refused",                            "image/png;q=0", ACCEPT_NAMED, 0},
    {"the more exact one counts",          "*/*, image/*;q=0.5, image/png;q=0.2", ACCEPT_NAMED, 200},
    {"wherever it stands",                 "image/png;q=0.2, */*, image/*;q=0.5", ACCEPT_NAMED, 200},
    {"the kind over anything",             "image/*;q=0, */*", ACCEPT_KIND, 0},
    {"of equal ones the smaller",          "image/png;q=0.8, image/png;q=0.3, image/png", ACCEPT_NAMED, 300},
    {"among others",                       "text/html, image/png;q=0.9 , */*;q=0.1", ACCEPT_NAMED, 900},
    {"empty elements are passed over",     ", ,image/png,,", ACCEPT_NAMED, 1000},
    {"what it has not is another type",    "image/png;level=1", ACCEPT_UNSAID, 0},
    {"and does not hide a wider one",      "image/png;level=1, image/*;q=0.4", ACCEPT_KIND, 400},
    {"a weight that is none is ignored",   "image/png;q=2, */*;q=0.1", ACCEPT_ANY, 100},
    {"an empty weight",                    "image/png;q=", ACCEPT_UNSAID, 0},
    {"no weight",                          "image/png;q", ACCEPT_UNSAID, 0},
    {"an empty parameter",                 "image/png;;q=0.7;", ACCEPT_NAMED, 700},
};
/* clang-format on */

static void each_promise_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct accept_case *c = &cases[i];
        struct tight_str          field = tight_str(c->field);
        struct accepted           accepted = {0};

        accept_read(field.view, STR("image/png"), &accepted);
        PROMISED_NUMBER(c->promise, accepted.precision, c->precision);
        PROMISED_NUMBER(c->promise, accepted.weight, c->weight);
        tight_str_free(&field);
    }
}

/* RFC 9110 §5.3 */
static void several_lines_are_one_list(void **state)
{
    struct accepted accepted = {0};

    (void)state;
    accept_read(STR("image/*;q=0.5"), STR("image/png"), &accepted);
    accept_read(STR("image/png;q=0.3"), STR("image/png"), &accepted);
    accept_read(STR("*/*"), STR("image/png"), &accepted);
    assert_int_equal(accepted.precision, ACCEPT_NAMED);
    assert_int_equal(accepted.weight, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_promise_holds),
        cmocka_unit_test(several_lines_are_one_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
