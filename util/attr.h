/* SPDX-License-Identifier: MIT */
/*
 * attr.h - compiler attributes under names that read like documentation.
 *
 * MUST_CHECK   the result decides what happens next; ignoring it is a warning
 * PRINTF_LIKE  argument f is a printf format, arguments start at a
 * NORETURN     never comes back
 * ASSERT       always on; for bugs of ours only, never for what a peer sent
 *
 * Owns nothing, keeps no state; any thread may use it.
 */
#ifndef UTIL_ATTR_H
#define UTIL_ATTR_H

#include <stdio.h>
#include <stdlib.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#define ASSERT(cond) ((cond) ? (void)0 : assert_failed(#cond, __FILE__, __LINE__))

/* Prints the failed condition and aborts. */
NORETURN static inline void assert_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "sallyport: bug: %s is false at %s:%d\n", cond, file, line);
    abort();
}

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
