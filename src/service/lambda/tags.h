/* tags.h - the tags of a function: at most 50, sorted by key.  Versions and aliases have none. */
#ifndef WAYBILL_SERVICE_LAMBDA_TAGS_H
#define WAYBILL_SERVICE_LAMBDA_TAGS_H

#include "service/lambda/ops.h"

/* 400 when f (NULL: a new function) would have more than MAX_TAGS, or a key begins with "aws:". */
int tags_check(struct call *c, const struct lambda_Tags *add, const struct function *f);
void tags_merge(struct function *f, const struct lambda_Tags *add);
void tags_reply(struct call *c, const struct function *f, struct lambda_Tags *ret);

#endif
