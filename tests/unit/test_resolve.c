/* resolve: what a request's path means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "site/resolve.h"
#include "tests/support/folder.h"
#include "tests/support/tight.h"

static struct folder folder;

static int make_site(void **state)
{
    (void)state;
    folder_enter(&folder);
    folder_file("index.html", "home");
    folder_file("about.html", "about");
    folder_file("plain", "plain");
    folder_file("both", "the file");
    folder_file("both.html", "the page");
    folder_file("100% new.html", "percent");

    folder_folder("docs");
    folder_file("docs/index.html", "docs");
    folder_file("docs/page.html", "page");
    folder_folder("bare");
    folder_file("bare/file", "file");
    folder_folder("twin");
    folder_file("twin.html", "twin");
    folder_folder("full");
    folder_file("full/index.html", "full");
    folder_file("full.html", "full page");
    folder_folder("trap");
    folder_folder("trap/index.html");
    folder_folder("folder.html");

    folder_file(".secret", "secret");
    folder_folder(".git");
    folder_file(".git/config", "config");
    folder_folder(".well-known");
    folder_file(".well-known/security.txt", "security");
    folder_file(".well-known/.secret", "secret");
    folder_folder("docs/.well-known");
    folder_file("docs/.well-known/file", "file");

    folder_link("outside", "/etc/passwd");
    return mkfifo("fifo", 0644);
}

static int remove_site(void **state)
{
    (void)state;
    folder_leave(&folder);
    return 0;
}

enum { PAGE, FOLDER };      /* asked for without and with a "/" behind */

static const struct path_case {
    const char *promise;
    const char *path;
    bool        is_directory;
    enum { IS_FILE, ADDS, DROPS, IS_404, IS_403 } clean, exact;     /* clean URLs, and none */
    const char *name;       /* the file, where one is served */
} cases[] = {
    {"the root is its index", "", FOLDER, IS_FILE, IS_FILE, "index.html"},
    {"however it was written", "", PAGE, IS_FILE, IS_FILE, "index.html"},
    {"a file is itself", "plain", PAGE, IS_FILE, IS_FILE, "plain"},
    {"a page is itself", "about.html", PAGE, IS_FILE, IS_FILE, "about.html"},
    {"a page answers without its ending", "about", PAGE, IS_FILE, IS_404, "about.html"},
    {"also below a folder", "docs/page", PAGE, IS_FILE, IS_404, "docs/page.html"},
    {"and with an odd name", "100% new", PAGE, IS_FILE, IS_404, "100% new.html"},
    {"a file goes before the page of its name", "both", PAGE, IS_FILE, IS_FILE, "both"},
    {"what is not there is not found", "nothing", PAGE, IS_404, IS_404, NULL},
    {"nor below a file", "plain/page", PAGE, IS_404, IS_404, NULL},

    {"a folder's index is behind a slash", "docs", FOLDER, IS_FILE, IS_FILE, "docs/index.html"},
    {"a folder without its slash is redirected", "docs", PAGE, ADDS, ADDS, NULL},
    {"a page with a slash is redirected", "about", FOLDER, DROPS, IS_404, NULL},
    {"a folder without an index is not found", "bare", FOLDER, IS_404, IS_404, NULL},
    {"nor without its slash", "bare", PAGE, IS_404, IS_404, NULL},
    {"but what is in it is", "bare/file", PAGE, IS_FILE, IS_FILE, "bare/file"},
    {"a page goes before a folder without an index", "twin", PAGE, IS_FILE, IS_404, "twin.html"},
    {"there it is without a slash", "twin", FOLDER, DROPS, IS_404, NULL},
    {"a folder with an index goes before the page", "full", PAGE, ADDS, ADDS, NULL},
    {"and is behind its slash", "full", FOLDER, IS_FILE, IS_FILE, "full/index.html"},
    {"a file is not a folder", "about.html", FOLDER, IS_404, IS_404, NULL},
    {"even where a page has its name", "both", FOLDER, IS_404, IS_404, NULL},
    {"a folder is no index", "trap", FOLDER, IS_404, IS_404, NULL},
    {"also without the slash", "trap", PAGE, IS_404, IS_404, NULL},
    {"a folder is no page", "folder", PAGE, IS_404, IS_404, NULL},
    {"nothing with a slash is not found", "nothing", FOLDER, IS_404, IS_404, NULL},

    {"a dotfile is not found", ".secret", PAGE, IS_404, IS_404, NULL},
    {"nor what is in a dotted folder", ".git/config", PAGE, IS_404, IS_404, NULL},
    {"nor a dotted folder", ".git", FOLDER, IS_404, IS_404, NULL},
    {"RFC 8615: but .well-known", ".well-known/security.txt", PAGE, IS_FILE, IS_FILE,
     ".well-known/security.txt"},
    {"not a dotfile in it", ".well-known/.secret", PAGE, IS_404, IS_404, NULL},
    {"nor elsewhere than at the root", "docs/.well-known/file", PAGE, IS_404, IS_404, NULL},

    {"a link out of the root is not found", "outside", PAGE, IS_404, IS_404, NULL},
    {"a FIFO is forbidden", "fifo", PAGE, IS_403, IS_403, NULL},
    {"also with a slash", "fifo", FOLDER, IS_403, IS_403, NULL},
};

static int outcome_of(const struct resolution *resolution)
{
    switch (resolution->kind) {
    case RESOLVE_FILE:
        return IS_FILE;
    case RESOLVE_ADD_SLASH:
        return ADDS;
    case RESOLVE_DROP_SLASH:
        return DROPS;
    case RESOLVE_REFUSED:
        break;
    }
    assert_non_null(resolution->refusal.why);
    return resolution->refusal.status == HTTP_NOT_FOUND ? IS_404 : IS_403;
}

static void each_path_means_that(bool clean_urls, bool fallback)
{
    struct root *root = root_open(folder.path, ROOT_LINKS_BENEATH);
    const struct resolve_rules rules = {"index.html", clean_urls};

    assert_non_null(root);
    if (fallback)
        root_use_fallback(root);
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct path_case *c = &cases[i];
        struct tight_str path = tight_str(c->path);
        struct resolution resolution;
        int expected = clean_urls ? (int)c->clean : (int)c->exact;

        resolve(root, &rules, path.view, c->is_directory, &resolution);
        if (outcome_of(&resolution) != expected)
            fail_msg("%s: outcome %d, not %d", c->promise, outcome_of(&resolution), expected);
        if (expected == IS_FILE && strcmp(resolution.name, c->name) != 0)
            fail_msg("%s: \"%s\"", c->promise, resolution.name);
        if (expected == IS_FILE && !S_ISREG(resolution.status.st_mode))
            fail_msg("%s: no status of the file", c->promise);
        tight_str_free(&path);
    }
    root_close(root);
}

static void with_clean_urls(void **state)
{
    (void)state;
    each_path_means_that(true, false);
    each_path_means_that(true, true);
}

static void without_clean_urls(void **state)
{
    (void)state;
    each_path_means_that(false, false);
    each_path_means_that(false, true);
}

static void without_an_index_there_are_no_folders(void **state)
{
    struct root *root = root_open(folder.path, ROOT_LINKS_BENEATH);
    const struct resolve_rules rules = {"", true};
    struct resolution resolution;

    (void)state;
    assert_non_null(root);
    resolve(root, &rules, STR(""), true, &resolution);
    assert_int_equal(outcome_of(&resolution), IS_404);
    resolve(root, &rules, STR("docs"), false, &resolution);
    assert_int_equal(outcome_of(&resolution), IS_404);
    resolve(root, &rules, STR("full"), true, &resolution);
    assert_int_equal(outcome_of(&resolution), DROPS);
    root_close(root);
}

/* With ".html" or the index behind it, a path can be too long where it alone was not. */
static void a_path_too_long_is_not_found(void **state)
{
    struct root *root = root_open(folder.path, ROOT_LINKS_BENEATH);
    const struct resolve_rules rules = {"index.html", true};
    struct resolution resolution;
    char *path = malloc(PATH_MAX + 16);

    (void)state;
    assert_non_null(root);
    assert_non_null(path);
    for (size_t i = 0; i < PATH_MAX + 16; i++)
        path[i] = i % 2 ? '/' : 'n';
    for (size_t len = PATH_MAX - 17; len < PATH_MAX + 16; len += 2) {
        resolve(root, &rules, str_of(path, len), len % 4 == 1, &resolution);
        assert_int_equal(outcome_of(&resolution), IS_404);
    }
    free(path);
    root_close(root);
}

static const struct refusal_case {
    enum root_find find;
    int            status;
} refusals[] = {
    {ROOT_MISSING, 404}, {ROOT_OUTSIDE, 404},   {ROOT_DENIED, 403},
    {ROOT_SPECIAL, 403}, {ROOT_EXHAUSTED, 503}, {ROOT_BROKEN, 500},
};

static void each_trouble_has_its_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(refusals); i++) {
        assert_int_equal(resolve_refusal(refusals[i].find).status, refusals[i].status);
        assert_non_null(resolve_refusal(refusals[i].find).why);
    }
}

static const struct location_case {
    const char       *promise;
    const char       *path;
    enum resolve_kind kind;
    const char       *query;        /* NULL: none */
    const char       *location;
} locations[] = {
    {"a slash is added", "docs", RESOLVE_ADD_SLASH, NULL, "/docs/"},
    {"a slash is dropped", "about", RESOLVE_DROP_SLASH, NULL, "/about"},
    {"the query stays as it came", "docs", RESOLVE_ADD_SLASH, "a=%2F&b=/?:@!$'()*+,;~",
     "/docs/?a=%2F&b=/?:@!$'()*+,;~"},
    {"but for what may not stand in a URI", "docs", RESOLVE_ADD_SLASH, "\"[x]{|}^\xc3\xa9 100%",
     "/docs/?%22%5Bx%5D%7B%7C%7D%5E%C3%A9%20100%25"},
    {"also an empty one", "docs", RESOLVE_ADD_SLASH, "", "/docs/?"},
    {"the path is escaped again", "a b/100%/c#d?e", RESOLVE_ADD_SLASH, NULL,
     "/a%20b/100%25/c%23d%3Fe/"},
    {"it never begins with //", "/evil.example", RESOLVE_ADD_SLASH, NULL, "/evil.example/"},
    {"nor with /\\", "\\evil.example", RESOLVE_DROP_SLASH, NULL, "/%5Cevil.example"},
};

static void a_location_is_only_a_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(locations); i++) {
        const struct location_case *c = &locations[i];
        struct tight_str path = tight_str(c->path), query = tight_str(c->query);
        struct buf location = BUF_UP_TO(256);

        resolve_location(&location, path.view, c->kind, query.view);
        if (!str_equal(buf_view(&location), str_view(c->location)))
            fail_msg("%s: %.*s", c->promise, STR_ARG(buf_view(&location)));
        buf_fini(&location);
        tight_str_free(&path);
        tight_str_free(&query);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_clean_urls),
        cmocka_unit_test(without_clean_urls),
        cmocka_unit_test(without_an_index_there_are_no_folders),
        cmocka_unit_test(a_path_too_long_is_not_found),
        cmocka_unit_test(each_trouble_has_its_status),
        cmocka_unit_test(a_location_is_only_a_path),
    };

    return cmocka_run_group_tests_name("resolve", tests, make_site, remove_site);
}
