/* SPDX-License-Identifier: MIT */
/* fuzz_config.c - any text as a configuration, through the whole of loading. Its folder
 * is empty, and a text that may name a file elsewhere is passed over. Beyond what the
 * sanitizers see, these must hold:
 *   - there is a snapshot where there is no error, and no other;
 *   - every fault stands in the file, in one of its lines;
 *   - what the scan lets through is well-formed to the parser too;
 *   - the same text gives the same faults again;
 *   - a snapshot answers a question. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/config.h"
#include "util/attr.h"

#define LIMIT 65536

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/sallyport-fuzz-XXXXXX"; /* global: libFuzzer hands nothing on */
static char path[64];                                /* global: as above */

static void remove_folder(void)
{
    (void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    ASSERT(mkdtemp(folder) != NULL);
    ASSERT(atexit(remove_folder) == 0);
    snprintf(path, sizeof(path), "%s/fuzz.conf", folder);
    return 0;
}

/* An absolute path, one that leads upwards, or one that escapes could spell so. */
static bool may_leave_the_folder(const uint8_t *data, size_t size)
{
    return memmem(data, size, "\"/", 2) != NULL || memmem(data, size, "..", 2) != NULL ||
           memmem(data, size, "\\", 1) != NULL;
}

static void check_faults(const struct errlist *faults, struct str text)
{
    size_t errors = 0;
    unsigned lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    for (size_t i = 0; i < faults->count; i++) {
        const struct err *e = &faults->items[i];
        errors += !e->is_warning;
        ASSERT(e->text[0] != '\0' && strcmp(e->text, "syntax error") != 0);
        ASSERT(strcmp(e->file, path) == 0);
        ASSERT(e->line <= lines);
    }
    ASSERT(errors <= faults->errors);
}

static void ask(const struct config *c)
{
    struct host host;
    struct addr client;
    struct policy_verdict v;
    struct policy_scratch *scratch = policy_scratch_new(c->policy);
    ASSERT(scratch != NULL);
    ASSERT(addr_parse(&client, STR_LIT("127.0.0.1")) == 0);
    ASSERT(host_parse(&host, STR_LIT("a.web.test")) == NULL);
    struct policy_query q = {.host = &host,
                             .port = 443,
                             .scheme = POLICY_CONNECT,
                             .method = STR_LIT("CONNECT"),
                             .client = &client};
    policy_eval(c->policy, &q, scratch, &v);
    ASSERT(v.rule_index < (int)c->rule_count);
    policy_scratch_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct errlist first, again;
    struct str text = {(const char *)data, size};
    if (size > LIMIT || may_leave_the_folder(data, size))
        return -1;
    errlist_init(&first);
    errlist_init(&again);
    struct config *c = config_parse(path, &text, &first);
    ASSERT((c == NULL) == (first.errors > 0));
    check_faults(&first, text);
    if (c != NULL) {
        ask(c);
        policy_lint(c->policy, &first);
    } else {
        ASSERT(config_parse(path, &text, &again) == NULL);
        ASSERT(first.count == again.count && first.errors == again.errors);
    }
    config_unref(c);
    errlist_fini(&first);
    errlist_fini(&again);
    return 0;
}
