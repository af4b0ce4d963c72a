#include "main/option_help.h"

#include "main/option_sources.h"
#include "main/option_value.h"

enum { NAME_COLUMNS = 28, HELP_COLUMNS = 99, MANUAL_COLUMNS = 79 };

static const char help_top[] =
    "Usage: wherry [OPTIONS] [ROOT]\n"
    "\n"
    "Serves the folder ROOT (by default the one you are in) as a website over HTTP.\n"
    "\n"
    "  wherry public                              on http://localhost:8080, for this machine only\n"
    "  wherry --address '*' --http-port 80 /site  for everyone who can reach this machine\n"
    "  wherry --tls public                        on https://localhost:8443 too\n"
    "  wherry --config wherry.conf --check        is everything right?\n";

static const char help_bottom[] =
    "\n"
    "A size is in bytes, or with K, M or G: 512, 16K, 1M. A time is in seconds, or with ms, s,\n"
    "m, h or d: 10, 500ms, 2m. Yes and no are --clean-urls, --no-clean-urls, --clean-urls=no.\n"
    "What is in brackets may be left out, and stands behind = only: --endpoints=/test.\n"
    "What may be given again is one list; in the environment it has commas between its parts.\n"
    "\n"
    "What the command line does not say is taken from the environment (WHERRY_HTTP_PORT for\n"
    "--http-port), then from the --config file (http-port = 8080, one a line, # for comments),\n"
    "then from the defaults. WHERRY_HTTP_PORT_FILE=/run/secrets/port reads it from that file.\n"
    "\n"
    "SIGTERM and SIGINT: finish what is in flight, then end; once more: end at once. SIGHUP: read\n"
    "certificates and keys anew.\n"
    "\n"
    "Exit status: 0 fine, 100 the command line is wrong, 102 the environment or the file is,\n"
    "111 the system said no (the port is taken, ROOT or a certificate can't be used). Of\n"
    "--healthcheck: 0 it is well, 1 it is not; of --wait: 0 it is ready, 1 it was not in time.\n"
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

    if (option->kind == OPTION_SWITCH)
        buf_printf(&line, "  --%s[=%s]", option->name, option->argument);
    else
        buf_printf(&line, "  --%s %s", option->name, option->argument ? option->argument : "");
    len = line.len;
    if (len < NAME_COLUMNS)
        buf_printf(&line, "%*s", (int)(NAME_COLUMNS - len), "");
    else
        buf_printf(&line, "\n%*s", NAME_COLUMNS, "");
    buf_append(out, buf_view(&line));

    buf_reset(&line);
    buf_printf(&line, "%s", option->help);
    if (has_default(option))
        buf_printf(&line, " [%s]", option->initial);
    wrap(out, buf_view(&line), NAME_COLUMNS, &help_layout);
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
    if (option->kind == OPTION_SWITCH)
        buf_printf(out, " Ns Op = Ns Ar %s", option->argument);
    else if (option->argument)
        buf_printf(out, " Ar %s", option->argument);
    buf_append_byte(out, '\n');
    print_prose(out, option->help);
    if (option->kind == OPTION_LIST)
        buf_printf(out, "May be given up to %s times.\n", option->most);
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

static void print_setting(const struct option *option, const struct option_given *given,
                          struct buf *out)
{
    struct buf         value = BUF_UP_TO(64 * 1024);
    struct option_name origin;

    option_file_quote(&value, str_view(given->text));
    buf_printf(out, "%-21s = %-11.*s  # %s\n", option->name, STR_ARG(buf_view(&value)),
               options_origin(option, given, &origin));
    out->failed |= value.failed;
    buf_fini(&value);
}

/* A list without a text is one line without one. */
static void print_list(const struct options *options, const struct option *option, struct buf *out)
{
    const struct option_list *list = option_list_of(option, options);
    struct option_given       given = options->given[option_index(option)];

    for (size_t i = 0; i < list->count; i++) {
        given.text = list->texts[i];
        given.line = list->lines[i];
        print_setting(option, &given, out);
    }
    if (list->count == 0)
        print_setting(option, &given, out);
}

void option_config_print(const struct options *options, struct buf *out)
{
    buf_append(out, STR("[wherry]\n"));
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];

        if (!option_allows(option, OPTION_FROM_FILE))
            continue;
        if (option->kind == OPTION_LIST)
            print_list(options, option, out);
        else
            print_setting(option, &options->given[i], out);
    }
}
