/* xml.c - expat's events become a tree in an arena.
 *
 * True here: the open elements are a chain from the innermost out, as long as the depth; text is collected in
 * one buffer that is empty between elements; after the first refusal the parser stops and nothing more
 * happens. */
#include <expat.h>

#include "base/buf.h"
#include "wire/xml.h"

struct open_element {
    struct xml *e, *last;
    struct open_element *outer;
};

struct reading {
    XML_Parser parser;
    struct arena *a;
    struct open_element *open;
    struct xml *root;
    struct buf text;
    size_t nodes;
    unsigned depth;
    int error;
};

static void stop(struct reading *r, int error)
{
    if (r->error == 0)
        r->error = error;
    XML_StopParser(r->parser, XML_FALSE);
}

static struct str local_name(struct arena *a, const char *name)
{
    const char *colon = strrchr(name, ':');

    return arena_str(a, str_of(colon != NULL ? colon + 1 : name));
}

static bool is_declaration(const char *name)
{
    return strcmp(name, "xmlns") == 0 || strncmp(name, "xmlns:", 6) == 0;
}

static void add_attributes(struct reading *r, struct xml *e, const char **pairs)
{
    struct xml_attribute **at = &e->attributes;

    for (; *pairs != NULL; pairs += 2) {
        if (is_declaration(pairs[0]))
            continue;
        r->nodes++;
        *at = ARENA_NEW(r->a, struct xml_attribute);
        **at = (struct xml_attribute){ local_name(r->a, pairs[0]), arena_str(r->a, str_of(pairs[1])), NULL };
        at = &(*at)->next;
    }
}

static void append(struct reading *r, struct xml *e)
{
    struct open_element *parent = r->open;

    if (parent == NULL)
        r->root = e;
    else if (parent->last == NULL)
        parent->e->first = e;
    else
        parent->last->next = e;
    if (parent != NULL) {
        parent->last = e;
        parent->e->n++;
    }
}

static void on_start(void *arg, const char *name, const char **pairs)
{
    struct reading *r = arg;
    struct xml *e;

    if (r->error != 0)
        return;
    if (++r->depth > XML_MAX_DEPTH || ++r->nodes > XML_MAX_NODES || arena_overflowed(r->a)) {
        stop(r, -E_LIMIT);
        return;
    }
    e = ARENA_NEW(r->a, struct xml);
    *e = (struct xml){ .name = local_name(r->a, name), .text = STR("") };
    add_attributes(r, e, pairs);
    append(r, e);
    buf_clear(&r->text); /* text before a child counts for nothing */
    struct open_element *open = ARENA_NEW(r->a, struct open_element);
    *open = (struct open_element){ e, NULL, r->open };
    r->open = open;
}

static void on_end(void *arg, UNUSED const char *name)
{
    struct reading *r = arg;

    if (r->error != 0)
        return;
    CHECK(r->open != NULL && r->depth > 0);
    if (r->open->e->n == 0 && r->text.n > 0)
        r->open->e->text = buf_to_arena(&r->text, r->a);
    buf_clear(&r->text);
    r->open = r->open->outer;
    r->depth--;
}

static void on_text(void *arg, const char *p, int n)
{
    struct reading *r = arg;

    if (r->error == 0)
        buf_add(&r->text, p, (size_t)n);
}

static void on_doctype(void *arg, UNUSED const char *name, UNUSED const char *sysid, UNUSED const char *pubid,
                       UNUSED int internal)
{
    stop(arg, -E_INVALID);
}

/* XML_Parse() takes an int of bytes at a time. */
static int feed(struct reading *r, struct str text)
{
    const size_t step = (size_t)1 << 20;
    enum XML_Status status;

    do {
        size_t n = MIN(text.n, step);
        bool last = n == text.n;
        status = XML_Parse(r->parser, text.p, (int)n, last);
        text = str_sub(text, n, text.n);
        if (last)
            break;
    } while (status == XML_STATUS_OK);
    return r->error != 0 ? r->error : status == XML_STATUS_OK ? 0 : -E_INVALID;
}

int xml_parse(struct arena *a, struct str text, struct xml **ret)
{
    struct reading r = { .a = a };
    int e;

    r.parser = XML_ParserCreate(NULL);
    if (r.parser == NULL)
        return -E_LIMIT;
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    e = feed(&r, str_absent(text) ? STR("") : text);
    XML_ParserFree(r.parser);
    buf_done(&r.text);
    if (e == 0 && arena_overflowed(a))
        e = -E_LIMIT;
    if (e == 0)
        *ret = r.root;
    return e;
}
