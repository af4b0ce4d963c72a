/* representation - one version of one file in one coding, ready to be sent.
 *
 * Type, validators, length and the finished field lines; the bytes in memory when they are few
 * (up to 256 KiB), else an open descriptor.  Shared between threads, counted by references, never
 * changed once made.  A new version of the file is a new representation. */
#ifndef SITE_REPRESENTATION_H
#define SITE_REPRESENTATION_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "base/file_stamp.h"
#include "http/negotiate.h"
#include "site/coding_rules.h"
#include "site/mime_types.h"
#include "site/root.h"

enum {
    REPRESENTATION_SMALL_MAX         = 256 * 1024,          /* bytes kept in memory */
    REPRESENTATION_HASHED_MAX        = 16 * 1024 * 1024,    /* bytes read for the entity tag */
    REPRESENTATION_CACHE_CONTROL_MAX = 256,                 /* bytes of that field's value */
};

/* Touched within the last 2 s: two writes inside one tick of the file system's clock look the
 * same, so what was read of it must be read again to be sure. */
bool file_is_young(const struct stat *status, int64_t now_s) MUST_USE;

struct representation {
    atomic_uint       references;
    struct file_stamp stamp;
    bool              is_young;         /* the file was, when this was made */
    int               fd;               /* -1 when the bytes are in memory */
    uint64_t          length;           /* bytes of the body */
    int64_t           last_modified;    /* seconds since 1970, or DATE_NONE */
    enum coding       coding;           /* of the body */
    unsigned          siblings;         /* of a plain one: BIT(coding) of files beside it */
    bool              is_codable;       /* of a plain one: we may code it */
    atomic_uint       hopeless;         /* and BIT(coding) of those that do not make it smaller */
    bool              lay_beside;       /* of a coded one: it was read from such a file */
    struct str        name;             /* of the file, beneath the root; terminated */
    struct str        bytes;            /* `length` of them when fd is -1 */
    struct str        etag;             /* as it stands in the field */
    struct str        type;             /* "text/html", without parameters */

    struct str        of;               /* the entity tag of the plain one; its own when it is that */
    struct timespec   of_mtime;         /* and the plain one's mtime */

    /* Finished field lines.  type_lines is the beginning of content_lines, and all that an error
     * page is sent with: it has no validators and no ranges. */
    struct str shared_lines;            /* Cache-Control, Vary, ETag: a 304 has them too */
    struct str content_lines;           /* Content-Type, nosniff, Content-Encoding, Accept-Ranges,
                                         * Last-Modified */
    struct str type_lines;              /* Content-Type, nosniff */

    char etag_text[64];
    char of_text[64];
    char shared_text[REPRESENTATION_CACHE_CONTROL_MAX + 128];
    char content_text[432];
    char room[];                        /* bytes, then name */
};

/* What the operator wants to be said.  Borrowed. */
struct representation_wishes {
    const char              *cache_control;     /* "" sends none */
    const struct mime_types *types;             /* before the built-in ones; NULL: none */
    struct coding_rules      coding;
};

/* Reads `name` beneath root.  On ROOT_FOUND *made is the caller's, with one reference; a file that
 * changed while it was read is read again, a few times, then ROOT_BROKEN with EAGAIN.  Otherwise
 * *status says what root_read saw.  May ask libmagic: see content_type_needs_sniffing.
 * A private key is ROOT_MISSING, whatever it is called. */
enum root_find representation_make(struct root *root, const char *name,
                                   const struct representation_wishes *wishes, int64_t now_s,
                                   struct representation **made, struct stat *status) MUST_USE;

/* BIT(coding) of the files that lie beside the one of that name and are not older than it.  `type`:
 * as in coding_rules_allow. */
unsigned representation_siblings(struct root *root, const struct representation_wishes *wishes,
                                 const char *name, struct str type,
                                 const struct stat *status) MUST_USE;

/* Looks at the file beside the plain one that holds it in that coding. */
enum root_find representation_look_beside(struct root *root, const struct representation *plain,
                                          enum coding coding, struct stat *status) MUST_USE;

/* The coding of a plain one from the file beside it, as representation_make does it.  ROOT_MISSING
 * also when that is older. */
enum root_find representation_make_sibling(struct root *root, const struct representation *plain,
                                           enum coding coding, int64_t now_s,
                                           struct representation **made,
                                           struct stat *status) MUST_USE;

/* The coding of a plain one that we have made ourselves with that effort; `body` is copied.  NULL
 * when there is no memory. */
struct representation *representation_code(const struct representation *plain, enum coding coding,
                                           int effort, struct str body) MUST_USE;

/* Two plain ones have the same bytes, type and mtime, so a coding of the one is one of the other. */
bool representation_is_alike(const struct representation *one,
                             const struct representation *other) MUST_USE;

/* It is a coding of what `plain` is, from where one of that is to be had now: the file beside it, or
 * made. */
bool representation_is_of(const struct representation *coded,
                          const struct representation *plain) MUST_USE;

/* What has been found out about codings of `known` counts for `fresh` too, if they are alike. */
void representation_inherit(struct representation *fresh, const struct representation *known);

/* Which representation of the file is sent depends on the request. */
static inline bool representation_varies(const struct representation *representation)
{
    return representation->is_codable || representation->siblings != 0 ||
           representation->coding != CODING_IDENTITY;
}

/* `cache_control` can be sent: a field's value, and not too long. */
bool representation_can_send(const char *cache_control) MUST_USE;

struct representation *representation_acquire(struct representation *representation);
void                   representation_release(struct representation *representation);

/* The file behind the descriptor is still that version (true when it is in memory). */
bool representation_is_intact(const struct representation *representation) MUST_USE;

/* Bytes it takes in memory, itself included. */
size_t representation_cost(const struct representation *representation) MUST_USE;

#endif
