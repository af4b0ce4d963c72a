/* mime: the type of a file, by the end of its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/media_type.h"
#include "site/mime.h"
#include "tests/support/tight.h"

enum { TEXT = 1, CHARSET = 2, SMALLER = 4 };       /* what is said of a type */

static const struct type_case {
    const char *promise;
    const char *name;
    const char *type;
    unsigned    is;
} cases[] = {
    {"a page", "index.html", "text/html", TEXT | CHARSET | SMALLER},
    {"a style sheet", "css/site.css", "text/css", TEXT | CHARSET | SMALLER},
    {"a script (RFC 9239)", "app.js", "text/javascript", TEXT | CHARSET | SMALLER},
    {"a module", "app.mjs", "text/javascript", TEXT | CHARSET | SMALLER},
    {"a script as Node calls it", "app.cjs", "text/javascript", TEXT | CHARSET | SMALLER},
    {"JSON has no charset (RFC 8259)", "a.json", "application/json", TEXT | SMALLER},
    {"linked data", "a.jsonld", "application/ld+json", TEXT | SMALLER},
    {"a source map is JSON", "app.js.map", "application/json", TEXT | SMALLER},
    {"a drawing is text", "logo.svg", "image/svg+xml", TEXT | CHARSET | SMALLER},
    {"a packed drawing is not", "logo.svgz", "application/gzip", 0},
    {"a feed", "feed.xml", "application/xml", TEXT | CHARSET | SMALLER},
    {"an Atom feed", "feed.atom", "application/atom+xml", TEXT | CHARSET | SMALLER},
    {"an RSS feed", "feed.rss", "application/rss+xml", TEXT | CHARSET | SMALLER},
    {"a list of feeds", "feeds.opml", "text/x-opml", TEXT | CHARSET | SMALLER},
    {"a web app's manifest", "site.webmanifest", "application/manifest+json", TEXT | SMALLER},
    {"an old web app's", "site.appcache", "text/cache-manifest", TEXT | CHARSET | SMALLER},
    {"a calendar", "a.ics", "text/calendar", TEXT | CHARSET | SMALLER},
    {"a card", "a.vcf", "text/vcard", TEXT | CHARSET | SMALLER},
    {"subtitles", "a.vtt", "text/vtt", TEXT | CHARSET | SMALLER},
    {"subtitles of old", "a.srt", "application/x-subrip", TEXT | CHARSET | SMALLER},
    {"a streaming list (RFC 8216)", "a.m3u8", "application/vnd.apple.mpegurl", TEXT | SMALLER},
    {"another", "a.mpd", "application/dash+xml", TEXT | CHARSET | SMALLER},
    {"a piece of a stream", "a.ts", "video/mp2t", 0},
    {"a route", "a.gpx", "application/gpx+xml", TEXT | CHARSET | SMALLER},
    {"a map", "a.geojson", "application/geo+json", TEXT | SMALLER},
    {"a picture is not text", "photo.jpeg", "image/jpeg", 0},
    {"nor is a new one", "photo.avif", "image/avif", 0},
    {"a picture that is not packed", "photo.bmp", "image/bmp", SMALLER},
    {"an icon", "favicon.ico", "image/vnd.microsoft.icon", SMALLER},
    {"a font is packed", "inter.woff2", "font/woff2", 0},
    {"an old one is not", "inter.ttf", "font/ttf", SMALLER},
    {"WebAssembly", "a.wasm", "application/wasm", SMALLER},
    {"and as text", "a.wat", "text/plain", TEXT | CHARSET | SMALLER},
    {"a document is packed", "a.docx",
     "application/vnd.openxmlformats-officedocument.wordprocessingml.document", 0},
    {"a model of text", "a.gltf", "model/gltf+json", TEXT | SMALLER},
    {"a model of bytes", "a.glb", "model/gltf-binary", SMALLER},
    {"a model that is packed", "a.usdz", "model/vnd.usdz+zip", 0},
    {"the first of the table", "clip.3g2", "video/3gpp2", 0},
    {"the last of the table", "dump.zst", "application/zstd", 0},
    {"the case of an ending does not matter", "PHOTO.JPG", "image/jpeg", 0},
    {"the last ending decides", "backup.html.gz", "application/gzip", 0},
    {"an unknown ending says nothing", "a.unknown", "", 0},
    {"no ending says nothing", "LICENSE", "", 0},
    {"an ending of nothing says nothing", "odd.", "", 0},
    {"a very long ending says nothing", "a.htmlhtmlhtmlhtmlhtmlhtmlhtmlhtmlhtml", "", 0},
    {"a folder's dot is no ending", "v1.html/page", "", 0},
    {"the beginning of an ending is not enough", "a.ht", "", 0},
    {"no name says nothing", "", "", 0},
};

static unsigned said_of(struct str type)
{
    return (media_type_is_text(type) ? TEXT : 0u) | (media_type_takes_charset(type) ? CHARSET : 0u) |
           (media_type_is_compressible(type) ? SMALLER : 0u);
}

static void each_ending_has_its_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct type_case *c = &cases[i];
        struct tight_str name = tight_str(c->name);
        struct str type = mime_of(name.view);

        if (!str_equal(type, str_view(c->type)) || said_of(type) != c->is)
            fail_msg("%s: %s is %.*s (%u)", c->promise, c->name, STR_ARG(type), said_of(type));
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
