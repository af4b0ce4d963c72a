#include "http/field.h"

#include "http/token.h"

static const struct str names[FIELDS_KNOWN] = {
    [FIELD_OTHER] = {"", 0},
#define X(name, text) [FIELD_##name] = {text, sizeof(text) - 1},
    KNOWN_FIELDS(X)
#undef X
};

/* The only known name a name can be: the length and the last letter tell all of them apart. */
static enum known_field guess(struct str name)
{
    char last = (char)(name.ptr[name.len - 1] | 0x20);

    switch (name.len) {
    case 4:
        return FIELD_HOST;
    case 5:
        return FIELD_RANGE;
    case 6:
        return FIELD_EXPECT;
    case 7:
        return FIELD_REFERER;
    case 8:
        return last == 'h' ? FIELD_IF_MATCH : FIELD_IF_RANGE;
    case 10:
        return last == 'n' ? FIELD_CONNECTION : FIELD_USER_AGENT;
    case 13:
        return FIELD_IF_NONE_MATCH;
    case 14:
        return FIELD_CONTENT_LENGTH;
    case 15:
        return FIELD_ACCEPT_ENCODING;
    case 17:
        return last == 'g' ? FIELD_TRANSFER_ENCODING : FIELD_IF_MODIFIED_SINCE;
    case 19:
        return FIELD_IF_UNMODIFIED_SINCE;
    default:
        return FIELD_OTHER;
    }
}

static enum known_field known_of(struct str name)
{
    enum known_field known = name.len > 0 ? guess(name) : FIELD_OTHER;

    return known != FIELD_OTHER && str_equal_nocase(name, names[known]) ? known : FIELD_OTHER;
}

void fields_reset(struct fields *fields)
{
    fields->count = 0;
    memset(fields->first, 0, sizeof(fields->first));
    memset(fields->times, 0, sizeof(fields->times));
}

static void append(struct fields *fields, struct str name, struct str value)
{
    enum known_field known = known_of(name);

    fields->all[fields->count++] = (struct field){name, value, known};
    fields->times[known]++;
    if (fields->first[known] == 0)
        fields->first[known] = (unsigned char)fields->count;
}

/* field-name = token */
static struct refusal read_name(struct str line, struct str *name)
{
    size_t len = 0;

    while (len < line.len && char_is(line.ptr[len], CHAR_TOKEN))
        len++;
    *name = str_of(line.ptr, len);

    if (len == line.len)
        return refuse(HTTP_BAD_REQUEST, "field line without a colon");
    if (line.ptr[len] == ':')
        return len > 0 ? REFUSAL_NONE : refuse(HTTP_BAD_REQUEST, "field line without a name");

    /* RFC 9112 §5.1 and §5.2: a space before the colon, or a folded line, is read in more than
     * one way by those who accept it. */
    if (line.ptr[len] == ' ' || line.ptr[len] == '\t')
        return refuse(HTTP_BAD_REQUEST, len > 0 ? "white space in or after a field name"
                                                : "folded field line");
    return refuse(HTTP_BAD_REQUEST, "bad byte in a field name");
}

/* field-line = field-name ":" OWS field-value OWS                  RFC 9112 §5 */
struct refusal fields_add_line(struct fields *fields, struct str line)
{
    struct str name, value;
    struct refusal refusal = read_name(line, &name);

    if (is_refused(refusal))
        return refusal;

    value = str_trim(str_of(line.ptr + name.len + 1, line.len - name.len - 1));
    if (value.len > 0 && !token_all(value, CHAR_FIELD))     /* RFC 9110 §5.5 */
        return refuse(HTTP_BAD_REQUEST, "control byte in a field value");
    if (fields->count == FIELDS_MAX)                        /* RFC 6585 §5 */
        return refuse(HTTP_HEAD_TOO_LARGE, "too many fields");

    append(fields, name, value);
    return REFUSAL_NONE;
}

struct str fields_get(const struct fields *fields, enum known_field known)
{
    if (!fields_has(fields, known))
        return (struct str){NULL, 0};
    return fields->all[fields->first[known] - 1].value;
}

bool fields_next(const struct fields *fields, enum known_field known, size_t *at,
                 struct str *value)
{
    if (!fields_has(fields, known))
        return false;
    if (*at == 0)
        *at = fields->first[known] - 1u;

    while (*at < fields->count) {
        const struct field *field = &fields->all[(*at)++];

        if (field->known == known) {
            *value = field->value;
            return true;
        }
    }
    return false;
}

bool fields_list_has(const struct fields *fields, enum known_field known, struct str element)
{
    struct str value;
    size_t at = 0;

    while (fields_next(fields, known, &at, &value))
        if (token_list_has(value, element))
            return true;
    return false;
}

struct str fields_find(const struct fields *fields, struct str name)
{
    enum known_field known = known_of(name);

    if (known != FIELD_OTHER)
        return fields_get(fields, known);
    for (size_t i = 0; i < fields->count; i++)
        if (str_equal_nocase(fields->all[i].name, name))
            return fields->all[i].value;
    return (struct str){NULL, 0};
}
