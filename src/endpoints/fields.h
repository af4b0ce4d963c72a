/* fields - an answer with the fields that its caller names: /response-headers.
 *
 * A page of somebody else's may send a browser here, with a query of its own choice.  So a field that
 * makes a browser do, keep or permit something, a proxy in front of us fetch something, or that says how
 * the answer is to be read on the wire, is refused; all others go, whatever they are called. */
#ifndef ENDPOINTS_FIELDS_H
#define ENDPOINTS_FIELDS_H

#include "endpoints/endpoint.h"

/* Why that field is refused, one constant phrase; NULL: it may go. */
const char *fields_problem(struct str name, struct str value) MUST_USE;

wherry_handler fields_answer;

#endif
