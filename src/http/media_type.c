#include "http/media_type.h"

/* clang-format off */
/* Made of text, though the type's name does not say so. */
static const struct str texts[] = {
    STR("application/graphql"),
    STR("application/javascript"),
    STR("application/json"),
    STR("application/json5"),
    STR("application/jsonl"),
    STR("application/mbox"),
    STR("application/n-quads"),
    STR("application/n-triples"),
    STR("application/postscript"),
    STR("application/rtf"),
    STR("application/sparql-query"),
    STR("application/sql"),
    STR("application/toml"),
    STR("application/trig"),
    STR("application/vnd.apple.mpegurl"),
    STR("application/x-javascript"),
    STR("application/x-ndjson"),
    STR("application/x-ns-proxy-autoconfig"),
    STR("application/x-openvpn-profile"),
    STR("application/x-pem-file"),
    STR("application/x-subrip"),
    STR("application/xml"),
    STR("application/xml-dtd"),
    STR("application/yaml"),
    STR("audio/mpegurl"),
    STR("audio/x-mpegurl"),
    STR("audio/x-scpls"),
    STR("image/x-xbitmap"),
    STR("image/x-xpixmap"),
    STR("message/rfc822"),
    STR("model/iges"),
    STR("model/mtl"),
    STR("model/obj"),
    STR("model/step"),
    STR("model/vnd.usda"),
    STR("model/vrml"),
};

/* Text that may come in more than one encoding; the others are UTF-8 or ASCII by their
 * definition, and have no such parameter (JSON: RFC 8259 §11). */
static const struct str charsets[] = {
    STR("application/javascript"),
    STR("application/sql"),
    STR("application/x-javascript"),
    STR("application/x-subrip"),
    STR("application/xml"),
    STR("application/xml-dtd"),
};

/* No text, and much smaller once it is packed all the same. */
static const struct str bulky[] = {
    STR("application/vnd.ms-fontobject"),
    STR("application/wasm"),
    STR("font/collection"),
    STR("font/otf"),
    STR("font/sfnt"),
    STR("font/ttf"),
    STR("image/bmp"),
    STR("image/vnd.microsoft.icon"),
    STR("image/x-icon"),
    STR("image/x-portable-anymap"),
    STR("image/x-portable-bitmap"),
    STR("image/x-portable-graymap"),
    STR("image/x-portable-pixmap"),
    STR("model/gltf-binary"),
    STR("model/ply"),
    STR("model/stl"),
};
/* clang-format on */

static bool is_among(struct str type, const struct str *types, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(type, types[i]))
            return true;
    return false;
}

static bool is_xml(struct str type)
{
    return str_ends(type, STR("+xml")) || str_ends(type, STR("-flat-xml"));
}

bool media_type_is_text(struct str type)
{
    return str_starts(type, STR("text/")) || str_ends(type, STR("+json")) || is_xml(type) ||
           is_among(type, texts, COUNTOF(texts));
}

bool media_type_takes_charset(struct str type)
{
    return str_starts(type, STR("text/")) || is_xml(type) ||
           is_among(type, charsets, COUNTOF(charsets));
}

bool media_type_is_compressible(struct str type)
{
    return media_type_is_text(type) || is_among(type, bulky, COUNTOF(bulky));
}
