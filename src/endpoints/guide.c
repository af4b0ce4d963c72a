#include "endpoints/guide.h"

enum { PAGE_BYTES_MAX = 128 * 1024 };

static const char beginning[] =
    "<!doctype html>\n"
    "<html lang=\"en\">\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>Endpoints of this wherry</title>\n"
    "<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:58rem;margin:3rem auto;"
    "padding:0 1.5rem}h1{font-size:1.6rem}h2{font-size:1.15rem;margin:2.2rem 0 .4rem}"
    "nav a{margin-right:1rem}code{font:.95em ui-monospace,monospace}"
    "table{border-collapse:collapse;width:100%}td{padding:.35rem 1rem .35rem 0;"
    "border-top:1px solid #8884;vertical-align:top}td:first-child{width:45%;"
    "overflow-wrap:anywhere}td:last-child{padding-right:0}small{opacity:.7}</style>\n"
    "<h1>Endpoints to try clients with</h1>\n"
    "<p>Each link is an example to follow, or to give to <code>curl -i</code>. What is in braces "
    "or behind a question mark is yours to choose.</p>\n";

/* ---- HTML -------------------------------------------------------------------------------- */

static void append_escaped(struct buf *page, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&': buf_append(page, STR("&amp;")); break;
        case '<': buf_append(page, STR("&lt;")); break;
        case '>': buf_append(page, STR("&gt;")); break;
        case '"': buf_append(page, STR("&quot;")); break;
        default:  buf_append_byte(page, *text); break;
        }
    }
}

static const struct {
    unsigned    bit;
    const char *name;
} methods[] = {
    {WHERRY_GET, "GET"},     {WHERRY_POST, "POST"},     {WHERRY_PUT, "PUT"},
    {WHERRY_PATCH, "PATCH"}, {WHERRY_DELETE, "DELETE"},
};

/* HEAD comes with GET, and need not be told. */
static void append_methods(struct buf *page, unsigned bits)
{
    const char *before = "";

    buf_append(page, STR("<small>"));
    for (size_t i = 0; i < COUNTOF(methods); i++) {
        if (bits & methods[i].bit) {
            buf_printf(page, "%s%s", before, methods[i].name);
            before = " ";
        }
    }
    buf_append(page, STR("</small> "));
}

/* The rows of a path stand side by side in their table: the first of them is listed, with all of
 * their methods. */
static unsigned methods_of(const struct endpoint *first, const struct endpoint *end)
{
    unsigned bits = 0;

    for (const struct endpoint *e = first; e < end; e++)
        if (strcmp(e->route.pattern, first->route.pattern) == 0)
            bits |= e->route.methods;
    return bits;
}

/* Only what GET gives can be followed. */
static void append_target(struct buf *page, const char *prefix, const struct endpoint *endpoint,
                          unsigned bits)
{
    const char *query = strchr(endpoint->example, '?');
    bool        is_link = (bits & WHERRY_GET) != 0;

    if (is_link) {
        buf_append(page, STR("<a href=\""));
        append_escaped(page, prefix);
        append_escaped(page, endpoint->example);
        buf_append(page, STR("\">"));
    }
    buf_append(page, STR("<code>"));
    append_escaped(page, prefix);
    append_escaped(page, endpoint->route.pattern);
    buf_append(page, STR("</code>"));
    if (is_link)
        buf_append(page, STR("</a>"));
    if (query) {
        buf_append(page, STR("<wbr><small><code>"));
        append_escaped(page, query);
        buf_append(page, STR("</code></small>"));
    }
}

static void append_row(struct buf *page, const char *prefix, const struct endpoint *endpoint,
                       const struct endpoint *end)
{
    unsigned bits = methods_of(endpoint, end);

    buf_append(page, STR("<tr><td>"));
    append_methods(page, bits);
    append_target(page, prefix, endpoint, bits);
    buf_append(page, STR("<td>"));
    append_escaped(page, endpoint->says);
    buf_append_byte(page, '\n');
}

/* ---- the page ---------------------------------------------------------------------------- */

static void append_group(struct buf *page, const char *prefix, const struct endpoint_group *group,
                         size_t number)
{
    const struct endpoint *end = group->endpoints + group->count;

    buf_printf(page, "<h2 id=\"%zu\">%s</h2>\n<table>\n", number, group->title);
    for (const struct endpoint *endpoint = group->endpoints; endpoint < end; endpoint++)
        if (endpoint->example)
            append_row(page, prefix, endpoint, end);
    buf_append(page, STR("</table>\n"));
}

bool guide_make(struct guide *guide, const char *prefix,
                const struct endpoint_group *const groups[], size_t count)
{
    struct buf *page = &guide->page;

    *page = BUF_UP_TO(PAGE_BYTES_MAX);
    buf_append(page, str_view(beginning));
    buf_append(page, STR("<nav>"));
    for (size_t i = 0; i < count; i++)
        buf_printf(page, "<a href=\"#%zu\">%s</a> ", i + 1, groups[i]->title);
    buf_append(page, STR("</nav>\n"));
    for (size_t i = 0; i < count; i++)
        append_group(page, prefix, groups[i], i + 1);
    buf_append(page, STR("<p><small>wherry " WHERRY_VERSION "</small></p>\n"));
    return !page->failed;
}

void guide_fini(struct guide *guide)
{
    buf_fini(&guide->page);
}

enum wherry_next guide_answer(struct wherry_exchange *exchange, void *data)
{
    const struct guide *guide = data;

    wherry_add_field(exchange, "Content-Type", wherry_text("text/html; charset=utf-8"));
    wherry_set_body(exchange, endpoint_slice(buf_view(&guide->page)));
    return WHERRY_ANSWER;
}
