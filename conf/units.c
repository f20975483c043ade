/* SPDX-License-Identifier: MIT */
/* units.c - durations and sizes as people write them; see units.h. */
#include "conf/units.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* Small to large; formatting walks them from the end and skips powers of 1,000. */
static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};
static const struct unit sizes[] = {
    {"B", 1},
    {"KiB", UINT64_C(1) << 10},
    {"MiB", UINT64_C(1) << 20},
    {"GiB", UINT64_C(1) << 30},
    {"kB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
};
#define BINARY_SIZES 4

static int parse_amount(struct str text, const struct unit *units, size_t count, uint64_t *out)
{
    size_t digits = 0;
    uint64_t amount;

    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    if (str_to_u64((struct str){text.ptr, digits}, UINT64_MAX, &amount) != 0)
        return -1;
    struct str unit = {text.ptr + digits, text.len - digits};
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(unit, str_of(units[i].name)))
            continue;
        if (amount > UINT64_MAX / units[i].factor)
            return -1;
        *out = amount * units[i].factor;
        return 0;
    }
    return -1;
}

static char *format_amount(uint64_t amount, const struct unit *units, size_t count,
                           char out[UNITS_TEXT_SIZE])
{
    size_t i = count - 1;
    while (i > 0 && (amount == 0 || amount % units[i].factor != 0))
        i--;
    snprintf(out, UNITS_TEXT_SIZE, "%" PRIu64 "%s", amount / units[i].factor, units[i].name);
    return out;
}

int units_duration(struct str text, uint64_t *ms)
{
    return parse_amount(text, durations, ARRAY_LEN(durations), ms);
}

int units_size(struct str text, uint64_t *bytes)
{
    return parse_amount(text, sizes, ARRAY_LEN(sizes), bytes);
}

char *units_format_duration(uint64_t ms, char out[UNITS_TEXT_SIZE])
{
    return format_amount(ms, durations, ARRAY_LEN(durations), out);
}

char *units_format_size(uint64_t bytes, char out[UNITS_TEXT_SIZE])
{
    return format_amount(bytes, sizes, BINARY_SIZES, out);
}
