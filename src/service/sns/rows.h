/* rows.h - the SQL of SNS and nothing else.  Functions return the rows changed or a store error. */
#ifndef WAYBILL_SERVICE_SNS_ROWS_H
#define WAYBILL_SERVICE_SNS_ROWS_H

#include "service/sns/topic.h"

int sns_rows_add_topic(struct store *s, const struct sns_topic *t);
int sns_rows_put_topic(struct store *s, const struct sns_topic *t);
int sns_rows_drop_topic(struct store *s, uint64_t id); /* with its subscriptions and what it has seen */
int sns_rows_add_subscription(struct store *s, const struct sns_subscription *sub);
int sns_rows_put_subscription(struct store *s, const struct sns_subscription *sub);
int sns_rows_drop_subscription(struct store *s, uint64_t id);
int sns_rows_add_seen(struct store *s, const struct sns_seen *seen, struct str what);
int sns_rows_forget_seen(struct store *s, uint64_t up_to_id);
int sns_rows_put_key(struct store *s, uint64_t id, struct str private_pem, struct str certificate_pem);
void sns_rows_load(struct sns *s, struct turn *t); /* fills the empty memory */

#endif
