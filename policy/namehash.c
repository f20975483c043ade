/* SPDX-License-Identifier: MIT */
/* namehash.c - the hashes of a name and of all its parents; see namehash.h. */
#include "policy/namehash.h"

#include <endian.h>
#include <string.h>

/* splitmix64 from a fixed seed. */
void namehash_init(struct namehash *n)
{
    uint64_t state = UINT64_C(0x53616c6c79706f72);
    for (size_t i = 0; i < NAMEHASH_WORDS; i++) {
        state += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = state;
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        n->weights[i] = z ^ z >> 31;
    }
}

/* The eight characters of name that done others stand behind, the last of them on top;
 * zeros below the first of the name. */
static uint64_t load_word(struct str name, size_t done)
{
    size_t left = name.len - done;
    uint64_t word = 0;
    if (left >= 8) {
        memcpy(&word, name.ptr + left - 8, 8);
        return le64toh(word);
    }
    if (name.len >= 8) {
        memcpy(&word, name.ptr, 8);
        return le64toh(word) << (64 - 8 * left);
    }
    for (size_t i = 0; i < left; i++)
        word = word >> 8 | (uint64_t)(unsigned char)name.ptr[i] << 56;
    return word;
}

/* The upper bit of each byte that is a dot. */
static uint64_t find_dots(uint64_t word)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t other = word ^ UINT64_C(0x2e2e2e2e2e2e2e2e);
    return ~(((other & low) + low) | other | low);
}

/* Both halves of the product: the lower one alone forgets the upper bytes. */
static uint64_t fold(uint64_t word, uint64_t weight)
{
    unsigned __int128 product = (unsigned __int128)word * weight;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t mix(uint64_t sum)
{
    sum *= UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 29;
}

/* Eight characters at a time, from the end: the hash of a name is the sum of its
 * words, and that of a parent the sum up to its dot, with the word there cut off. */
void namehash_parents(const struct namehash *n, struct str name, struct namehash_parents *out)
{
    uint64_t sum = 0;
    size_t count = 0;
    for (size_t done = 0; done < name.len; done += 8) {
        uint64_t weight = n->weights[done / 8];
        uint64_t word = load_word(name, done);
        uint64_t dots = find_dots(word);
        while (dots != 0 && count < NAMEHASH_MAX_LABELS - 1) {
            unsigned above = (unsigned)__builtin_clzll(dots);
            uint64_t cut = word & ~(UINT64_MAX >> above);
            out->hashes[count] = mix(sum + fold(cut, weight));
            out->lengths[count++] = (uint8_t)(done + above / 8);
            dots &= ~(UINT64_C(1) << 63 >> above);
        }
        sum += fold(word, weight);
    }
    out->hashes[count] = mix(sum);
    out->lengths[count] = (uint8_t)name.len;
    out->count = count + 1;
}
