/* SPDX-License-Identifier: MIT */
/* samba_users.c - preloaded into Samba's programs by samba.py: they find users in a passwd
 * file of their own, $SAMBA_USERS, and winbindd's socket in a folder of their own,
 * $SELFTEST_WINBINDD_SOCKET_DIR, which they heed when nss_wrapper says that it is there. */
#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool nss_wrapper_enabled(void);

bool nss_wrapper_enabled(void)
{
    return true;
}

/* The entry with that name, or, where name is NULL, that number. */
static int find(const char *name, uid_t uid, struct passwd *out, char *room, size_t size,
                struct passwd **found)
{
    const char *path = getenv("SAMBA_USERS");
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    int result = 0;
    *found = NULL;
    if (file == NULL)
        return errno;
    while ((result = fgetpwent_r(file, out, room, size, found)) == 0)
        if (name != NULL ? strcmp(out->pw_name, name) == 0 : out->pw_uid == uid)
            break;
    fclose(file);
    if (result != 0)
        *found = NULL;
    return result == ENOENT ? 0 : result;
}

int getpwnam_r(const char *name, struct passwd *out, char *room, size_t size,
               struct passwd **found)
{
    return find(name, 0, out, room, size, found);
}

int getpwuid_r(uid_t uid, struct passwd *out, char *room, size_t size, struct passwd **found)
{
    return find(NULL, uid, out, room, size, found);
}

struct passwd *getpwnam(const char *name)
{
    static struct passwd entry; /* the function's own form: one entry at a time */
    static char room[1024];
    struct passwd *found;
    errno = find(name, 0, &entry, room, sizeof(room), &found);
    return found;
}

struct passwd *getpwuid(uid_t uid)
{
    static struct passwd entry;
    static char room[1024];
    struct passwd *found;
    errno = find(NULL, uid, &entry, room, sizeof(room), &found);
    return found;
}
