/* What main/option_file promises about any file: it is taken, or there is one sentence that says
 * what is wrong with it; and what was taken and printed is taken again, with the same values. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "main/option_help.h"
#include "main/options.h"
#include "tests/fuzz/fuzz.h"

enum { PRINTED_MAX = 1024 * 1024, LINE_MAX_BYTES = 8000 };

/* A file in memory, and a name to open it by. */
static int  file = -1;
static char file_name[64];

static void write_file(struct str content)
{
    if (file == -1) {
        file = memfd_create("wherry.conf", MFD_CLOEXEC);
        MUST_HOLD(file != -1);
        snprintf(file_name, sizeof file_name, "/proc/self/fd/%d", file);
    }
    MUST_HOLD(ftruncate(file, 0) == 0);
    MUST_HOLD(pwrite(file, content.ptr, content.len, 0) == (ssize_t)content.len);
}

static bool read_options(struct options *options, struct str content)
{
    char  name[] = "wherry", flag[] = "--config";
    char *arguments[] = {name, flag, file_name, NULL};
    char *environment[] = {NULL};

    write_file(content);
    *options = OPTIONS_NONE;
    return options_read(options, 3, arguments, environment);
}

static void check_mistake(const struct mistake *mistake, bool is_taken)
{
    size_t len = strlen(mistake->sentence);

    MUST_HOLD(is_taken == (len == 0));
    MUST_HOLD(is_taken ? mistake->code == CODE_FINE : mistake->code == CODE_CONFIGURATION);
    for (size_t i = 0; i < len; i++)
        MUST_HOLD(mistake->sentence[i] >= 0x20 && mistake->sentence[i] < 0x7f);
}

/* The longest line of what is printed; a file may not hold one that is too long, and a value grows
 * by being quoted. */
static size_t longest_line(struct str text)
{
    struct str line;
    size_t     longest = 0;

    while (str_split(&text, '\n', &line))
        longest = MAX_OF(longest, line.len);
    return longest;
}

static void check_same(const struct options *a, const struct options *b)
{
    for (size_t i = 0; i < option_count; i++)
        if (option_allows(&option_table[i], OPTION_FROM_FILE))
            MUST_HOLD(strcmp(a->given[i].text, b->given[i].text) == 0);
}

static void check_printed(const struct options *options)
{
    struct buf     printed = BUF_UP_TO(PRINTED_MAX);
    struct options again;

    option_config_print(options, &printed);
    MUST_HOLD(!printed.failed);
    if (longest_line(buf_view(&printed)) < LINE_MAX_BYTES) {
        MUST_HOLD(read_options(&again, buf_view(&printed)));
        check_same(options, &again);
        options_fini(&again);
    }
    buf_fini(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct options options;
    bool           is_taken = read_options(&options, str_of((const char *)data, size));

    check_mistake(&options.mistake, is_taken);
    if (is_taken)
        check_printed(&options);
    options_fini(&options);
    return 0;
}
