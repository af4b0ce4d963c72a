/* noise - bytes that look like chance, and are the same for the same seed.
 *
 * The numbers of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
 * 2014), each as eight bytes with the lowest first.  A number is computed from its place, so any part can
 * be made by itself.  Whoever has written a seed into a test may count on it: another generator would
 * be another module.  Nothing is secret about them.  Pure. */
#ifndef ENDPOINTS_NOISE_H
#define ENDPOINTS_NOISE_H

#include <stddef.h>
#include <stdint.h>

/* The bytes [offset, offset + count) of that seed. */
void noise_make(uint64_t seed, uint64_t offset, char *bytes, size_t count);

#endif
