#include "main/option_help.h"

#include "main/option_sources.h"

enum { NAME_COLUMNS = 28, HELP_COLUMNS = 99, MANUAL_COLUMNS = 79 };

static const char help_top[] =
    "Usage: wherry [OPTIONS] [ROOT]\n"
    "\n"
    "Serves the folder ROOT (by default the one you are in) as a website over HTTP.\n"
    "\n"
    "  wherry public                              on http://localhost:8080, for this machine only\n"
    "  wherry --address '*' --http-port 80 /site  for everyone who can reach this machine\n"
    "  wherry --config wherry.conf --check        is everything right?\n";

static const char help_bottom[] =
    "\n"
    "A size is in bytes, or with K, M or G: 512, 16K, 1M. A time is in seconds, or with ms, s, m\n"
    "or h: 10, 500ms, 2m. Yes and no are written --clean-urls, --no-clean-urls, --clean-urls=no.\n"
    "\n"
    "What the command line does not say is taken from the environment (WHERRY_HTTP_PORT for\n"
    "--http-port), then from the --config file (http-port = 8080, one a line, # for comments),\n"
    "then from the defaults.\n"
    "\n"
    "SIGTERM and SIGINT: finish what is in flight, then end; once more: end at once.\n"
    "\n"
    "Exit status: 0 fine, 100 the command line is wrong, 102 the environment or the file is,\n"
    "111 the system said no (the port is taken, ROOT can't be opened).\n"
    "\n"
    "More: man wherry\n";

/* How text becomes lines. */
struct layout {
    size_t columns;
    size_t indent;              /* of all lines but the first */
    bool   splits_sentences;    /* each begins a line, as mdoc wants it */
};

static const struct layout help_layout = {HELP_COLUMNS, NAME_COLUMNS, false};
static const struct layout manual_layout = {MANUAL_COLUMNS, 0, true};

/* Appends `text` word by word, and a line end; the first line is at `column` already. */
static void wrap(struct buf *out, struct str text, size_t column, const struct layout *layout)
{
    bool       is_first = true, is_end = false;
    struct str word;

    while (str_split(&text, ' ', &word)) {
        if (is_end || (!is_first && column + 1 + word.len > layout->columns)) {
            buf_printf(out, "\n%*s", (int)layout->indent, "");
            column = layout->indent;
        } else if (!is_first) {
            buf_append_byte(out, ' ');
            column++;
        }
        buf_append(out, word);
        column += word.len;
        is_first = false;
        is_end = layout->splits_sentences && str_ends(word, STR("."));
    }
    buf_append_byte(out, '\n');
}

/* What is asked for has no default worth a word. */
static bool has_default(const struct option *option)
{
    return *option->initial && option_allows(option, OPTION_FROM_FILE);
}

static void print_row(struct buf *out, const struct option *option)
{
    struct buf line = BUF_UP_TO(1024);
    size_t     len;

    buf_printf(&line, "  --%s %s", option->name, option->argument ? option->argument : "");
    len = line.len;
    buf_printf(&line, "%*s", (int)(NAME_COLUMNS > len ? NAME_COLUMNS - len : 1), "");
    buf_append(out, buf_view(&line));
    len = line.len;

    buf_reset(&line);
    buf_printf(&line, "%s", option->help);
    if (has_default(option))
        buf_printf(&line, " [%s]", option->initial);
    wrap(out, buf_view(&line), len, &help_layout);
    out->failed |= line.failed;
    buf_fini(&line);
}

void option_help_print(struct buf *out)
{
    const char *group = "";

    buf_append(out, str_view(help_top));
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];

        if (!option->group)
            continue;
        if (strcmp(group, option->group) != 0)
            buf_printf(out, "\n%s:\n", option->group);
        group = option->group;
        print_row(out, option);
    }
    buf_append(out, str_view(help_bottom));
}

/* Text as mdoc takes it for itself: no character that roff reads otherwise. */
static void escape(struct buf *out, const char *text)
{
    for (size_t i = 0; text[i]; i++) {
        if (text[i] == '-')
            buf_append(out, STR("\\-"));
        else if (text[i] == '.' && i == 0)
            buf_append(out, STR("\\&."));
        else
            buf_append_byte(out, text[i]);
    }
}

static void print_prose(struct buf *out, const char *text)
{
    struct buf escaped = BUF_UP_TO(1024);

    escape(&escaped, text);
    wrap(out, buf_view(&escaped), 0, &manual_layout);
    out->failed |= escaped.failed;
    buf_fini(&escaped);
}

static void print_item(struct buf *out, const struct option *option)
{
    buf_append(out, STR(".It Fl \\-"));
    escape(out, option->name);
    if (option->argument)
        buf_printf(out, " Ar %s", option->argument);
    buf_append_byte(out, '\n');
    print_prose(out, option->help);
    if (option->least)
        buf_printf(out, "From %s to %s%s.\n", option->least, option->most,
                   option->can_be_off ? ", or off" : "");
    if (has_default(option)) {
        buf_append(out, STR("The default is\n.Ql "));
        escape(out, option->initial);
        buf_append(out, STR(" .\n"));
    }
}

void option_manual_print(struct buf *out)
{
    const char *group = NULL;

    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];

        if (!option->group)
            continue;
        if (!group || strcmp(group, option->group) != 0)
            buf_printf(out, "%s.Ss %s\n.Bl -tag -width Ds\n", group ? ".El\n" : "", option->group);
        group = option->group;
        print_item(out, option);
    }
    buf_append(out, STR(".El\n"));
}

void option_config_print(const struct options *options, struct buf *out)
{
    struct buf         value = BUF_UP_TO(64 * 1024);
    struct option_name origin;

    buf_append(out, STR("[wherry]\n"));
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];

        if (!option_allows(option, OPTION_FROM_FILE))
            continue;
        buf_reset(&value);
        option_file_quote(&value, str_view(options->given[i].text));
        buf_printf(out, "%-15s = %-11.*s  # %s\n", option->name, STR_ARG(buf_view(&value)),
                   options_origin(option, &options->given[i], &origin));
        out->failed |= value.failed;
    }
    buf_fini(&value);
}
