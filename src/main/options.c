#include "main/options.h"

#include <stdarg.h>
#include <stdio.h>

#include "main/option_sources.h"
#include "main/option_value.h"

const char *options_name(const struct option *option, const struct option_given *given,
                         struct option_name *room)
{
    struct option_variable variable = {0};
    size_t                 size = sizeof room->text;
    char                   path[256];

    switch (given->source) {
    case OPTION_FROM_FILE:
        snprintf(room->text, size, "%s:%u: %s", log_quote(path, sizeof path, str_view(given->path)),
                 given->line, option->name);
        break;
    case OPTION_FROM_ENVIRONMENT:
        snprintf(room->text, size, "%s", option_variable(option, &variable));
        break;
    case OPTION_FROM_COMMAND_LINE:
    case OPTION_FROM_DEFAULT:
        snprintf(room->text, size, "--%s", option->name);
        break;
    }
    return room->text;
}

const char *options_origin(const struct option *option, const struct option_given *given,
                           struct option_name *room)
{
    struct option_variable variable = {0};
    size_t                 size = sizeof room->text;
    char                   path[256];

    switch (given->source) {
    case OPTION_FROM_DEFAULT:
        snprintf(room->text, size, "default");
        break;
    case OPTION_FROM_FILE:
        snprintf(room->text, size, "%s:%u", log_quote(path, sizeof path, str_view(given->path)),
                 given->line);
        break;
    case OPTION_FROM_ENVIRONMENT:
        snprintf(room->text, size, "%s", option_variable(option, &variable));
        break;
    case OPTION_FROM_COMMAND_LINE:
        snprintf(room->text, size, "command line");
        break;
    }
    return room->text;
}

bool options_fail(struct options *options, enum exit_code code, const char *format, ...)
{
    struct mistake *mistake = &options->mistake;
    va_list         values;

    mistake->code = code;
    va_start(values, format);
    vsnprintf(mistake->sentence, sizeof mistake->sentence, format, values);
    va_end(values);
    return false;
}

/* Whose mistake it is, and where help is to be had. */
static enum exit_code blame(enum option_source source)
{
    return source == OPTION_FROM_COMMAND_LINE ? CODE_USAGE : CODE_CONFIGURATION;
}

static const char *hint(enum exit_code code)
{
    return code == CODE_USAGE ? " (see wherry --help)" : "";
}

static bool refuse(struct options *options, const struct option *option,
                   const struct option_given *given)
{
    enum exit_code     code = blame(given->source);
    struct buf         expected = BUF_UP_TO(512);
    struct option_name name;
    char               value[128];

    option_value_expect(option, &expected);
    options_fail(options, code, "%s is \"%s\"; it must be %.*s%s",
                 options_name(option, given, &name),
                 log_quote(value, sizeof value, str_view(given->text)),
                 STR_ARG(buf_view(&expected)), hint(code));
    buf_fini(&expected);
    return false;
}

bool options_give(struct options *options, const struct option *option, struct option_given given)
{
    struct option_given *current = &options->given[option_index(option)];
    struct option_value  value = {0};

    if (!option_value_parse(option, given.text, &value))
        return refuse(options, option, &given);
    if (given.source >= current->source) {
        option_value_store(option, value, options);
        *current = given;
    }
    return true;
}

static void give_defaults(struct options *options)
{
    for (size_t i = 0; i < option_count; i++) {
        struct option_given given = {.text = option_table[i].initial};
        bool                ok = options_give(options, &option_table[i], given);

        assert(ok && "the table's defaults are good values");
        (void)ok;
    }
}

/* Two values that are right each and wrong together.  It is the mistake of the source that
 * overrides the other. */
static bool clash(struct options *options, const char *a, const char *b, const char *why)
{
    const struct option       *one = option_find(str_view(a));
    const struct option       *other = option_find(str_view(b));
    const struct option_given *given = &options->given[option_index(one)];
    const struct option_given *beside = &options->given[option_index(other)];
    enum exit_code             code = blame(MAX_OF(given->source, beside->source));
    struct option_name         one_name, other_name;

    return options_fail(options, code, "%s is %s%s, but %s is %s%s; %s%s",
                        options_name(one, given, &one_name), given->text,
                        given->source == OPTION_FROM_DEFAULT ? " by default" : "",
                        options_name(other, beside, &other_name),
                        *beside->text ? beside->text : "not given",
                        beside->source == OPTION_FROM_DEFAULT && *beside->text ? " by default" : "",
                        why, hint(code));
}

static struct option_given *given_of(struct options *options, const char *name)
{
    return &options->given[option_index(option_find(str_view(name)))];
}

/* Who sets one of two values that belong together need not know of the other. */
static void let_defaults_follow(struct options *options)
{
    struct wherry_settings *server = &options->server;
    struct option_given    *workers_max = given_of(options, "workers-max");
    struct option_given    *target_max = given_of(options, "target-max");

    if (workers_max->source == OPTION_FROM_DEFAULT && server->workers > server->workers_max) {
        server->workers_max = server->workers;
        workers_max->text = given_of(options, "workers")->text;
    }
    if (target_max->source == OPTION_FROM_DEFAULT &&
        server->target_bytes_max > server->head_bytes_max) {
        server->target_bytes_max = server->head_bytes_max;
        target_max->text = given_of(options, "head-max")->text;
    }
}

static bool fit_together(struct options *options)
{
    const struct wherry_settings *server = &options->server;

    if (server->workers > server->workers_max)
        return clash(options, "workers", "workers-max", "it must not be more");
    if (server->target_bytes_max > server->head_bytes_max)
        return clash(options, "target-max", "head-max",
                     "the target is a part of the head, so it must not be more");
    if (server->http_port == -1 && !server->unix_path)
        return clash(options, "http-port", "unix", "one of the two is needed to listen");
    return true;
}

bool options_read(struct options *options, int argc, char **argv, char **environment)
{
    give_defaults(options);
    if (!option_command_line_read(options, argc, argv))
        return false;
    if (options->help || options->version || options->print_manual)
        return true;
    if (!option_environment_read(options, environment) ||
        (options->config && !option_file_read(options, options->config)))
        return false;
    let_defaults_follow(options);
    return fit_together(options);
}

void options_fini(struct options *options)
{
    arena_fini(&options->texts);
    buf_fini(&options->warnings);
    *options = OPTIONS_NONE;
}
