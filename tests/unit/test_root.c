/* root: names resolve beneath the root or not at all, by the kernel and by walking alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "site/root.h"
#include "tests/support/folder.h"

enum { NOBODY = 65534 };

/* Holds "site", the root, and "secret" beside it. */
static struct folder base;

/* ---- the tree ---------------------------------------------------------------------- */

static void make_socket(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strncpy(address.sun_path, name, sizeof address.sun_path - 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static char name_255[256];

static void make_odd_names(void)
{
    memset(name_255, 'n', 255);
    folder_file(name_255, "long");
    folder_file("100%", "percent");
    folder_file("a b#c?d", "marks");
    folder_file("quote\"'\\", "quotes");
    folder_file("line\nbreak", "newline");
    folder_file("\xff\xfe", "invalid UTF-8");
    folder_file("caf\xc3\xa9", "UTF-8");
}

static void make_links(void)
{
    folder_link("link", "file");
    folder_link("docs/up", "../file");
    folder_link("docs/down-and-up", "deep/../../docs/page");
    folder_link("folder-link", "docs");
    folder_link("chain", "folder-link/up");
    folder_link("absolute", "/etc/passwd");
    folder_link("outside", "../secret");
    folder_link("docs/outside", "deep/../../../secret");
    folder_link("outside-folder", "..");
    folder_link("back-in", "../site/file");
    folder_link("loop", "loop");
    folder_link("ping", "pong");
    folder_link("pong", "ping");
    folder_link("self", ".");
    folder_link("dangling", "nothing");
    folder_link("to-fifo", "fifo");

    /* As Kubernetes lays out a ConfigMap. */
    folder_folder("..2024_11_21");
    folder_file("..2024_11_21/config.html", "config");
    folder_link("..data", "..2024_11_21");
    folder_link("config.html", "..data/config.html");
}

static int make_tree(void **state)
{
    (void)state;
    folder_enter(&base);
    folder_file("secret", "secret");
    folder_folder("site");
    assert_int_equal(chdir("site"), 0);
    folder_file("file", "hello");
    folder_folder("docs");
    folder_file("docs/page", "page");
    folder_folder("docs/deep");
    folder_folder("empty");
    make_odd_names();
    make_links();
    assert_int_equal(mkfifo("fifo", 0644), 0);
    make_socket("socket");
    return 0;
}

static int remove_tree(void **state)
{
    (void)state;
    folder_leave(&base);
    return 0;
}

static struct root *open_site(enum root_links links, bool fallback)
{
    char path[sizeof base.path + 8];
    struct root *root;

    snprintf(path, sizeof path, "%s/site", base.path);
    root = root_open(path, links);
    assert_non_null(root);
    if (fallback)
        root_use_fallback(root);
    return root;
}

/* ---- one table, two ways to resolve ------------------------------------------------ */

static const struct name_case {
    const char    *promise;
    const char    *name;
    enum root_find beneath;         /* links that stay beneath the root are followed */
    enum root_find none;            /* no link is */
    const char    *text;            /* what the file says; NULL for a directory or nothing */
} cases[] = {
    {"the root is a directory", "", ROOT_FOUND, ROOT_FOUND, NULL},
    {"a file is found", "file", ROOT_FOUND, ROOT_FOUND, "hello"},
    {"a file in a folder is found", "docs/page", ROOT_FOUND, ROOT_FOUND, "page"},
    {"a folder is found", "docs", ROOT_FOUND, ROOT_FOUND, NULL},
    {"a folder may have a slash behind", "docs/", ROOT_FOUND, ROOT_FOUND, NULL},
    {"what is not there is missing", "nothing", ROOT_MISSING, ROOT_MISSING, NULL},
    {"nor is anything below it", "nothing/page", ROOT_MISSING, ROOT_MISSING, NULL},
    {"a file is no folder", "file/page", ROOT_MISSING, ROOT_MISSING, NULL},
    {"a file with a slash behind is missing", "file/", ROOT_MISSING, ROOT_MISSING, NULL},
    {"a file with a dot behind is missing", "file/.", ROOT_MISSING, ROOT_MISSING, NULL},

    {"a name may hold a percent", "100%", ROOT_FOUND, ROOT_FOUND, "percent"},
    {"a name may hold space, hash, question mark", "a b#c?d", ROOT_FOUND, ROOT_FOUND, "marks"},
    {"a name may hold quotes", "quote\"'\\", ROOT_FOUND, ROOT_FOUND, "quotes"},
    {"a name may hold a line break", "line\nbreak", ROOT_FOUND, ROOT_FOUND, "newline"},
    {"a name may be no UTF-8", "\xff\xfe", ROOT_FOUND, ROOT_FOUND, "invalid UTF-8"},
    {"a name may be UTF-8", "caf\xc3\xa9", ROOT_FOUND, ROOT_FOUND, "UTF-8"},
    {"a name may have 255 bytes", name_255, ROOT_FOUND, ROOT_FOUND, "long"},

    {"a link beside is followed", "link", ROOT_FOUND, ROOT_OUTSIDE, "hello"},
    {"a link may climb beneath the root", "docs/up", ROOT_FOUND, ROOT_OUTSIDE, "hello"},
    {"a link may go down and up", "docs/down-and-up", ROOT_FOUND, ROOT_OUTSIDE, "page"},
    {"a link to a folder is that folder", "folder-link", ROOT_FOUND, ROOT_OUTSIDE, NULL},
    {"a link to a folder is gone through", "folder-link/page", ROOT_FOUND, ROOT_OUTSIDE, "page"},
    {"a link may lead through a link", "chain", ROOT_FOUND, ROOT_OUTSIDE, "hello"},
    {"a link may lead to its own folder", "self/self/file", ROOT_FOUND, ROOT_OUTSIDE, "hello"},
    {"a ConfigMap's file is found", "config.html", ROOT_FOUND, ROOT_OUTSIDE, "config"},
    {"an absolute link is outside", "absolute", ROOT_OUTSIDE, ROOT_OUTSIDE, NULL},
    {"a link above the root is outside", "outside", ROOT_OUTSIDE, ROOT_OUTSIDE, NULL},
    {"also from a folder below", "docs/outside", ROOT_OUTSIDE, ROOT_OUTSIDE, NULL},
    {"a link to the folder above is outside", "outside-folder", ROOT_OUTSIDE, ROOT_OUTSIDE, NULL},
    {"also when gone through", "outside-folder/secret", ROOT_OUTSIDE, ROOT_OUTSIDE, NULL},
    {"out and in again is outside", "back-in", ROOT_OUTSIDE, ROOT_OUTSIDE, NULL},
    {"a link to itself is missing", "loop", ROOT_MISSING, ROOT_OUTSIDE, NULL},
    {"two links to each other are missing", "ping", ROOT_MISSING, ROOT_OUTSIDE, NULL},
    {"a link to nothing is missing", "dangling", ROOT_MISSING, ROOT_OUTSIDE, NULL},

    {"an unclean name does not climb", "..", ROOT_OUTSIDE, ROOT_OUTSIDE, NULL},
    {"nor from a folder", "docs/../../secret", ROOT_OUTSIDE, ROOT_OUTSIDE, NULL},
    {"an absolute name is outside", "/etc/passwd", ROOT_OUTSIDE, ROOT_OUTSIDE, NULL},

    {"a FIFO is special, and not waited for", "fifo", ROOT_SPECIAL, ROOT_SPECIAL, NULL},
    {"also through a link", "to-fifo", ROOT_SPECIAL, ROOT_OUTSIDE, NULL},
    {"a socket is special", "socket", ROOT_SPECIAL, ROOT_SPECIAL, NULL},
};

static void expect_text(const char *promise, int fd, const char *text)
{
    char bytes[64] = "";

    if (read(fd, bytes, sizeof bytes - 1) == -1 || strcmp(bytes, text) != 0)
        fail_msg("%s: read \"%s\"", promise, bytes);
}

static void check_case(struct root *root, const struct name_case *c, enum root_find expected)
{
    struct stat looked, opened;
    enum root_find find = root_look(root, c->name, &looked);
    int fd = -1;

    if (find != expected)
        fail_msg("%s: root_look says %d, not %d", c->promise, (int)find, (int)expected);
    if (find == ROOT_FOUND && S_ISDIR(looked.st_mode) != (c->text == NULL))
        fail_msg("%s: mode %o", c->promise, looked.st_mode);
    if (find == ROOT_SPECIAL && looked.st_mode == 0)
        fail_msg("%s: not said what it is", c->promise);

    find = root_read(root, c->name, &fd, &opened);
    if (expected == ROOT_FOUND && !c->text)
        expected = ROOT_SPECIAL;
    if (find != expected)
        fail_msg("%s: root_read says %d, not %d", c->promise, (int)find, (int)expected);
    if (find == ROOT_FOUND) {
        expect_text(c->promise, fd, c->text);
        assert_int_equal(looked.st_ino, opened.st_ino);
        close(fd);
    }
}

static void each_name_resolves(enum root_links links, bool fallback)
{
    struct root *root = open_site(links, fallback);

    for (size_t i = 0; i < COUNTOF(cases); i++)
        check_case(root, &cases[i],
                   links == ROOT_LINKS_NONE ? cases[i].none : cases[i].beneath);
    root_close(root);
}

static void kernel_follows_links_beneath(void **state)
{
    (void)state;
    each_name_resolves(ROOT_LINKS_BENEATH, false);
}

static void kernel_follows_no_links(void **state)
{
    (void)state;
    each_name_resolves(ROOT_LINKS_NONE, false);
}

static void walk_follows_links_beneath(void **state)
{
    (void)state;
    each_name_resolves(ROOT_LINKS_BENEATH, true);
}

static void walk_follows_no_links(void **state)
{
    (void)state;
    each_name_resolves(ROOT_LINKS_NONE, true);
}

/* ---- what does not fit into a row -------------------------------------------------- */

/* Runs `promise` once with the kernel resolving and once walking. */
static void both_ways(void (*promise)(struct root *root))
{
    for (int fallback = 0; fallback < 2; fallback++) {
        struct root *root = open_site(ROOT_LINKS_BENEATH, fallback);

        promise(root);
        root_close(root);
    }
}

static void is_missing_when_too_long(struct root *root)
{
    struct stat status;
    char *name = malloc(PATH_MAX + 2);

    assert_non_null(name);
    memset(name, 'n', 256);
    name[256] = '\0';
    assert_int_equal(root_look(root, name, &status), ROOT_MISSING);
    for (size_t i = 0; i < PATH_MAX + 1; i++)
        name[i] = i % 2 ? '/' : 'n';
    name[PATH_MAX + 1] = '\0';
    assert_int_equal(root_look(root, name, &status), ROOT_MISSING);
    free(name);
}

static void a_name_too_long_is_missing(void **state)
{
    (void)state;
    both_ways(is_missing_when_too_long);
}

static void finds_a_deep_file(struct root *root)
{
    char name[PATH_MAX] = "";
    struct stat status;
    size_t len = 0;

    /* 4,092 bytes of "d/d/.../d/file", made one folder at a time. */
    assert_int_equal(chdir(base.path), 0);
    assert_int_equal(chdir("site"), 0);
    for (int i = 0; i < 2044; i++) {
        if (mkdir("d", 0755) == -1)
            assert_int_equal(errno, EEXIST);
        assert_int_equal(chdir("d"), 0);
        len += (size_t)sprintf(name + len, "d/");
    }
    folder_file("file", "deep");
    sprintf(name + len, "file");
    assert_int_equal(root_look(root, name, &status), ROOT_FOUND);
    assert_int_equal(status.st_size, 4);
    assert_int_equal(chdir(base.path), 0);
    assert_int_equal(chdir("site"), 0);
}

static void a_deep_file_is_found(void **state)
{
    (void)state;
    both_ways(finds_a_deep_file);
}

static void never_serves_a_hidden_file(struct root *root)
{
    struct stat status;
    int fd;

    folder_file("key", "old key");
    assert_true(root_hide(root, "key"));
    assert_int_equal(link("key", "docs/copy"), 0);
    assert_int_equal(root_look(root, "key", &status), ROOT_MISSING);
    assert_int_equal(root_read(root, "docs/copy", &fd, &status), ROOT_MISSING);
    assert_int_equal(root_look(root, "file", &status), ROOT_FOUND);

    unlink("key");
    unlink("docs/copy");
}

static enum root_find find(struct root *root, const char *name)
{
    struct stat    status;
    int            fd;
    enum root_find found = root_read(root, name, &fd, &status);

    if (found == ROOT_FOUND)
        close(fd);
    if (found != ROOT_SPECIAL)
        assert_int_equal(root_look(root, name, &status), found);
    return found;
}

/* Nothing but the request itself notices that the key was renewed. */
static void hides_a_renewed_key_at_once(struct root *root)
{
    folder_file("key", "old key");
    assert_true(root_hide(root, "key"));
    folder_file("key.new", "new key");
    assert_int_equal(find(root, "key.new"), ROOT_FOUND);
    assert_int_equal(rename("key", "key.old"), 0);
    assert_int_equal(rename("key.new", "key"), 0);
    assert_int_equal(find(root, "key"), ROOT_MISSING);
    assert_int_equal(find(root, "key.old"), ROOT_MISSING);
    assert_false(root_refresh(root));
    assert_int_equal(find(root, "key.old"), ROOT_MISSING);

    /* A page may have the inode of a key that is gone. */
    assert_int_equal(remove("key.old"), 0);
    assert_false(root_refresh(root));
    folder_file("key.html", "about keys");
    assert_int_equal(find(root, "key.html"), ROOT_FOUND);
    folder_remove("key.html");
    folder_remove("key");
}

static void a_renewed_key_is_hidden_at_once(void **state)
{
    (void)state;
    both_ways(hides_a_renewed_key_at_once);
}

/* As Kubernetes swaps a Secret, here for a file that was a page until now. */
static void hides_what_a_link_leads_to(struct root *root)
{
    folder_file("one", "one");
    folder_file("two", "two");
    folder_link("../live", "site/one");
    assert_true(root_hide(root, "../live"));
    assert_int_equal(find(root, "one"), ROOT_MISSING);
    assert_int_equal(find(root, "two"), ROOT_FOUND);
    folder_link("../live.new", "site/two");
    assert_int_equal(rename("../live.new", "../live"), 0);
    assert_int_equal(find(root, "two"), ROOT_MISSING);
    assert_int_equal(find(root, "one"), ROOT_MISSING);
    assert_int_equal(find(root, "file"), ROOT_FOUND);
    folder_remove("../live");
    folder_remove("one");
    folder_remove("two");
}

static void what_a_hidden_link_leads_to_is_hidden(void **state)
{
    (void)state;
    both_ways(hides_what_a_link_leads_to);
}

static void remembers_some_old_keys(struct root *root)
{
    char name[32];

    folder_file("key", "key");
    assert_true(root_hide(root, "key"));
    for (int i = 0; i < 3 * HIDDEN_VERSIONS; i++) {
        sprintf(name, "key.%d", i);
        assert_int_equal(rename("key", name), 0);
        folder_file("key", "key");
        assert_int_equal(find(root, "key"), ROOT_MISSING);
    }
    for (int i = 0; i < 3 * HIDDEN_VERSIONS; i++) {
        sprintf(name, "key.%d", i);
        assert_int_equal(find(root, name), i > 2 * HIDDEN_VERSIONS ? ROOT_MISSING : ROOT_FOUND);
        folder_remove(name);
    }
    folder_remove("key");
}

static void the_last_keys_stay_hidden(void **state)
{
    (void)state;
    both_ways(remembers_some_old_keys);
}

/* Without a descriptor to hold the key with, it is hidden all the same. */
static void hides_without_descriptors(struct root *root)
{
    struct rlimit limit, few;
    bool          ok;

    folder_file("key", "key");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    ok = root_hide(root, "key");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(ok);
    assert_int_equal(find(root, "key"), ROOT_MISSING);
    assert_false(root_refresh(root));
    assert_int_equal(find(root, "key"), ROOT_MISSING);
    folder_remove("key");
}

static void a_key_is_hidden_without_descriptors(void **state)
{
    (void)state;
    both_ways(hides_without_descriptors);
}

/* ---- hidden folders ---------------------------------------------------------------- */

static void make_certs(const char *name)
{
    char path[64];

    folder_folder(name);
    folder_file(strcat(strcpy(path, name), "/key.pem"), "key");
    folder_file(strcat(strcpy(path, name), "/.key.pem.Xa81"), "half a key");
    folder_folder(strcat(strcpy(path, name), "/old"));
    folder_file(strcat(strcpy(path, name), "/old/key.pem"), "old key");
    folder_link(strcat(strcpy(path, name), "/page"), "../docs/page");
}

static void remove_certs(const char *name)
{
    char command[64];

    snprintf(command, sizeof command, "rm -r %s", name);
    assert_int_equal(system(command), 0);
}

static void never_serves_a_hidden_folder(struct root *root)
{
    static const char *const hidden[] = {
        "certs", "certs/", "certs/key.pem", "certs/.key.pem.Xa81", "certs/old",
        "certs/old/key.pem", "certs/page", "certs/nothing", "certs/../certs/key.pem",
        "to-certs", "to-certs/key.pem", "to-key", "docs/to-old-key", "to-old/key.pem",
        "self/certs/key.pem",
    };
    static const char *const open[] = {"file", "docs/page", "docs/up", "chain", "config.html"};

    make_certs("certs");
    folder_link("to-certs", "certs");
    folder_link("to-key", "certs/key.pem");
    folder_link("docs/to-old-key", "../to-certs/old/key.pem");
    folder_link("to-old", "docs/../certs/old");
    assert_int_equal(find(root, "certs/key.pem"), ROOT_FOUND);
    assert_int_equal(find(root, "docs/to-old-key"), ROOT_FOUND);

    assert_true(root_hide_folder(root, "certs"));
    for (int refreshed = 0; refreshed < 2; refreshed++) {
        for (size_t i = 0; i < COUNTOF(hidden); i++)
            if (find(root, hidden[i]) != ROOT_MISSING)
                fail_msg("served: %s", hidden[i]);
        for (size_t i = 0; i < COUNTOF(open); i++)
            if (find(root, open[i]) != ROOT_FOUND)
                fail_msg("not served: %s", open[i]);
        assert_int_equal(find(root, "outside"), ROOT_OUTSIDE);
        assert_false(root_refresh(root));
    }
    assert_false(root_is_hidden(root));

    remove_certs("certs");
    folder_remove("to-certs");
    folder_remove("to-key");
    folder_remove("docs/to-old-key");
    folder_remove("to-old");
}

static void nothing_in_a_hidden_folder_is_found(void **state)
{
    (void)state;
    both_ways(never_serves_a_hidden_folder);
}

static void hides_a_folder_as_it_comes_and_goes(struct root *root)
{
    assert_true(root_hide_folder(root, "certs"));
    assert_int_equal(find(root, "file"), ROOT_FOUND);
    make_certs("certs");
    assert_int_equal(find(root, "certs/key.pem"), ROOT_MISSING);

    assert_int_equal(rename("certs", "certs.old"), 0);
    make_certs("certs");
    assert_int_equal(find(root, "certs/key.pem"), ROOT_MISSING);
    assert_int_equal(find(root, "certs.old/old/key.pem"), ROOT_MISSING);
    assert_false(root_refresh(root));
    assert_int_equal(find(root, "certs.old/old/key.pem"), ROOT_MISSING);

    remove_certs("certs");
    remove_certs("certs.old");
    assert_false(root_refresh(root));
    folder_folder("pages");
    folder_file("pages/page", "page");
    assert_int_equal(find(root, "pages/page"), ROOT_FOUND);
    remove_certs("pages");
}

static void a_folder_is_hidden_from_its_first_moment(void **state)
{
    (void)state;
    both_ways(hides_a_folder_as_it_comes_and_goes);
}

/* It lies beside the root, until its name leads into it. */
static void hides_a_folder_that_moves_in(struct root *root)
{
    make_certs("../certs");
    make_certs("inside");
    assert_true(root_hide_folder(root, "../certs"));
    assert_int_equal(find(root, "inside/key.pem"), ROOT_FOUND);
    assert_false(root_refresh(root));
    assert_int_equal(find(root, "docs/up"), ROOT_FOUND);

    assert_int_equal(rename("../certs", "../certs.old"), 0);
    folder_link("../certs", "site/inside");
    assert_int_equal(find(root, "inside/key.pem"), ROOT_MISSING);
    assert_false(root_refresh(root));
    assert_int_equal(find(root, "inside/key.pem"), ROOT_MISSING);

    assert_int_equal(rename("../certs.old", "moved"), 0);
    assert_false(root_refresh(root));
    assert_int_equal(find(root, "moved/key.pem"), ROOT_MISSING);

    folder_remove("../certs");
    remove_certs("inside");
    remove_certs("moved");
}

static void a_folder_that_moves_beneath_the_root_is_hidden(void **state)
{
    (void)state;
    both_ways(hides_a_folder_that_moves_in);
}

static void finds_nothing_in_a_hidden_root(struct root *root)
{
    assert_false(root_is_hidden(root));
    assert_true(root_hide_folder(root, ".."));
    assert_true(root_is_hidden(root));
    assert_int_equal(find(root, "file"), ROOT_MISSING);
    assert_int_equal(find(root, "docs/page"), ROOT_MISSING);
}

static void a_root_that_lies_in_a_hidden_folder_is_empty(void **state)
{
    (void)state;
    both_ways(finds_nothing_in_a_hidden_root);
}

static void a_hidden_file_is_missing_under_every_name(void **state)
{
    (void)state;
    both_ways(never_serves_a_hidden_file);
}

static void hiding_has_a_limit(void **state)
{
    struct root *root = open_site(ROOT_LINKS_BENEATH, false);

    (void)state;
    for (int i = 0; i < HIDDEN_MAX; i++)
        assert_true(root_hide(root, "not there yet"));
    assert_false(root_hide(root, "one more"));
    root_close(root);
}

static void serves_the_new_root(struct root *root)
{
    struct stat status;

    assert_false(root_refresh(root));
    assert_int_equal(chdir(base.path), 0);
    folder_folder("next");
    folder_file("next/fresh", "fresh");
    assert_int_equal(rename("site", "old"), 0);
    assert_false(root_refresh(root));
    assert_int_equal(root_look(root, "file", &status), ROOT_FOUND);

    assert_int_equal(rename("next", "site"), 0);
    assert_true(root_refresh(root));
    assert_false(root_refresh(root));
    assert_int_equal(root_look(root, "file", &status), ROOT_MISSING);
    assert_int_equal(root_look(root, "fresh", &status), ROOT_FOUND);

    unlink("site/fresh");
    rmdir("site");
    assert_int_equal(rename("old", "site"), 0);
    assert_int_equal(chdir("site"), 0);
}

static void a_replaced_root_is_noticed(void **state)
{
    (void)state;
    both_ways(serves_the_new_root);
}

static void a_relative_root_is_found_again(void **state)
{
    struct root *root;
    struct stat status;

    (void)state;
    assert_int_equal(chdir(base.path), 0);
    root = root_open("site", ROOT_LINKS_BENEATH);
    assert_non_null(root);
    assert_int_equal(chdir("/"), 0);
    assert_false(root_refresh(root));
    assert_int_equal(root_look(root, "file", &status), ROOT_FOUND);
    root_close(root);
    assert_int_equal(chdir(base.path), 0);
    assert_int_equal(chdir("site"), 0);
}

static void a_root_that_is_no_folder_is_refused(void **state)
{
    (void)state;
    assert_null(root_open("file", ROOT_LINKS_BENEATH));
    assert_int_equal(errno, ENOTDIR);
    assert_null(root_open("nothing", ROOT_LINKS_BENEATH));
    assert_int_equal(errno, ENOENT);
    root_close(NULL);
}

/* ---- what the system refuses ------------------------------------------------------- */

/* In a child that is nobody, because root may read everything.  Its exit status counts what was
 * not as promised. */
static int count_wrong_as_nobody(struct root *root)
{
    struct stat status;
    int fd, wrong = 0;

    if (setegid(NOBODY) == -1 || seteuid(NOBODY) == -1)
        return 100;
    wrong += root_look(root, "locked", &status) != ROOT_FOUND;
    wrong += root_read(root, "locked", &fd, &status) != ROOT_DENIED;
    wrong += (status.st_mode & 07777) != 0600;
    wrong += root_look(root, "closed/page", &status) != ROOT_DENIED;
    wrong += status.st_mode != 0;
    wrong += root_read(root, "file", &fd, &status) != ROOT_FOUND;
    return wrong;
}

static void denies_what_it_may_not_read(struct root *root)
{
    int status;
    pid_t child;

    folder_file("locked", "locked");
    chmod("locked", 0600);
    folder_folder("closed");
    folder_file("closed/page", "closed");
    chmod("closed", 0700);
    child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0)
        _exit(count_wrong_as_nobody(root));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(WIFEXITED(status));
    unlink("locked");
    unlink("closed/page");
    rmdir("closed");
}

static void an_unreadable_file_is_denied(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped, needs root: an unreadable file is denied\n");
        skip();
    }
    both_ways(denies_what_it_may_not_read);
}

static void calls_a_device_special(struct root *root)
{
    struct stat status;
    int fd;

    assert_int_equal(root_look(root, "null", &status), ROOT_SPECIAL);
    assert_true(S_ISCHR(status.st_mode));
    assert_int_equal(root_read(root, "null", &fd, &status), ROOT_SPECIAL);
}

static void a_device_is_special(void **state)
{
    (void)state;
    if (mknod("null", S_IFCHR | 0666, makedev(1, 3)) == -1) {
        print_message("skipped, mknod is not allowed: a device is special\n");
        skip();
    }
    both_ways(calls_a_device_special);
    unlink("null");
}

static void says_that_descriptors_have_run_out(struct root *root)
{
    struct rlimit limit, few;
    struct stat status;
    enum root_find find;

    /* Descriptors that are open already stay open below the limit. */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    find = root_look(root, "file", &status);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(find, ROOT_EXHAUSTED);
}

static void no_descriptors_is_exhausted(void **state)
{
    (void)state;
    both_ways(says_that_descriptors_have_run_out);
}

/* ---- while others change it -------------------------------------------------------- */

struct looker {
    struct root *root;
    atomic_bool  stop;
    atomic_uint  wrong;
};

static void *look_until_stopped(void *data)
{
    struct looker *looker = data;

    while (!atomic_load(&looker->stop)) {
        struct stat status;
        int fd;

        if (root_look(looker->root, "docs/up", &status) != ROOT_FOUND)
            atomic_fetch_add(&looker->wrong, 1);
        if (root_read(looker->root, "file", &fd, &status) == ROOT_FOUND)
            close(fd);
        else
            atomic_fetch_add(&looker->wrong, 1);
    }
    return NULL;
}

/* Exchanges two equal roots under the feet of a thread that reads. */
static void keeps_serving_while_replaced(struct root *root)
{
    struct looker looker = {.root = root};
    pthread_t thread;
    unsigned replaced = 0;

    assert_int_equal(chdir(base.path), 0);
    assert_int_equal(system("mkdir twin twin/docs && echo hi >twin/file &&"
                            "ln -s ../file twin/docs/up && mkdir twin/certs"), 0);
    assert_true(root_hide(root, "secret") && root_hide_folder(root, "twin/certs"));
    assert_int_equal(pthread_create(&thread, NULL, look_until_stopped, &looker), 0);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(renameat2(AT_FDCWD, "site", AT_FDCWD, "twin", RENAME_EXCHANGE), 0);
        replaced += root_refresh(root);
    }
    atomic_store(&looker.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(replaced, 200);
    assert_int_equal(atomic_load(&looker.wrong), 0);
    assert_int_equal(system("rm -r twin"), 0);
    assert_int_equal(chdir("site"), 0);
}

static void replacing_the_root_disturbs_nobody(void **state)
{
    (void)state;
    both_ways(keeps_serving_while_replaced);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_follows_links_beneath),
        cmocka_unit_test(kernel_follows_no_links),
        cmocka_unit_test(walk_follows_links_beneath),
        cmocka_unit_test(walk_follows_no_links),
        cmocka_unit_test(a_name_too_long_is_missing),
        cmocka_unit_test(a_deep_file_is_found),
        cmocka_unit_test(a_hidden_file_is_missing_under_every_name),
        cmocka_unit_test(a_renewed_key_is_hidden_at_once),
        cmocka_unit_test(what_a_hidden_link_leads_to_is_hidden),
        cmocka_unit_test(the_last_keys_stay_hidden),
        cmocka_unit_test(a_key_is_hidden_without_descriptors),
        cmocka_unit_test(nothing_in_a_hidden_folder_is_found),
        cmocka_unit_test(a_folder_is_hidden_from_its_first_moment),
        cmocka_unit_test(a_folder_that_moves_beneath_the_root_is_hidden),
        cmocka_unit_test(a_root_that_lies_in_a_hidden_folder_is_empty),
        cmocka_unit_test(hiding_has_a_limit),
        cmocka_unit_test(a_replaced_root_is_noticed),
        cmocka_unit_test(a_relative_root_is_found_again),
        cmocka_unit_test(a_root_that_is_no_folder_is_refused),
        cmocka_unit_test(an_unreadable_file_is_denied),
        cmocka_unit_test(a_device_is_special),
        cmocka_unit_test(no_descriptors_is_exhausted),
        cmocka_unit_test(replacing_the_root_disturbs_nobody),
    };

    return cmocka_run_group_tests_name("root", tests, make_tree, remove_tree);
}
