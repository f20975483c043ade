/* SPDX-License-Identifier: MIT */
/* suggest.c - the known word closest to a mistyped one; see suggest.h. */
#include "conf/suggest.h"

#include <string.h>

/* Longer words are not compared: a suggestion is a courtesy, not a search. */
#define MAX_WORD 40

static size_t min_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edit distance where a swap of neighbours counts once (optimal string alignment). */
static size_t measure(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][MAX_WORD + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];

    memset(rows, 0, sizeof(rows));
    for (size_t j = 0; j <= b_len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t cost = a[i - 1] != b[j - 1];
            now[j] = min_of(min_of(last[j], now[j - 1]) + 1, last[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = min_of(now[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b_len];
}

struct suggest suggest_begin(const char *word)
{
    size_t len = strlen(word);
    /* A third of the letters may be wrong, three at most. */
    return (struct suggest){.word = word, .distance = min_of(len / 3, 3) + 1};
}

void suggest_offer(struct suggest *s, const char *candidate)
{
    size_t a_len = strlen(s->word), b_len = strlen(candidate);
    if (a_len > MAX_WORD || b_len > MAX_WORD)
        return;
    size_t distance = measure(s->word, a_len, candidate, b_len);
    if (distance < s->distance) {
        s->distance = distance;
        s->best = candidate;
    }
}
