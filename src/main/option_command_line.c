#include "main/option_sources.h"

#include <stdio.h>

#define SEE_HELP "(see wherry --help)"

/* The words not read yet, and where the ROOT is among those that were. */
struct words {
    char **next;            /* a NULL stands behind the last */
    char **root;            /* NULL: there was none */
};

static struct option_given written(const char *text)
{
    return (struct option_given){.source = OPTION_FROM_COMMAND_LINE, .text = text};
}

static bool unknown_option(struct options *options, struct str word)
{
    struct str           bare = word;
    const struct option *nearest;
    char                 quoted[128];

    while (str_starts(bare, STR("-")))
        bare = str_from(bare, 1);
    log_quote(quoted, sizeof quoted, word);
    nearest = option_nearest(bare, OPTION_FROM_COMMAND_LINE);
    if (nearest)
        return options_fail(options, CODE_USAGE,
                            "%s is not an option; did you mean --%s? " SEE_HELP, quoted,
                            nearest->name);
    return options_fail(options, CODE_USAGE, "%s is not an option " SEE_HELP, quoted);
}

/* The next word is the value.  One that looks like an option is more likely to be one: whoever
 * means it as a value can write --name=value. */
static bool take_value(struct options *options, const struct option *option, struct words *words)
{
    const char *value = *words->next;
    char        quoted[128];

    if (!value)
        return options_fail(options, CODE_USAGE, "--%s needs a value " SEE_HELP, option->name);
    if (str_starts(str_view(value), STR("--")))
        return options_fail(options, CODE_USAGE, "--%s needs a value before %s " SEE_HELP,
                            option->name, log_quote(quoted, sizeof quoted, str_view(value)));
    words->next++;
    return options_give(options, option, written(value));
}

static bool can_stand_alone(const struct option *option)
{
    return option->kind == OPTION_BOOLEAN || option->kind == OPTION_SWITCH;
}

/* A name that stands alone: --no-boolean, --boolean, or --name with its value behind. */
static bool read_bare(struct options *options, struct str name, struct words *words)
{
    const struct option *option = option_find(name);
    const struct option *negated = NULL;

    if (str_starts(name, STR("no-")))
        negated = option_find(str_from(name, 3));
    if (negated && can_stand_alone(negated))
        return options_give(options, negated, written("no"));
    if (!option)
        return unknown_option(options, str_of(name.ptr - 2, name.len + 2));
    if (can_stand_alone(option))
        return options_give(options, option, written("yes"));
    return take_value(options, option, words);
}

/* option = "--" name [ "=" value ] */
static bool read_option(struct options *options, const char *word, struct words *words)
{
    struct str           whole = str_view(word);
    struct str           name = str_from(whole, 2);
    const struct option *option;

    name.len = str_find(name, '=');
    if (name.len + 2 == whole.len)
        return read_bare(options, name, words);
    option = option_find(name);
    if (!option)
        return unknown_option(options, str_of(word, name.len + 2));
    return options_give(options, option, written(name.ptr + name.len + 1));
}

/* What was taken for ROOT may have been meant as the value of the switch before it. */
static bool two_roots(struct options *options, const char *word, char **root)
{
    struct str           before = str_view(root[-1]);
    const struct option *option = NULL;
    char                 first[128], second[128], meant[128] = "";

    if (str_starts(before, STR("--")))
        option = option_find(str_from(before, 2));
    if (option && option->kind == OPTION_SWITCH)
        snprintf(meant, sizeof meant, "; a value of --%s stands behind =, as in --%s=%s", option->name,
                 option->name, option->argument);
    return options_fail(options, CODE_USAGE,
                        "\"%s\" is one ROOT too many after \"%s\"%s " SEE_HELP,
                        log_quote(second, sizeof second, str_view(word)),
                        log_quote(first, sizeof first, str_view(*root)), meant);
}

/* The word that was read last. */
static bool read_root(struct options *options, struct words *words)
{
    char **word = words->next - 1;

    if (words->root)
        return two_roots(options, *word, words->root);
    words->root = word;
    return true;
}

/* ROOT and --root are one option: said twice, they must say the same. */
static bool give_root(struct options *options, const char *root)
{
    const struct option       *option = option_find(STR("root"));
    const struct option_given *given = &options->given[option_index(option)];
    char                       first[128], second[128];

    if (given->source == OPTION_FROM_COMMAND_LINE && strcmp(given->text, root) != 0)
        return options_fail(options, CODE_USAGE,
                            "--root is \"%s\", but ROOT is \"%s\"; give one of them " SEE_HELP,
                            log_quote(first, sizeof first, str_view(given->text)),
                            log_quote(second, sizeof second, str_view(root)));
    return options_give(options, option, written(root));
}

bool option_command_line_read(struct options *options, int argc, char **argv)
{
    struct words words = {.next = argv + MIN_OF(argc, 1)};
    bool         only_roots = false;        /* behind "--" */
    const char  *word;

    while ((word = *words.next)) {
        bool ok = true;

        words.next++;
        if (only_roots || *word != '-')
            ok = read_root(options, &words);
        else if (strcmp(word, "--") == 0)
            only_roots = true;
        else if (str_starts(str_view(word), STR("--")))
            ok = read_option(options, word, &words);
        else
            ok = unknown_option(options, str_view(word));
        if (!ok)
            return false;
    }
    return !words.root || give_root(options, *words.root);
}
