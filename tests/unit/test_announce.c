/* What main/announce promises: what people copy into a shell is right, whatever the path; and what
 * programs read is whole. */
#include "main/announce.h"

#include <errno.h>
#include <unistd.h>

#include "tests/support/fault.h"
#include "tests/support/promise.h"

static const struct word_case {
    const char *promise;
    const char *word;
    const char *quoted;
} word_cases[] = {
    {"a plain path stays as it is", "/home/me/.local/state/wherry/ca.pem",
     "/home/me/.local/state/wherry/ca.pem"},
    {"a blank is quoted", "/a b", "'/a b'"},
    {"so is a sign of the shell's", "/a$b", "'/a$b'"},
    {"and a tilde, which is meant as it is", "~/a", "'~/a'"},
    {"a quote is kept", "/it's", "'/it'\\''s'"},
    {"a line break too", "/a\nb", "'/a\nb'"},
    {"and UTF-8", "/caf\xc3\xa9", "'/caf\xc3\xa9'"},
    {"nothing is a word", "", "''"},
    {"what looks like an option is no plain word", "-a", "'-a'"},
};

static void a_word_is_one_for_the_shell(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(word_cases); i++) {
        struct buf out = BUF_UP_TO(256);

        announce_word(&out, word_cases[i].word);
        if (!str_equal(buf_view(&out), str_view(word_cases[i].quoted)))
            fail_msg("not kept: %s: %.*s", word_cases[i].promise, STR_ARG(buf_view(&out)));
        buf_fini(&out);
    }
}

static void check_text(const struct wherry_authority *authority, const char *cert_dir,
                       const char *text)
{
    struct buf out = BUF_UP_TO(4096);

    announce_authority(authority, cert_dir, &out);
    buf_append_byte(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(out.ptr, text);
    buf_fini(&out);
}

static void a_known_authority_is_one_line(void **state)
{
    const struct wherry_authority authority = {.path = "/s/ca.pem", .fingerprint = "AB:CD"};

    (void)state;
    check_text(&authority, NULL,
               "its authority: /s/ca.pem, SHA-256 AB:CD; wherry --print-ca\n");
    check_text(&authority, "/a b",
               "its authority: /s/ca.pem, SHA-256 AB:CD; wherry --print-ca --cert-dir '/a b'\n");
}

#define HOW_TO_TRUST(path)                                                                       \
    "To trust it, on a machine that has this file:\n"                                            \
    "  Debian, Ubuntu   sudo install -m 644 " path                                                \
    " /usr/local/share/ca-certificates/wherry.crt && sudo update-ca-certificates\n"              \
    "  Fedora           sudo trust anchor " path "\n"                                             \
    "  macOS            sudo security add-trusted-cert -d -r trustRoot"                           \
    " -k /Library/Keychains/System.keychain " path "\n"                                          \
    "  Windows          certutil -addstore -f ROOT " path "\n"                                    \
    "  Chrome on Linux  mkdir -p ~/.pki/nssdb && certutil -d sql:$HOME/.pki/nssdb -A -t C,,"     \
    " -n \"wherry $(date +%s)\" -i " path "\n"                                                    \
    "  Firefox          Settings > Privacy & Security > Certificates > View Certificates >"       \
    " Authorities > Import\n"

static void a_new_authority_comes_with_how_to_trust_it(void **state)
{
    struct wherry_authority authority = {
        .path = "/s/ca.pem", .fingerprint = "AB:CD", .is_new = true};

    (void)state;
    check_text(&authority, NULL,
               "The certificate is wherry's own, signed by a new authority:\n"
               "  /s/ca.pem\n  SHA-256 AB:CD\n" HOW_TO_TRUST("/s/ca.pem"));
    authority.has_replaced = true;
    authority.path = "/a b";
    check_text(&authority, NULL,
               "The certificate is wherry's own, signed by another authority than before, so whoever "
               "trusts that one is warned:\n"
               "  '/a b'\n  SHA-256 AB:CD\n" HOW_TO_TRUST("'/a b'"));
}

static void an_authority_that_is_not_kept_is_not_to_be_trusted(void **state)
{
    const struct wherry_authority authority = {.fingerprint = "AB:CD", .is_new = true};

    (void)state;
    check_text(&authority, NULL,
               "The certificate is wherry's own, and its authority will be another one after a "
               "restart:\n  SHA-256 AB:CD\n");
}

/* ---- the facts ------------------------------------------------------------------------ */

/* Before it is open it has no URL; what it has then is in test_ci.py. */
static struct wherry_server *make_server(struct options *options)
{
    struct wherry_server *server;

    wherry_settings_init(&options->server);
    options->site.root = "/";
    options->endpoints.prefix = "/test";
    server = wherry_server_new(&options->server);
    assert_non_null(server);
    return server;
}

static void the_facts_are_one_object_on_a_line(void **state)
{
    struct options        options = OPTIONS_NONE;
    struct wherry_server *server = make_server(&options);
    struct buf            out = BUF_UP_TO(4096), expected = BUF_UP_TO(4096);
    size_t                at;

    (void)state;
    announce_facts(&options, server, &out);
    buf_printf(&expected,
               ",\"carries\":\"/\",\"version\":\"" WHERRY_VERSION "\",\"pid\":%d,\"urls\":[],"
               "\"http\":null,\"https\":null,\"admin\":null,\"endpoints\":null,\"bad_tls\":null,"
               "\"authority\":null,\"sha256\":null}\n", (int)getpid());
    at = str_find(buf_view(&out), ',');
    assert_true(str_starts(buf_view(&out), STR("{\"time\":\"2")));
    assert_true(str_equal(str_from(buf_view(&out), at), buf_view(&expected)));
    buf_fini(&out);
    buf_fini(&expected);
    assert_true(wherry_server_free(server));
}

/* Half of it would be worse than nothing. */
static void facts_that_are_not_whole_are_marked(void **state)
{
    struct options        options = OPTIONS_NONE;
    struct wherry_server *server = make_server(&options);
    bool                  has_failed = false;

    (void)state;
    for (size_t n = 1; fault_next(n, FAULT_ALLOCATION, ENOMEM); n++) {
        struct buf out = BUF_UP_TO(4096);

        announce_facts(&options, server, &out);
        has_failed |= out.failed;
        assert_true(out.failed || str_ends(buf_view(&out), STR("}\n")));
        buf_fini(&out);
    }
    assert_true(has_failed);
    assert_true(wherry_server_free(server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_one_for_the_shell),
        cmocka_unit_test(a_known_authority_is_one_line),
        cmocka_unit_test(a_new_authority_comes_with_how_to_trust_it),
        cmocka_unit_test(an_authority_that_is_not_kept_is_not_to_be_trusted),
        cmocka_unit_test(the_facts_are_one_object_on_a_line),
        cmocka_unit_test(facts_that_are_not_whole_are_marked),
    };

    return cmocka_run_group_tests_name("announce", tests, NULL, NULL);
}
