/* What base/owner promises: who owns what stands in the way, who we are, and what would help. */
#include "base/owner.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/folder.h"
#include "tests/support/promise.h"

/* clang-format off */
static const struct sentence_case {
    const char        *promise;
    struct owner_facts facts;
    enum owner_need    need;
    const char        *sentence;
} sentences[] = {
    {"a folder of somebody else", {NULL, 1000, 100, 0700, 5, 65532}, OWNER_READ,
     "; it belongs to uid 1000 (mode 0700) and wherry runs as uid 65532: run it as the owner (in a "
     "container: --user 1000:100) or let others read it"},
    {"a folder above it", {"/home/\"me", 1000, 1000, 0700, 1, 65532}, OWNER_READ,
     "; \"/home/\\\"me\" belongs to uid 1000 (mode 0700) and wherry runs as uid 65532: run it as "
     "the owner (in a container: --user 1000:1000) or let others read it"},
    {"root without its rights is somebody, too", {NULL, 1000, 1000, 0750, 5, 0}, OWNER_READ,
     "; it belongs to uid 1000 (mode 0750) and wherry runs as uid 0 without its usual rights: run "
     "it as the owner (in a container: --user 1000:1000) or let others read it"},
    {"nobody else is to read a key", {NULL, 0, 0, 0400, 4, 65532}, OWNER_READ_SECRET,
     "; it belongs to uid 0 (mode 0400) and wherry runs as uid 65532: run it as the owner (in a "
     "container: --user 0:0) or give it to uid 65532"},
    {"nor to write", {NULL, 1000, 1000, 0755, 3, 65532}, OWNER_WRITE,
     "; it belongs to uid 1000 (mode 0755) and wherry runs as uid 65532: run it as the owner (in a "
     "container: --user 1000:1000) or give it to uid 65532"},
    {"our own", {NULL, 1000, 1000, 0000, 5, 1000}, OWNER_READ,
     "; it belongs to uid 1000, as which wherry runs, but its mode is 0000: let its owner do that "
     "(chmod u+rwX)"},
    {"what the mode allows something else forbids", {NULL, 1000, 1000, 0755, 5, 65532}, OWNER_READ,
     "; it belongs to uid 1000, and its mode 0755 lets uid 65532 do that, so it must be something "
     "else, such as SELinux (a volume needs :Z there)"},
    {"of our own as well", {NULL, 1000, 1000, 0700, 5, 1000}, OWNER_READ,
     "; it belongs to uid 1000, and its mode 0700 lets uid 1000 do that, so it must be something "
     "else, such as SELinux (a volume needs :Z there)"},
    {"which is not so when a group is left out", {NULL, 1000, 1000, 0705, 5, 65532}, OWNER_READ,
     "; it belongs to uid 1000 (mode 0705) and wherry runs as uid 65532: run it as the owner (in a "
     "container: --user 1000:1000) or let others read it"},
};
/* clang-format on */

static void each_sentence_says_what_would_help(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(sentences); i++) {
        char room[384];

        owner_tell(room, sizeof room, &sentences[i].facts, sentences[i].need);
        PROMISED_STR(sentences[i].promise, str_view(room), sentences[i].sentence);
    }
}

static bool has(const char *path, enum owner_need need, int error, const char *part)
{
    return strstr(OWNER_ADVISE(path, need, error), part) != NULL;
}

static void the_nearest_that_is_there_is_told_of(void **state)
{
    struct folder folder;

    (void)state;
    folder_enter(&folder);
    folder_folder("a");
    assert_int_equal(chmod("a", 0501), 0);
    assert_true(has("a", OWNER_READ, EACCES, "; it belongs to uid "));
    assert_true(has("a/b/c", OWNER_WRITE, EACCES, "; \"a\" belongs to uid "));
    assert_true(has("a/b/c", OWNER_WRITE, EPERM, " 0501"));
    assert_true(has("b", OWNER_WRITE, EACCES, "; \".\" belongs to uid "));
    assert_true(has("/no/such", OWNER_WRITE, EACCES, "; \"/\" belongs to uid 0"));
    assert_int_equal(chmod("a", 0700), 0);
    folder_remove("a");
    folder_leave(&folder);
}

static void where_it_is_not_for_want_of_rights_there_is_nothing_to_say(void **state)
{
    char room[4] = "x";

    (void)state;
    assert_string_equal(OWNER_ADVISE("/", OWNER_READ, ENOENT), "");
    assert_string_equal(OWNER_ADVISE("/", OWNER_WRITE, EROFS), "");
    assert_string_equal(OWNER_ADVISE("", OWNER_WRITE, EACCES), "");
    assert_string_equal(owner_advise(room, sizeof room, "/", OWNER_WRITE, EACCES), "; i");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sentence_says_what_would_help),
        cmocka_unit_test(the_nearest_that_is_there_is_told_of),
        cmocka_unit_test(where_it_is_not_for_want_of_rights_there_is_nothing_to_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
