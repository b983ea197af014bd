/* xml.h - an XML document as a tree, for request bodies (expat reads it).
 *
 * What a client may send: elements, attributes, character data, comments and processing instructions
 * (skipped), any encoding expat knows (UTF-8, UTF-16, ISO-8859-1).  What it may not: a document type (so no
 * entities but the five every document has), more than XML_MAX_DEPTH levels, more than XML_MAX_NODES elements
 * and attributes.
 *
 * Names lose their prefix: "xsi:type" is "type"; namespaces are not looked at, as AWS does not insist on
 * them. Everything lies in the arena, UTF-8.  Cost: one pass, about 100 bytes per element and attribute. The
 * writing side needs no tree: encoders append tags and xml_text() (codec.h). */
#ifndef WAYBILL_WIRE_XML_H
#define WAYBILL_WIRE_XML_H

#include "base/arena.h"

#define XML_MAX_DEPTH 64
#define XML_MAX_NODES 200000 /* a list of 10,000 parts with all its checksums has 90,000 */

struct xml_attribute {
    struct str name, value;
    struct xml_attribute *next;
};

struct xml {
    struct str name;
    struct str text; /* of an element without children, all of it; never absent */
    struct xml_attribute *attributes;
    struct xml *first, *next; /* children; siblings */
    size_t n;                 /* children */
};

/* 0; -E_INVALID: not well formed, or with a document type; -E_LIMIT: too deep, too many, or the arena is
 * full. */
int xml_parse(struct arena *a, struct str text, struct xml **ret);

#define XML_EACH(parent, child) \
    for (const struct xml *child = (parent)->first; child != NULL; child = child->next)

#endif
