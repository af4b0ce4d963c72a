/* site: a folder of files as a website, asked through a real server on a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "site/cache.h"
#include "site/site.h"
#include "tests/support/folder.h"
#include "wherry.h"

enum { ANSWER_MAX = 64 * 1024, PATIENCE_MS = 5000 };

static struct folder folder;            /* holds "site", the root; "key"; and the server's socket */
static char socket_path[sizeof folder.path + 8];
static struct site *site;
static struct wherry_server *server;
static pthread_t server_thread;

static void sleep_ms(int64_t ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* ---- a site and a server ---------------------------------------------------------------- */

static void make_files(void)
{
    folder_file("key", "secret");
    folder_folder("site");
    folder_file("site/index.html", "home");
    folder_file("site/about.html", "about");
    folder_file("site/caf\xc3\xa9 100%.html", "odd");
    folder_file("site/404.html", "not here");
    folder_file("site/50x.html", "broken");
    folder_folder("site/docs");
    folder_file("site/docs/index.html", "docs");
    folder_file("site/.hidden", "hidden");
    folder_file("site/link-target", "linked");
    folder_link("site/link", "link-target");
    folder_link("site/outside", "/etc/passwd");
    if (mkfifo("site/fifo", 0644) == -1 || link("key", "site/key") == -1)
        abort();
}

static void *serve(void *data)
{
    char problem[256];

    (void)data;
    if (!wherry_server_run(server, problem, sizeof problem))
        fprintf(stderr, "not everything was finished\n");
    return NULL;
}

static int open_server(void **state)
{
    struct site_settings setting = SITE_SETTINGS_DEFAULT;
    struct wherry_settings settings;
    char problem[256] = "";

    (void)state;
    log_set_level(LOG_ERROR);
    folder_enter(&folder);
    make_files();
    setting.root = "site";
    site = site_new(&setting, problem, sizeof problem);
    wherry_settings_init(&settings);
    snprintf(socket_path, sizeof socket_path, "%s/socket", folder.path);
    settings.http_port = -1;
    settings.unix_path = socket_path;
    settings.access_log = WHERRY_LOG_OFF;
    server = wherry_server_new(&settings);
    if (!site || !server || !site_hide(site, "key") || !site_serve(site, server) ||
        !wherry_server_open(server, problem, sizeof problem)) {
        fprintf(stderr, "%s\n", problem);
        return -1;
    }
    return pthread_create(&server_thread, NULL, serve, NULL);
}

static int close_server(void **state)
{
    (void)state;
    wherry_server_stop(server);
    pthread_join(server_thread, NULL);
    wherry_server_free(server);
    site_free(site);
    folder_leave(&folder);
    return 0;
}

/* ---- a client --------------------------------------------------------------------------- */

struct answer {
    char   bytes[ANSWER_MAX + 1];       /* head and body, terminated */
    size_t len;
    int    status;
};

static int send_request(const char *target, const char *fields)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char request[1024];
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n%s\r\n", target,
                       fields);

    memcpy(address.sun_path, socket_path, sizeof socket_path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
    return fd;
}

static void ask_with(const char *target, const char *fields, struct answer *answer)
{
    int fd = send_request(target, fields);
    ssize_t got;

    answer->len = 0;
    do {
        got = recv(fd, answer->bytes + answer->len, ANSWER_MAX - answer->len, 0);
        answer->len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    close(fd);
    answer->bytes[answer->len] = '\0';
    answer->status = atoi(answer->bytes + strlen("HTTP/1.1 "));
}

static void ask(const char *target, struct answer *answer)
{
    ask_with(target, "", answer);
}

static const char *body_of(const struct answer *answer)
{
    const char *end = strstr(answer->bytes, "\r\n\r\n");

    return end ? end + 4 : "";
}

static bool has(const struct answer *answer, const char *text)
{
    return strstr(answer->bytes, text) != NULL;
}

/* ---- promises --------------------------------------------------------------------------- */

static const struct target_case {
    const char *promise;
    const char *target;
    int         status;
    const char *line;           /* stands in the head; NULL: any */
    const char *body;           /* NULL: any */
} cases[] = {
    {"the root is its index", "/", 200, "\r\nContent-Type: text/html; charset=utf-8\r\n", "home"},
    {"a page has a strong tag", "/about.html", 200, "\r\nETag: \"", "about"},
    {"a page says how it may be kept", "/about.html", 200, "\r\nCache-Control: no-cache\r\n",
     "about"},
    {"a page offers ranges", "/about.html", 200, "\r\nAccept-Ranges: bytes\r\n", "about"},
    {"a page's type is not guessed", "/about.html", 200, "\r\nX-Content-Type-Options: nosniff\r\n",
     "about"},
    {"a page answers without its ending", "/about", 200, NULL, "about"},
    {"a query does not matter", "/about?a=b", 200, NULL, "about"},
    {"an odd name is decoded once", "/caf%C3%A9%20100%25", 200, NULL, "odd"},
    {"a folder has its index", "/docs/", 200, NULL, "docs"},
    {"a link beneath the root is followed", "/link", 200, NULL, "linked"},

    {"a folder without its slash is redirected", "/docs", 301, "\r\nLocation: /docs/\r\n", NULL},
    {"and keeps its query", "/docs?a=%2F", 301, "\r\nLocation: /docs/?a=%2F\r\n", NULL},
    {"a page with a slash is redirected", "/about/", 301, "\r\nLocation: /about\r\n", NULL},
    {"a redirect is escaped", "/caf%C3%A9%20100%25/", 301,
     "\r\nLocation: /caf%C3%A9%20100%25\r\n", NULL},
    {"a redirect is kept as pages are", "/docs", 301, "\r\nCache-Control: no-cache\r\n", NULL},

    {"what is missing is not found", "/nothing", 404, "\r\nContent-Type: text/html", "not here"},
    {"a dotfile is not found", "/.hidden", 404, NULL, "not here"},
    {"an escaped slash is not found", "/docs%2Findex.html", 404, NULL, "not here"},
    {"a hidden file is not found", "/key", 404, NULL, "not here"},
    {"a link out of the root is not found", "/outside", 404, NULL, "not here"},
    {"a FIFO is forbidden", "/fifo", 403, NULL, NULL},
    {"the error page is a page", "/404.html", 200, "\r\nETag: \"", "not here"},
};

/* Twice: from the disk, and from memory. */
static void each_target_is_answered(void **state)
{
    static struct answer answer;

    (void)state;
    for (size_t i = 0; i < 2 * COUNTOF(cases); i++) {
        const struct target_case *c = &cases[i / 2];

        ask(c->target, &answer);
        if (answer.status != c->status || (c->line && !has(&answer, c->line)) ||
            (c->body && strcmp(body_of(&answer), c->body) != 0))
            fail_msg("%s:\n%s", c->promise, answer.bytes);
    }
}

static void an_error_page_has_no_validators(void **state)
{
    static struct answer answer;

    (void)state;
    ask_with("/nothing", "Range: bytes=0-1\r\nIf-None-Match: *\r\n", &answer);
    assert_int_equal(answer.status, 404);
    assert_string_equal(body_of(&answer), "not here");
    assert_false(has(&answer, "ETag:"));
    assert_false(has(&answer, "Last-Modified:"));
    assert_false(has(&answer, "Accept-Ranges:"));
}

/* RFC 9110 §15.4.5 */
static void a_page_that_is_known_is_not_sent_again(void **state)
{
    static struct answer answer;
    char fields[128];
    const char *tag;

    (void)state;
    ask("/about", &answer);
    tag = strstr(answer.bytes, "ETag: ");
    assert_non_null(tag);
    snprintf(fields, sizeof fields, "If-None-Match: %.*s\r\n", 34, tag + strlen("ETag: "));
    ask_with("/about", fields, &answer);
    assert_int_equal(answer.status, 304);
    assert_true(has(&answer, "\r\nETag: \""));
    assert_true(has(&answer, "\r\nCache-Control: no-cache\r\n"));
    assert_false(has(&answer, "Content-Type:"));
}

static void assert_says(const char *target, const char *text)
{
    static struct answer answer;

    ask(target, &answer);
    if (strcmp(body_of(&answer), text) != 0)
        fail_msg("%s does not say \"%s\":\n%s", target, text, answer.bytes);
}

/* Once a comparison is due again. */
static void assert_soon_says(const char *target, const char *text)
{
    sleep_ms(CACHE_CHECK_MS + 10);
    assert_says(target, text);
}

static void an_edited_page_shows_at_once(void **state)
{
    (void)state;
    folder_file("site/news.html", "one");
    assert_says("/news", "one");
    folder_file("site/news.html", "two");           /* written in place, of the same length */
    assert_soon_says("/news", "two");
    folder_replace("site/news.html", "three");      /* another file by that name */
    assert_soon_says("/news", "three");
    folder_remove("site/news.html");
    assert_soon_says("/news", "not here");
    folder_file("site/news.html", "four");
    assert_says("/news", "four");
    folder_remove("site/news.html");
}

/* "/item" is known to mean item.html; then there is something else that it means. */
static void what_a_path_means_may_change(void **state)
{
    static struct answer answer;

    (void)state;
    folder_file("site/item.html", "page");
    assert_says("/item", "page");
    folder_file("site/item", "file");
    assert_soon_says("/item", "file");
    folder_remove("site/item");
    assert_soon_says("/item", "page");
    folder_folder("site/item");
    folder_file("site/item/index.html", "index");
    assert_soon_says("/item/", "index");
    ask("/item", &answer);
    assert_int_equal(answer.status, 301);
    folder_remove("site/item/index.html");
    folder_remove("site/item");
    assert_soon_says("/item", "page");
    folder_remove("site/item.html");
}

/* The client has the head and some bytes when the file loses the rest: the connection is cut, and
 * nothing is made up to fill the length. */
static void a_file_that_shrinks_is_cut(void **state)
{
    static char bytes[64 * 1024];
    const uint64_t length = 64 << 20;
    uint64_t total = 0;
    ssize_t got;
    int fd;

    (void)state;
    folder_hole("site/film.bin", length);
    fd = send_request("/film.bin", "");
    assert_true(recv(fd, bytes, 100, 0) > 0);
    assert_int_equal(truncate("site/film.bin", 1000), 0);
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0)
        total += (uint64_t)got;
    close(fd);
    assert_true(total < length);
    folder_remove("site/film.bin");
    assert_says("/about", "about");
}

/* Its length stays, so only a last look before the end can tell. */
static void a_file_that_is_overwritten_while_sent_is_cut(void **state)
{
    static char bytes[64 * 1024];
    const uint64_t length = 64 << 20;
    uint64_t total = 0;
    ssize_t got;
    int fd;

    (void)state;
    folder_hole("site/film.bin", length);
    folder_age("site/film.bin", 1000000000);
    fd = send_request("/film.bin", "");
    assert_true(recv(fd, bytes, 100, 0) > 0);
    folder_age("site/film.bin", 1000000001);
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0)
        total += (uint64_t)got;
    close(fd);
    assert_true(total < length);
    folder_remove("site/film.bin");
}

static void a_replaced_root_is_served(void **state)
{
    static struct answer answer;
    int64_t waited_ms = 0;

    (void)state;
    assert_says("/about", "about");
    folder_folder("next");
    folder_file("next/about.html", "new site");
    assert_int_equal(rename("site", "old"), 0);
    assert_int_equal(rename("next", "site"), 0);
    do {
        sleep_ms(50);
        waited_ms += 50;
        ask("/about", &answer);
    } while (strcmp(body_of(&answer), "new site") != 0 && waited_ms < PATIENCE_MS);
    assert_string_equal(body_of(&answer), "new site");
    ask("/docs/", &answer);
    assert_int_equal(answer.status, 404);

    folder_remove("site/about.html");
    folder_remove("site");
    assert_int_equal(rename("old", "site"), 0);
}

static void a_root_that_cannot_be_opened_is_said(void **state)
{
    struct site_settings setting = SITE_SETTINGS_DEFAULT;
    char problem[256] = "";

    (void)state;
    setting.root = "/nowhere at all";
    assert_null(site_new(&setting, problem, sizeof problem));
    assert_string_equal(problem,
                        "cannot open the folder \"/nowhere at all\": No such file or directory");
    setting.root = "/etc/passwd";
    assert_null(site_new(&setting, problem, sizeof problem));
    assert_string_equal(problem, "cannot open the folder \"/etc/passwd\": Not a directory");
}

static void a_cache_control_that_cannot_be_sent_is_said(void **state)
{
    struct site_settings setting = SITE_SETTINGS_DEFAULT;
    char problem[256] = "";

    (void)state;
    setting.root = "/";
    setting.cache_control = "no-cache\r\nX: y";
    assert_null(site_new(&setting, problem, sizeof problem));
    assert_non_null(strstr(problem, "cache-control"));
    site_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_target_is_answered),
        cmocka_unit_test(an_error_page_has_no_validators),
        cmocka_unit_test(a_page_that_is_known_is_not_sent_again),
        cmocka_unit_test(an_edited_page_shows_at_once),
        cmocka_unit_test(what_a_path_means_may_change),
        cmocka_unit_test(a_file_that_shrinks_is_cut),
        cmocka_unit_test(a_file_that_is_overwritten_while_sent_is_cut),
        cmocka_unit_test(a_replaced_root_is_served),
        cmocka_unit_test(a_root_that_cannot_be_opened_is_said),
        cmocka_unit_test(a_cache_control_that_cannot_be_sent_is_said),
    };

    return cmocka_run_group_tests_name("site", tests, open_server, close_server);
}
