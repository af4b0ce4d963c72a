/* json - answers in JSON: the door to jansson. */
#ifndef ENDPOINTS_JSON_H
#define ENDPOINTS_JSON_H

#include <jansson.h>

#include "wherry.h"

/* Answers with `value`, as short as it can be written, and takes it over; NULL, for which there was
 * no memory, fails. */
enum wherry_next json_answer(struct wherry_exchange *exchange, int status, json_t *value);

#endif
