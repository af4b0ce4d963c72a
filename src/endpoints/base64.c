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
