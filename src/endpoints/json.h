/* json - answers in JSON: the door to jansson. */
#ifndef ENDPOINTS_JSON_H
#define ENDPOINTS_JSON_H

#include <jansson.h>

#include "base/base.h"
#include "wherry.h"

/* The text of `value`, as short as it can be written, to be freed; NULL: no memory. */
char *json_to_text(const json_t *value) MUST_USE;

/* The same, and takes the value over; NULL, for which there was no memory, gives NULL. */
char *json_write(json_t *value) MUST_USE;

/* Answers with `value`, as short as it can be written, and takes it over; NULL, for which there was
 * no memory, fails. */
enum wherry_next json_answer(struct wherry_exchange *exchange, int status, json_t *value);

/* A string of bytes in UTF-8, else of Latin-1, in which all bytes mean something; NULL: no memory. */
json_t *json_of_bytes(struct wherry_slice bytes) MUST_USE;

/* Adds a member.  Where there is one of that name, both values become a list, in their order; or, with
 * `between`, one string with that between them.  False: no memory. */
bool json_add(json_t *object, struct wherry_slice name, struct wherry_slice value,
              const char *between) MUST_USE;

#endif
