#include "site/mime.h"

struct kind {
    struct str ending;
    struct str type;
};

/* Sorted by ending, for the binary search.  Types are IANA's where it has one. */
/* clang-format off */
static const struct kind kinds[] = {
    {STR("3g2"),         STR("video/3gpp2")},
    {STR("3gp"),         STR("video/3gpp")},
    {STR("7z"),          STR("application/x-7z-compressed")},
    {STR("aac"),         STR("audio/aac")},
    {STR("adoc"),        STR("text/asciidoc")},
    {STR("aif"),         STR("audio/aiff")},
    {STR("aiff"),        STR("audio/aiff")},
    {STR("apk"),         STR("application/vnd.android.package-archive")},
    {STR("apng"),        STR("image/apng")},
    {STR("asc"),         STR("text/plain")},
    {STR("atom"),        STR("application/atom+xml")},
    {STR("avi"),         STR("video/vnd.avi")},
    {STR("avif"),        STR("image/avif")},
    {STR("bib"),         STR("text/x-bibtex")},
    {STR("bin"),         STR("application/octet-stream")},
    {STR("bmp"),         STR("image/bmp")},
    {STR("bz2"),         STR("application/x-bzip2")},
    {STR("c"),           STR("text/x-c")},
    {STR("cer"),         STR("application/pkix-cert")},
    {STR("crt"),         STR("application/x-x509-ca-cert")},
    {STR("css"),         STR("text/css")},
    {STR("csv"),         STR("text/csv")},
    {STR("cur"),         STR("image/vnd.microsoft.icon")},
    {STR("deb"),         STR("application/vnd.debian.binary-package")},
    {STR("der"),         STR("application/x-x509-ca-cert")},
    {STR("diff"),        STR("text/x-diff")},
    {STR("djvu"),        STR("image/vnd.djvu")},
    {STR("dmg"),         STR("application/x-apple-diskimage")},
    {STR("doc"),         STR("application/msword")},
    {STR("docx"),
     STR("application/vnd.openxmlformats-officedocument.wordprocessingml.document")},
    {STR("dtd"),         STR("application/xml-dtd")},
    {STR("dvi"),         STR("application/x-dvi")},
    {STR("eot"),         STR("application/vnd.ms-fontobject")},
    {STR("eps"),         STR("application/postscript")},
    {STR("epub"),        STR("application/epub+zip")},
    {STR("exe"),         STR("application/vnd.microsoft.portable-executable")},
    {STR("flac"),        STR("audio/flac")},
    {STR("geojson"),     STR("application/geo+json")},
    {STR("gif"),         STR("image/gif")},
    {STR("glb"),         STR("model/gltf-binary")},
    {STR("gltf"),        STR("model/gltf+json")},
    {STR("go"),          STR("text/x-go")},
    {STR("gpx"),         STR("application/gpx+xml")},
    {STR("gz"),          STR("application/gzip")},
    {STR("h"),           STR("text/x-c")},
    {STR("har"),         STR("application/json")},
    {STR("heic"),        STR("image/heic")},
    {STR("heif"),        STR("image/heif")},
    {STR("htm"),         STR("text/html")},
    {STR("html"),        STR("text/html")},
    {STR("ico"),         STR("image/vnd.microsoft.icon")},
    {STR("ics"),         STR("text/calendar")},
    {STR("ini"),         STR("text/plain")},
    {STR("ipynb"),       STR("application/x-ipynb+json")},
    {STR("iso"),         STR("application/x-iso9660-image")},
    {STR("jar"),         STR("application/java-archive")},
    {STR("java"),        STR("text/x-java")},
    {STR("jfif"),        STR("image/jpeg")},
    {STR("jpe"),         STR("image/jpeg")},
    {STR("jpeg"),        STR("image/jpeg")},
    {STR("jpg"),         STR("image/jpeg")},
    {STR("js"),          STR("text/javascript")},
    {STR("json"),        STR("application/json")},
    {STR("jsonl"),       STR("application/jsonl")},
    {STR("jsonld"),      STR("application/ld+json")},
    {STR("jxl"),         STR("image/jxl")},
    {STR("kml"),         STR("application/vnd.google-earth.kml+xml")},
    {STR("kmz"),         STR("application/vnd.google-earth.kmz")},
    {STR("log"),         STR("text/plain")},
    {STR("m3u"),         STR("audio/x-mpegurl")},
    {STR("m3u8"),        STR("application/vnd.apple.mpegurl")},
    {STR("m4a"),         STR("audio/mp4")},
    {STR("m4s"),         STR("video/iso.segment")},
    {STR("m4v"),         STR("video/mp4")},
    {STR("map"),         STR("application/json")},
    {STR("markdown"),    STR("text/markdown")},
    {STR("mathml"),      STR("application/mathml+xml")},
    {STR("md"),          STR("text/markdown")},
    {STR("mid"),         STR("audio/midi")},
    {STR("midi"),        STR("audio/midi")},
    {STR("mjs"),         STR("text/javascript")},
    {STR("mkv"),         STR("video/matroska")},
    {STR("mobi"),        STR("application/x-mobipocket-ebook")},
    {STR("mov"),         STR("video/quicktime")},
    {STR("mp3"),         STR("audio/mpeg")},
    {STR("mp4"),         STR("video/mp4")},
    {STR("mpd"),         STR("application/dash+xml")},
    {STR("mpeg"),        STR("video/mpeg")},
    {STR("mpg"),         STR("video/mpeg")},
    {STR("msi"),         STR("application/x-msi")},
    {STR("ndjson"),      STR("application/x-ndjson")},
    {STR("obj"),         STR("model/obj")},
    {STR("odg"),         STR("application/vnd.oasis.opendocument.graphics")},
    {STR("odp"),         STR("application/vnd.oasis.opendocument.presentation")},
    {STR("ods"),         STR("application/vnd.oasis.opendocument.spreadsheet")},
    {STR("odt"),         STR("application/vnd.oasis.opendocument.text")},
    {STR("oga"),         STR("audio/ogg")},
    {STR("ogg"),         STR("audio/ogg")},
    {STR("ogv"),         STR("video/ogg")},
    {STR("ogx"),         STR("application/ogg")},
    {STR("opensearch"),  STR("application/opensearchdescription+xml")},
    {STR("opus"),        STR("audio/ogg")},
    {STR("org"),         STR("text/org")},
    {STR("otf"),         STR("font/otf")},
    {STR("p7s"),         STR("application/pkcs7-signature")},
    {STR("parquet"),     STR("application/vnd.apache.parquet")},
    {STR("patch"),       STR("text/x-diff")},
    {STR("pdf"),         STR("application/pdf")},
    {STR("pem"),         STR("application/x-pem-file")},
    {STR("png"),         STR("image/png")},
    {STR("ppt"),         STR("application/vnd.ms-powerpoint")},
    {STR("pptx"),
     STR("application/vnd.openxmlformats-officedocument.presentationml.presentation")},
    {STR("ps"),          STR("application/postscript")},
    {STR("py"),          STR("text/x-python")},
    {STR("rar"),         STR("application/vnd.rar")},
    {STR("rdf"),         STR("application/rdf+xml")},
    {STR("rpm"),         STR("application/x-rpm")},
    {STR("rs"),          STR("text/x-rust")},
    {STR("rss"),         STR("application/rss+xml")},
    {STR("rst"),         STR("text/x-rst")},
    {STR("rtf"),         STR("application/rtf")},
    {STR("sh"),          STR("text/x-shellscript")},
    {STR("sig"),         STR("application/pgp-signature")},
    {STR("sql"),         STR("application/sql")},
    {STR("sqlite"),      STR("application/vnd.sqlite3")},
    {STR("srt"),         STR("application/x-subrip")},
    {STR("stl"),         STR("model/stl")},
    {STR("svg"),         STR("image/svg+xml")},
    {STR("tar"),         STR("application/x-tar")},
    {STR("tex"),         STR("text/x-tex")},
    {STR("text"),        STR("text/plain")},
    {STR("tgz"),         STR("application/gzip")},
    {STR("tif"),         STR("image/tiff")},
    {STR("tiff"),        STR("image/tiff")},
    {STR("toml"),        STR("application/toml")},
    {STR("topojson"),    STR("application/json")},
    {STR("torrent"),     STR("application/x-bittorrent")},
    {STR("tsv"),         STR("text/tab-separated-values")},
    {STR("ttc"),         STR("font/collection")},
    {STR("ttf"),         STR("font/ttf")},
    {STR("txt"),         STR("text/plain")},
    {STR("usdz"),        STR("model/vnd.usdz+zip")},
    {STR("vcf"),         STR("text/vcard")},
    {STR("vtt"),         STR("text/vtt")},
    {STR("wasm"),        STR("application/wasm")},
    {STR("wav"),         STR("audio/wav")},
    {STR("weba"),        STR("audio/webm")},
    {STR("webm"),        STR("video/webm")},
    {STR("webmanifest"), STR("application/manifest+json")},
    {STR("webp"),        STR("image/webp")},
    {STR("woff"),        STR("font/woff")},
    {STR("woff2"),       STR("font/woff2")},
    {STR("xht"),         STR("application/xhtml+xml")},
    {STR("xhtml"),       STR("application/xhtml+xml")},
    {STR("xls"),         STR("application/vnd.ms-excel")},
    {STR("xlsx"),        STR("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")},
    {STR("xml"),         STR("application/xml")},
    {STR("xpi"),         STR("application/x-xpinstall")},
    {STR("xsd"),         STR("application/xml")},
    {STR("xsl"),         STR("application/xml")},
    {STR("xslt"),        STR("application/xslt+xml")},
    {STR("xz"),          STR("application/x-xz")},
    {STR("yaml"),        STR("application/yaml")},
    {STR("yml"),         STR("application/yaml")},
    {STR("zip"),         STR("application/zip")},
    {STR("zst"),         STR("application/zstd")},
};
/* clang-format on */

/* Longer endings are in no table, and need not be folded. */
enum { ENDING_MAX = 16 };

/* What stands behind the last "." of the last segment; empty when there is none. */
static struct str ending_of(struct str name)
{
    for (size_t i = name.len; i > 0 && name.ptr[i - 1] != '/'; i--)
        if (name.ptr[i - 1] == '.')
            return str_from(name, i);
    return STR_NONE;
}

static int compare(struct str a, struct str b)
{
    int order = memcmp(a.ptr, b.ptr, MIN_OF(a.len, b.len));

    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

struct str mime_of(struct str name)
{
    struct str ending = ending_of(name);
    char folded[ENDING_MAX];
    size_t low = 0, high = COUNTOF(kinds);

    if (ending.len > sizeof folded)
        high = 0;
    for (size_t i = 0; i < ending.len && high > 0; i++) {
        char c = ending.ptr[i];

        folded[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(str_of(folded, ending.len), kinds[middle].ending);

        if (order == 0)
            return kinds[middle].type;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return STR("application/octet-stream");
}

bool mime_is_text(struct str type)
{
    static const struct str texts[] = {
        STR("application/json"), STR("application/jsonl"), STR("application/sql"),
        STR("application/toml"), STR("application/x-ndjson"), STR("application/x-subrip"),
        STR("application/xml"), STR("application/xml-dtd"), STR("application/yaml"),
    };

    if (str_starts(type, STR("text/")) || str_ends(type, STR("+json")) ||
        str_ends(type, STR("+xml")))
        return true;
    for (size_t i = 0; i < COUNTOF(texts); i++)
        if (str_equal(type, texts[i]))
            return true;
    return false;
}

bool mime_is_sorted(void)
{
    for (size_t i = 1; i < COUNTOF(kinds); i++)
        if (compare(kinds[i - 1].ending, kinds[i].ending) >= 0)
            return false;
    return true;
}
