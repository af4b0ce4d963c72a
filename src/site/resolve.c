#include "site/resolve.h"

#include <errno.h>
#include <stdio.h>

#include "http/head.h"

static const char nothing_there[] = "there is no such file";

/* Writes path, separator and ending into resolution->name.  False: no file has such a name. */
static bool name_it(struct resolution *resolution, struct str path, const char *separator,
                    const char *ending)
{
    int len = snprintf(resolution->name, sizeof resolution->name, "%.*s%s%s", STR_ARG(path),
                       separator, ending);

    return len >= 0 && (size_t)len < sizeof resolution->name && str_find(path, '\0') == path.len;
}

/* What the disk has under that name: what it is, or nothing.  A trouble is told apart from both. */
enum seen { SEEN_FILE, SEEN_FOLDER, SEEN_NOTHING, SEEN_TROUBLE };

static enum seen look(struct root *root, struct resolution *resolution, struct str path,
                      const char *separator, const char *ending)
{
    resolution->find = ROOT_MISSING;
    if (!name_it(resolution, path, separator, ending))
        return SEEN_NOTHING;
    resolution->find = root_look(root, resolution->name, &resolution->status);
    resolution->error = errno;
    if (resolution->find == ROOT_MISSING)
        return SEEN_NOTHING;
    if (resolution->find != ROOT_FOUND)
        return SEEN_TROUBLE;
    return S_ISDIR(resolution->status.st_mode) ? SEEN_FOLDER : SEEN_FILE;
}

static enum seen look_index(struct root *root, const struct resolve_rules *rules,
                            struct resolution *resolution, struct str path)
{
    if (*rules->index == '\0')
        return SEEN_NOTHING;
    return look(root, resolution, path, path.len ? "/" : "", rules->index);
}

static enum seen look_html(struct root *root, const struct resolve_rules *rules,
                           struct resolution *resolution, struct str path)
{
    if (!rules->clean_urls || path.len == 0)
        return SEEN_NOTHING;
    return look(root, resolution, path, "", ".html");
}

static void refuse_it(struct resolution *resolution, struct refusal refusal)
{
    resolution->kind = RESOLVE_REFUSED;
    resolution->refusal = refusal;
}

/* The last look decides: a file is `kind`, trouble is that trouble, anything else is nothing. */
static void settle(struct resolution *resolution, enum seen seen, enum resolve_kind kind,
                   const char *why)
{
    switch (seen) {
    case SEEN_FILE:
        resolution->kind = kind;
        break;
    case SEEN_FOLDER:
    case SEEN_NOTHING:
        refuse_it(resolution, refuse(HTTP_NOT_FOUND, why));
        break;
    case SEEN_TROUBLE:
        refuse_it(resolution, resolve_refusal(resolution->find));
        break;
    }
}

/* A path without a "/" behind. */
static void resolve_page(struct root *root, const struct resolve_rules *rules, struct str path,
                         struct resolution *resolution)
{
    enum seen seen = look(root, resolution, path, "", "");
    const char *why = nothing_there;

    if (seen == SEEN_FILE || seen == SEEN_TROUBLE) {
        settle(resolution, seen, RESOLVE_FILE, why);
        return;
    }
    if (seen == SEEN_FOLDER) {
        why = "the folder has no index";
        seen = look_index(root, rules, resolution, path);
        if (seen == SEEN_FILE || seen == SEEN_TROUBLE) {
            settle(resolution, seen, RESOLVE_ADD_SLASH, why);
            return;
        }
    }
    settle(resolution, look_html(root, rules, resolution, path), RESOLVE_FILE, why);
}

/* A path with a "/" behind, or the root. */
static void resolve_folder(struct root *root, const struct resolve_rules *rules, struct str path,
                           struct resolution *resolution)
{
    enum seen seen = look_index(root, rules, resolution, path);

    if (seen == SEEN_FILE || seen == SEEN_TROUBLE) {
        settle(resolution, seen, RESOLVE_FILE, nothing_there);
        return;
    }
    /* Where "/page" is a file of its own, dropping the "/" would lead to something else. */
    seen = look(root, resolution, path, "", "");
    if (seen == SEEN_FILE || seen == SEEN_TROUBLE) {
        settle(resolution, seen == SEEN_FILE ? SEEN_NOTHING : seen, RESOLVE_FILE,
               "the path names a file as if it were a folder");
        return;
    }
    settle(resolution, look_html(root, rules, resolution, path), RESOLVE_DROP_SLASH,
           seen == SEEN_FOLDER ? "the folder has no index" : nothing_there);
}

bool resolve_is_dotted(struct str path)
{
    struct str segment;
    bool is_first = true;

    while (str_split(&path, '/', &segment)) {
        if (str_starts(segment, STR(".")) && !(is_first && str_equal(segment, STR(".well-known"))))
            return true;
        is_first = false;
    }
    return false;
}

struct refusal resolve_refusal(enum root_find find)
{
    switch (find) {
    case ROOT_FOUND:
    case ROOT_MISSING:
        return refuse(HTTP_NOT_FOUND, nothing_there);
    case ROOT_OUTSIDE:
        return refuse(HTTP_NOT_FOUND, "a link leads out of the root, or links are not followed");
    case ROOT_DENIED:
        return refuse(HTTP_FORBIDDEN, "the file may not be read");
    case ROOT_SPECIAL:
        return refuse(HTTP_FORBIDDEN, "it is not a regular file");
    case ROOT_EXHAUSTED:
        return refuse(HTTP_UNAVAILABLE, "no descriptors or memory just now");
    case ROOT_BROKEN:
        return refuse(HTTP_INTERNAL_ERROR, "the file could not be read");
    }
    return refuse(HTTP_INTERNAL_ERROR, "the file could not be read");
}

void resolve(struct root *root, const struct resolve_rules *rules, struct str path,
             bool is_directory, struct resolution *resolution)
{
    resolution->kind = RESOLVE_REFUSED;
    resolution->find = ROOT_MISSING;
    resolution->error = 0;
    resolution->status = (struct stat){0};
    resolution->name[0] = '\0';
    if (resolve_is_dotted(path))
        refuse_it(resolution, refuse(HTTP_NOT_FOUND, "names that begin with a dot are not served"));
    else if (is_directory || path.len == 0)
        resolve_folder(root, rules, path, resolution);
    else
        resolve_page(root, rules, path, resolution);
}

void resolve_location(struct buf *location, struct str path, enum resolve_kind kind,
                      struct str query)
{
    assert(path.len > 0);
    head_append_path(location, path);
    if (kind == RESOLVE_ADD_SLASH)
        buf_append_byte(location, '/');
    if (query.ptr)
        head_append_query(location, query);
}
