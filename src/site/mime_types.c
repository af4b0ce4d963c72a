#include "site/mime_types.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "http/token.h"
#include "site/mime.h"

struct row {
    struct str ending;
    struct str type;
    size_t     place;           /* in the file */
};

struct mime_types {
    struct buf  text;           /* the file, in lower case; rows are slices of it */
    struct row *rows;           /* sorted by ending, each once */
    size_t      count;
};

/* What is read, and where a complaint goes. */
struct reading {
    struct mime_types *types;
    const char        *path;
    size_t             line;
    char              *problem;
    size_t             size;
};

static bool complain(const struct reading *reading, struct str word, const char *what)
{
    snprintf(reading->problem, reading->size, "%s:%zu: \"%s\" %s", reading->path, reading->line,
             LOG_QUOTE(word), what);
    return false;
}

/* ---- a line ------------------------------------------------------------------------ */

/* media-type without parameters = token "/" token (RFC 9110 §8.3.1) */
static bool is_type(struct str word)
{
    size_t slash = str_find(word, '/');

    return word.len <= MIME_TYPE_MAX && token_all(str_of(word.ptr, slash), CHAR_TOKEN) &&
           token_all(str_from(word, slash + 1), CHAR_TOKEN);
}

/* An ending is what stands behind the last dot of a name, so there is none in it. */
static bool is_ending(struct str word)
{
    return word.len <= MIME_ENDING_MAX && str_find(word, '.') == word.len &&
           str_find(word, '/') == word.len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next word off the front; false at the end of the line, and where a remark begins. */
static bool next_word(struct str *rest, struct str *word)
{
    size_t len = 0;

    while (rest->len > 0 && is_blank(*rest->ptr))
        *rest = str_from(*rest, 1);
    while (len < rest->len && !is_blank(rest->ptr[len]))
        len++;
    *word = str_of(rest->ptr, len);
    *rest = str_from(*rest, len);
    return len > 0 && *word->ptr != '#';
}

static void add_row(struct mime_types *types, struct str ending, struct str type)
{
    types->rows[types->count] = (struct row){ending, type, types->count};
    types->count++;
}

/* line = [ type *( ending ) ] [ "#" remark ] */
static bool read_line(const struct reading *reading, struct str line)
{
    struct str type, ending;

    if (!next_word(&line, &type))
        return true;
    if (!is_type(type))
        return complain(reading, type, "is no media type such as text/plain");
    while (next_word(&line, &ending)) {
        if (*ending.ptr == '.')
            ending = str_from(ending, 1);
        if (!is_ending(ending) || ending.len == 0)
            return complain(reading, ending, "is no ending such as txt");
        add_row(reading->types, ending, type);
    }
    return true;
}

static bool read_lines(struct reading *reading)
{
    struct str rest = buf_view(&reading->types->text), line;

    while (str_split(&rest, '\n', &line)) {
        reading->line++;
        if (!read_line(reading, line))
            return false;
    }
    return true;
}

/* ---- the table --------------------------------------------------------------------- */

static int by_ending(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    int order = mime_compare(left->ending, right->ending);

    return order != 0 ? order : left->place < right->place ? -1 : 1;
}

/* Of several rows for one ending the last one stays. */
static void sort_rows(struct mime_types *types)
{
    size_t kept = 0;

    qsort(types->rows, types->count, sizeof *types->rows, by_ending);
    for (size_t i = 0; i < types->count; i++) {
        if (kept > 0 && str_equal(types->rows[kept - 1].ending, types->rows[i].ending))
            kept--;
        types->rows[kept++] = types->rows[i];
    }
    types->count = kept;
}

static void fold(struct buf *text)
{
    for (size_t i = 0; i < text->len; i++)
        if (text->ptr[i] >= 'A' && text->ptr[i] <= 'Z')
            text->ptr[i] = (char)(text->ptr[i] - 'A' + 'a');
}

/* Room for as many rows as there can be words. */
static bool make_room(struct mime_types *types)
{
    types->rows = malloc((types->text.len / 2 + 1) * sizeof *types->rows);
    return types->rows != NULL;
}

/* Gives back what the rows did not need. */
static void give_back(struct mime_types *types)
{
    struct row *smaller = realloc(types->rows, (types->count + 1) * sizeof *types->rows);

    if (smaller)
        types->rows = smaller;
}

static bool load(struct reading *reading)
{
    struct mime_types *types = reading->types;

    if (!file_read(reading->path, &types->text)) {
        snprintf(reading->problem, reading->size, "cannot read the types in \"%s\": %s",
                 reading->path, strerror(errno));
        return false;
    }
    fold(&types->text);
    if (!make_room(types)) {
        snprintf(reading->problem, reading->size, "no memory for the types in \"%s\"",
                 reading->path);
        return false;
    }
    if (!read_lines(reading))
        return false;
    sort_rows(types);
    give_back(types);
    return true;
}

struct mime_types *mime_types_load(const char *path, char *problem, size_t size)
{
    struct mime_types *types = calloc(1, sizeof *types);
    struct reading reading = {.types = types, .path = path, .problem = problem, .size = size};

    if (!types) {
        snprintf(problem, size, "no memory for the types in \"%s\"", path);
        return NULL;
    }
    types->text = BUF_UP_TO(MIME_TYPES_BYTES_MAX);
    if (!load(&reading)) {
        mime_types_free(types);
        return NULL;
    }
    return types;
}

void mime_types_free(struct mime_types *types)
{
    if (!types)
        return;
    buf_fini(&types->text);
    free(types->rows);
    free(types);
}

static int against_row(const void *key, const void *row)
{
    return mime_compare(*(const struct str *)key, ((const struct row *)row)->ending);
}

struct str mime_types_of(const struct mime_types *types, struct str name)
{
    char room[MIME_ENDING_MAX];
    struct str ending = mime_ending(name, room);
    const struct row *row = NULL;

    if (types && ending.len > 0)
        row = bsearch(&ending, types->rows, types->count, sizeof *types->rows, against_row);
    return row ? row->type : mime_of(name);
}
