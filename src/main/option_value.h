/* option_value - what was written, read as the kind of value an option wants.
 *
 *     number      digits
 *     size        digits and K, M or G (1024-based), or only digits: bytes
 *     duration    digits and ms, s, m, h or d, or only digits: seconds
 *     boolean     yes or no; true, on, 1 and false, off, 0 are as good
 *     choice      one of the words in its row
 *     switch      what a boolean may be, or a text
 *     list        one more text for it; empty: it has none, whatever was said before
 *
 * Allocates nothing; the text is borrowed by what is stored. */
#ifndef MAIN_OPTION_VALUE_H
#define MAIN_OPTION_VALUE_H

#include "base/buf.h"
#include "main/option_table.h"

struct option_value {
    int64_t     number;     /* bytes, milliseconds, 0 or 1, the place of a choice */
    const char *text;       /* OPTION_TEXT, _PATH, _LIST, _SWITCH; NULL: none */
};

/* Reads `text`.  False when the option can't be that; *value is untouched then. */
bool option_value_parse(const struct option *option, const char *text,
                        struct option_value *value) MUST_USE;

/* Puts the value where the row says, which for a list is behind its last; `options` is the start of
 * a struct options.  False when the list is full. */
bool option_value_store(const struct option *option, struct option_value value,
                        void *options) MUST_USE;

/* The list of an OPTION_LIST. */
const struct option_list *option_list_of(const struct option *option,
                                         const void *options) MUST_USE;

/* Appends what the value must be: "a number from 0 to 65535". */
void option_value_expect(const struct option *option, struct buf *out);

#endif
