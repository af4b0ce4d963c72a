/* encode - bytes into gzip, brotli or deflate: a whole file at once, or a stream as it comes.
 *
 * The only door to zlib and libbrotlienc.  Owns no file and no thread.  The same bytes at the same
 * effort are the same coded bytes each time, as a strong entity tag needs it: gzip's header has no
 * time and no name, and says Unix.  (Another release of a library may code otherwise.)
 *
 * Memory is bounded beforehand: an encoder gets what encode_memory says and not a byte more, and
 * fails as if there were none if it asked for it.  Files are read, never mapped. */
#ifndef CODING_ENCODE_H
#define CODING_ENCODE_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/file_stamp.h"
#include "http/negotiate.h"

enum {
    ENCODE_BLOCK_BYTES = 16 * 1024,         /* taken in at once */
    ENCODE_SPAN_BYTES  = 2 * 1024 * 1024,   /* coded at once; see encode_all */
};

/* For encode_memory: a stream, whose length nobody knows. */
#define ENCODE_LENGTH_UNKNOWN UINT64_MAX

/* We can make it: gzip and br.  What follows asks for nothing else. */
bool encode_can(enum coding coding) MUST_USE;

/* What the file beside the original ends with: ".gz", ".br", ".zst"; "" for identity. */
struct str coding_suffix(enum coding coding) MUST_USE;

/* Efforts go from 1 to this: 9 for gzip, 11 for br. */
int encode_effort_max(enum coding coding) MUST_USE;

/* The most bytes of memory an encoder takes for so many bytes, its output apart.  It does not always
 * rise with the effort: br at 4 takes more than at 5. */
size_t encode_memory(enum coding coding, int effort, uint64_t length) MUST_USE;

/* The highest effort up to `wanted` that takes no more than `bytes`; 0: there is none. */
int encode_effort_within(enum coding coding, int wanted, uint64_t length, size_t bytes) MUST_USE;

/* ---- at once ----------------------------------------------------------------------------- */

/* Borrowed.  With fd -1 it is `bytes`, else the file, which has to be that version still when its
 * last byte has been read. */
struct encode_source {
    struct str               bytes;
    int                      fd;
    const struct file_stamp *stamp;
};

enum encoded {
    ENCODED_MADE,
    ENCODED_NOT_SMALLER,    /* than the original, or than the ceiling of `out` */
    ENCODED_CHANGED,        /* the file is another version by now, or cannot be read */
    ENCODED_NO_MEMORY,
    ENCODED_CANCELLED,
};

/* Codes all of it.  `out` is emptied first and holds the result for ENCODED_MADE only, else nothing
 * and no memory; its ceiling is kept, and the effort ends as soon as that or the length of the
 * original is reached.  Its memory may be up to twice what is in it.
 *
 * Blocks: it reads a disk and computes, up to seconds for br at its best.  *cancelled (NULL: never)
 * is looked at before every block; after each span the encoder lets go of what it has gathered,
 * which bounds both its memory and the time from one look to the next: about half a second. */
enum encoded encode_all(enum coding coding, int effort, const struct encode_source *source,
                        const atomic_bool *cancelled, struct buf *out) MUST_USE;

/* ---- as it comes ------------------------------------------------------------------------- */

/* For bodies that are coded anew for each client: quick, and little memory (0.3 and 2.5 MB). */
enum { ENCODER_EFFORT_GZIP = 4, ENCODER_EFFORT_BROTLI = 5 };

struct encoder;

/* All three append to `out`, up to its ceiling and never beyond. */
enum encoder_step {
    ENCODER_DONE,
    ENCODER_MORE,           /* `out` is full: empty it and ask the same again */
    ENCODER_NO_MEMORY,      /* for `out` or inside, and from then on; all that is left is to close */
};

/* Takes encode_memory(coding, effort, ENCODE_LENGTH_UNKNOWN) at most, however long the stream.
 * NULL: no memory. */
struct encoder *encoder_open(enum coding coding, int effort) MUST_USE;

/* The same for so many bytes, with memory for no more than these need. */
struct encoder *encoder_open_for(enum coding coding, int effort, uint64_t length) MUST_USE;

/* Into the coding that HTTP calls "deflate", which is the zlib format (RFC 9110 §8.4.1.2).  No coding of
 * enum coding, because it is never chosen: some clients take it for what is inside of that format. */
struct encoder *encoder_open_deflate(uint64_t length) MUST_USE;

/* Takes bytes off the front of *bytes; DONE when there are none left.  They may stay inside until
 * there are enough of them, or until a flush. */
enum encoder_step encoder_put(struct encoder *encoder, struct str *bytes, struct buf *out) MUST_USE;

/* DONE: the client can decode all that was put so far.  Each costs a few bytes. */
enum encoder_step encoder_flush(struct encoder *encoder, struct buf *out) MUST_USE;

/* DONE: the stream is complete, and takes no more. */
enum encoder_step encoder_finish(struct encoder *encoder, struct buf *out) MUST_USE;

/* Frees it, finished or not; NULL is fine. */
void encoder_close(struct encoder *encoder);

#endif
