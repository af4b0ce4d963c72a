/* What main/options promises about how the program is asked to run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "main/option_help.h"
#include "main/option_sources.h"
#include "main/option_value.h"
#include "main/options.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/tight.h"

static const struct option *row(const char *name)
{
    const struct option *option = option_find(str_view(name));

    if (!option)
        fail_msg("there is no option %s", name);
    return option;
}

static const struct option_given *given(const struct options *options, const char *name)
{
    return &options->given[option_index(row(name))];
}

/* ---- one value ------------------------------------------------------------------------ */

enum { REFUSED = -1000 };

/* clang-format off */
static const struct number_case {
    const char *promise;
    const char *option;
    const char *text;
    int64_t     number;
} number_cases[] = {
    {"a number is its digits",              "http-port",    "443",      443},
    {"the least is allowed",                "http-port",    "0",        0},
    {"the most is allowed",                 "http-port",    "65535",    65535},
    {"off is no port",                      "http-port",    "off",      -1},
    {"leading zeros change nothing",        "http-port",    "0080",     80},
    {"more than the most is refused",       "http-port",    "65536",    REFUSED},
    {"a sign is refused",                   "http-port",    "-1",       REFUSED},
    {"a plus too",                          "http-port",    "+80",      REFUSED},
    {"a letter behind is refused",          "http-port",    "80x",      REFUSED},
    {"a blank in front is refused",         "http-port",    " 80",      REFUSED},
    {"a number has no unit",                "http-port",    "1K",       REFUSED},
    {"nothing is no number",                "http-port",    "",         REFUSED},
    {"hexadecimal is refused",              "http-port",    "0x50",     REFUSED},
    {"what does not fit 64 bits is refused", "http-port",   "18446744073709551696", REFUSED},
    {"off is only for what can be off",     "workers",      "off",      REFUSED},
    {"less than the least is refused",      "workers-max",  "1",        REFUSED},

    {"a size is in bytes",                  "head-max",     "2000",     2000},
    {"K is 1024",                           "head-max",     "16K",      16384},
    {"M is 1024K",                          "body-max",     "3M",       3 << 20},
    {"G is 1024M",                          "body-max",     "2G",       (int64_t)2 << 30},
    {"a small k is refused",                "head-max",     "16k",      REFUSED},
    {"KB is refused",                       "head-max",     "16KB",     REFUSED},
    {"a blank before the unit is refused",  "head-max",     "16 K",     REFUSED},
    {"a fraction is refused",               "head-max",     "1.5K",     REFUSED},
    {"a unit alone is refused",             "head-max",     "K",        REFUSED},
    {"a size has no unit of time",          "head-max",     "10s",      REFUSED},
    {"a product that wraps is refused",     "body-max",     "17179869184G", REFUSED},
    {"a product past INT64_MAX is refused", "body-max",     "8589934592G", REFUSED},
    {"a size over the most is refused",     "head-max",     "1048577",  REFUSED},

    {"a time is in seconds",                "head-timeout", "5",        5000},
    {"ms are thousandths",                  "head-timeout", "500ms",    500},
    {"s are seconds",                       "head-timeout", "10s",      10000},
    {"m are minutes",                       "head-timeout", "2m",       120000},
    {"h are hours",                         "head-timeout", "24h",      86400000},
    {"no time is refused where one is needed", "head-timeout", "0",     REFUSED},
    {"no time to drain is fine",            "drain",        "0",        0},
    {"d are days",                          "hsts",         "365d",     (int64_t)365 * 86400000},
    {"two years are the most of them",      "hsts",         "731d",     REFUSED},
    {"a time can be off where it says so",  "hsts",         "off",      -1},
    {"and only there",                      "head-timeout", "off",      REFUSED},
    {"weeks are refused",                   "head-timeout", "1w",       REFUSED},
    {"a time over the most is refused",     "head-timeout", "1441m",    REFUSED},

    {"yes is yes",                          "clean-urls",   "yes",      1},
    {"no is no",                            "clean-urls",   "no",       0},
    {"true is yes",                         "clean-urls",   "true",     1},
    {"false is no",                         "clean-urls",   "false",    0},
    {"on is yes",                           "clean-urls",   "on",       1},
    {"off is no",                           "clean-urls",   "off",      0},
    {"1 is yes",                            "clean-urls",   "1",        1},
    {"0 is no",                             "clean-urls",   "0",        0},
    {"maybe is refused",                    "clean-urls",   "maybe",    REFUSED},
    {"Yes is refused",                      "clean-urls",   "Yes",      REFUSED},
    {"empty is neither yes nor no",         "clean-urls",   "",         REFUSED},

    {"a choice is its place",               "links",        "none",     ROOT_LINKS_NONE},
    {"off is a log format",                 "access-log",   "off",      WHERRY_LOG_OFF},
    {"common is a log format",              "access-log",   "common",   WHERRY_LOG_COMMON},
    {"combined is a log format",            "access-log",   "combined", WHERRY_LOG_COMBINED},
    {"json is a log format",                "access-log",   "json",     WHERRY_LOG_JSON},
    {"error is a level",                    "log-level",    "error",    LOG_ERROR},
    {"debug is a level",                    "log-level",    "debug",    LOG_DEBUG},
    {"another word is refused",             "log-level",    "loud",     REFUSED},
    {"a part of a word is refused",         "access-log",   "com",      REFUSED},
    {"1.2 is a version of TLS",             "tls-min",      "1.2",      WHERRY_TLS_1_2},
    {"1.3 is a version of TLS",             "tls-min",      "1.3",      WHERRY_TLS_1_3},
    {"1.1 is none any more",                "tls-min",      "1.1",      REFUSED},
    {"clients may be asked",                "tls-client",   "optional", OPTION_CLIENT_OPTIONAL},
    {"the public port can be off",          "public-https-port", "off", -1},
    {"it is never any free one",            "public-https-port", "0",   REFUSED},
    {"HTTPS has no port that is off",       "https-port",   "off",      REFUSED},
};

static const struct text_case {
    const char *promise;
    const char *option;
    const char *text;
    bool        is_fine;
} text_cases[] = {
    {"localhost is an address",             "address",      "localhost",        true},
    {"* is an address",                     "address",      "*",                true},
    {"IPv4 is an address",                  "address",      "192.0.2.1",        true},
    {"IPv6 is an address",                  "address",      "2001:db8::1",      true},
    {"another name is refused",             "address",      "example.test",     false},
    {"a port in it is refused",             "address",      "127.0.0.1:80",     false},
    {"no address is refused",               "address",      "",                 false},
    {"a socket has a path",                 "unix",         "/run/wherry.sock", true},
    {"or none",                             "unix",         "",                 true},
    {"the root can't be nothing",           "root",         "",                 false},
    {"any byte may be in a path",           "root",         "/a b\n\xff",       true},
    {"an index has a name",                 "index",        "home.html",        true},
    {"or none",                             "index",        "",                 true},
    {"an index is in its folder",           "index",        "a/b.html",         false},
    {"an index is no dotfile",              "index",        ".index",           false},
    {"cache control is a field value",      "cache-control", "max-age=60, public", true},
    {"or nothing",                          "cache-control", "",                true},
    {"with no line break",                  "cache-control", "a\r\nX: y",       false},
    {"nor a byte over 0x7e",                "cache-control", "caf\xc3\xa9",     false},
    {"nor a blank at the end",              "cache-control", "no-cache ",       false},
    {"a certificate has a path",            "tls-cert",     "/etc/a b.pem",     true},
    {"a list may be emptied",               "tls-cert",     "",                 true},
    {"a DNS name can be certified",         "tls-name",     "www.example.test", true},
    {"so can an address",                   "tls-name",     "2001:db8::1",      true},
    {"but no URL",                          "tls-name",     "https://a.test/",  false},
    {"the folder of certificates may be none", "cert-dir",  "",                 true},
    {"a switch is yes",                     "endpoints",    "yes",              true},
    {"or no",                               "endpoints",    "off",              true},
    {"or a text",                           "endpoints",    "/a-1/_b.c",        true},
    {"but not nothing",                     "endpoints",    "",                 false},
    {"a prefix begins with a slash",        "endpoints",    "test",             false},
    {"and ends in none",                    "endpoints",    "/test/",           false},
    {"it is more than that",                "endpoints",    "/",                false},
    {"its segments are not empty",          "endpoints",    "/a//b",            false},
    {"nor do they lead up",                 "endpoints",    "/a/..",            false},
    {"nor mean any other one",              "endpoints",    "/{a}",             false},
    {"nor all of them",                     "endpoints",    "/*",               false},
    {"nor need an escape",                  "endpoints",    "/a b",             false},
};
/* clang-format on */

static void a_number_is_read_as_its_option_wants(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(number_cases); i++) {
        const struct number_case *c = &number_cases[i];
        struct tight_str          text = tight_bytes(c->text, strlen(c->text) + 1);
        struct option_value       value = {.number = REFUSED};

        if (option_value_parse(row(c->option), text.bytes, &value) != (c->number != REFUSED) ||
            value.number != c->number)
            fail_msg("not kept: %s: %s=%s is %lld", c->promise, c->option, c->text,
                     (long long)value.number);
        tight_str_free(&text);
    }
}

static void a_text_is_read_as_its_option_wants(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(text_cases); i++) {
        const struct text_case *c = &text_cases[i];
        struct tight_str        text = tight_bytes(c->text, strlen(c->text) + 1);
        struct option_value     value = {0};

        if (option_value_parse(row(c->option), text.bytes, &value) != c->is_fine)
            fail_msg("not kept: %s", c->promise);
        tight_str_free(&text);
    }
}

static void a_switch_is_nothing_empty_or_a_text(void **state)
{
    struct option_value value = {0};

    (void)state;
    assert_true(option_value_parse(row("endpoints"), "on", &value));
    assert_string_equal(value.text, "");
    assert_true(option_value_parse(row("endpoints"), "no", &value));
    assert_null(value.text);
    assert_true(option_value_parse(row("endpoints"), "/test", &value));
    assert_string_equal(value.text, "/test");
}

static void a_prefix_has_255_bytes_at_most(void **state)
{
    struct option_value value;
    char                path[257];

    (void)state;
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[256] = '\0';
    assert_false(option_value_parse(row("endpoints"), path, &value));
    path[255] = '\0';
    assert_true(option_value_parse(row("endpoints"), path, &value));
}

static void a_socket_path_has_107_bytes_at_most(void **state)
{
    struct option_value value;
    char                path[109];

    (void)state;
    memset(path, 'x', sizeof path);
    path[108] = '\0';
    assert_false(option_value_parse(row("unix"), path, &value));
    path[107] = '\0';
    assert_true(option_value_parse(row("unix"), path, &value));
}

/* ---- the table ------------------------------------------------------------------------ */

static void each_row_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        struct option_value  value = {0};

        if (!option_value_parse(option, option->initial, &value))
            fail_msg("%s: its default is refused", option->name);
        if (option->least && (!option_value_parse(option, option->least, &value) ||
                              !option_value_parse(option, option->most, &value)))
            fail_msg("%s: its bounds are refused", option->name);
        if (!option->help || strlen(option->name) >= OPTION_NAME_MAX)
            fail_msg("%s: no help, or too long a name", option->name);
        if ((option->accepts && !option->must_be) ||
            (option->kind == OPTION_CHOICE) != (option->choices != NULL) ||
            (option->kind == OPTION_LIST && !option->most) ||
            (option->kind == OPTION_BOOLEAN) != (option->argument == NULL))
            fail_msg("%s: half a row", option->name);
        assert_ptr_equal(option_find(str_view(option->name)), option);
    }
}

static void in_little_memory_defaults_are_smaller(void **state)
{
    struct options options = OPTIONS_NONE;
    char *words[] = {"wherry", "--cache-size=32M", NULL}, *environment[] = {NULL};

    (void)state;
    assert_true(options_read(&options, 1, (char *[]){"wherry", NULL}, environment));
    assert_true(options_fit_memory(&options, (uint64_t)4 << 30));
    assert_int_equal(options.site.cache_bytes, 32 << 20);
    assert_int_equal(options.server.connections_max, 16384);
    assert_true(options_fit_memory(&options, 24 << 20));
    assert_int_equal(options.site.cache_bytes, 3 << 20);
    assert_string_equal(given(&options, "cache-size")->text, "3072K");
    assert_int_equal(given(&options, "cache-size")->source, OPTION_FROM_DEFAULT);
    assert_int_equal(options.server.connections_max, 96);
    assert_string_equal(given(&options, "connections-max")->text, "96");
    assert_true(options_fit_memory(&options, 1 << 20));
    assert_int_equal(options.server.connections_max, 64);
    options_fini(&options);

    /* What somebody has said is what he gets. */
    assert_true(options_read(&options, 2, words, environment));
    assert_true(options_fit_memory(&options, 24 << 20));
    assert_int_equal(options.site.cache_bytes, 32 << 20);
    assert_string_equal(given(&options, "cache-size")->text, "32M");
    options_fini(&options);
}

static const struct nearest_case {
    const char *name;
    const char *nearest;        /* NULL: none is near */
} nearest_cases[] = {
    {"htpp-port", "http-port"},   {"port", "http-port"},      {"http_port", "http-port"},
    {"adress", "address"},        {"cleanurls", "clean-urls"}, {"worker", "workers"},
    {"workers-min", "workers-max"}, {"idle", "idle-timeout"}, {"versoin", "version"},
    {"ssl", NULL},                {"x", NULL},                {"", NULL},
    {"print-manual-option", NULL},
    {"a-name-far-longer-than-any-option-there-is", NULL},
};

static void a_slip_leads_to_the_option_that_was_meant(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(nearest_cases); i++) {
        const struct nearest_case *c = &nearest_cases[i];
        struct tight_str           name = tight_str(c->name);
        const struct option *nearest = option_nearest(name.view, OPTION_FROM_COMMAND_LINE);

        if (nearest != (c->nearest ? row(c->nearest) : NULL))
            fail_msg("%s: %s", c->name, nearest ? nearest->name : "nothing");
        tight_str_free(&name);
    }
    assert_null(option_nearest(STR("versoin"), OPTION_FROM_FILE));
}

/* The library's defaults and the program's are the same, whoever is asked. */
static void the_defaults_agree_with_the_modules(void **state)
{
    struct site_settings   site = SITE_SETTINGS_DEFAULT;
    struct wherry_settings server;
    struct options         options = OPTIONS_NONE;

    (void)state;
    wherry_settings_init(&server);
    assert_true(options_read(&options, 1, (char *[]){"wherry", NULL}, (char *[]){NULL}));

    assert_string_equal(options.site.root, site.root);
    assert_string_equal(options.site.index, site.index);
    assert_string_equal(options.site.cache_control, site.cache_control);
    assert_int_equal(options.site.clean_urls, site.clean_urls);
    assert_int_equal(options.site.links, site.links);
    assert_int_equal(options.site.cache_bytes, site.cache_bytes);
    assert_int_equal(options.site.cache_files, site.cache_files);

    assert_string_equal(options.server.address, server.address);
    assert_int_equal(options.server.http_port, server.http_port);
    assert_null(options.server.unix_path);
    assert_null(server.unix_path);
    assert_int_equal(options.server.workers, server.workers);
    assert_int_equal(options.server.workers_max, server.workers_max);
    assert_int_equal(options.server.connections_max, server.connections_max);
    assert_int_equal(options.server.head_bytes_max, server.head_bytes_max);
    assert_int_equal(options.server.target_bytes_max, server.target_bytes_max);
    assert_int_equal(options.server.body_bytes_max, server.body_bytes_max);
    assert_int_equal(options.server.body_memory_max, server.body_memory_max);
    assert_string_equal(options.server.spool_dir, "/tmp");
    assert_null(server.spool_dir);                  /* a library writes nowhere unasked */
    assert_int_equal(options.server.head_timeout_ms, server.head_timeout_ms);
    assert_int_equal(options.server.body_timeout_ms, server.body_timeout_ms);
    assert_int_equal(options.server.write_timeout_ms, server.write_timeout_ms);
    assert_int_equal(options.server.idle_timeout_ms, server.idle_timeout_ms);
    assert_int_equal(options.server.wait_timeout_ms, server.wait_timeout_ms);
    assert_int_equal(options.server.drain_ms, server.drain_ms);
    assert_int_equal(options.server.access_log, server.access_log);
    assert_int_equal(options.server.tls.port, server.tls.port);
    assert_int_equal(options.server.tls.public_port, server.tls.public_port);
    assert_int_equal(options.server.tls.min, server.tls.min);
    assert_int_equal(options.server.tls.handshake_timeout_ms, server.tls.handshake_timeout_ms);
    assert_int_equal(options.server.tls.hsts_s, server.tls.hsts_s);
    assert_int_equal(options.server.tls.redirects, server.tls.redirects);
    assert_int_equal(options.server.tls.certificates_count, 0);
    assert_int_equal(options.server.tls.names_count, 0);
    assert_null(options.server.tls.cert_dir);       /* there is no HOME here */
    assert_null(options.server.tls.client_ca_path);
    assert_null(options.server.tls.key_log_path);
    assert_int_equal(options.log_level, LOG_INFO);
    options_fini(&options);
}

/* ---- all sources together ------------------------------------------------------------- */

struct said {
    const char *words[8];           /* behind the program's name */
    const char *environment[8];
    const char *file;               /* of wherry.conf, which WHERRY_CONFIG then names */
};

#define WORDS(...)       {.words = {__VA_ARGS__}}
#define ENVIRONMENT(...) {.environment = {__VA_ARGS__}}
#define FILE_SAYS(text)  {.file = (text)}

/* What stays of a run: the strings that the options borrow live as long. */
struct run {
    struct options options;
    char          *argv[10];
    char          *environment[10];
    bool           ok;
};

static void write_file(const char *text)
{
    FILE *file = fopen("wherry.conf", "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void run_start(struct run *run, const struct said *said)
{
    int argc = 1;

    *run = (struct run){.options = OPTIONS_NONE, .argv = {"wherry"}};
    for (size_t i = 0; i < COUNTOF(said->words) && said->words[i]; i++)
        run->argv[argc++] = strdup(said->words[i]);
    for (size_t i = 0; i < COUNTOF(said->environment) && said->environment[i]; i++)
        run->environment[i + 1] = strdup(said->environment[i]);
    run->environment[0] = strdup(said->file ? "WHERRY_CONFIG=wherry.conf" : "HOME=/");
    if (said->file)
        write_file(said->file);
    run->ok = options_read(&run->options, argc, run->argv, run->environment);
}

static void run_end(struct run *run)
{
    options_fini(&run->options);
    for (size_t i = 1; run->argv[i]; i++)
        free(run->argv[i]);
    for (size_t i = 0; run->environment[i]; i++)
        free(run->environment[i]);
}

/* clang-format off */
static const struct value_case {
    const char *promise;
    struct said said;
    const char *option;
    const char *text;
    const char *origin;
} value_cases[] = {
    {"nothing said is the default", WORDS(NULL),
     "http-port", "8080", "default"},
    {"a value follows its option", WORDS("--http-port", "1"),
     "http-port", "1", "command line"},
    {"or an equals sign", WORDS("--http-port=2"),
     "http-port", "2", "command line"},
    {"a value may hold an equals sign", WORDS("--cache-control=max-age=5"),
     "cache-control", "max-age=5", "command line"},
    {"a value may be empty", WORDS("--index="),
     "index", "", "command line"},
    {"the last one on the command line counts", WORDS("--http-port=1", "--http-port=2"),
     "http-port", "2", "command line"},
    {"a yes stands alone", WORDS("--clean-urls", "there"),
     "clean-urls", "yes", "command line"},
    {"a no has a no in front", WORDS("--no-clean-urls", "there"),
     "clean-urls", "no", "command line"},
    {"or behind", WORDS("--clean-urls=no"),
     "clean-urls", "no", "command line"},
    {"the one argument is the root", WORDS("there"),
     "root", "there", "command line"},
    {"wherever it stands", WORDS("there", "--workers", "2"),
     "root", "there", "command line"},
    {"behind -- it may look like an option", WORDS("--", "--there"),
     "root", "--there", "command line"},
    {"ROOT and --root may say the same", WORDS("--root=there", "there"),
     "root", "there", "command line"},
    {"a variable is read", ENVIRONMENT("WHERRY_HTTP_PORT=3"),
     "http-port", "3", "WHERRY_HTTP_PORT"},
    {"an empty variable is as good as unset", ENVIRONMENT("WHERRY_HTTP_PORT="),
     "http-port", "8080", "default"},
    {"a variable without a value too", ENVIRONMENT("WHERRY_HTTP_PORT"),
     "http-port", "8080", "default"},
    {"a variable may say yes and no", ENVIRONMENT("WHERRY_CLEAN_URLS=no"),
     "clean-urls", "no", "WHERRY_CLEAN_URLS"},
    {"Kubernetes' address of a service wherry-http is passed over",
     ENVIRONMENT("WHERRY_HTTP_PORT=tcp://10.0.0.1:80"),
     "http-port", "8080", "default"},
    {"a file is read", FILE_SAYS("# hello\n\nhttp-port = 4\n"),
     "http-port", "4", "wherry.conf:3"},
    {"a section [wherry] is fine", FILE_SAYS("[wherry]\nhttp-port=4\n"),
     "http-port", "4", "wherry.conf:2"},
    {"the last line needs no end", FILE_SAYS("http-port=4"),
     "http-port", "4", "wherry.conf:1"},
    {"lines may end as on other systems", FILE_SAYS("http-port=4\r\nroot=/a b\r\n"),
     "root", "/a b", "wherry.conf:2"},
    {"a comment may follow a value", FILE_SAYS("root = /srv/a   # here\n"),
     "root", "/srv/a", "wherry.conf:1"},
    {"with either sign", FILE_SAYS("root = /srv/a   ; here\n"),
     "root", "/srv/a", "wherry.conf:1"},
    {"a sign inside a word is no comment", FILE_SAYS("root = /srv/a#b;c\n"),
     "root", "/srv/a#b;c", "wherry.conf:1"},
    {"an indented line is like any other", FILE_SAYS("http-port = 4\n  root = a\n"),
     "root", "a", "wherry.conf:2"},
    {"a value may be empty in a file", FILE_SAYS("index =\n"),
     "index", "", "wherry.conf:1"},
    {"a quoted value keeps its blanks", FILE_SAYS("root = \" a  \"\n"),
     "root", " a  ", "wherry.conf:1"},
    {"and any byte", FILE_SAYS("root = \"\\x23\\x0a\\\"\\\\\\xff\"  # odd\n"),
     "root", "#\n\"\\\xff", "wherry.conf:1"},
    {"the command line comes before the environment",
     {.words = {"--drain=1"}, .environment = {"WHERRY_DRAIN=2"}},
     "drain", "1", "command line"},
    {"the environment comes before the file",
     {.environment = {"WHERRY_DRAIN=2"}, .file = "drain = 3\n"},
     "drain", "2", "WHERRY_DRAIN"},
    {"the command line comes before the file", {.words = {"--drain=1"}, .file = "drain = 3\n"},
     "drain", "1", "command line"},
    {"ROOT comes before the others",
     {.words = {"a"}, .environment = {"WHERRY_ROOT=b"}, .file = "root = c\n"},
     "root", "a", "command line"},
    {"off is fine with a socket", WORDS("--http-port=off", "--unix=s"),
     "http-port", "off", "command line"},
    {"off is fine with HTTPS", WORDS("--http-port=off", "--tls"),
     "http-port", "off", "command line"},
    {"certificates are kept at home", WORDS(NULL),
     "cert-dir", "/.local/state/wherry", "default"},
    {"or where state is kept", ENVIRONMENT("XDG_STATE_HOME=/var/state/"),
     "cert-dir", "/var/state/wherry", "default"},
    {"unless that is no absolute path", ENVIRONMENT("XDG_STATE_HOME=state"),
     "cert-dir", "/.local/state/wherry", "default"},
    {"or where one says", WORDS("--cert-dir=certs"),
     "cert-dir", "certs", "command line"},
    {"or nowhere", WORDS("--cert-dir="),
     "cert-dir", "", "command line"},
    {"long bodies are temporary", WORDS(NULL),
     "spool-dir", "/tmp", "default"},
    {"and go where those things go", ENVIRONMENT("TMPDIR=/var/tmp"),
     "spool-dir", "/var/tmp", "default"},
    {"unless that is no absolute path", ENVIRONMENT("TMPDIR=."),
     "spool-dir", "/tmp", "default"},
    {"or no folder", ENVIRONMENT("TMPDIR=/dev/null"),
     "spool-dir", "/tmp", "default"},
    {"or where one says", {.words = {"--spool-dir=here"}, .environment = {"TMPDIR=/var/tmp"}},
     "spool-dir", "here", "command line"},
    {"or nowhere", ENVIRONMENT("WHERRY_SPOOL_DIR="),
     "spool-dir", "/tmp", "default"},
    {"unless it is the command line that says it", WORDS("--spool-dir="),
     "spool-dir", "", "command line"},
    {"a certificate implies TLS", WORDS("--tls-cert=c", "--tls-key=k"),
     "tls", "yes", "default"},
    {"unless someone says no in the same place",
     WORDS("--tls-cert=c", "--no-tls", "--tls-key=k"),
     "tls", "no", "command line"},
    {"or in a higher one",
     {.words = {"--tls=off"}, .file = "tls-cert = c\ntls-key = k\nhttp-redirect = yes\n"},
     "tls", "off", "command line"},
    {"no in a lower one is overridden",
     {.words = {"--tls-cert=c", "--tls-key=k"}, .file = "tls = no\n"},
     "tls", "yes", "default"},
    {"tls-only implies TLS", WORDS("--tls-only"),
     "tls", "yes", "default"},
};

#define SEE " (see wherry --help)"

static const struct mistake_case {
    const char *promise;
    struct said said;
    enum exit_code code;
    const char *sentence;
} mistake_cases[] = {
    {"no number", WORDS("--http-port", "80x"), CODE_USAGE,
     "--http-port is \"80x\"; it must be a number from 0 to 65535, or off" SEE},
    {"no size", WORDS("--body-max=x"), CODE_USAGE,
     "--body-max is \"x\"; it must be a size from 0 to 64G, in bytes or with K, M or G, as in "
     "1M" SEE},
    {"no time", WORDS("--drain=soon"), CODE_USAGE,
     "--drain is \"soon\"; it must be a time from 0 to 24h, in seconds or with ms, s, m, h or d, "
     "as in 10s" SEE},
    {"no time to be off", WORDS("--hsts=never"), CODE_USAGE,
     "--hsts is \"never\"; it must be a time from 0 to 730d, in seconds or with ms, s, m, h or d, "
     "as in 730d, or off" SEE},
    {"neither yes nor no", WORDS("--clean-urls=maybe"), CODE_USAGE,
     "--clean-urls is \"maybe\"; it must be yes or no" SEE},
    {"no such choice", WORDS("--access-log=xml"), CODE_USAGE,
     "--access-log is \"xml\"; it must be off, common, combined or json" SEE},
    {"no address", WORDS("--address", "example.test"), CODE_USAGE,
     "--address is \"example.test\"; it must be localhost, *, or an IPv4 or IPv6 address" SEE},
    {"no folder", WORDS(""), CODE_USAGE,
     "--root is \"\"; it must be the path of a folder" SEE},
    {"a slip of the finger", WORDS("--htpp-port=1"), CODE_USAGE,
     "--htpp-port is not an option; did you mean --http-port?" SEE},
    {"a slip without a value", WORDS("--no-clean-url"), CODE_USAGE,
     "--no-clean-url is not an option; did you mean --clean-urls?" SEE},
    {"a name like none", WORDS("--xyzzyx"), CODE_USAGE,
     "--xyzzyx is not an option" SEE},
    {"one dash", WORDS("-version"), CODE_USAGE,
     "-version is not an option; did you mean --version?" SEE},
    {"a name that would break the line", WORDS("--a\nb"), CODE_USAGE,
     "--a\\x0ab is not an option" SEE},
    {"no name at all", WORDS("--=1"), CODE_USAGE,
     "-- is not an option" SEE},
    {"a value is missing", WORDS("--http-port"), CODE_USAGE,
     "--http-port needs a value" SEE},
    {"an option in place of a value", WORDS("--root", "--check"), CODE_USAGE,
     "--root needs a value before --check" SEE},
    {"no and a value", WORDS("--no-clean-urls=yes"), CODE_USAGE,
     "--no-clean-urls is not an option; did you mean --clean-urls?" SEE},
    {"no for what has none", WORDS("--no-root"), CODE_USAGE,
     "--no-root is not an option; did you mean --root?" SEE},
    {"two roots", WORDS("a", "b"), CODE_USAGE,
     "\"b\" is one ROOT too many after \"a\"" SEE},
    {"two roots, and a switch before", WORDS("--endpoints", "--check", "a", "b"), CODE_USAGE,
     "\"b\" is one ROOT too many after \"a\"" SEE},
    {"a switch's value behind a blank", WORDS("--endpoints", "/test", "b"), CODE_USAGE,
     "\"b\" is one ROOT too many after \"/test\"; a value of --endpoints stands behind =, as in "
     "--endpoints=PREFIX" SEE},
    {"two roots in two ways", WORDS("--root", "a", "b"), CODE_USAGE,
     "--root is \"a\", but ROOT is \"b\"; give one of them" SEE},
    {"a wrong variable", ENVIRONMENT("WHERRY_HTTP_PORT=80x"), CODE_CONFIGURATION,
     "WHERRY_HTTP_PORT is \"80x\"; it must be a number from 0 to 65535, or off"},
    {"a wrong variable, overridden",
     {.words = {"--http-port=1"}, .environment = {"WHERRY_HTTP_PORT=80x"}},
     CODE_CONFIGURATION,
     "WHERRY_HTTP_PORT is \"80x\"; it must be a number from 0 to 65535, or off"},
    {"a wrong value in the file", FILE_SAYS("\nhttp-port = 80x\n"), CODE_CONFIGURATION,
     "wherry.conf:2: http-port is \"80x\"; it must be a number from 0 to 65535, or off"},
    {"an unknown name in the file", FILE_SAYS("htpp-port = 1\n"), CODE_CONFIGURATION,
     "wherry.conf:1: \"htpp-port\" is not an option; did you mean http-port?"},
    {"a name like none in the file", FILE_SAYS("xyzzyx = 1\n"), CODE_CONFIGURATION,
     "wherry.conf:1: \"xyzzyx\" is not an option"},
    {"a question in the file", FILE_SAYS("check = yes\n"), CODE_CONFIGURATION,
     "wherry.conf:1: check can't stand in a file"},
    {"a file in the file", FILE_SAYS("config = x\n"), CODE_CONFIGURATION,
     "wherry.conf:1: config can't stand in a file"},
    {"twice in the file", FILE_SAYS("root = a\n\nroot = a\n"), CODE_CONFIGURATION,
     "wherry.conf:3: root stands in line 1 already"},
    {"another section", FILE_SAYS("[other]\nroot = a\n"), CODE_CONFIGURATION,
     "wherry.conf:2: this is in section [other]; there is none but [wherry]"},
    {"no INI file", FILE_SAYS("root = a\nroot /srv/site;\n"), CODE_CONFIGURATION,
     "wherry.conf:2: this is neither `name = value` nor [wherry]"},
    {"half a section", FILE_SAYS("[wherry\n"), CODE_CONFIGURATION,
     "wherry.conf:1: this is neither `name = value` nor [wherry]"},
    {"the first mistake is told", FILE_SAYS("x1 = 1\nx2 = 2\nx3\n"), CODE_CONFIGURATION,
     "wherry.conf:1: \"x1\" is not an option"},
    {"an open quote", FILE_SAYS("root = \"a\n"), CODE_CONFIGURATION,
     "wherry.conf:1: root begins with a quote but is not \"text\""},
    {"a quote cut off by a comment", FILE_SAYS("root = \"a #b\"\n"), CODE_CONFIGURATION,
     "wherry.conf:1: root begins with a quote but is not \"text\""},
    {"more behind the quote", FILE_SAYS("root = \"a\" b\n"), CODE_CONFIGURATION,
     "wherry.conf:1: root begins with a quote but is not \"text\""},
    {"an unknown escape", FILE_SAYS("root = \"\\n\"\n"), CODE_CONFIGURATION,
     "wherry.conf:1: root begins with a quote but is not \"text\""},
    {"a NUL in a quote", FILE_SAYS("root = \"\\x00\"\n"), CODE_CONFIGURATION,
     "wherry.conf:1: root begins with a quote but is not \"text\""},
    {"an escape that ends early", FILE_SAYS("root = \"\\x4\n"), CODE_CONFIGURATION,
     "wherry.conf:1: root begins with a quote but is not \"text\""},
    {"a file that is not there", WORDS("--config=none.conf"), CODE_SYSTEM,
     "--config is \"none.conf\", which cannot be read: No such file or directory"},
    {"a folder for a file", ENVIRONMENT("WHERRY_CONFIG=."), CODE_SYSTEM,
     "WHERRY_CONFIG is \".\", which cannot be read: Is a directory"},
    {"a file without an end", WORDS("--config=/dev/zero"), CODE_SYSTEM,
     "--config is \"/dev/zero\", which cannot be read: File too large"},
    {"more workers than there may be", WORDS("--workers=65", "--workers-max=64"), CODE_USAGE,
     "--workers is 65, but --workers-max is 64; it must not be more" SEE},
    {"a target longer than its head",
     {.environment = {"WHERRY_HEAD_MAX=4K"}, .file = "target-max = 8K\n"},
     CODE_CONFIGURATION,
     "wherry.conf:1: target-max is 8K, but WHERRY_HEAD_MAX is 4K; the target is a part of the "
     "head, so it must not be more"},
    {"an address for admins without a port", WORDS("--admin-listen=localhost"), CODE_USAGE,
     "--admin-listen is \"localhost\"; it must be an address with a port (localhost:9090, *:9090, "
     "[::1]:9090), or the path of a socket with a \"/\" in it" SEE},
    {"a name that nobody looks up", ENVIRONMENT("WHERRY_ADMIN_LISTEN=box.lan:80"),
     CODE_CONFIGURATION,
     "WHERRY_ADMIN_LISTEN is \"box.lan:80\"; it must be an address with a port (localhost:9090, "
     "*:9090, [::1]:9090), or the path of a socket with a \"/\" in it"},
    {"nowhere to listen", WORDS("--http-port=off"), CODE_USAGE,
     "--http-port is off, but --unix is not given; one of the two, or --tls, is needed to "
     "listen" SEE},
    {"a certificate without its key", WORDS("--tls-cert=a.pem"), CODE_USAGE,
     "--tls-cert names 1 file, but --tls-key names none; each certificate needs its key, in the "
     "same order (a file that holds both is named twice)" SEE},
    {"a key too few",
     {.environment = {"WHERRY_TLS_CERT=a,b"}, .file = "\ntls-key = k\n"}, CODE_CONFIGURATION,
     "WHERRY_TLS_CERT names 2 files, but wherry.conf:2: tls-key names 1 file; each certificate "
     "needs its key, in the same order (a file that holds both is named twice)"},
    {"no name for a certificate", WORDS("--tls-name=a b"), CODE_USAGE,
     "--tls-name is \"a b\"; it must be a DNS name or an IPv4 or IPv6 address" SEE},
    {"one of several", ENVIRONMENT("WHERRY_TLS_NAME=a.test, b c"), CODE_CONFIGURATION,
     "WHERRY_TLS_NAME is \"b c\"; it must be a DNS name or an IPv4 or IPv6 address"},
    {"a redirect to nowhere", WORDS("--http-redirect"), CODE_USAGE,
     "--http-redirect is yes, but --tls is no by default; there is no HTTPS to send anyone to" SEE},
    {"certificates of clients by HTTP", ENVIRONMENT("WHERRY_TLS_CLIENT_CA=ca.pem"),
     CODE_CONFIGURATION,
     "WHERRY_TLS_CLIENT_CA is ca.pem, but --tls is no by default; only HTTPS asks clients for "
     "certificates"},
    {"a name without a certificate", WORDS("--tls-name=a.test"), CODE_USAGE,
     "--tls-name is a.test, but --tls is no by default; only HTTPS has a certificate" SEE},
    {"a password without a key", FILE_SAYS("tls-key-password-file = \"p\\x0a\"\n"),
     CODE_CONFIGURATION,
     "wherry.conf:1: tls-key-password-file is p\\x0a, but --tls is no by default; only HTTPS has a "
     "key"},
    {"clients must, but by whom", WORDS("--tls", "--tls-client=required"), CODE_USAGE,
     "--tls-client is required, but --tls-client-ca is not given; it is about certificates that "
     "such an authority has signed" SEE},
    {"clients may, but by whom", FILE_SAYS("tls = yes\ntls-client = optional\n"),
     CODE_CONFIGURATION,
     "wherry.conf:2: tls-client is optional, but --tls-client-ca is not given; it is about "
     "certificates that such an authority has signed"},
    {"only TLS and no TLS", WORDS("--tls-only", "--no-tls"), CODE_USAGE,
     "--tls-only is yes, but --tls is no; it cannot be both" SEE},
    {"one port for two", WORDS("--tls", "--https-port=8080"), CODE_USAGE,
     "--https-port is 8080, but --http-port is 8080 by default; they must differ" SEE},
    {"the authority of a given certificate",
     WORDS("--print-ca", "--tls-cert=a", "--tls-key=b"), CODE_USAGE,
     "--print-ca is yes, but --tls-cert is a; wherry has an authority only for the certificate "
     "that it makes itself" SEE},
};

static const struct warning_case {
    const char *promise;
    const char *variable;
    const char *warning;
} warning_cases[] = {
    {"a slip is told",          "WHERRY_HTPP_PORT=1",
     "wherry: WHERRY_HTPP_PORT is not an option; did you mean WHERRY_HTTP_PORT?\n"},
    {"a port of one's own too", "WHERRY_PORT=80",
     "wherry: WHERRY_PORT is not an option; did you mean WHERRY_HTTP_PORT?\n"},
    {"a name like none is told", "WHERRY_XYZZYX=1",
     "wherry: WHERRY_XYZZYX is not an option; it is passed over\n"},
    {"what is for the command line only is told", "WHERRY_CHECK=1",
     "wherry: WHERRY_CHECK is not an option; it is passed over\n"},
    {"no line can be forged",   "WHERRY_A\nB=1",
     "wherry: WHERRY_A\\x0aB is not an option; it is passed over\n"},
    {"nobody else's variable is looked at", "WHERR=1", ""},
    {"an unknown one that is empty is nothing", "WHERRY_XYZZYX=", ""},
    {"Kubernetes may describe a service", "WHERRY_PORT=tcp://10.0.0.1:80", ""},
    {"over UDP as well",        "WHERRY_PORT=udp://10.0.0.1:80", ""},
    {"its host",                "WHERRY_SERVICE_HOST=10.0.0.1", ""},
    {"its port",                "WHERRY_SERVICE_PORT=80", ""},
    {"its ports by name",       "WHERRY_SERVICE_PORT_HTTP=80", ""},
    {"its ports by number",     "WHERRY_PORT_8080_TCP=tcp://10.0.0.1:80", ""},
    {"and their parts",         "WHERRY_PORT_8080_TCP_ADDR=10.0.0.1", ""},
    {"and a service called wherry-blog", "WHERRY_BLOG_SERVICE_HOST=10.0.0.1", ""},
};
/* clang-format on */

static void each_value_comes_from_where_it_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(value_cases); i++) {
        const struct value_case   *c = &value_cases[i];
        const struct option_given *now;
        struct option_name         room;
        struct run                 run;

        run_start(&run, &c->said);
        if (!run.ok)
            fail_msg("not kept: %s: %s", c->promise, run.options.mistake.sentence);
        now = given(&run.options, c->option);
        if (strcmp(now->text, c->text) != 0 ||
            strcmp(options_origin(row(c->option), now, &room), c->origin) != 0)
            fail_msg("not kept: %s: \"%s\" from %s", c->promise, now->text, room.text);
        run_end(&run);
    }
}

static void each_mistake_is_one_sentence_and_a_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(mistake_cases); i++) {
        const struct mistake_case *c = &mistake_cases[i];
        const struct mistake      *mistake;
        struct run                 run;

        run_start(&run, &c->said);
        mistake = &run.options.mistake;
        if (run.ok)
            fail_msg("not noticed: %s", c->promise);
        if (mistake->code != c->code || strcmp(mistake->sentence, c->sentence) != 0)
            fail_msg("%s: %d %s", c->promise, mistake->code, mistake->sentence);
        run_end(&run);
    }
}

static void an_unknown_variable_only_warns(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(warning_cases); i++) {
        const struct warning_case *c = &warning_cases[i];
        struct said                said = {.environment = {c->variable}};
        struct run                 run;

        run_start(&run, &said);
        if (!run.ok ||
            !str_equal(buf_view(&run.options.warnings), str_view(c->warning)))
            fail_msg("not kept: %s: %.*s", c->promise, STR_ARG(buf_view(&run.options.warnings)));
        run_end(&run);
    }
}

static void values_of_each_kind_reach_their_fields(void **state)
{
    const struct said said = {
        .words = {"--http-port=off", "--unix=/s", "--workers=3", "--links=none",
                  "--no-clean-urls", "--cache-size=1G", "--body-max=5G", "/r"},
        .environment = {"WHERRY_DRAIN=1h", "WHERRY_ACCESS_LOG=json", "WHERRY_LOG_LEVEL=warn",
                        "WHERRY_CACHE_FILES=7"},
        .file = "index =\n",
    };
    struct run run;

    (void)state;
    run_start(&run, &said);
    assert_true(run.ok);
    assert_int_equal(run.options.server.http_port, -1);
    assert_string_equal(run.options.server.unix_path, "/s");
    assert_int_equal(run.options.server.workers, 3);
    assert_int_equal(run.options.server.body_bytes_max, (uint64_t)5 << 30);
    assert_int_equal(run.options.server.drain_ms, 3600000);
    assert_int_equal(run.options.server.access_log, WHERRY_LOG_JSON);
    assert_int_equal(run.options.site.links, ROOT_LINKS_NONE);
    assert_false(run.options.site.clean_urls);
    assert_int_equal(run.options.site.cache_bytes, (size_t)1 << 30);
    assert_int_equal(run.options.site.cache_files, 7);
    assert_string_equal(run.options.site.root, "/r");
    assert_string_equal(run.options.site.index, "");
    assert_string_equal(run.options.config, "wherry.conf");
    assert_int_equal(run.options.log_level, LOG_WARN);
    run_end(&run);
}

/* ---- lists ---------------------------------------------------------------------------- */

static const struct list_case {
    const char *promise;
    struct said said;
    const char *names;          /* with a blank behind each */
} list_cases[] = {
    {"a list is empty", WORDS("--tls"), ""},
    {"each option adds to it", WORDS("--tls", "--tls-name=a", "--tls-name", "b"), "a b "},
    {"so does each line", FILE_SAYS("tls-name = a\ntls = yes\ntls-name = b\n"), "a b "},
    {"and each part of a variable", ENVIRONMENT("WHERRY_TLS=yes", "WHERRY_TLS_NAME=a,b"), "a b "},
    {"blanks and commas too many do not count",
     ENVIRONMENT("WHERRY_TLS=yes", "WHERRY_TLS_NAME= a ,, b,"), "a b "},
    {"the environment takes the place of the file",
     {.environment = {"WHERRY_TLS=yes", "WHERRY_TLS_NAME=c"},
      .file = "tls-name = a\ntls-name = b\n"}, "c "},
    {"the command line that of both",
     {.words = {"--tls", "--tls-name=d"}, .environment = {"WHERRY_TLS_NAME=c"},
      .file = "tls-name = a\ntls-name = b\n"}, "d "},
    {"an empty one empties it",
     {.words = {"--tls", "--tls-name="}, .file = "tls-name = a\n"}, ""},
    {"also within one source", WORDS("--tls", "--tls-name=a", "--tls-name=", "--tls-name=b"), "b "},
    {"an empty variable says nothing",
     {.environment = {"WHERRY_TLS_NAME="}, .file = "tls = yes\ntls-name = a\n"}, "a "},
};

static void each_list_is_what_the_highest_source_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(list_cases); i++) {
        const struct list_case           *c = &list_cases[i];
        const struct wherry_tls_settings *tls;
        char                              names[256] = "";
        struct run                        run;

        run_start(&run, &c->said);
        if (!run.ok)
            fail_msg("not kept: %s: %s", c->promise, run.options.mistake.sentence);
        tls = &run.options.server.tls;
        for (size_t n = 0; n < tls->names_count; n++)
            strcat(strcat(names, tls->names[n]), " ");
        if (strcmp(names, c->names) != 0)
            fail_msg("not kept: %s: %s", c->promise, names);
        run_end(&run);
    }
}

static void a_list_has_an_end(void **state)
{
    char        file[1024] = "tls = yes\n";
    struct said said = {.file = file};
    struct run  run;

    (void)state;
    for (int i = 0; i < 32; i++)
        strcat(file, "tls-name = a\n");
    run_start(&run, &said);
    assert_true(run.ok);
    assert_int_equal(run.options.server.tls.names_count, 32);
    run_end(&run);

    strcat(file, "tls-name = a\n");
    run_start(&run, &said);
    assert_false(run.ok);
    assert_int_equal(run.options.mistake.code, CODE_CONFIGURATION);
    assert_string_equal(run.options.mistake.sentence,
                        "wherry.conf:34: tls-name is there once too often; it may be given 32 "
                        "times");
    run_end(&run);
}

static void each_certificate_has_its_key(void **state)
{
    const struct said                 said = {.words = {"--tls-cert=c1", "--tls-cert=c2"},
                                              .environment = {"WHERRY_TLS_KEY=k1,k2"},
                                              .file = "tls-key-password-file = p\ntls-key = k0\n"};
    const struct wherry_tls_settings *tls;
    struct run                        run;

    (void)state;
    run_start(&run, &said);
    assert_true(run.ok);
    tls = &run.options.server.tls;
    assert_int_equal(tls->port, 8443);
    assert_int_equal(tls->certificates_count, 2);
    assert_string_equal(tls->certificates[0].cert_path, "c1");
    assert_string_equal(tls->certificates[0].key_path, "k1");
    assert_string_equal(tls->certificates[1].cert_path, "c2");
    assert_string_equal(tls->certificates[1].key_path, "k2");
    assert_string_equal(tls->certificates[1].password_path, "p");
    run_end(&run);
}

static void https_is_told_to_the_server(void **state)
{
    const struct said said = {
        .words = {"--tls-only", "--https-port=0", "--http-redirect", "--tls-min=1.3",
                  "--hsts=365d", "--cert-dir=c"},
        .environment = {"WHERRY_TLS_CLIENT_CA=ca.pem", "WHERRY_PUBLIC_HTTPS_PORT=443",
                        "WHERRY_HANDSHAKE_TIMEOUT=1500ms"},
        .file = "tls-client = optional\ntls-key-log = log\n",
    };
    const struct wherry_tls_settings *tls;
    struct run                        run;

    (void)state;
    run_start(&run, &said);
    assert_true(run.ok);
    tls = &run.options.server.tls;
    assert_int_equal(run.options.server.http_port, -1);
    assert_int_equal(tls->port, 0);
    assert_true(tls->redirects);
    assert_int_equal(tls->public_port, 443);
    assert_int_equal(tls->min, WHERRY_TLS_1_3);
    assert_int_equal(tls->hsts_s, 365 * 86400);
    assert_string_equal(tls->cert_dir, "c");
    assert_string_equal(tls->client_ca_path, "ca.pem");
    assert_true(tls->client_is_optional);
    assert_string_equal(tls->key_log_path, "log");
    assert_int_equal(tls->handshake_timeout_ms, 1500);
    run_end(&run);
}

static void a_list_is_printed_a_line_each(void **state)
{
    const struct said said = {.environment = {"WHERRY_TLS_NAME=b,c"},
                              .file = "tls-cert = one\ntls-key = two\n\ntls-cert = three\n"
                                      "tls-key = \"fo#ur\"\n"};
    static const char *const lines[] = {
        "tls                   = yes          # default\n",
        "tls-cert              = one          # wherry.conf:1\n"
        "tls-cert              = three        # wherry.conf:4\n"
        "tls-key               = two          # wherry.conf:2\n"
        "tls-key               = \"fo\\x23ur\"   # wherry.conf:5\n",
        "tls-name              = b            # WHERRY_TLS_NAME\n"
        "tls-name              = c            # WHERRY_TLS_NAME\n",
    };
    struct buf out = BUF_UP_TO(1 << 16);
    struct run run;

    (void)state;
    run_start(&run, &said);
    assert_true(run.ok);
    option_config_print(&run.options, &out);
    for (size_t i = 0; i < COUNTOF(lines); i++)
        if (!memmem(out.ptr, out.len, lines[i], strlen(lines[i])))
            fail_msg("not printed: %s in %.*s", lines[i], STR_ARG(buf_view(&out)));
    buf_fini(&out);
    run_end(&run);
}

static void help_is_given_whatever_else_is_wrong(void **state)
{
    const struct said said = {{"--help"}, {"WHERRY_HTTP_PORT=x", "WHERRY_CONFIG=/none"}, NULL};
    struct run        run;

    (void)state;
    run_start(&run, &said);
    assert_true(run.ok);
    assert_true(run.options.help);
    run_end(&run);
}

/* ---- the file, byte by byte ----------------------------------------------------------- */

static bool parse_file(struct options *options, const char *bytes, size_t len)
{
    struct tight_str content = tight_bytes(bytes, len);
    bool             ok = option_file_parse(options, "f", content.view);

    tight_str_free(&content);
    return ok;
}

static void a_nul_in_a_file_is_a_mistake(void **state)
{
    struct options options = OPTIONS_NONE;

    (void)state;
    assert_false(parse_file(&options, "root = a\nroot\0 = b\n", 19));
    assert_string_equal(options.mistake.sentence, "f:2: there is a NUL in the line");
    assert_int_equal(options.mistake.code, CODE_CONFIGURATION);
    options_fini(&options);
}

static void a_line_of_8190_bytes_is_the_longest(void **state)
{
    struct options options = OPTIONS_NONE;
    char           line[8192] = "root = ";

    (void)state;
    memset(line + 7, 'x', sizeof line - 7);
    assert_true(parse_file(&options, line, 8190));
    assert_int_equal(strlen(options.site.root), 8190 - 7);
    assert_false(parse_file(&options, line, 8191));
    assert_string_equal(options.mistake.sentence, "f:1: the line is longer than 8190 bytes");
    options_fini(&options);
}

/* Cut off anywhere, a file is read or refused, and nothing past its end is looked at. */
static void a_file_may_end_anywhere(void **state)
{
    static const char whole[] = "\xef\xbb\xbf; c\n[wherry]\nroot = \"\\x41\\\"\" # c\nindex: a\n";

    (void)state;
    for (size_t len = 0; len < sizeof whole; len++) {
        struct options options = OPTIONS_NONE;
        bool           ok = parse_file(&options, whole, len);

        assert_int_equal(ok, options.mistake.code == CODE_FINE);
        options_fini(&options);
    }
}

static void what_is_printed_is_read_back(void **state)
{
    static const char *const roots[] = {
        "/srv/site", "a b", " a", "a\t", "#a", "a #b", "a ; b", "\"", "\"a\"", "a\\b", "\\x41",
        "a\nb = c", "\x01\x7f", "caf\xc3\xa9", "\xff", "a=b", "[wherry]", "a'b", "\\", "a\"",
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(roots); i++) {
        struct said    said = {{"--clean-urls=off", "--head-timeout=1500ms", "--", roots[i]},
                               {"WHERRY_HTTP_PORT=0", "WHERRY_INDEX=a;b"},
                               "cache-control =\nunix = s\n"};
        struct options again = OPTIONS_NONE;
        struct buf     out = BUF_UP_TO(1 << 16);
        struct run     run;

        run_start(&run, &said);
        assert_true(run.ok);
        option_config_print(&run.options, &out);
        assert_false(out.failed);
        if (!parse_file(&again, out.ptr, out.len))
            fail_msg("%s: %s", roots[i], again.mistake.sentence);
        for (size_t r = 0; r < option_count; r++)
            if (option_allows(&option_table[r], OPTION_FROM_FILE))
                assert_string_equal(again.given[r].text, run.options.given[r].text);
        options_fini(&again);
        buf_fini(&out);
        run_end(&run);
    }
}

/* ---- what people read ----------------------------------------------------------------- */

static void the_help_tells_all_options_in_lines_of_99_columns(void **state)
{
    struct buf out = BUF_UP_TO(1 << 16);
    struct str rest, line;

    (void)state;
    option_help_print(&out);
    assert_false(out.failed);
    rest = buf_view(&out);
    while (str_split(&rest, '\n', &line))
        if (line.len > 99 || str_ends(line, STR(" ")))
            fail_msg("too long, or a blank at its end: %.*s", STR_ARG(line));
    for (size_t i = 0; i < option_count; i++) {
        char name[OPTION_NAME_MAX + 5];
        char behind = option_table[i].kind == OPTION_SWITCH ? '[' : ' ';
        int  len = snprintf(name, sizeof name, "\n  --%s%c", option_table[i].name, behind);

        if (!memmem(out.ptr, out.len, name, (size_t)len) != !option_table[i].group)
            fail_msg("not told, or not to be told: %s", option_table[i].name);
    }
    buf_fini(&out);
}

/* ---- without memory ------------------------------------------------------------------- */

static void without_memory_it_says_so_and_can_be_asked_again(void **state)
{
    const struct said said = {.environment = {"WHERRY_TLS_NAME=a,b"},
                              .file = "root = \"/a\"\nindex = b\ntls = yes\n"};

    (void)state;
    for (size_t n = 1; alloc_fail_next(n); n++) {
        struct run run;

        run_start(&run, &said);
        if (run.ok)
            assert_string_equal(run.options.site.root, "/a");
        else
            assert_int_equal(run.options.mistake.code, CODE_SYSTEM);
        assert_int_equal(run.ok, !alloc_fail_off());
        run_end(&run);
    }
}

static void a_file_of_too_much_text_is_refused(void **state)
{
    struct options options = OPTIONS_NONE;

    (void)state;
    options.texts = ARENA_UP_TO(4);
    assert_false(parse_file(&options, "root = abcdefgh\n", 16));
    assert_int_equal(options.mistake.code, CODE_SYSTEM);
    assert_string_equal(options.mistake.sentence, "there is no memory for the options");
    options_fini(&options);
}

/* A folder of their own for the files of these tests. */
static char folder[] = "/tmp/wherry-options-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    (void)state;
    unlink("wherry.conf");
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void defaults_follow_the_value_they_belong_to(void **state)
{
    char *argv[] = {(char *)"wherry", (char *)"--workers=100", (char *)"--head-max=4K", NULL};
    char *environment[] = {NULL};
    struct options options = OPTIONS_NONE;

    (void)state;
    assert_true(options_read(&options, 3, argv, environment));
    assert_int_equal(options.server.workers_max, 100);
    assert_int_equal(options.server.target_bytes_max, 4096);
    options_fini(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_follow_the_value_they_belong_to),
        cmocka_unit_test(a_number_is_read_as_its_option_wants),
        cmocka_unit_test(a_text_is_read_as_its_option_wants),
        cmocka_unit_test(a_switch_is_nothing_empty_or_a_text),
        cmocka_unit_test(a_prefix_has_255_bytes_at_most),
        cmocka_unit_test(a_socket_path_has_107_bytes_at_most),
        cmocka_unit_test(each_row_is_sound),
        cmocka_unit_test(in_little_memory_defaults_are_smaller),
        cmocka_unit_test(a_slip_leads_to_the_option_that_was_meant),
        cmocka_unit_test(the_defaults_agree_with_the_modules),
        cmocka_unit_test(each_value_comes_from_where_it_should),
        cmocka_unit_test(each_mistake_is_one_sentence_and_a_code),
        cmocka_unit_test(an_unknown_variable_only_warns),
        cmocka_unit_test(values_of_each_kind_reach_their_fields),
        cmocka_unit_test(each_list_is_what_the_highest_source_says),
        cmocka_unit_test(a_list_has_an_end),
        cmocka_unit_test(each_certificate_has_its_key),
        cmocka_unit_test(https_is_told_to_the_server),
        cmocka_unit_test(a_list_is_printed_a_line_each),
        cmocka_unit_test(help_is_given_whatever_else_is_wrong),
        cmocka_unit_test(a_nul_in_a_file_is_a_mistake),
        cmocka_unit_test(a_line_of_8190_bytes_is_the_longest),
        cmocka_unit_test(a_file_may_end_anywhere),
        cmocka_unit_test(what_is_printed_is_read_back),
        cmocka_unit_test(the_help_tells_all_options_in_lines_of_99_columns),
        cmocka_unit_test(without_memory_it_says_so_and_can_be_asked_again),
        cmocka_unit_test(a_file_of_too_much_text_is_refused),
    };

    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
