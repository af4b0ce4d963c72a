#include "main/option_value.h"

struct unit {
    enum option_kind kind;
    const char      *name;
    int64_t          factor;
};

/* clang-format off */
static const struct unit units[] = {
    {OPTION_NUMBER,   "",   1},
    {OPTION_LIST,     "",   1},         /* how many there can be */
    {OPTION_SIZE,     "",   1},
    {OPTION_SIZE,     "K",  1 << 10},
    {OPTION_SIZE,     "M",  1 << 20},
    {OPTION_SIZE,     "G",  1 << 30},
    {OPTION_DURATION, "",   1000},
    {OPTION_DURATION, "ms", 1},
    {OPTION_DURATION, "s",  1000},
    {OPTION_DURATION, "m",  60 * 1000},
    {OPTION_DURATION, "h",  60 * 60 * 1000},
    {OPTION_DURATION, "d",  24 * 60 * 60 * 1000},
};
/* clang-format on */

static const struct unit *find_unit(enum option_kind kind, const char *name)
{
    for (size_t i = 0; i < COUNTOF(units); i++)
        if (units[i].kind == kind && strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

/* quantity = 1*DIGIT [ unit ] */
static bool parse_quantity(enum option_kind kind, const char *text, int64_t *number)
{
    size_t             digits = strspn(text, "0123456789");
    const struct unit *unit = find_unit(kind, text + digits);
    uint64_t           count;

    return unit && str_to_u64(str_of(text, digits), &count) &&
           !__builtin_mul_overflow(count, unit->factor, number);
}

static int64_t bound(const struct option *option, const char *text)
{
    int64_t number = 0;
    bool    ok = parse_quantity(option->kind, text, &number);

    assert(ok && "the table's bounds can be read");
    return ok ? number : 0;
}

static bool parse_number(const struct option *option, const char *text, int64_t *number)
{
    int64_t read;

    if (option->can_be_off && strcmp(text, "off") == 0)
        read = -1;
    else if (!parse_quantity(option->kind, text, &read) ||
             read < bound(option, option->least) || read > bound(option, option->most))
        return false;
    *number = read;
    return true;
}

static bool parse_boolean(const char *text, int64_t *number)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

    for (size_t i = 0; i < COUNTOF(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *number = i % 2;
            return true;
        }
    }
    return false;
}

static bool parse_choice(const struct option *option, const char *text, int64_t *number)
{
    for (size_t i = 0; option->choices[i]; i++) {
        if (strcmp(text, option->choices[i]) == 0) {
            *number = (int64_t)i;
            return true;
        }
    }
    return false;
}

static bool parse_text(const struct option *option, const char *text, const char **value)
{
    bool empties = option->kind == OPTION_LIST && *text == '\0';

    if (option->accepts && !empties && !option->accepts(text))
        return false;
    *value = option->kind != OPTION_TEXT && *text == '\0' ? NULL : text;
    return true;
}

static bool parse_switch(const struct option *option, const char *text, const char **value)
{
    int64_t is_on;

    if (!parse_boolean(text, &is_on))
        return parse_text(option, text, value);
    *value = is_on ? "" : NULL;
    return true;
}

bool option_value_parse(const struct option *option, const char *text, struct option_value *value)
{
    switch (option->kind) {
    case OPTION_TEXT:
    case OPTION_PATH:
    case OPTION_LIST:
        return parse_text(option, text, &value->text);
    case OPTION_NUMBER:
    case OPTION_SIZE:
    case OPTION_DURATION:
        return parse_number(option, text, &value->number);
    case OPTION_BOOLEAN:
        return parse_boolean(text, &value->number);
    case OPTION_SWITCH:
        return parse_switch(option, text, &value->text);
    case OPTION_CHOICE:
        return parse_choice(option, text, &value->number);
    }
    return false;
}

/* int, unsigned, size_t, int64_t, an enum: whatever holds whole numbers of that many bytes. */
static void store_number(int64_t number, void *field, size_t bytes)
{
    uint32_t narrow = (uint32_t)number;

    assert(bytes == sizeof number || bytes == sizeof narrow);
    if (bytes == sizeof number)
        memcpy(field, &number, bytes);
    else
        memcpy(field, &narrow, bytes);
}

const struct option_list *option_list_of(const struct option *option, const void *options)
{
    assert(option->kind == OPTION_LIST && option->bytes == sizeof(struct option_list));
    return (const struct option_list *)((const char *)options + option->offset);
}

static bool store_item(const struct option *option, const char *text, struct option_list *list)
{
    assert(bound(option, option->most) <= OPTION_LIST_MAX);
    if (!text)
        list->count = 0;
    else if (list->count < (size_t)bound(option, option->most))
        list->texts[list->count++] = text;
    else
        return false;
    return true;
}

bool option_value_store(const struct option *option, struct option_value value, void *options)
{
    void *field = (char *)options + option->offset;

    switch (option->kind) {
    case OPTION_TEXT:
    case OPTION_PATH:
    case OPTION_SWITCH:
        *(const char **)field = value.text;
        break;
    case OPTION_BOOLEAN:
        *(bool *)field = value.number != 0;
        break;
    case OPTION_NUMBER:
    case OPTION_SIZE:
    case OPTION_DURATION:
    case OPTION_CHOICE:
        store_number(value.number, field, option->bytes);
        break;
    case OPTION_LIST:
        return store_item(option, value.text, field);
    }
    return true;
}

/* "common, combined or json" */
static void expect_choice(const struct option *option, struct buf *out)
{
    for (size_t i = 0; option->choices[i]; i++) {
        if (i)
            buf_printf(out, "%s", option->choices[i + 1] ? ", " : " or ");
        buf_printf(out, "%s", option->choices[i]);
    }
}

void option_value_expect(const struct option *option, struct buf *out)
{
    switch (option->kind) {
    case OPTION_TEXT:
    case OPTION_PATH:
    case OPTION_LIST:
        buf_printf(out, "%s", option->must_be);
        break;
    case OPTION_NUMBER:
        buf_printf(out, "a number from %s to %s%s", option->least, option->most,
                   option->can_be_off ? ", or off" : "");
        break;
    case OPTION_SIZE:
        buf_printf(out, "a size from %s to %s, in bytes or with K, M or G, as in %s",
                   option->least, option->most, option->initial);
        break;
    case OPTION_DURATION:
        buf_printf(out, "a time from %s to %s, in seconds or with ms, s, m, h or d, as in %s",
                   option->least, option->most,
                   option->can_be_off ? option->most : option->initial);
        if (option->can_be_off)
            buf_append(out, STR(", or off"));
        break;
    case OPTION_BOOLEAN:
        buf_append(out, STR("yes or no"));
        break;
    case OPTION_SWITCH:
        buf_printf(out, "yes, no, or %s", option->must_be);
        break;
    case OPTION_CHOICE:
        expect_choice(option, out);
        break;
    }
}
