#include "server/pattern.h"

/* ---- reading -------------------------------------------------------------------------- */

static bool has_marks(struct str text)
{
    return str_find(text, '{') < text.len || str_find(text, '}') < text.len ||
           str_find(text, '*') < text.len;
}

/* Dots are resolved before a path is looked for, so such a word would never be found. */
static bool is_good(const struct pattern_segment *segment)
{
    if (segment->text.len == 0 || has_marks(segment->text))
        return false;
    return segment->is_name ||
           !(str_equal(segment->text, STR(".")) || str_equal(segment->text, STR("..")));
}

static bool has_name(const struct pattern *pattern, struct str name)
{
    for (size_t i = 0; i < pattern->count; i++)
        if (pattern->segments[i].is_name && str_equal(pattern->segments[i].text, name))
            return true;
    return false;
}

static struct pattern_segment read_segment(struct str text)
{
    if (text.len >= 2 && str_starts(text, STR("{")) && str_ends(text, STR("}")))
        return (struct pattern_segment){str_of(text.ptr + 1, text.len - 2), true};
    return (struct pattern_segment){text, false};
}

static bool add_segment(struct pattern *pattern, struct str text)
{
    struct pattern_segment segment = read_segment(text);

    if (!is_good(&segment) || (segment.is_name && has_name(pattern, segment.text)))
        return false;
    pattern->segments[pattern->count++] = segment;
    pattern->names += segment.is_name;
    return true;
}

static size_t count_slashes(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += *text == '/';
    return count;
}

bool pattern_read(struct pattern *pattern, const char *text, struct arena *arena)
{
    struct str rest, segment;

    *pattern = (struct pattern){.text = arena_cstr(arena, str_view(text))};
    pattern->segments = arena_alloc(arena, count_slashes(text) * sizeof *pattern->segments);
    if (text[0] != '/' || !pattern->text || !pattern->segments)
        return false;

    rest = str_view(pattern->text + 1);
    while (str_split(&rest, '/', &segment)) {
        if (pattern->takes_rest)            /* it was not the last */
            return false;
        pattern->takes_rest = str_equal(segment, STR("*"));
        if (!pattern->takes_rest && !add_segment(pattern, segment))
            return false;
    }
    return true;
}

/* ---- fitting -------------------------------------------------------------------------- */

struct str pattern_next_segment(struct str *rest)
{
    struct str segment = str_of(rest->ptr, str_find(*rest, '/'));

    *rest = str_from(*rest, segment.len + 1);
    return segment;
}

/* A word is compared where it would have to stand; most patterns are out after its first byte. */
static bool take_word(struct str *rest, struct str word)
{
    if (!str_starts(*rest, word) || (rest->len > word.len && rest->ptr[word.len] != '/'))
        return false;
    *rest = str_from(*rest, word.len + 1);
    return true;
}

static bool take_any(struct str *rest)
{
    return pattern_next_segment(rest).len > 0;
}

bool pattern_fits(const struct pattern *pattern, struct str path, bool is_directory,
                  struct str *rest)
{
    *rest = path;
    for (size_t i = 0; i < pattern->count; i++) {
        const struct pattern_segment *wanted = &pattern->segments[i];

        if (!(wanted->is_name ? take_any(rest) : take_word(rest, wanted->text)))
            return false;
    }
    /* A folder is below itself, when it is asked for as one. */
    return pattern->takes_rest ? rest->len > 0 || is_directory : rest->len == 0;
}

/* ---- among each other ----------------------------------------------------------------- */

/* What a pattern asks of the n-th segment, the most exact first.  A folder is below itself before it
 * is a word with a "/" behind it.  But the root is a folder however it is asked for, and nothing
 * would be left for "/". */
enum kind { KIND_ROOT, KIND_WORD, KIND_NAME, KIND_REST, KIND_END };

static enum kind kind_at(const struct pattern *pattern, size_t at)
{
    if (at < pattern->count)
        return pattern->segments[at].is_name ? KIND_NAME : KIND_WORD;
    if (pattern->takes_rest)
        return KIND_REST;
    return pattern->count == 0 ? KIND_ROOT : KIND_END;
}

int pattern_compare(const struct pattern *a, const struct pattern *b)
{
    size_t count = MIN_OF(a->count, b->count);

    for (size_t i = 0; i <= count; i++) {
        int difference = (int)kind_at(a, i) - (int)kind_at(b, i);

        if (difference != 0)
            return difference;
    }
    return 0;
}

bool pattern_is_same(const struct pattern *a, const struct pattern *b)
{
    if (a->count != b->count || pattern_compare(a, b) != 0)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!a->segments[i].is_name && !str_equal(a->segments[i].text, b->segments[i].text))
            return false;
    return true;
}
