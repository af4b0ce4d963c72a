#include "endpoints/json_text.h"

enum {
    VALUE,              /* a value has to come */
    FIRST_VALUE,        /* or the end of the array */
    NAME,               /* the name of a member has to come */
    FIRST_NAME,         /* or the end of the object */
    COLON,
    BEHIND,             /* a value is whole: what comes depends on where it is */
    STRING,
    ESCAPE,             /* behind a backslash */
    HEX,                /* behind "\u" */
    WORD,               /* true, false, null */
    MINUS,
    ZERO,               /* no digit may follow */
    DIGITS,
    POINT,
    FRACTION,
    EXPONENT,           /* behind "e" */
    EXPONENT_SIGN,
    EXPONENT_DIGITS,
    BROKEN,
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

/* ws = *( %x20 / %x09 / %x0A / %x0D )                              RFC 8259 §2 */
static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* ---- arrays and objects ------------------------------------------------------------------ */

static bool is_in_array(const struct json_text *text)
{
    unsigned at = text->depth - 1;

    return text->is_array[at / 64] >> at % 64 & 1;
}

static void go_in(struct json_text *text, bool is_array)
{
    uint64_t bit = UINT64_C(1) << text->depth % 64;
    uint64_t *bits = &text->is_array[text->depth / 64 % COUNTOF(text->is_array)];

    if (text->depth == JSON_DEPTH_MAX) {
        text->state = BROKEN;
        return;
    }
    *bits = is_array ? *bits | bit : *bits & ~bit;
    text->depth++;
    text->state = is_array ? FIRST_VALUE : FIRST_NAME;
}

static void go_out(struct json_text *text, bool is_array)
{
    if (text->depth == 0 || is_in_array(text) != is_array) {
        text->state = BROKEN;
        return;
    }
    text->depth--;
    text->state = BEHIND;
}

/* ---- what a byte means ------------------------------------------------------------------- */

static void begin_string(struct json_text *text, bool is_name)
{
    text->is_name = is_name;
    text->state = STRING;
}

static void begin_word(struct json_text *text, const char *rest)
{
    text->word = rest;
    text->state = WORD;
}

/* value = false / null / true / object / array / number / string    RFC 8259 §3 */
static void begin_value(struct json_text *text, char byte)
{
    switch (byte) {
    case '{': go_in(text, false); break;
    case '[': go_in(text, true); break;
    case '"': begin_string(text, false); break;
    case 't': begin_word(text, "rue"); break;
    case 'f': begin_word(text, "alse"); break;
    case 'n': begin_word(text, "ull"); break;
    case '-': text->state = MINUS; break;
    case '0': text->state = ZERO; break;
    default:  text->state = is_digit(byte) ? DIGITS : BROKEN; break;
    }
}

/* object = "{" [ member *( "," member ) ] "}"   array = "[" [ value *( "," value ) ] "]" */
static void go_on_behind(struct json_text *text, char byte)
{
    if (byte == ']')
        go_out(text, true);
    else if (byte == '}')
        go_out(text, false);
    else if (byte == ',' && text->depth > 0)
        text->state = is_in_array(text) ? VALUE : NAME;
    else
        text->state = BROKEN;
}

/* Bytes between strings, words and numbers, where space is. */
static void read_structure(struct json_text *text, char byte)
{
    switch (text->state) {
    case FIRST_VALUE:
        if (byte == ']')
            go_out(text, true);
        else
            begin_value(text, byte);
        break;
    case FIRST_NAME:
        if (byte == '}')
            go_out(text, false);
        else if (byte == '"')
            begin_string(text, true);
        else
            text->state = BROKEN;
        break;
    case NAME:
        text->state = BROKEN;
        if (byte == '"')
            begin_string(text, true);
        break;
    case COLON:
        text->state = byte == ':' ? VALUE : BROKEN;
        break;
    case BEHIND:
        go_on_behind(text, byte);
        break;
    default:
        begin_value(text, byte);
        break;
    }
}

/* string = DQUOTE *char DQUOTE                                     RFC 8259 §7 */
static void read_string(struct json_text *text, char byte)
{
    if (byte == '"')
        text->state = text->is_name ? COLON : BEHIND;
    else if (byte == '\\')
        text->state = ESCAPE;
    else if ((unsigned char)byte < 0x20)
        text->state = BROKEN;
}

static void read_escape(struct json_text *text, char byte)
{
    text->digits = 4;
    if (byte == 'u')
        text->state = HEX;
    else
        text->state = byte && strchr("\"\\/bfnrt", byte) ? STRING : BROKEN;
}

static void read_hex(struct json_text *text, char byte)
{
    if (!is_hex(byte))
        text->state = BROKEN;
    else if (--text->digits == 0)
        text->state = STRING;
}

static void read_word(struct json_text *text, char byte)
{
    if (byte != *text->word)
        text->state = BROKEN;
    else if (*++text->word == '\0')
        text->state = BEHIND;
}

/* number = [ "-" ] int [ "." 1*DIGIT ] [ e [ "-" / "+" ] 1*DIGIT ]   int = "0" / ( digit1-9 *DIGIT )
 * RFC 8259 §6.  What the number is followed by is no byte of it: false. */
static bool read_number(struct json_text *text, char byte)
{
    unsigned char next = BEHIND;
    bool          is_e = byte == 'e' || byte == 'E';

    switch (text->state) {
    case MINUS:
        next = byte == '0' ? ZERO : is_digit(byte) ? DIGITS : BROKEN;
        break;
    case ZERO:
        next = byte == '.' ? POINT : is_e ? EXPONENT : BEHIND;
        break;
    case DIGITS:
        next = is_digit(byte) ? DIGITS : byte == '.' ? POINT : is_e ? EXPONENT : BEHIND;
        break;
    case POINT:
        next = is_digit(byte) ? FRACTION : BROKEN;
        break;
    case FRACTION:
        next = is_digit(byte) ? FRACTION : is_e ? EXPONENT : BEHIND;
        break;
    case EXPONENT:
        next = byte == '+' || byte == '-' ? EXPONENT_SIGN : is_digit(byte) ? EXPONENT_DIGITS : BROKEN;
        break;
    case EXPONENT_SIGN:
        next = is_digit(byte) ? EXPONENT_DIGITS : BROKEN;
        break;
    default:
        next = is_digit(byte) ? EXPONENT_DIGITS : BEHIND;
        break;
    }
    text->state = next;
    return next != BEHIND;
}

static void read_byte(struct json_text *text, char byte)
{
    switch (text->state) {
    case STRING: read_string(text, byte); return;
    case ESCAPE: read_escape(text, byte); return;
    case HEX:    read_hex(text, byte); return;
    case WORD:   read_word(text, byte); return;
    case BROKEN: return;
    default:     break;
    }
    if (text->state >= MINUS && read_number(text, byte))
        return;
    if (!is_space(byte))
        read_structure(text, byte);
}

void json_text_read(struct json_text *text, struct str bytes)
{
    for (size_t i = 0; i < bytes.len && text->state != BROKEN; i++)
        read_byte(text, bytes.ptr[i]);
}

bool json_text_is_whole(const struct json_text *text)
{
    switch (text->state) {
    case BEHIND:
    case ZERO:
    case DIGITS:
    case FRACTION:
    case EXPONENT_DIGITS:
        return text->depth == 0;
    default:
        return false;
    }
}
