#include "http/accept.h"

#include "http/negotiate.h"
#include "http/token.h"

/* media-range = ( "*" "/" "*" / type "/" "*" / type "/" subtype )
 * Names have no case (RFC 9110 §8.3.1). */
static enum accept_precision precision_of(struct str range, struct str type)
{
    struct str kind = str_of(type.ptr, str_find(type, '/') + 1);

    if (str_equal(range, STR("*/*")))
        return ACCEPT_ANY;
    if (str_equal_nocase(range, type))
        return ACCEPT_NAMED;
    return range.len == kind.len + 1 && range.ptr[kind.len] == '*' &&
                   str_equal_nocase(str_of(range.ptr, kind.len), kind)
               ? ACCEPT_KIND
               : ACCEPT_UNSAID;
}

/* parameters = *( OWS ";" OWS [ parameter ] )
 * RFC 9110 §12.5.1: the one named q is a weight, wherever it stands.  False: there is another one, or the
 * weight is none. */
static bool read_weight(struct str parameters, unsigned *weight)
{
    struct str parameter;

    *weight = NEGOTIATE_WEIGHT_MAX;
    while (str_split(&parameters, ';', &parameter)) {
        parameter = str_trim(parameter);
        if (parameter.len == 0)
            continue;
        if (!str_equal_nocase(str_of(parameter.ptr, MIN_OF(parameter.len, 2)), STR("q=")) ||
            !negotiate_read_weight(str_from(parameter, 2), weight))
            return false;
    }
    return true;
}

static void read_element(struct str element, struct str type, struct accepted *accepted)
{
    size_t                end = str_find(element, ';');
    enum accept_precision precision = precision_of(str_trim(str_of(element.ptr, end)), type);
    unsigned              weight;

    if (precision == ACCEPT_UNSAID || precision < accepted->precision ||
        !read_weight(str_from(element, end), &weight))
        return;
    if (precision == accepted->precision)
        weight = MIN_OF(weight, accepted->weight);
    *accepted = (struct accepted){precision, weight};
}

/* Accept = [ ( media-range [ weight ] ) *( OWS "," OWS ( media-range [ weight ] ) ) ] */
void accept_read(struct str field, struct str type, struct accepted *accepted)
{
    struct str element;

    while (token_list_next(&field, &element))
        read_element(element, type, accepted);
}
