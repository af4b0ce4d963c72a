/* option_table - every option of the program, one row each.
 *
 * A row says everything there is to say about an option: its name, what its value looks like, its
 * bounds and default, the sentence that explains it, and where in struct options the value goes.
 * The command line, the environment, the file, --help and the manual page are all read off these
 * rows.  Bounds and defaults are written as a user would write them, and read by the same code.
 *
 * Constant; owns nothing, never fails. */
#ifndef MAIN_OPTION_TABLE_H
#define MAIN_OPTION_TABLE_H

#include "base/str.h"

enum option_kind {
    OPTION_TEXT,            /* a const char *; "" is a value */
    OPTION_PATH,            /* a const char *; "" means none, which is stored as NULL */
    OPTION_NUMBER,          /* any whole number */
    OPTION_SIZE,            /* bytes */
    OPTION_DURATION,        /* an int64_t, milliseconds */
    OPTION_BOOLEAN,         /* a bool */
    OPTION_SWITCH,          /* yes, no, or a text that means yes: a const char *, "" for yes and
                             * NULL for no; on the command line a text stands behind "=" only */
    OPTION_CHOICE,          /* an enum: the place among `choices` */
    OPTION_LIST,            /* a struct option_list: it may be given again and again */
};

/* The value of an OPTION_LIST, in the order in which it was given. */
enum { OPTION_LIST_MAX = 32 };
struct option_list {
    const char *texts[OPTION_LIST_MAX];
    unsigned    lines[OPTION_LIST_MAX];     /* in the file, when they come from there */
    size_t      count;
};

/* Where a value may come from; a later one overrides an earlier one. */
enum option_source {
    OPTION_FROM_DEFAULT,
    OPTION_FROM_FILE,
    OPTION_FROM_ENVIRONMENT,
    OPTION_FROM_COMMAND_LINE,
};

struct option {
    const char        *name;        /* "http-port" */
    enum option_kind   kind;
    enum option_source lowest;      /* the lowest source that may set it; 0: all of them */
    const char        *argument;    /* what the help calls its value; NULL for OPTION_BOOLEAN */
    const char        *initial;     /* the default */
    const char        *least;       /* bounds of numbers, sizes and durations, both included */
    const char        *most;        /* and of OPTION_LIST: how many there can be */
    bool               can_be_off;  /* "off" is a value too, stored as -1 */
    const char *const *choices;     /* OPTION_CHOICE: in the order of the enum, NULL behind them */
    bool             (*accepts)(const char *value);     /* of texts, paths, switches and each
                                                    * text of a list; NULL: all are fine */
    const char        *must_be;     /* what `accepts` wants to see */
    const char        *group;       /* the help's heading; NULL: an option nobody needs to know */
    const char        *help;        /* one or two sentences */
    size_t             offset;      /* in struct options */
    size_t             bytes;
};

enum { OPTION_NAME_MAX = 32 };      /* bytes of a name, its end included */

/* The rows in the order of the help, and how many there are. */
extern const struct option option_table[];
extern const size_t        option_count;

/* The row's place in the table. */
size_t option_index(const struct option *option) MUST_USE;

/* NULL when no option is called that. */
const struct option *option_find(struct str name) MUST_USE;

/* True when `source` may set it. */
bool option_allows(const struct option *option, enum option_source source) MUST_USE;

/* Writes the name of its environment variable into `room` and returns that. */
struct option_variable {
    char name[sizeof("WHERRY_") + OPTION_NAME_MAX];
};
const char *option_variable(const struct option *option, struct option_variable *room);

/* The option someone may have meant by `name`, among those that `source` may set; NULL when
 * nothing is near. */
const struct option *option_nearest(struct str name, enum option_source source) MUST_USE;

#endif
