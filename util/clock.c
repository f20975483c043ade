/* SPDX-License-Identifier: MIT */
/* clock.c - timestamps for people; see clock.h. */
#include "util/clock.h"

#include <stddef.h>

static void put_digits(char *out, unsigned value, unsigned digits)
{
    while (digits-- > 0) {
        out[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

char *clock_format(uint64_t wall_ms, char out[CLOCK_TEXT_SIZE])
{
    static const char SHAPE[CLOCK_TEXT_SIZE] = "0000-00-00T00:00:00.000Z";
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    for (size_t i = 0; i < sizeof(SHAPE); i++)
        out[i] = SHAPE[i];
    put_digits(out, (unsigned)tm.tm_year + 1900, 4);
    put_digits(out + 5, (unsigned)tm.tm_mon + 1, 2);
    put_digits(out + 8, (unsigned)tm.tm_mday, 2);
    put_digits(out + 11, (unsigned)tm.tm_hour, 2);
    put_digits(out + 14, (unsigned)tm.tm_min, 2);
    put_digits(out + 17, (unsigned)tm.tm_sec, 2);
    put_digits(out + 20, (unsigned)(wall_ms % 1000), 3);
    return out;
}
