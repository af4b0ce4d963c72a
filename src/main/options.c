#include "main/options.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/share.h"
#include "main/option_https.h"
#include "main/option_sources.h"
#include "main/option_spool.h"
#include "main/option_value.h"

/* The variable, and the file that it is read from. */
static void write_variable(const struct option *option, const struct option_given *given,
                           struct option_name *room)
{
    struct option_variable variable = {0};
    char                   path[256];

    option_variable(option, &variable);
    if (given->path)
        snprintf(room->text, sizeof room->text, "%s_FILE (%s)", variable.name,
                 log_quote(path, sizeof path, str_view(given->path)));
    else
        snprintf(room->text, sizeof room->text, "%s%s", variable.name,
                 given->is_suffixed ? "_FILE" : "");
}

const char *options_name(const struct option *option, const struct option_given *given,
                         struct option_name *room)
{
    size_t size = sizeof room->text;
    char   path[256];

    switch (given->source) {
    case OPTION_FROM_FILE:
        snprintf(room->text, size, "%s:%u: %s", log_quote(path, sizeof path, str_view(given->path)),
                 given->line, option->name);
        break;
    case OPTION_FROM_ENVIRONMENT:
        write_variable(option, given, room);
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
    size_t size = sizeof room->text;
    char   path[256];

    switch (given->source) {
    case OPTION_FROM_DEFAULT:
        snprintf(room->text, size, "default");
        break;
    case OPTION_FROM_FILE:
        snprintf(room->text, size, "%s:%u", log_quote(path, sizeof path, str_view(given->path)),
                 given->line);
        break;
    case OPTION_FROM_ENVIRONMENT:
        write_variable(option, given, room);
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

enum exit_code options_blame(enum option_source source)
{
    return source == OPTION_FROM_COMMAND_LINE ? CODE_USAGE : CODE_CONFIGURATION;
}

const char *options_hint(enum exit_code code)
{
    return code == CODE_USAGE ? " (see wherry --help)" : "";
}

static bool refuse(struct options *options, const struct option *option,
                   const struct option_given *given)
{
    enum exit_code     code = options_blame(given->source);
    struct buf         expected = BUF_UP_TO(512);
    struct option_name name;
    char               value[128];

    option_value_expect(option, &expected);
    options_fail(options, code, "%s is \"%s\"; it must be %.*s%s",
                 options_name(option, given, &name),
                 log_quote(value, sizeof value, str_view(given->text)),
                 STR_ARG(buf_view(&expected)), options_hint(code));
    buf_fini(&expected);
    return false;
}

static bool refuse_one_more(struct options *options, const struct option *option,
                            const struct option_given *given)
{
    enum exit_code     code = options_blame(given->source);
    struct option_name name;

    return options_fail(options, code, "%s is there once too often; it may be given %s times%s",
                        options_name(option, given, &name), option->most, options_hint(code));
}

/* A source that says anything about a list says all of it: the first text takes the place of what
 * lower sources said. */
static bool take_item(struct options *options, const struct option *option,
                      const struct option_given *given, struct option_value value)
{
    struct option_list *list = (struct option_list *)((char *)options + option->offset);

    if (given->source > options->given[option_index(option)].source)
        list->count = 0;
    if (!option_value_store(option, value, options))
        return refuse_one_more(options, option, given);
    if (list->count)
        list->lines[list->count - 1] = given->line;
    return true;
}

bool options_give(struct options *options, const struct option *option, struct option_given given)
{
    struct option_given *current = &options->given[option_index(option)];
    struct option_value  value = {0};
    bool                 ok = true;

    if (!option_value_parse(option, given.text, &value))
        return refuse(options, option, &given);
    if (given.source < current->source)
        return true;
    if (option->kind == OPTION_LIST)
        ok = take_item(options, option, &given, value);
    else
        ok = option_value_store(option, value, options);
    *current = given;
    return ok;
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

const struct option_given *options_given(const struct options *options, const char *name)
{
    const struct option *option = option_find(str_view(name));

    assert(option);
    return &options->given[option_index(option)];
}

bool options_ask_only(const struct options *options, const char *name)
{
    const struct option *option = option_find(str_view(name));

    for (size_t i = 0; i < option_count; i++)
        if ((&option_table[i] == option) !=
            (options->given[i].source == OPTION_FROM_COMMAND_LINE))
            return false;
    return true;
}

void options_follow(struct options *options, const char *name, const char *text)
{
    const struct option *option = option_find(str_view(name));

    assert(option);
    options->given[option_index(option)] = (struct option_given){.text = text};
}

bool options_clash(struct options *options, const char *a, const char *b, const char *why)
{
    const struct option       *one = option_find(str_view(a));
    const struct option       *other = option_find(str_view(b));
    const struct option_given *given = &options->given[option_index(one)];
    const struct option_given *beside = &options->given[option_index(other)];
    enum exit_code             code = options_blame(MAX_OF(given->source, beside->source));
    struct option_name         one_name, other_name;
    char                       text[128], other_text[128];

    log_quote(text, sizeof text, str_view(given->text));
    log_quote(other_text, sizeof other_text, str_view(beside->text));
    return options_fail(options, code, "%s is %s%s, but %s is %s%s; %s%s",
                        options_name(one, given, &one_name), text,
                        given->source == OPTION_FROM_DEFAULT ? " by default" : "",
                        options_name(other, beside, &other_name),
                        *beside->text ? other_text : "not given",
                        beside->source == OPTION_FROM_DEFAULT && *beside->text ? " by default" : "",
                        why, options_hint(code));
}

static bool is_default(const struct options *options, const char *name)
{
    return options_given(options, name)->source == OPTION_FROM_DEFAULT;
}

/* Who sets one of two values that belong together need not know of the other. */
static void let_defaults_follow(struct options *options)
{
    struct wherry_settings *server = &options->server;

    if (is_default(options, "workers-max") && server->workers > server->workers_max) {
        server->workers_max = server->workers;
        options_follow(options, "workers-max", options_given(options, "workers")->text);
    }
    if (is_default(options, "target-max") && server->target_bytes_max > server->head_bytes_max) {
        server->target_bytes_max = server->head_bytes_max;
        options_follow(options, "target-max", options_given(options, "head-max")->text);
    }
}

/* False when there is no memory for the text. */
static bool follow_number(struct options *options, const char *name, uint64_t number,
                          const char *unit)
{
    char  text[32];
    int   len = snprintf(text, sizeof text, "%llu%s", (unsigned long long)number, unit);
    char *kept = arena_cstr(&options->texts, str_of(text, (size_t)len));

    if (!kept)
        return options_fail(options, CODE_SYSTEM, "there is no memory for the options");
    options_follow(options, name, kept);
    return true;
}

/* An eighth for files and a quarter for codings (site_settings); a quarter for connections, of which
 * a busy one with TLS takes some 60 KiB; an eighth for the bodies that they send (spool_share).  The rest
 * is the kernel's, and malloc's. */
bool options_fit_memory(struct options *options, uint64_t bytes)
{
    enum { CONNECTION_BYTES = 64 * 1024, CONNECTIONS_LEAST = 64 };
    uint64_t  cache_kib = bytes / 8 / 1024, conns = bytes / 4 / CONNECTION_BYTES;
    unsigned *connections = &options->server.connections_max;
    bool      ok = true;

    if (is_default(options, "cache-size") && options->site.cache_bytes / 1024 > cache_kib) {
        options->site.cache_bytes = (size_t)cache_kib * 1024;
        ok = follow_number(options, "cache-size", cache_kib, "K");
    }
    if (is_default(options, "connections-max") && *connections > conns) {
        *connections = (unsigned)MAX_OF(conns, (uint64_t)CONNECTIONS_LEAST);
        ok = ok && follow_number(options, "connections-max", *connections, "");
    }
    return ok;
}

static bool fit_together(struct options *options)
{
    const struct wherry_settings *server = &options->server;

    if (server->workers > server->workers_max)
        return options_clash(options, "workers", "workers-max", "it must not be more");
    if (server->target_bytes_max > server->head_bytes_max)
        return options_clash(options, "target-max", "head-max",
                     "the target is a part of the head, so it must not be more");
    if (server->http_port == -1 && !server->unix_path && server->tls.port == -1)
        return options_clash(options, "http-port", "unix",
                             "one of the two, or --tls, is needed to listen");
    if (options->endpoints.files_dir && !options->endpoints.prefix)
        return options_clash(options, "files-dir", "endpoints",
                             "nobody could ask for the files in it");
    if (!is_default(options, "within"))
        return options_clash(options, "within", "wait", "it says how long to");
    return true;
}

/* Who waits for a server is none.  What else is said would mean nothing, so it was meant otherwise. */
static bool wait_alone(struct options *options)
{
    const struct option *wait = option_find(STR("wait"));

    if (!options->wait)
        return refuse(options, wait, &options->given[option_index(wait)]);
    for (size_t i = 0; i < option_count; i++) {
        const char *name = option_table[i].name;

        if (&option_table[i] != wait && strcmp(name, "within") != 0 && !is_default(options, name))
            return options_clash(options, "wait", name, "who waits does nothing else");
    }
    return true;
}

bool options_read(struct options *options, int argc, char **argv, char **environment)
{
    give_defaults(options);
    if (!option_command_line_read(options, argc, argv))
        return false;
    if (options->help || options->version || options->print_manual ||
        (options->healthcheck && options_ask_only(options, "healthcheck")))
        return true;
    if (!is_default(options, "wait"))
        return wait_alone(options);
    if (!option_environment_read(options, environment) ||
        (options->config && !option_file_read(options, options->config)))
        return false;
    let_defaults_follow(options);
    option_spool_settle(options, environment);
    options->site.coding.except = options->compress_except.texts;
    options->site.coding.except_count = options->compress_except.count;
    options->endpoints.redirect_origins = options->redirect_to.texts;
    options->endpoints.redirect_origins_count = options->redirect_to.count;
    options->server.compresses = options->site.coding.is_on;
    options->server.compress_bytes_min = (size_t)options->site.coding.least;
    return options_fit_memory(options, share_memory()) &&
           option_https_settle(options, environment) && fit_together(options);
}

void options_fini(struct options *options)
{
    arena_fini(&options->texts);
    buf_fini(&options->warnings);
    *options = OPTIONS_NONE;
}
