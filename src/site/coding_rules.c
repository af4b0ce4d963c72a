#include "site/coding_rules.h"

#include "http/media_type.h"

bool coding_pattern_is_valid(const char *pattern)
{
    struct str text = str_view(pattern);
    size_t     star = str_find(text, '*'), slash = str_find(text, '/');

    if (text.len == 0 || (star != text.len && star != text.len - 1))
        return false;
    if (slash == 0)
        return true;
    return slash < text.len - 1 && str_find(str_from(text, slash + 1), '/') == text.len - slash - 1;
}

/* Types have no case, names of files have. */
static bool fits(struct str pattern, struct str text, bool has_case)
{
    bool is_open = str_ends(pattern, STR("*"));

    if (is_open)
        pattern.len--;
    if (is_open ? text.len < pattern.len : text.len != pattern.len)
        return false;
    text.len = pattern.len;
    return has_case ? str_equal(text, pattern) : str_equal_nocase(text, pattern);
}

static bool is_excepted(struct str pattern, struct str name, struct str type)
{
    if (str_starts(pattern, STR("/")))
        return fits(str_from(pattern, 1), name, true);
    return type.len > 0 && fits(pattern, type, false);
}

bool coding_rules_allow(const struct coding_rules *rules, struct str name, struct str type)
{
    if (!rules->is_on)
        return false;
    for (size_t i = 0; i < rules->except_count; i++)
        if (is_excepted(str_view(rules->except[i]), name, type))
            return false;
    return true;
}

bool coding_rules_favour(const struct coding_rules *rules, struct str name, struct str type,
                         uint64_t length)
{
    return length >= rules->least && length <= rules->most && media_type_is_compressible(type) &&
           coding_rules_allow(rules, name, type);
}
