#include "endpoints/sample.h"

#include <stdlib.h>

#include "base/buf.h"
#include "coding/encode.h"
#include "endpoints/json.h"
#include "endpoints/mirror.h"
#include "http/accept.h"
#include "http/status.h"

/* ---- things that are always the same ----------------------------------------------------- */

/* The bytes of a file in samples/, as `name`, up to `name`_end.  The compiler runs in the repository's
 * root. */
#define EMBED(name, file)                                                                          \
    __asm__(".pushsection .rodata\n" #name ":\n.incbin \"src/endpoints/samples/" file "\"\n" #name \
            "_end:\n.popsection\n");                                                               \
    extern const char name[], name##_end[]

EMBED(sample_page, "page.html");
EMBED(sample_utf8, "utf8.html");
EMBED(sample_json, "slideshow.json");
EMBED(sample_xml, "slideshow.xml");
EMBED(sample_png, "wherry.png");
EMBED(sample_jpeg, "wherry.jpeg");
EMBED(sample_svg, "wherry.svg");

struct sample {
    const char *type;
    const char *first, *end;
};

static const struct sample page = {"text/html; charset=utf-8", sample_page, sample_page_end};
static const struct sample utf8 = {"text/html; charset=utf-8", sample_utf8, sample_utf8_end};
static const struct sample slides_json = {"application/json", sample_json, sample_json_end};
static const struct sample slides_xml = {"application/xml", sample_xml, sample_xml_end};
static const struct sample png = {"image/png", sample_png, sample_png_end};
static const struct sample jpeg = {"image/jpeg", sample_jpeg, sample_jpeg_end};
static const struct sample svg = {"image/svg+xml", sample_svg, sample_svg_end};

/* FNV-1a.  Nobody but us says what the bytes are, so nothing stronger is needed to tell one version
 * from the next. */
static uint64_t hash_of(const struct sample *sample)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (const char *at = sample->first; at < sample->end; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    return hash;
}

/* The tag is made of the content, so it is the same wherever the program runs. */
static enum wherry_next answer(struct wherry_exchange *exchange, const struct sample *sample)
{
    struct buf etag = BUF_UP_TO(32);

    buf_printf(&etag, "\"%016llx\"", (unsigned long long)hash_of(sample));
    wherry_add_field(exchange, "ETag", endpoint_slice(buf_view(&etag)));
    buf_fini(&etag);
    wherry_add_field(exchange, "Content-Type", wherry_text(sample->type));
    wherry_set_body(exchange,
                    (struct wherry_slice){sample->first, (size_t)(sample->end - sample->first)});
    return WHERRY_ANSWER;
}

static enum wherry_next answer_page(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return answer(exchange, &page);
}

static enum wherry_next answer_utf8(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return answer(exchange, &utf8);
}

static enum wherry_next answer_json(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return answer(exchange, &slides_json);
}

static enum wherry_next answer_xml(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return answer(exchange, &slides_xml);
}

static enum wherry_next answer_png(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return answer(exchange, &png);
}

static enum wherry_next answer_jpeg(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return answer(exchange, &jpeg);
}

static enum wherry_next answer_svg(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return answer(exchange, &svg);
}

/* ---- /image: the one that the client would rather have ----------------------------------- */

/* False: no Accept came, and anything goes (RFC 9110 §12.5.1). */
static bool read_accept(const struct wherry_exchange *exchange, struct str type,
                        struct accepted *accepted)
{
    struct wherry_slice name, value;
    bool                has_come = false;

    *accepted = (struct accepted){0};
    for (size_t at = 0; wherry_next_field(exchange, &at, &name, &value);) {
        if (!str_equal_nocase(endpoint_str(name), STR("Accept")))
            continue;
        has_come = true;
        accept_read(endpoint_str(value), type, accepted);
    }
    return has_come;
}

/* The heaviest; of equal ones that which was named more exactly, then the first of these.  NULL: the
 * client takes none of them. */
static const struct sample *choose_image(const struct wherry_exchange *exchange)
{
    static const struct sample *const images[] = {&png, &jpeg, &svg};
    const struct sample              *best = NULL;
    struct accepted                   best_accepted = {0}, accepted;

    for (size_t i = 0; i < COUNTOF(images); i++) {
        if (!read_accept(exchange, str_view(images[i]->type), &accepted))
            return images[0];
        if (accepted.weight > best_accepted.weight ||
            (best && accepted.weight == best_accepted.weight &&
             accepted.precision > best_accepted.precision)) {
            best = images[i];
            best_accepted = accepted;
        }
    }
    return best;
}

static enum wherry_next answer_image(struct wherry_exchange *exchange, void *data)
{
    const struct sample *image = choose_image(exchange);
    enum wherry_next     next;

    (void)data;
    next = image ? answer(exchange, image)
                 : wherry_refuse(exchange, HTTP_NOT_ACCEPTABLE,
                                 "there is a PNG, a JPEG and an SVG of it, and Accept takes none of "
                                 "them");
    wherry_add_field(exchange, "Vary", wherry_text("Accept"));
    return next;
}

/* ---- /gzip, /deflate, /brotli: whatever the client accepts -------------------------------- */

static struct encoder *open_gzip(size_t length)
{
    return encoder_open_for(CODING_GZIP, ENCODER_EFFORT_GZIP, length);
}

static struct encoder *open_deflate(size_t length)
{
    return encoder_open_deflate(length);
}

static struct encoder *open_brotli(size_t length)
{
    return encoder_open_for(CODING_BROTLI, ENCODER_EFFORT_BROTLI, length);
}

enum { CODED_MAX = 16 * 1024 * 1024 };     /* a head is far shorter, whatever its escapes make of it */

/* A coding, and the member that says so. */
struct coded {
    const char *name;
    const char *member;
    struct encoder *(*open)(size_t length);
};

static const struct coded gzip = {"gzip", "gzipped", open_gzip};
static const struct coded deflate = {"deflate", "deflated", open_deflate};
static const struct coded brotli = {"br", "brotli", open_brotli};

/* False: no memory. */
static bool encode(const struct coded *coded, struct str bytes, struct buf *out)
{
    struct encoder *encoder = coded->open(bytes.len);
    bool            ok = encoder && encoder_put(encoder, &bytes, out) == ENCODER_DONE &&
              encoder_finish(encoder, out) == ENCODER_DONE;

    encoder_close(encoder);
    return ok;
}

/* NULL: no memory. */
static char *write_request(struct wherry_exchange *exchange, const char *member)
{
    struct wherry_slice method = wherry_method(exchange);

    return json_write(json_pack("{s:b, s:o, s:s%, s:o}", member, 1, "headers",
                                mirror_headers(exchange), "method", method.ptr, method.len,
                                "origin", mirror_origin(exchange)));
}

/* With its Content-Encoding the server takes it as it is. */
static enum wherry_next answer_coded(struct wherry_exchange *exchange, const struct coded *coded)
{
    char            *text = write_request(exchange, coded->member);
    struct buf       out = BUF_UP_TO(CODED_MAX);
    enum wherry_next next = WHERRY_FAIL;

    if (text && encode(coded, str_view(text), &out)) {
        endpoint_forbid_storing(exchange);
        wherry_add_field(exchange, "Content-Encoding", wherry_text(coded->name));
        next = endpoint_send(exchange, HTTP_OK, "application/json", endpoint_slice(buf_view(&out)));
    }
    buf_fini(&out);
    free(text);
    return next;
}

static enum wherry_next answer_gzip(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return answer_coded(exchange, &gzip);
}

static enum wherry_next answer_deflate(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return answer_coded(exchange, &deflate);
}

static enum wherry_next answer_brotli(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return answer_coded(exchange, &brotli);
}

/* clang-format off */
static const struct endpoint table[] = {
    {{.pattern = "/html", .methods = WHERRY_GET, .look = answer_page},
     "/html", "A page."},
    {{.pattern = "/json", .methods = WHERRY_GET, .look = answer_json},
     "/json", "A document in JSON."},
    {{.pattern = "/xml", .methods = WHERRY_GET, .look = answer_xml},
     "/xml", "The same in XML."},
    {{.pattern = "/encoding/utf8", .methods = WHERRY_GET, .look = answer_utf8},
     "/encoding/utf8", "A page in many scripts."},
    {{.pattern = "/image", .methods = WHERRY_GET, .look = answer_image},
     "/image", "A picture of a wherry, in the format that Accept would rather have."},
    {{.pattern = "/image/png", .methods = WHERRY_GET, .look = answer_png},
     "/image/png", "The picture as a PNG."},
    {{.pattern = "/image/jpeg", .methods = WHERRY_GET, .look = answer_jpeg},
     "/image/jpeg", "The picture as a JPEG."},
    {{.pattern = "/image/svg", .methods = WHERRY_GET, .look = answer_svg},
     "/image/svg", "The picture as an SVG."},
    {{.pattern = "/gzip", .methods = WHERRY_GET, .look = answer_gzip},
     "/gzip", "The request as JSON, in gzip whatever Accept-Encoding says."},
    {{.pattern = "/deflate", .methods = WHERRY_GET, .look = answer_deflate},
     "/deflate", "The same in deflate."},
    {{.pattern = "/brotli", .methods = WHERRY_GET, .look = answer_brotli},
     "/brotli", "The same in brotli."},
};
/* clang-format on */

const struct endpoint_group sample_group = ENDPOINT_GROUP("Kinds of content", table);
