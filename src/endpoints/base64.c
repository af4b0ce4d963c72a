#include "endpoints/base64.h"

/* The six bits that a letter stands for; -1: it is none. */
static int bits_of(char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9')
        return letter - '0' + 52;
    if (letter == '+' || letter == '-')
        return 62;
    return letter == '/' || letter == '_' ? 63 : -1;
}

/* Padding fills the last four letters, or there is none at all.  "=" that is left is no letter. */
static struct str without_padding(struct str text)
{
    size_t len = text.len;

    if (len == 0 || len % 4 != 0)
        return text;
    for (int i = 0; i < 2 && text.ptr[len - 1] == '='; i++)
        len--;
    return str_of(text.ptr, len);
}

bool base64_decode(struct str text, struct buf *bytes)
{
    unsigned held = 0, count = 0;       /* bits that make no whole byte yet */

    text = without_padding(text);
    for (size_t i = 0; i < text.len; i++) {
        int bits = bits_of(text.ptr[i]);

        if (bits < 0)
            return false;
        held = held << 6 | (unsigned)bits;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_append_byte(bytes, (char)(held >> count & 0xff));
            held &= BIT(count) - 1;
        }
    }
    return count < 6 && held == 0;
}

/* Missing bytes are zero, and padding stands for the letters that have none of their bits of them. */
static void encode_three(struct str bytes, char text[4])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned held = 0;

    for (size_t i = 0; i < 3; i++)
        held = held << 8 | (i < bytes.len ? (unsigned char)bytes.ptr[i] : 0u);
    for (size_t i = 0; i < 4; i++)
        text[i] = i <= bytes.len ? letters[held >> (18 - 6 * i) & 63] : '=';
}

size_t base64_encode(struct str bytes, char *text)
{
    size_t len = 0;

    for (size_t at = 0; at < bytes.len; at += 3, len += 4)
        encode_three(str_of(bytes.ptr + at, MIN_OF(bytes.len - at, 3)), text + len);
    return len;
}
