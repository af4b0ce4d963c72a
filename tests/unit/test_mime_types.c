/* mime_types: the operator's own table of types. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "site/mime_types.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

static struct folder folder;
static char problem[1024];

static int enter(void **state)
{
    (void)state;
    folder_enter(&folder);
    problem[0] = '\0';
    return 0;
}

static int leave(void **state)
{
    (void)state;
    folder_leave(&folder);
    return 0;
}

static struct mime_types *load(const char *text)
{
    folder_file("types", text);
    return mime_types_load("types", problem, sizeof problem);
}

static const char own[] = "# Types of ours.\n"
                          "\n"
                          "text/x-recipe\trecipe  dish\r\n"
                          "application/x-nothing\n"
                          "  text/HTML  tpl .part # draft\n"
                          "image/x-odd png\n"
                          "application/x-first twice\n"
                          "application/x-last  twice\n"
                          "application/vnd.x+zip C++ a-very-long-ending-of-32-letters";

static const struct type_case {
    const char *promise;
    const char *name;
    const char *type;
} cases[] = {
    {"an ending that nobody knew", "soup.recipe", "text/x-recipe"},
    {"a line may have several", "soup.dish", "text/x-recipe"},
    {"the case of a name does not matter", "SOUP.DISH", "text/x-recipe"},
    {"a type is told in lower case", "a.tpl", "text/html"},
    {"an ending may be written with its dot", "a.part", "text/html"},
    {"a remark is none", "a.draft", ""},
    {"it comes before the built-in table", "a.png", "image/x-odd"},
    {"which is asked for the others", "a.gif", "image/gif"},
    {"of two lines the last one counts", "a.twice", "application/x-last"},
    {"signs in an ending, and no break behind the last line", "a.c++", "application/vnd.x+zip"},
    {"a long ending", "a.a-very-long-ending-of-32-letters", "application/vnd.x+zip"},
    {"what nobody knows", "a.nobody", ""},
    {"a name without an ending", "recipe", ""},
};

static void each_ending_has_its_type(void **state)
{
    struct mime_types *types = load(own);

    (void)state;
    if (!types)
        fail_msg("%s", problem);
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct tight_str name = tight_str(cases[i].name);

        PROMISED_STR(cases[i].promise, mime_types_of(types, name.view), cases[i].type);
        tight_str_free(&name);
    }
    mime_types_free(types);
}

static void without_a_table_there_is_the_built_in_one(void **state)
{
    struct mime_types *types = load("");

    (void)state;
    assert_non_null(types);
    PROMISED_STR("an empty file adds nothing", mime_types_of(types, STR("a.css")), "text/css");
    PROMISED_STR("no file", mime_types_of(NULL, STR("a.css")), "text/css");
    PROMISED_STR("no file", mime_types_of(NULL, STR("a.nobody")), "");
    mime_types_free(types);
}

static const struct wrong_case {
    const char *promise;
    const char *text;
    const char *sentence;
} wrongs[] = {
    {"a word that is no type", "text/plain txt\nhtml\n",
     "types:2: \"html\" is no media type such as text/plain"},
    {"a parameter is not of the type", "\n\ntext/html;charset=latin1 html",
     "types:3: \"text/html;charset=latin1\" is no media type such as text/plain"},
    {"a type of three parts", "a/b/c x", "types:1: \"a/b/c\" is no media type such as text/plain"},
    {"half of a type", "text/ x", "types:1: \"text/\" is no media type such as text/plain"},
    {"nginx's form", "types {\n", "types:1: \"types\" is no media type such as text/plain"},
    {"two endings never match", "application/x-tar tar.gz",
     "types:1: \"tar.gz\" is no ending such as txt"},
    {"a path is no ending", "text/plain a/b", "types:1: \"a/b\" is no ending such as txt"},
    {"a dot is no ending", "text/plain .", "types:1: \"\" is no ending such as txt"},
    {"an ending that is too long", "text/plain a-very-long-ending-of-33-letters-",
     "types:1: \"a-very-long-ending-of-33-letters-\" is no ending such as txt"},
};

static void a_line_that_is_none_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(wrongs); i++) {
        assert_null(load(wrongs[i].text));
        PROMISED_STR(wrongs[i].promise, str_view(problem), wrongs[i].sentence);
    }
    folder_bytes("types", STR("text/pl\0in txt\n"));
    assert_null(mime_types_load("types", problem, sizeof problem));
    PROMISED_STR("a NUL ends no word", str_view(problem),
                 "types:1: \"text/pl\\x00in\" is no media type such as text/plain");
}

static void a_file_that_cannot_be_read_is_said_so(void **state)
{
    (void)state;
    assert_null(mime_types_load("nothing", problem, sizeof problem));
    PROMISED_STR("there is none", str_view(problem),
                 "cannot read the types in \"nothing\": No such file or directory");
    folder_folder("folder");
    assert_null(mime_types_load("folder", problem, sizeof problem));
    PROMISED_STR("a folder", str_view(problem),
                 "cannot read the types in \"folder\": Is a directory");
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_null(mime_types_load("fifo", problem, sizeof problem));
    PROMISED_STR("nobody writes to this", str_view(problem),
                 "cannot read the types in \"fifo\": Invalid argument");
    folder_hole("huge", MIME_TYPES_BYTES_MAX + 1);
    assert_null(mime_types_load("huge", problem, sizeof problem));
    PROMISED_STR("too much of it", str_view(problem),
                 "cannot read the types in \"huge\": File too large");
}

static const struct {
    enum fault_call call;
    int             error;
} faults[] = {{FAULT_OPEN, EMFILE}, {FAULT_FSTAT, EIO}, {FAULT_READ, EIO}, {FAULT_READ, EINTR}};

/* Whatever fails, it is all of the table or a sentence. */
static void all_or_nothing(void)
{
    struct mime_types *types = mime_types_load("types", problem, sizeof problem);

    if (types)
        PROMISED_STR("all of it", mime_types_of(types, STR("a.c++")), "application/vnd.x+zip");
    else
        assert_true(problem[0] != '\0');
    mime_types_free(types);
    problem[0] = '\0';
}

static void whatever_fails_there_is_a_table_or_a_sentence(void **state)
{
    (void)state;
    folder_file("types", own);
    for (size_t i = 0; i < COUNTOF(faults); i++)
        for (size_t round = 1; fault_next(round, faults[i].call, faults[i].error); round++)
            all_or_nothing();
    for (size_t round = 1; alloc_fail_next(round); round++)
        all_or_nothing();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_ending_has_its_type, enter, leave),
        cmocka_unit_test_setup_teardown(without_a_table_there_is_the_built_in_one, enter, leave),
        cmocka_unit_test_setup_teardown(a_line_that_is_none_is_refused, enter, leave),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_is_said_so, enter, leave),
        cmocka_unit_test_setup_teardown(whatever_fails_there_is_a_table_or_a_sentence, enter,
                                        leave),
    };

    return cmocka_run_group_tests_name("mime_types", tests, NULL, NULL);
}
