#include "main/option_sources.h"

static const struct str prefix = {"WHERRY_", 7};

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
static bool give_parts(struct options *options, const struct option *option, const char *value)
{
    struct str rest = str_view(value);
    struct str part;

    while (str_split(&rest, ',', &part)) {
        char *text = arena_cstr(&options->texts, str_trim(part));

        if (text && *text == '\0')         /* a comma too many */
            continue;
        if (!text)
            return options_fail(options, CODE_SYSTEM, "there is no memory for the options");
        if (!options_give(options, option,
                          (struct option_given){.source = OPTION_FROM_ENVIRONMENT, .text = text}))
            return false;
    }
    return true;
}

static bool give_variable(struct options *options, const struct option *option, const char *value)
{
    const struct option_given given = {.source = OPTION_FROM_ENVIRONMENT, .text = value};

    return option->kind == OPTION_LIST ? give_parts(options, option, value)
                                       : options_give(options, option, given);
}

bool option_environment_read(struct options *options, char **environment)
{
    for (char **at = environment; *at; at++) {
        struct str           whole = str_view(*at);
        struct str           name = str_of(*at, str_find(whole, '='));
        const struct option *option = find_variable(name);
        const char          *value = *at + name.len + 1;

        if (!str_starts(name, prefix) || whole.len <= name.len + 1 || is_kubernetes(name, value))
            continue;
        if (!option)
            warn_unknown(options, name);
        else if (!give_variable(options, option, value))
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
