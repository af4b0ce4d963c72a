#include "base/utf8.h"

static bool is_text_byte(unsigned char byte)
{
    return byte != 0x00 && byte != 0x0e && byte != 0x0f && byte != 0x1b;
}

static void begin(struct utf8 *utf8, unsigned char left, unsigned char low, unsigned char high)
{
    utf8->left = left;
    utf8->low = low;
    utf8->high = high;
}

/* UTF8-2    = %xC2-DF UTF8-tail
 * UTF8-3    = %xE0 %xA0-BF UTF8-tail / %xE1-EC 2( UTF8-tail ) /
 *             %xED %x80-9F UTF8-tail / %xEE-EF 2( UTF8-tail )
 * UTF8-4    = %xF0 %x90-BF 2( UTF8-tail ) / %xF1-F3 3( UTF8-tail ) /
 *             %xF4 %x80-8F 2( UTF8-tail )
 * UTF8-tail = %x80-BF                                     (RFC 3629 §4) */
static void read_first(struct utf8 *utf8, unsigned char byte)
{
    if (byte < 0x80)
        utf8->is_odd |= !is_text_byte(byte);
    else if (byte < 0xc2 || byte > 0xf4)
        utf8->is_broken = true;
    else if (byte < 0xe0)
        begin(utf8, 1, 0x80, 0xbf);
    else if (byte < 0xf0)
        begin(utf8, 2, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf);
    else
        begin(utf8, 3, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf);
}

void utf8_read(struct utf8 *utf8, struct str bytes)
{
    for (size_t i = 0; i < bytes.len && !utf8->is_broken; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];

        if (utf8->left == 0)
            read_first(utf8, byte);
        else if (byte < utf8->low || byte > utf8->high)
            utf8->is_broken = true;
        else
            begin(utf8, (unsigned char)(utf8->left - 1), 0x80, 0xbf);
    }
}

bool utf8_is_valid(const struct utf8 *utf8)
{
    return !utf8->is_broken && utf8->left == 0;
}

bool utf8_is_text(const struct utf8 *utf8)
{
    return utf8_is_valid(utf8) && !utf8->is_odd;
}
