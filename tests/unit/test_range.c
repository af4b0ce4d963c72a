/* What http/range promises about the bytes a client asks for (RFC 9110 §14.1, §14.2). */
#include "http/range.h"
#include "tests/support/promise.h"

#define IGNORED       RANGE_IGNORED
#define PARTIAL       RANGE_PARTIAL
#define UNSATISFIABLE RANGE_UNSATISFIABLE

static const struct range_case {
    const char        *promise;
    const char        *field;
    uint64_t           length;
    enum range_verdict verdict;
    size_t             count;
    struct span        spans[4];
} cases[] = {
    {"the first 500 bytes",                   "bytes=0-499",    10000, PARTIAL, 1, {{0, 500}}},
    {"the second 500 bytes",                  "bytes=500-999",  10000, PARTIAL, 1, {{500, 500}}},
    {"the last 500 bytes",                    "bytes=-500",     10000, PARTIAL, 1, {{9500, 500}}},
    {"from a byte on",                        "bytes=9500-",    10000, PARTIAL, 1, {{9500, 500}}},
    {"all bytes",                             "bytes=0-",         100, PARTIAL, 1, {{0, 100}}},
    {"one byte is one byte",                  "bytes=0-0",        100, PARTIAL, 1, {{0, 1}}},
    {"the last byte",                         "bytes=-1",         100, PARTIAL, 1, {{99, 1}}},
    {"the last byte, by its place",           "bytes=99-99",      100, PARTIAL, 1, {{99, 1}}},
    {"zeros in front count for nothing",      "bytes=0000000000000000000000001-02", 100, PARTIAL, 1, {{1, 2}}},
    {"RFC 9110 §14.1.2: a last byte past the end is clipped",
                                              "bytes=95-9999",    100, PARTIAL, 1, {{95, 5}}},
    {"RFC 9110 §14.1.2: a suffix longer than the file is the file",
                                              "bytes=-9999",      100, PARTIAL, 1, {{0, 100}}},
    {"a last byte over 64 bits is clipped",   "bytes=1-99999999999999999999999", 100, PARTIAL, 1, {{1, 99}}},
    {"a suffix over 64 bits is the file",     "bytes=-99999999999999999999999", 100, PARTIAL, 1, {{0, 100}}},
    {"the largest length",                    "bytes=0-",  UINT64_MAX, PARTIAL, 1, {{0, UINT64_MAX}}},
    {"RFC 9110 §14.1: a unit has no case",             "BYTES=0-1",        100, PARTIAL, 1, {{0, 2}}},

    {"two spans",                             "bytes=0-0,-1",     100, PARTIAL, 2, {{0, 1}, {99, 1}}},
    {"in the order asked",                    "bytes=50-59, 0-9", 100, PARTIAL, 2, {{50, 10}, {0, 10}}},
    {"though they overlap",                   "bytes=0-9,5-",     100, PARTIAL, 2, {{0, 10}, {5, 95}}},
    {"empty elements are passed over",        "bytes=,0-0 ,\t,1-1,", 100, PARTIAL, 2, {{0, 1}, {1, 1}}},
    {"only the satisfiable ones",             "bytes=200-,0-0,-0", 100, PARTIAL, 1, {{0, 1}}},
    {"as many as there is room for",
     "bytes=0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-",     100, PARTIAL, 16, {{0, 100}}},
    {"one more, and all is sent",
     "bytes=0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-,0-",  100, IGNORED, 0, {{0, 0}}},
    {"unsatisfiable ones count too",
     "bytes=0-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-",    5, IGNORED, 0, {{0, 0}}},

    {"nothing left to send",                  "bytes=100-",       100, UNSATISFIABLE, 0, {{0, 0}}},
    {"nor up to a last byte",                 "bytes=100-200",    100, UNSATISFIABLE, 0, {{0, 0}}},
    {"a first byte over 64 bits",             "bytes=99999999999999999999999-", 100, UNSATISFIABLE, 0, {{0, 0}}},
    {"behind the largest length",             "bytes=18446744073709551615-", UINT64_MAX, UNSATISFIABLE, 0, {{0, 0}}},
    {"a suffix of nothing",                   "bytes=-0",         100, UNSATISFIABLE, 0, {{0, 0}}},
    {"none of several",                       "bytes=100-,-0,200-300", 100, UNSATISFIABLE, 0, {{0, 0}}},
    {"an empty file has no first byte",       "bytes=0-",           0, UNSATISFIABLE, 0, {{0, 0}}},
    {"RFC 9110 §14.1.2: all of nothing is nothing", "bytes=-5",     0, IGNORED, 0, {{0, 0}}},

    {"absent",                                NULL,               100, IGNORED, 0, {{0, 0}}},
    {"empty",                                 "",                 100, IGNORED, 0, {{0, 0}}},
    {"RFC 9110 §14.2: an unknown unit",                "lines=0-4",        100, IGNORED, 0, {{0, 0}}},
    {"a longer unit",                         "bytess=0-4",       100, IGNORED, 0, {{0, 0}}},
    {"no unit",                               "=0-4",             100, IGNORED, 0, {{0, 0}}},
    {"a unit alone",                          "bytes",            100, IGNORED, 0, {{0, 0}}},
    {"no span",                               "bytes=",           100, IGNORED, 0, {{0, 0}}},
    {"nothing but commas",                    "bytes=, ,",        100, IGNORED, 0, {{0, 0}}},
    {"a space in the unit",                   "bytes =0-4",       100, IGNORED, 0, {{0, 0}}},
    {"RFC 9110 §14.1.1: the first byte behind the last", "bytes=5-4",      100, IGNORED, 0, {{0, 0}}},
    {"also behind the end",                   "bytes=500-400",    100, IGNORED, 0, {{0, 0}}},
    {"also in an empty file",                 "bytes=5-4",          0, IGNORED, 0, {{0, 0}}},
    {"one bad span spoils all",               "bytes=0-0,5-4",    100, IGNORED, 0, {{0, 0}}},
    {"no dash",                               "bytes=5",          100, IGNORED, 0, {{0, 0}}},
    {"a dash alone",                          "bytes=-",          100, IGNORED, 0, {{0, 0}}},
    {"two dashes",                            "bytes=--5",        100, IGNORED, 0, {{0, 0}}},
    {"three numbers",                         "bytes=1-2-3",      100, IGNORED, 0, {{0, 0}}},
    {"a sign",                                "bytes=+1-2",       100, IGNORED, 0, {{0, 0}}},
    {"hexadecimal",                           "bytes=0x1-0x2",    100, IGNORED, 0, {{0, 0}}},
    {"a space inside",                        "bytes=1 -2",       100, IGNORED, 0, {{0, 0}}},
    {"letters",                               "bytes=a-b",        100, IGNORED, 0, {{0, 0}}},
    {"letters in an empty file",              "bytes=-x",           0, IGNORED, 0, {{0, 0}}},
    {"another equals sign",                   "bytes==0-4",       100, IGNORED, 0, {{0, 0}}},
    {"quotes",                                "bytes=\"0-4\"",    100, IGNORED, 0, {{0, 0}}},
};

static void each_field_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct range_case *c = &cases[i];
        struct tight_str field = tight_str(c->field);
        struct range_set set = {.count = 77};

        PROMISED_NUMBER(c->promise, range_parse(field.view, c->length, &set), c->verdict);
        PROMISED_NUMBER(c->promise, set.count, c->verdict == RANGE_PARTIAL ? c->count : 77);
        for (size_t k = 0; k < MIN_OF(c->count, COUNTOF(c->spans)) && c->spans[k].length; k++) {
            PROMISED(c->promise, set.spans[k].first == c->spans[k].first);
            PROMISED(c->promise, set.spans[k].length == c->spans[k].length);
        }
        tight_str_free(&field);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_has_its_verdict),
    };

    return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
