/* SPDX-License-Identifier: MIT */
/* inspect_log.c - what an inspecting worker writes down and counts; see inspect_rig.h. */
#include <event2/buffer.h>
#include <string.h>

#include "proxy/proposals.h"
#include "tests/unit/core/inspect_rig.h"
#include "tests/unit/core/json_check.h"
#include "tests/unit/core/must.h"

static size_t add_word(const char *line, const char *key, char *out, size_t size)
{
    char start[24];
    snprintf(start, sizeof(start), "\"%s\":\"", key);
    const char *at = strstr(line, start);
    if (at == NULL)
        return 0;
    at += strlen(start);
    return (size_t)snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
}

void inspect_expect_log(const char *want)
{
    char have[2048];
    size_t len = 0;
    rig_log();
    have[0] = '\0';
    for (unsigned i = 0; i < rig_log_lines(); i++) {
        const char *line = rig_log_line(i);
        struct str text = str_of(line);
        ck_assert_msg(json_check(text) == text.len, "%s", line);
        len += (size_t)snprintf(have + len, sizeof(have) - len, "%s", i == 0 ? "" : " ");
        len += add_word(line, "event", have + len, sizeof(have) - len);
        if (strstr(line, "\"end\":") != NULL) {
            len += (size_t)snprintf(have + len, sizeof(have) - len, ":");
            len += add_word(line, "end", have + len, sizeof(have) - len);
        }
    }
    ck_assert_msg(strcmp(have, want) == 0, "log '%s', not '%s':\n%s", have, want, rig.log);
}

void inspect_expect_in_log(const char *text)
{
    ck_assert_msg(strstr(rig.log, text) != NULL, "no '%s' in:\n%s", text, rig.log);
}

uint64_t inspect_count_end(enum end_reason reason)
{
    return count_read(&rig.worker->counters.ends[reason]);
}

uint64_t inspect_count_client(enum count_tls result)
{
    return count_read(&rig.worker->counters.tls_handshakes[result]);
}

uint64_t inspect_count_origin(enum count_tls result)
{
    return count_read(&rig.worker->counters.origin_handshakes[result]);
}

uint64_t inspect_count_decision(enum count_tls_decision decision)
{
    return count_read(&rig.worker->counters.tls_decisions[decision]);
}

bool inspect_proposes(const char *text)
{
    struct evbuffer *out = evbuffer_new();
    MUST(proposals_write(rig.shared.proposals, out) == 0 && evbuffer_add(out, "", 1) == 0);
    bool is_there = strstr((const char *)evbuffer_pullup(out, -1), text) != NULL;
    evbuffer_free(out);
    return is_there;
}

void inspect_finish(const char *log)
{
    inspect_close(&inspect.client);
    inspect_close(&inspect.origin);
    rig_wait_conns(0);
    inspect_expect_log(log);
    inspect_stop();
}
