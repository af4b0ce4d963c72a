/* mime: the type of a file, by the end of its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "site/mime.h"
#include "tests/support/tight.h"

static const struct type_case {
    const char *promise;
    const char *name;
    const char *type;
    bool        is_text;
} cases[] = {
    {"a page", "index.html", "text/html", true},
    {"a style sheet", "css/site.css", "text/css", true},
    {"a script", "app.js", "text/javascript", true},
    {"a module", "app.mjs", "text/javascript", true},
    {"a source map is JSON", "app.js.map", "application/json", true},
    {"a drawing is text", "logo.svg", "image/svg+xml", true},
    {"a feed", "feed.xml", "application/xml", true},
    {"an Atom feed", "feed.atom", "application/atom+xml", true},
    {"a web app's manifest", "site.webmanifest", "application/manifest+json", true},
    {"a picture is not text", "photo.jpeg", "image/jpeg", false},
    {"a font", "inter.woff2", "font/woff2", false},
    {"WebAssembly", "a.wasm", "application/wasm", false},
    {"the first of the table", "clip.3g2", "video/3gpp2", false},
    {"the last of the table", "dump.zst", "application/zstd", false},
    {"the case of an ending does not matter", "PHOTO.JPG", "image/jpeg", false},
    {"the last ending decides", "backup.html.gz", "application/gzip", false},
    {"an unknown ending is bytes", "a.unknown", "application/octet-stream", false},
    {"no ending is bytes", "LICENSE", "application/octet-stream", false},
    {"an ending of nothing is bytes", "odd.", "application/octet-stream", false},
    {"a very long ending is bytes", "a.htmlhtmlhtmlhtmlhtml", "application/octet-stream", false},
    {"a folder's dot is no ending", "v1.html/page", "application/octet-stream", false},
    {"the beginning of an ending is not enough", "a.ht", "application/octet-stream", false},
    {"no name is bytes", "", "application/octet-stream", false},
};

static void each_ending_has_its_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct type_case *c = &cases[i];
        struct tight_str name = tight_str(c->name);
        struct str type = mime_of(name.view);

        if (!str_equal(type, str_view(c->type)) || mime_is_text(type) != c->is_text)
            fail_msg("%s: %s is %.*s", c->promise, c->name, STR_ARG(type));
        tight_str_free(&name);
    }
}

static void the_table_is_sorted(void **state)
{
    (void)state;
    assert_true(mime_is_sorted());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ending_has_its_type),
        cmocka_unit_test(the_table_is_sorted),
    };

    return cmocka_run_group_tests_name("mime", tests, NULL, NULL);
}
