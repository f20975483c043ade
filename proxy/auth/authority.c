/* SPDX-License-Identifier: MIT */
/* authority.c - what the whole process keeps for authentication; see authority.h. */
#include "proxy/auth/authority.h"

#include <sched.h>

#include "util/mem.h"

#define CACHED_CREDENTIALS 16384
#define HASHES_WAITING 1024
#define TICKETS_WAITING 1024
#define KERBEROS_THREADS 2
/* Hashing must not take time from the workers: it gets about a tenth of a CPU that
 * they want, and all of one that they do not. */
#define HASHING_NICE 10

static unsigned count_cpus(void)
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0 || CPU_COUNT(&cpus) < 1)
        return 1;
    return (unsigned)CPU_COUNT(&cpus);
}

struct authority *authority_new(struct err *e)
{
    struct authority *a = mem_must_zalloc(sizeof(*a));
    a->nonces = nonces_new();
    a->cache = auth_cache_new(CACHED_CREDENTIALS);
    a->throttle = throttle_new();
    a->pending = pending_new();
    if (a->nonces == NULL || a->cache == NULL || a->throttle == NULL || a->pending == NULL) {
        err_set(e, NULL, "no memory or no random numbers for authentication");
        authority_free(a);
        return NULL;
    }
    a->hashing = jobs_new(count_cpus(), HASHES_WAITING, HASHING_NICE, e);
    if (a->hashing != NULL)
        a->kerberos = jobs_new(KERBEROS_THREADS, TICKETS_WAITING, 0, e);
    if (a->kerberos != NULL)
        a->helpers = helpers_new(e);
    if (a->helpers != NULL)
        return a;
    authority_free(a);
    return NULL;
}

void authority_stop(struct authority *a)
{
    jobs_free(a->hashing);
    jobs_free(a->kerberos);
    helpers_free(a->helpers);
    a->hashing = a->kerberos = NULL;
    a->helpers = NULL;
}

void authority_free(struct authority *a)
{
    if (a == NULL)
        return;
    authority_stop(a);
    pending_free(a->pending);
    throttle_free(a->throttle);
    auth_cache_free(a->cache);
    nonces_free(a->nonces);
    mem_free(a);
}
