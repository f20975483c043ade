/* SPDX-License-Identifier: MIT */
/* file_line.c - the lines of a file of accounts; see file_line.h. */
#include "auth/file_line.h"

#include "auth/accounts.h"

struct file_lines file_lines_of(struct str text)
{
    const struct str mark = STR_LIT("\xef\xbb\xbf");
    if (str_starts(text, mark))
        text = (struct str){text.ptr + mark.len, text.len - mark.len};
    return (struct file_lines){text, 0};
}

bool file_lines_next(struct file_lines *l, struct str *line)
{
    while (l->rest.len > 0) {
        struct str found = str_cut(&l->rest, '\n');
        l->number++;
        if (found.len > 0 && found.ptr[found.len - 1] == '\r')
            found.len--;
        found = str_trim(found);
        if (found.len > 0 && found.ptr[0] != '#') {
            *line = found;
            return true;
        }
    }
    return false;
}

bool file_line_has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return true;
    return false;
}

const char *file_line_name_fault(struct str name)
{
    if (name.len == 0)
        return "is empty";
    if (name.len > ACCOUNT_NAME_MAX)
        return "is longer than 255 bytes";
    if (file_line_has_control(name))
        return "has a control character";
    if (str_find(name, ':') < name.len)
        return "has a ':'";
    if (name.ptr[0] == '#')
        return "begins with '#', as comments do";
    if (str_trim(name).len != name.len)
        return "has a blank at its end or beginning";
    return NULL;
}
