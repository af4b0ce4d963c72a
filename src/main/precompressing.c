#include "main/precompressing.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/share.h"
#include "main/progress.h"
#include "main/signals.h"

enum { MEMORY_PARTS = 4 };      /* of what there is for us we take one, as the server does */

/* ---- what went wrong ------------------------------------------------------------------ */

static void append_name(struct buf *sentence, const char *name)
{
    buf_append(sentence, STR("\""));
    log_escape(sentence, str_view(name));
    buf_append(sentence, STR("\""));
}

static void append_why(struct buf *sentence, const char *what, const struct beside_trouble *trouble)
{
    buf_append(sentence, str_view(what));
    append_name(sentence, trouble->name);
    errno = trouble->error;
    buf_printf(sentence, ": %m");
}

void precompress_explain(const struct beside_trouble *trouble, struct buf *sentence)
{
    switch (trouble->doing) {
    case BESIDE_READING:
        if (trouble->error != EAGAIN) {
            append_why(sentence, "cannot read ", trouble);
            break;
        }
        append_name(sentence, trouble->name);
        buf_append(sentence, STR(" changes while it is read"));
        break;
    case BESIDE_CODING:
        append_why(sentence, "cannot make ", trouble);
        break;
    case BESIDE_WRITING:
        append_why(sentence, "cannot write ", trouble);
        break;
    case BESIDE_JUDGING:
        append_name(sentence, trouble->name);
        buf_append(sentence, STR(" is not what the file without that ending is, which does not get "
                                 "smaller any more; remove it"));
        break;
    }
}

/* ---- the line at the end -------------------------------------------------------------- */

/* 999 B, 1.9 kB, 412 MB: as df -H and file managers have it. */
static void append_bytes(struct buf *line, uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    double amount = (double)bytes;

    while (amount >= 999.5 && unit + 1 < COUNTOF(units)) {
        amount /= 1000;
        unit++;
    }
    buf_printf(line, "%.*f %s", unit > 0 && amount < 9.95 ? 1 : 0, amount, units[unit]);
}

static void append_gain(struct buf *line, const struct precompress_counts *counts)
{
    buf_append(line, STR(" ("));
    append_bytes(line, counts->plain_bytes);
    buf_append(line, STR(" to "));
    append_bytes(line, counts->coded_bytes[CODING_BROTLI]);
    buf_append(line, STR(" by br, "));
    append_bytes(line, counts->coded_bytes[CODING_GZIP]);
    buf_append(line, STR(" by gzip)"));
}

static void append_count(struct buf *line, size_t count, const char *what)
{
    if (count > 0)
        buf_printf(line, ", %zu %s", count, what);
}

void precompress_sum_up(const struct precompress_counts *counts, struct buf *summary)
{
    buf_printf(summary, "%zu file%s looked at", counts->files - counts->left,
               counts->files - counts->left == 1 ? "" : "s");
    append_count(summary, counts->made, "made smaller");
    if (counts->made > 0)
        append_gain(summary, counts);
    append_count(summary, counts->fresh, "up to date");
    append_count(summary, counts->unworthy, "not worth it");
    append_count(summary, counts->failed, "failed");
    append_count(summary, counts->left, "left for another time");
    buf_append_byte(summary, '\n');
}

/* ---- all of it ------------------------------------------------------------------------ */

static void on_progress(const struct precompress_progress *seen, void *data)
{
    progress_draw(data, seen->bytes_done, seen->bytes, seen->files_done, seen->files);
}

static void on_trouble(const struct beside_trouble *trouble, void *data)
{
    struct buf sentence = BUF_UP_TO(4 * sizeof trouble->name + 512);

    progress_clear(data);
    precompress_explain(trouble, &sentence);
    fprintf(stderr, "wherry: %.*s\n", STR_ARG(buf_view(&sentence)));
    buf_fini(&sentence);
}

static size_t memory_of(const struct options *options)
{
    uint64_t some = share_memory() / MEMORY_PARTS;

    return options->site.coding_bytes ? options->site.coding_bytes
                                      : (size_t)MIN_OF(some, (uint64_t)SIZE_MAX);
}

int precompress_site(struct site *site, const struct options *options, struct buf *summary)
{
    static atomic_bool stop;

    const struct precompress_settings settings = {
        .threads = share_cores(),
        .memory_max = memory_of(options),
        .stop = &stop,
    };
    struct progress             progress = progress_open();
    struct precompress_listener listener = {
        .progress = progress.is_on ? on_progress : NULL,
        .trouble = on_trouble,
        .data = &progress,
    };
    struct precompress_counts counts;
    bool                      ok;

    signals_flag(&stop);
    ok = site_precompress(site, &settings, &listener, &counts);
    progress_clear(&progress);
    if (!ok) {
        fprintf(stderr, "wherry: there is no memory for the names of so many files\n");
        return CODE_SYSTEM;
    }
    precompress_sum_up(&counts, summary);
    if (signals_received())
        return 128 + signals_received();
    return counts.failed ? CODE_SYSTEM : CODE_FINE;
}
