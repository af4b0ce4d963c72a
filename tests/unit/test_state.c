/* What endpoints/state promises of passwords and entity tags. */
#include "endpoints/state.h"
#include "tests/support/promise.h"

static const struct password_case {
    const char *promise;
    const char *authorization;      /* for "Aladdin" and "open sesame", as in RFC 7617 §2 */
    bool        is_known;
} passwords[] = {
    {"the right one",                  "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", true},
    {"a scheme has no case",           "bASIC QWxhZGRpbjpvcGVuIHNlc2FtZQ==", true},
    {"several spaces",                 "Basic   QWxhZGRpbjpvcGVuIHNlc2FtZQ==", true},
    {"nothing",                        "", false},
    {"the scheme alone",               "Basic", false},
    {"no credentials",                 "Basic ", false},
    {"another scheme",                 "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", false},
    {"another password",               "Basic QWxhZGRpbjpvcGVuIHNlc2FtZg==", false},
    {"another name",                   "Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==", false},
    {"the beginning of it",            "Basic QWxhZGRpbjpvcGVuIHNlc2Ft", false},
    {"more than that",                 "Basic QWxhZGRpbjpvcGVuIHNlc2FtZSE=", false},
    {"twice the same",
     "Basic QWxhZGRpbjpvcGVuIHNlc2FtZUFsYWRkaW46b3BlbiBzZXNhbWU=", false},
    {"no base64",                      "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=!", false},
    {"as it is",                       "Basic Aladdin:open sesame", false},
};

static void each_password_is_known_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(passwords); i++) {
        struct tight_str authorization = tight_str(passwords[i].authorization);

        PROMISED(passwords[i].promise,
                 state_knows(authorization.view, STR("Aladdin"), STR("open sesame")) ==
                     passwords[i].is_known);
        tight_str_free(&authorization);
    }
}

static const struct tag_case {
    const char *promise;
    const char *meant;
    const char *tag;                /* NULL: it can be none */
} tags[] = {
    {"a word",                   "v1",         "\"v1\""},
    {"a tag",                    "\"v1\"",     "\"v1\""},
    {"a weak one",               "W/\"v1\"",   "W/\"v1\""},
    {"a word that begins so",    "W/v1",       "\"W/v1\""},
    {"an empty tag",             "\"\"",       "\"\""},
    {"bytes that are no ASCII",  "caf\xc3\xa9", "\"caf\xc3\xa9\""},
    {"a space",                  "v 1",        NULL},
    {"a quote inside",           "v\"1",       NULL},
    {"a quote that is not closed", "\"v1",     NULL},
    {"one that was not opened",  "v1\"",       NULL},
    {"a weak one cut short",     "W/\"",       NULL},
    {"two of them",              "\"a\", \"b\"", NULL},
};

static void each_tag_is_written_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(tags); i++) {
        struct tight_str meant = tight_str(tags[i].meant);
        struct buf       tag = BUF_UP_TO(64);
        bool             is_written = state_write_etag(meant.view, &tag);

        PROMISED(tags[i].promise, is_written == (tags[i].tag != NULL));
        if (tags[i].tag)
            PROMISED_STR(tags[i].promise, buf_view(&tag), tags[i].tag);
        buf_fini(&tag);
        tight_str_free(&meant);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_password_is_known_or_not),
        cmocka_unit_test(each_tag_is_written_or_refused),
    };

    return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
