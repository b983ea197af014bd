/* header.c - see header.h. */
#include "base/header.h"

static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool fits(char c) { return ((unsigned char)c >= 0x20 && c != 0x7f) || c == '\t'; }

bool header_value_fits(struct str value)
{
    for (size_t i = 0; i < value.n; i++)
        if (!fits(value.p[i]))
            return false;
    return true;
}

void header_line(struct buf *b, struct str name, struct str value)
{
    size_t begin = b->n;

    buf_reserve(b, name.n + value.n + 4);
    for (size_t i = 0; i < name.n; i++)
        if (is_token(name.p[i]))
            b->p[b->n++] = name.p[i];
    if (b->n == begin)
        return;
    b->p[b->n++] = ':';
    b->p[b->n++] = ' ';
    for (size_t i = 0; i < value.n; i++)
        if (fits(value.p[i]))
            b->p[b->n++] = value.p[i];
    buf_z(b, "\r\n");
}
