/* faults - answers that break one rule on purpose, and answers that take their time on the way: for those
 * who test what a client makes of it.
 *
 * What is broken is sent raw (wherry_set_raw), with a head of our own in front where there is one, so
 * that nothing else is wrong with it; and HEAD gets that head alone.  What is slow holds no worker, and
 * comes to its end at once when the server stops. */
#ifndef ENDPOINTS_FAULTS_H
#define ENDPOINTS_FAULTS_H

#include "endpoints/endpoint.h"

extern const struct endpoint_group faults_group;

#endif
