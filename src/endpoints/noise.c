#include "endpoints/noise.h"

static uint64_t number_at(uint64_t seed, uint64_t place)
{
    uint64_t z = seed + (place + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void noise_make(uint64_t seed, uint64_t offset, char *bytes, size_t count)
{
    uint64_t number = number_at(seed, offset / 8) >> offset % 8 * 8;

    for (size_t i = 0; i < count; i++, number >>= 8) {
        if (i > 0 && (offset + i) % 8 == 0)
            number = number_at(seed, (offset + i) / 8);
        bytes[i] = (char)(number & 0xff);
    }
}
