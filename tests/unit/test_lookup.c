/* What main/lookup promises about what it reads, and about names that nobody need be asked for.  (Names
 * that a name server knows are in test_ci.py, where there is one.) */
#include "main/lookup.h"

#include <errno.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tests/support/fault.h"
#include "tests/support/promise.h"

static void write_found(const struct lookup *lookup, struct buf *out)
{
    for (size_t i = 0; i < lookup->count; i++) {
        struct peer peer = peer_of(&lookup->found[i]);
        char        text[ADDRESS_TEXT_MAX];

        peer_text(&peer, text);
        buf_printf(out, "%s%s:%u", i ? " " : "", text, peer.port);
    }
}

static void expect_found(const char *promise, const struct lookup *lookup, const char *addresses)
{
    struct buf out = BUF_UP_TO(4096);

    write_found(lookup, &out);
    if (!str_equal(buf_view(&out), str_view(addresses)))
        fail_msg("not kept: %s (%.*s)", promise, STR_ARG(buf_view(&out)));
    buf_fini(&out);
}

/* ---- hosts(5) ------------------------------------------------------------------------- */

/* clang-format off */
static const struct hosts_case {
    const char *promise;
    const char *text;
    const char *found;
} hosts[] = {
    {"a name stands behind its address",  "192.0.2.1 web\n",                "192.0.2.1:80"},
    {"tabs are blanks",                   "192.0.2.1\tother\t web \n",      "192.0.2.1:80"},
    {"its case does not count",           "192.0.2.1 WEB\n",                "192.0.2.1:80"},
    {"it may have several addresses",     "192.0.2.1 web\n::2 a web\n",     "192.0.2.1:80 ::2:80"},
    {"each line gives one",               "192.0.2.1 web web\n",            "192.0.2.1:80"},
    {"a part of a name is none",          "192.0.2.1 web1 aweb web.a\n",    ""},
    {"the address is no name",            "web 192.0.2.1\n",                ""},
    {"a comment is nothing",              "#192.0.2.1 web\n192.0.2.1 #web\n", ""},
    {"nor is what stands before one lost", "192.0.2.1 web#x\n",             "192.0.2.1:80"},
    {"a star is no address",              "* web\nlocalhost web\n",         ""},
    {"the last line need not end",        "\n\n192.0.2.1 web",              "192.0.2.1:80"},
    {"nothing gives nothing",             "",                               ""},
};
/* clang-format on */

static void hosts_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(hosts); i++) {
        struct tight_str text = tight_str(hosts[i].text);
        struct lookup    lookup = {.count = 0};

        lookup_read_hosts(text.view, STR("web"), 80, &lookup);
        expect_found(hosts[i].promise, &lookup, hosts[i].found);
        tight_str_free(&text);
    }
}

static void no_more_are_taken_than_there_is_room_for(void **state)
{
    struct buf    text = BUF_UP_TO(4096);
    struct lookup lookup = {.count = 0};

    (void)state;
    for (int i = 0; i < LOOKUP_MAX + 2; i++)
        buf_printf(&text, "192.0.2.%d web\n", i);
    lookup_read_hosts(buf_view(&text), STR("web"), 80, &lookup);
    assert_int_equal(lookup.count, LOOKUP_MAX);
    buf_fini(&text);
}

/* ---- RFC 1035 §4.1 -------------------------------------------------------------------- */

#define HEADER(answers) "\0\1\x81\x80\0\1\0" answers "\0\0\0\0"
#define QUESTION        "\3web\0\0\1\0\1"
#define NAME            "\xc0\x0c"                  /* the question's */
#define A(data)         "\0\1\0\1\0\0\0\74\0\4" data
#define AAAA(data)      "\0\34\0\1\0\0\0\74\0\20" data
#define CNAME           "\0\5\0\1\0\0\0\74\0\3\1x\0"
#define ONE             "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define TEXT(literal)   (literal), sizeof(literal) - 1

/* clang-format off */
static const struct answer_case {
    const char *promise;
    const char *message;
    size_t      len;
    const char *found;
} answers[] = {
    {"an IPv4 address", TEXT(HEADER("\1") QUESTION NAME A("\xc0\0\2\1")), "192.0.2.1:443"},
    {"one of IPv6", TEXT(HEADER("\1") QUESTION NAME AAAA(ONE)), "2001:db8::1:443"},
    {"behind an alias", TEXT(HEADER("\2") QUESTION NAME CNAME "\1x\0" A("\xc0\0\2\1")),
     "192.0.2.1:443"},
    {"all of them", TEXT(HEADER("\2") QUESTION NAME A("\xc0\0\2\1") NAME A("\xc0\0\2\2")),
     "192.0.2.1:443 192.0.2.2:443"},
    {"an address of another length is none",
     TEXT(HEADER("\1") QUESTION NAME "\0\1\0\1\0\0\0\74\0\3\xc0\0\2"), ""},
    {"nor is one of another class",
     TEXT(HEADER("\1") QUESTION NAME "\0\1\0\3\0\0\0\74\0\4\xc0\0\2\1"), ""},
    {"none was promised", TEXT(HEADER("\0") QUESTION), ""},
    {"a record that is cut off is none", TEXT(HEADER("\1") QUESTION NAME "\0\1\0\1\0\0\0\74\0\4\xc0"),
     ""},
    {"a name that is its own end is none", TEXT(HEADER("\1") QUESTION "\xc0\x15" A("\xc0\0\2\1")), ""},
    {"half a header", TEXT("\0\1\x81\x80\0\1"), ""},
    {"nothing", TEXT(""), ""},
};
/* clang-format on */

static void answers_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(answers); i++) {
        struct tight_str message = tight_bytes(answers[i].message, answers[i].len);
        struct lookup    lookup = {.count = 0};

        lookup_read_answer(message.view, 443, &lookup);
        expect_found(answers[i].promise, &lookup, answers[i].found);
        tight_str_free(&message);
    }
}

/* ---- nobody is asked ------------------------------------------------------------------ */

static void an_address_is_itself(void **state)
{
    static const struct {
        const char *host, *found;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1:80"},
        {"[2001:db8::1]", "2001:db8::1:80"},
        {"localhost", "127.0.0.1:80 ::1:80"},
        {"LocalHost", "127.0.0.1:80 ::1:80"},
        {"a.localhost", "127.0.0.1:80 ::1:80"},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct lookup lookup;

        assert_int_equal(lookup_host(str_view(cases[i].host), 80, 0, &lookup), LOOKUP_FOUND);
        expect_found(cases[i].host, &lookup, cases[i].found);
    }
}

static void without_a_thread_nobody_answers(void **state)
{
    static const enum fault_call calls[] = {FAULT_THREAD, FAULT_EVENTFD};
    struct lookup                lookup;

    (void)state;
    for (size_t i = 0; i < COUNTOF(calls); i++) {
        fault_at(1, calls[i], EAGAIN);
        assert_int_equal(lookup_host(STR("name.invalid"), 80, clock_us() + 1000000, &lookup),
                         LOOKUP_UNANSWERED);
        assert_true(fault_off());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_read),
        cmocka_unit_test(no_more_are_taken_than_there_is_room_for),
        cmocka_unit_test(answers_are_read),
        cmocka_unit_test(an_address_is_itself),
        cmocka_unit_test(without_a_thread_nobody_answers),
    };

    return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}
