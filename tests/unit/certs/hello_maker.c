/* SPDX-License-Identifier: MIT */
/* hello_maker.c - writes ClientHellos, good and bad ones, and cuts them into records. */
#include "tests/unit/certs/hello_maker.h"

#include <check.h>

void maker_number(struct maker *m, unsigned width, size_t number)
{
    ck_assert_uint_le(m->len + width, sizeof(m->message));
    while (width-- != 0)
        m->message[m->len++] = (unsigned char)(number >> (8 * width));
}

void maker_text(struct maker *m, struct str text)
{
    ck_assert_uint_le(m->len + text.len, sizeof(m->message));
    if (text.len != 0)
        memcpy(m->message + m->len, text.ptr, text.len);
    m->len += text.len;
}

size_t maker_open(struct maker *m, unsigned width)
{
    maker_number(m, width, 0);
    return m->len;
}

void maker_close(struct maker *m, size_t at, unsigned width)
{
    size_t end = m->len;
    m->len = at - width;
    maker_number(m, width, end - at);
    m->len = end;
}

void maker_start(struct maker *m)
{
    m->len = m->wire_len = 0;
    maker_number(m, 1, 1);
    (void)maker_open(m, 3);
    maker_number(m, 2, 0x0303);
    for (unsigned i = 0; i < 32; i++)
        maker_number(m, 1, i);
    maker_number(m, 1, 0);      /* session id */
    maker_number(m, 2, 2);
    maker_number(m, 2, 0x1301); /* suites */
    maker_number(m, 2, 0x0100); /* compression */
    m->extensions = maker_open(m, 2);
}

void maker_extension(struct maker *m, size_t type, struct str content)
{
    maker_number(m, 2, type);
    maker_number(m, 2, content.len);
    maker_text(m, content);
}

void maker_server_name(struct maker *m, struct str name)
{
    maker_number(m, 2, 0);
    maker_number(m, 2, name.len + 5);
    maker_number(m, 2, name.len + 3);
    maker_number(m, 1, 0);
    maker_number(m, 2, name.len);
    maker_text(m, name);
}

struct str maker_record(struct maker *m, unsigned type, struct str content)
{
    unsigned char *p = m->wire + m->wire_len;
    ck_assert_uint_le(m->wire_len + 5 + content.len, sizeof(m->wire));
    p[0] = (unsigned char)type;
    p[1] = 3;
    p[2] = 1;
    p[3] = (unsigned char)(content.len >> 8);
    p[4] = (unsigned char)content.len;
    if (content.len != 0)
        memcpy(p + 5, content.ptr, content.len);
    m->wire_len += 5 + content.len;
    return (struct str){(const char *)m->wire, m->wire_len};
}

struct str maker_cut(struct maker *m, struct str message, size_t size)
{
    m->wire_len = 0;
    while (message.len != 0) {
        struct str piece = {message.ptr, message.len < size ? message.len : size};
        (void)maker_record(m, 22, piece);
        message.ptr += piece.len;
        message.len -= piece.len;
    }
    return (struct str){(const char *)m->wire, m->wire_len};
}

struct str maker_finish(struct maker *m, size_t size)
{
    maker_close(m, m->extensions, 2);
    maker_close(m, 4, 3);
    return maker_cut(m, (struct str){(const char *)m->message, m->len}, size);
}
