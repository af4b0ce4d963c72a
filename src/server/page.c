#include "server/page.h"

#include <stdio.h>

#include "http/status.h"

/* `why` is a constant of ours and holds nothing that HTML could take for markup. */
static const char page[] =
    "<!doctype html>\n"
    "<html lang=\"en\">\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>%d %.*s</title>\n"
    "<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:18vh auto;"
    "padding:0 1.5rem}h1{font-size:1.5rem}</style>\n"
    "<h1>%d %.*s</h1>\n"
    "%s%s%s";

struct str page_render(struct arena *arena, int status, const char *why)
{
    enum { ROOM = 1024 };
    struct str phrase = status_phrase(status);
    char      *out = arena_alloc(arena, ROOM);
    int        len;

    if (!out)
        return (struct str){NULL, 0};
    len = snprintf(out, ROOM, page, status, STR_ARG(phrase), status, STR_ARG(phrase),
                   why ? "<p>The reason: " : "", why ? why : "", why ? ".</p>\n" : "");
    return str_of(out, (size_t)MIN_OF(len, ROOM - 1));
}
