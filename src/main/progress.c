#include "main/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"

enum { COLUMNS_USUAL = 80, COLUMNS_MAX = 200, BAR_MIN = 10 };

#define LINE_BEGIN "\r"
#define CLEAR_REST "\033[K"

struct progress progress_open(void)
{
    const char *terminal = getenv("TERM");
    bool        is_able = terminal && *terminal && strcmp(terminal, "dumb") != 0;

    return (struct progress){.is_on = is_able && isatty(STDERR_FILENO)};
}

/* One less than there are: in the last one some terminals go to the next line. */
static size_t usable_columns(void)
{
    struct winsize size = {0};

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == -1 || size.ws_col == 0)
        return COLUMNS_USUAL - 1;
    return MIN_OF((size_t)size.ws_col, (size_t)COLUMNS_MAX) - 1;
}

static void append_bar(struct buf *line, size_t columns, uint64_t done, uint64_t all)
{
    size_t filled = (size_t)((double)columns * (double)done / (double)all);

    buf_append(line, STR("["));
    for (size_t i = 0; i < columns; i++)
        buf_append_byte(line, i < filled ? '#' : ' ');
    buf_append(line, STR("] "));
}

/* A line that is lost is no matter. */
static void show(struct buf *line)
{
    if (!line->failed)
        (void)!write(STDERR_FILENO, line->ptr, line->len);
    buf_fini(line);
}

void progress_draw(struct progress *progress, uint64_t done, uint64_t all, size_t count,
                   size_t total)
{
    struct buf line = BUF_UP_TO(COLUMNS_MAX + 64);
    size_t     columns = usable_columns(), words, fixed;
    char       percent[16], text[80];

    if (!progress->is_on || all == 0)
        return;
    snprintf(percent, sizeof percent, "%4u%% ", (unsigned)(100.0 * (double)done / (double)all));
    snprintf(text, sizeof text, "%zu of %zu file%s", count, total, total == 1 ? "" : "s");
    words = strlen(text);
    fixed = strlen(percent) + strlen("[] ") + words;

    buf_append(&line, STR(LINE_BEGIN));
    if (columns >= strlen(percent) + words)
        buf_append(&line, str_view(percent));
    if (columns >= fixed + BAR_MIN)
        append_bar(&line, columns - fixed, done, all);
    buf_append(&line, str_of(text, MIN_OF(words, columns)));
    buf_append(&line, STR(CLEAR_REST));
    show(&line);
    progress->is_drawn = true;
}

void progress_clear(struct progress *progress)
{
    static const char clear[] = LINE_BEGIN CLEAR_REST;

    if (progress->is_drawn)
        (void)!write(STDERR_FILENO, clear, sizeof clear - 1);
    progress->is_drawn = false;
}
