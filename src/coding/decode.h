/* decode - is what lies in a coded file what it was made of?
 *
 * The only door to zlib's inflate and to libbrotlidec.  Owns nothing, keeps nothing; takes
 * decode_memory and a few blocks on the stack.  A file that unpacks to more than it should is not
 * unpacked any further. */
#ifndef CODING_DECODE_H
#define CODING_DECODE_H

#include "coding/encode.h"

/* The most bytes of memory it takes. */
size_t decode_memory(enum coding coding) MUST_USE;

enum decoded {
    DECODED_SAME,           /* whole, and byte by byte the original */
    DECODED_OTHER,          /* something else, cut off, followed by something, or unreadable */
    DECODED_NO_MEMORY,
    DECODED_CANCELLED,
};

/* Compares the file `fd` in that coding (one that encode_can make) with `original`.  Blocks: it reads
 * both.  *cancelled (NULL: never) is looked at before every block. */
enum decoded decode_compare(enum coding coding, int fd, const struct encode_source *original,
                            const atomic_bool *cancelled) MUST_USE;

#endif
