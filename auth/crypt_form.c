/* SPDX-License-Identifier: MIT */
/* crypt_form.c - what a stored password hash tells of itself; see crypt_form.h. */
#include "auth/crypt_form.h"

#include "util/attr.h"

/* The part between prefix and result: parameters and salt, with the '$' at its end.
 * Sets the units of work. 0 or -1. */
typedef int (*measure_fn)(struct str middle, uint64_t *units);

struct method {
    const char *prefix, *name;
    size_t digest_len;
    size_t hash_len; /* of the whole; 0: any */
    size_t password_max;
    bool is_weak;
    measure_fn measure;
    uint64_t unit_ns;
};

/* The value of a digit of crypt's base 64, or -1. */
static int digit_value(char c)
{
    if (c == '.' || c == '/')
        return c - '.';
    if (c >= '0' && c <= '9')
        return c - '0' + 2;
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 12;
    return c >= 'a' && c <= 'z' ? c - 'a' + 38 : -1;
}

static bool has_only_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (digit_value(s.ptr[i]) < 0)
            return false;
    return true;
}

/* At most five digits, the lowest first. -1 where there are too few or others. */
static int64_t read_number(struct str s, size_t at, size_t digits)
{
    int64_t value = 0;
    if (s.len < at + digits)
        return -1;
    for (size_t i = digits; i-- > 0;) {
        int digit = digit_value(s.ptr[at + i]);
        if (digit < 0)
            return -1;
        value = value * 64 + digit;
    }
    return value;
}

/* A salt of min to max characters and the '$' behind it. */
static int check_salt(struct str salt, size_t min, size_t max)
{
    if (salt.len == 0 || salt.ptr[salt.len - 1] != '$')
        return -1;
    salt.len--;
    for (size_t i = 0; i < salt.len; i++)
        if (salt.ptr[i] <= ' ' || salt.ptr[i] >= 0x7f || strchr("$!*:;\\", salt.ptr[i]) != NULL)
            return -1;
    return salt.len >= min && salt.len <= max ? 0 : -1;
}

/* "10$" and 22 characters of salt, the result follows at once. */
static int measure_bcrypt(struct str middle, uint64_t *units)
{
    uint64_t cost;
    if (middle.len != 25 || middle.ptr[2] != '$' ||
        str_to_u64((struct str){middle.ptr, 2}, 31, &cost) < 0 || cost < 4)
        return -1;
    *units = 1ULL << cost;
    return has_only_digits((struct str){middle.ptr + 3, 22}) ? 0 : -1;
}

/* "rounds=5000$salt$" or "salt$". */
static int measure_sha2(struct str middle, uint64_t *units)
{
    const struct str word = STR_LIT("rounds=");
    *units = 5000;
    if (str_starts(middle, word)) {
        struct str number = str_cut(&middle, '$');
        number = (struct str){number.ptr + word.len, number.len - word.len};
        if (str_to_u64(number, 999999999, units) < 0 || *units < 1000)
            return -1;
    }
    return check_salt(middle, 1, 16);
}

/* "229954$salt$". */
static int measure_sha1(struct str middle, uint64_t *units)
{
    if (str_to_u64(str_cut(&middle, '$'), UINT32_MAX, units) < 0 || *units < 4)
        return -1;
    return check_salt(middle, 1, 64);
}

/* ",rounds=69868$salt$", and perhaps a second '$'. */
static int measure_sun(struct str middle, uint64_t *units)
{
    struct str first = str_cut(&middle, '$');
    const struct str word = STR_LIT(",rounds=");
    *units = 0;
    if (str_starts(first, word)) {
        first = (struct str){first.ptr + word.len, first.len - word.len};
        if (str_to_u64(first, UINT32_MAX, units) < 0)
            return -1;
    } else if (first.len != 0) {
        return -1;
    }
    *units += 4096;
    if (str_ends(middle, STR_LIT("$$")))
        middle.len--;
    return check_salt(middle, 8, 8);
}

static int measure_md5(struct str middle, uint64_t *units)
{
    *units = 1000;
    return check_salt(middle, 1, 8);
}

/* "j9T$salt$": the second character is the logarithm of N, the third r. Numbers of more
 * characters are as large as anybody has them, and taken as the largest of one. */
static int measure_yescrypt(struct str middle, uint64_t *units)
{
    struct str parameters = str_cut(&middle, '$');
    int64_t n = read_number(parameters, 1, 1), r = read_number(parameters, 2, 1);
    if (n < 0 || r < 0 || !has_only_digits(parameters))
        return -1;
    *units = (1ULL << (n + 1 < 32 ? n + 1 : 32)) * (uint64_t)(r + 1);
    return check_salt(middle, 0, 86);
}

/* "CU..../....salt$": one digit for the logarithm of N, five for r, five for p. */
static int measure_scrypt(struct str middle, uint64_t *units)
{
    int64_t n = read_number(middle, 0, 1), r = read_number(middle, 1, 5);
    int64_t p = read_number(middle, 6, 5);
    if (n < 1 || n > 40 || r < 1 || r > 65535 || p < 1 || p > 255)
        return -1;
    *units = (1ULL << n) * (uint64_t)r * (uint64_t)p;
    return check_salt((struct str){middle.ptr + 11, middle.len - 11}, 0, 86);
}

/* Four digits of rounds, four of salt. */
static int measure_bsdi(struct str middle, uint64_t *units)
{
    int64_t rounds = read_number(middle, 0, 4);
    if (middle.len != 8 || rounds < 1 || read_number(middle, 4, 4) < 0)
        return -1;
    *units = (uint64_t)rounds;
    return 0;
}

static int measure_des(struct str middle, uint64_t *units)
{
    *units = 25;
    return read_number(middle, 0, 2) < 0 ? -1 : 0;
}

static int measure_nt(struct str middle, uint64_t *units)
{
    *units = 1;
    return str_eq(middle, STR_LIT("$")) ? 0 : -1;
}

static const struct method methods[] = {
    {"$2a$", "bcrypt", 31, 60, 72, false, measure_bcrypt, 92000},
    {"$2b$", "bcrypt", 31, 60, 72, false, measure_bcrypt, 92000},
    {"$2x$", "bcrypt", 31, 60, 72, false, measure_bcrypt, 92000},
    {"$2y$", "bcrypt", 31, 60, 72, false, measure_bcrypt, 92000},
    {"$y$", "yescrypt", 43, 0, CRYPT_FORM_UNLIMITED, false, measure_yescrypt, 290},
    {"$gy$", "gost-yescrypt", 43, 0, CRYPT_FORM_UNLIMITED, false, measure_yescrypt, 290},
    {"$7$", "scrypt", 43, 0, CRYPT_FORM_UNLIMITED, false, measure_scrypt, 460},
    {"$6$", "SHA-512", 86, 0, CRYPT_FORM_UNLIMITED, false, measure_sha2, 800},
    {"$5$", "SHA-256", 43, 0, CRYPT_FORM_UNLIMITED, false, measure_sha2, 1050},
    {"$sha1$", "SHA-1", 28, 0, CRYPT_FORM_UNLIMITED, true, measure_sha1, 2400},
    {"$md5", "Sun's MD5", 22, 0, CRYPT_FORM_UNLIMITED, true, measure_sun, 2350},
    {"$apr1$", "Apache's MD5", 22, 0, CRYPT_FORM_UNLIMITED, true, measure_md5, 400},
    {"$1$", "MD5", 22, 0, CRYPT_FORM_UNLIMITED, true, measure_md5, 260},
    {"$3$", "NT", 32, 36, CRYPT_FORM_UNLIMITED, true, measure_nt, 2000},
    {"_", "BSDI's DES", 11, 20, CRYPT_FORM_UNLIMITED, true, measure_bsdi, 280},
    {"", "DES", 11, 13, 8, true, measure_des, 400},
};

/* Either digits, or nothing but '~'. The NT hash is hexadecimal, which are digits too. */
static bool is_digest(struct str digest)
{
    size_t tildes = 0;
    while (tildes < digest.len && digest.ptr[tildes] == '~')
        tildes++;
    return tildes == digest.len || has_only_digits(digest);
}

int crypt_form_parse(struct crypt_form *f, struct str hash)
{
    const struct method *m = methods;
    uint64_t units;
    if (hash.len > CRYPT_FORM_HASH_MAX)
        return -1;
    while (!str_starts(hash, str_of(m->prefix)))
        m++; /* the last fits everything */
    size_t start = strlen(m->prefix);
    if (hash.len < start + m->digest_len || (m->hash_len != 0 && hash.len != m->hash_len))
        return -1;
    size_t at = hash.len - m->digest_len;
    if (!is_digest((struct str){hash.ptr + at, m->digest_len}) ||
        m->measure((struct str){hash.ptr + start, at - start}, &units) < 0)
        return -1;
    *f = (struct crypt_form){
        .name = m->name,
        .digest_at = at,
        .password_max = m->password_max,
        .is_weak = m->is_weak,
        .is_apr1 = strcmp(m->prefix, "$apr1$") == 0,
        .cost_us = units < UINT64_MAX / m->unit_ns ? units * m->unit_ns / 1000 : UINT64_MAX / 1000,
    };
    return 0;
}
