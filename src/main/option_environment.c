#include "main/option_sources.h"

#include <errno.h>
#include <stdio.h>

#include "base/file.h"

enum { VALUE_BYTES_MAX = 20 * 1024 };       /* of a file with a value; file_read reads by 4 K */

static const struct str prefix = {"WHERRY_", 7};
static const struct str suffix = {"_FILE", 5};

static bool has_part(struct str name, const char *part)
{
    return memmem(name.ptr, name.len, part, strlen(part)) != NULL;
}

/* Kubernetes describes each service to each container: to a service called "wherry", "wherry-blog"
 * or "wherry-http" we owe WHERRY_PORT, WHERRY_BLOG_SERVICE_HOST and even
 * WHERRY_HTTP_PORT=tcp://10.0.0.1:80.  None of them is about us. */
static bool is_kubernetes(struct str name, const char *value)
{
    struct str text = str_view(value);
    bool       is_url = str_starts(text, STR("tcp://")) || str_starts(text, STR("udp://")) ||
                  str_starts(text, STR("sctp://"));

    if (str_ends(name, STR("_SERVICE_HOST")) || str_ends(name, STR("_SERVICE_PORT")) ||
        has_part(name, "_SERVICE_PORT_"))
        return true;
    if (has_part(name, "_PORT_"))
        return has_part(name, "_TCP") || has_part(name, "_UDP") || has_part(name, "_SCTP");
    return str_ends(name, STR("_PORT")) && is_url;
}

static const struct option *find_variable(struct str name)
{
    struct option_variable room = {0};

    for (size_t i = 0; i < option_count; i++)
        if (option_allows(&option_table[i], OPTION_FROM_ENVIRONMENT) &&
            str_equal(name, str_view(option_variable(&option_table[i], &room))))
            return &option_table[i];
    return NULL;
}

/* What a variable may have been meant to be: its name without the prefix, as options spell it. */
static const struct option *nearest_variable(struct str name)
{
    char   spelled[OPTION_NAME_MAX];
    size_t len = name.len - prefix.len;

    if (len >= sizeof spelled)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        char c = name.ptr[prefix.len + i];

        spelled[i] = c == '_' ? '-' : (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return option_nearest(str_of(spelled, len), OPTION_FROM_ENVIRONMENT);
}

/* Only a warning: the environment is shared, and the variable may be meant for someone else. */
static void warn_unknown(struct options *options, struct str name)
{
    const struct option   *nearest = nearest_variable(name);
    struct option_variable room = {0};
    char                   quoted[128];

    log_quote(quoted, sizeof quoted, name);
    if (nearest)
        buf_printf(&options->warnings, "wherry: %s is not an option; did you mean %s?\n", quoted,
                   option_variable(nearest, &room));
    else
        buf_printf(&options->warnings, "wherry: %s is not an option; it is passed over\n", quoted);
}

/* parts = part *( "," part ), blanks around each being dropped. */
static bool give_parts(struct options *options, const struct option *option,
                       struct option_given given)
{
    struct str rest = str_view(given.text);
    struct str part;

    while (str_split(&rest, ',', &part)) {
        char *text = arena_cstr(&options->texts, str_trim(part));

        if (text && *text == '\0')         /* a comma too many */
            continue;
        if (!text)
            return options_fail(options, CODE_SYSTEM, "there is no memory for the options");
        given.text = text;
        if (!options_give(options, option, given))
            return false;
    }
    return true;
}

static bool give_value(struct options *options, const struct option *option,
                       struct option_given given)
{
    return option->kind == OPTION_LIST ? give_parts(options, option, given)
                                       : options_give(options, option, given);
}

/* ---- WHERRY_NAME_FILE ----------------------------------------------------------------- */

/* What holds a key, a password and the like is a file already: to name it by a name that says so is
 * to name it. */
static bool names_a_file(const struct option *option)
{
    return option->argument && strcmp(option->argument, "FILE") == 0;
}

static bool fail_file(struct options *options, const struct option *option,
                      const struct option_given *given, enum exit_code code, const char *why)
{
    struct option_given bare = {.source = OPTION_FROM_ENVIRONMENT, .is_suffixed = true};
    struct option_name  name;
    char                quoted[256];

    return options_fail(options, code, "%s is \"%s\", %s", options_name(option, &bare, &name),
                        log_quote(quoted, sizeof quoted, str_view(given->path)), why);
}

static bool fail_unreadable(struct options *options, const struct option *option,
                            const struct option_given *given, int error)
{
    char why[128];

    snprintf(why, sizeof why, "which cannot be read: %s",
             error == EFBIG    ? "it is longer than 16K"
             : error == EINVAL ? "it is no regular file"
                               : strerror(error));
    return fail_file(options, option, given, CODE_SYSTEM, why);
}

/* value-file = value [ [ CR ] LF *any ] */
static bool give_first_line(struct options *options, const struct option *option,
                            struct option_given given, struct str content)
{
    struct str line = str_of(content.ptr, str_find(content, '\n'));

    if (line.len < content.len && str_ends(line, STR("\r")))
        line.len--;
    if (str_find(line, '\0') < line.len)
        return fail_file(options, option, &given, CODE_CONFIGURATION,
                         "which has a NUL in its first line");
    given.text = arena_cstr(&options->texts, line);
    if (!given.text)
        return options_fail(options, CODE_SYSTEM, "there is no memory for the options");
    return *given.text == '\0' || give_value(options, option, given);
}

static bool give_file(struct options *options, const struct option *option,
                      struct option_given given)
{
    struct buf content = BUF_UP_TO(VALUE_BYTES_MAX);
    bool       ok = file_read(given.path, &content);

    if (ok)
        ok = give_first_line(options, option, given, buf_view(&content));
    else
        fail_unreadable(options, option, &given, errno);
    buf_fini(&content);
    return ok;
}

static bool fail_twice(struct options *options, const struct option *option)
{
    struct option_variable room = {0};
    const char            *name = option_variable(option, &room);

    return options_fail(options, CODE_CONFIGURATION, "%s and %s_FILE are both set; unset one", name,
                        name);
}

/* The variable without the suffix has something to say, too. */
static bool is_set(char **environment, const struct option *option)
{
    struct option_variable room = {0};
    struct str             name = str_view(option_variable(option, &room));

    for (char **at = environment; *at; at++) {
        struct str whole = str_view(*at);

        if (str_starts(whole, name) && whole.len > name.len + 1 && whole.ptr[name.len] == '=' &&
            !is_kubernetes(name, whole.ptr + name.len + 1))
            return true;
    }
    return false;
}

static bool give_suffixed(struct options *options, const struct option *option, const char *value,
                          char **environment)
{
    struct option_given given = {.source = OPTION_FROM_ENVIRONMENT, .is_suffixed = true};

    if (is_set(environment, option))
        return fail_twice(options, option);
    if (names_a_file(option)) {
        given.text = value;
        return give_value(options, option, given);
    }
    given.path = value;
    return give_file(options, option, given);
}

/* ---- all of them ---------------------------------------------------------------------- */

/* WHERRY_NAME_FILE, where that is not the name of an option itself. */
static const struct option *find_suffixed(struct str name)
{
    return str_ends(name, suffix) ? find_variable(str_of(name.ptr, name.len - suffix.len)) : NULL;
}

static bool read_variable(struct options *options, struct str name, const char *value,
                          char **environment)
{
    const struct option *option = find_variable(name);
    struct option_given  given = {.source = OPTION_FROM_ENVIRONMENT, .text = value};

    if (option)
        return give_value(options, option, given);
    option = find_suffixed(name);
    if (option)
        return give_suffixed(options, option, value, environment);
    warn_unknown(options, name);
    return true;
}

bool option_environment_read(struct options *options, char **environment)
{
    for (char **at = environment; *at; at++) {
        struct str  whole = str_view(*at);
        struct str  name = str_of(*at, str_find(whole, '='));
        const char *value = *at + name.len + 1;

        if (!str_starts(name, prefix) || whole.len <= name.len + 1 || is_kubernetes(name, value))
            continue;
        if (!read_variable(options, name, value, environment))
            return false;
    }
    return true;
}

const char *option_environment_find(char **environment, const char *name)
{
    size_t len = strlen(name);

    for (char **at = environment; *at; at++)
        if (strncmp(*at, name, len) == 0 && (*at)[len] == '=')
            return *at + len + 1;
    return "";
}
