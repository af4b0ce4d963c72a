/* coded - a handler's answer in a content coding, for clients that accept it (RFC 9110 §8.4, §12.5.3).
 *
 * Text and the like whose handler has not coded it already.  A short body is coded at once and has its
 * length; a longer one, and a stream whose length nobody knows, is coded as it is sent, so that no
 * more than a piece of it is ever held, and flushed whenever the stream waits.  What the site sends
 * comes with finished lines and is none of our business.
 *
 * Whether an answer is coded follows from its type, its length and the request alone, so 304 and HEAD
 * say the same as 200.  A strong entity tag names bytes (RFC 9110 §8.8.3.3): "v1" of the handler's
 * is "v1-gzip" in that coding. */
#ifndef SERVER_CODED_H
#define SERVER_CODED_H

#include "server/answer.h"

/* Memory for the encoders of all streams together; beyond, streams are sent as they are. */
#define CODED_STREAMS_BYTES ((size_t)64 * 1024 * 1024)

/* The same where there is so much memory in all: no more than an eighth of it. */
size_t coded_streams_share(uint64_t memory) MUST_USE;

/* Which coding the answer would have, before conditions are asked: response->coding, with the tag and
 * the Vary that belong to it.  No memory: none. */
void coded_choose(struct wherry_exchange *exchange, const struct answer_setting *setting);

/* Codes what is to be sent, after they were: of what was not chosen, or is not sent, nothing. */
void coded_begin(struct wherry_exchange *exchange, const struct answer_setting *setting);

/* The tag of the same version in that coding; ptr NULL: no memory.  A weak one stays as it is: it says
 * nothing of bytes. */
struct str coded_etag(struct arena *arena, struct str etag, enum coding coding) MUST_USE;

#endif
