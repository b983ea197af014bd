/* sns.h - SNS: topics, subscriptions, and what is published to whom. */
#ifndef WAYBILL_SERVICE_SNS_H
#define WAYBILL_SERVICE_SNS_H

#include "flow/outbox.h"
#include "flow/sink.h"
#include "wire/call.h"

struct sns;
struct sns_options {
    const struct sinks *sinks; /* queues and functions: in the turn that publishes */
    struct outbox *outbox;     /* HTTP endpoints, and retries */
};

struct sns *sns_new(const struct sns_options *o);
struct sns *sns_free(struct sns *s);
void sns_load(struct sns *s, struct turn *t);  /* memory from the store; also after a turn that failed */
void sns_stop(struct sns *s);                  /* no turn will come any more: jobs end soon */
void sns_reset(struct sns *s, struct turn *t); /* the store was emptied */
struct service sns_service(struct sns *s);
struct sink sns_sink(struct sns *s);
/* GET of a SigningCertURL: true when path names the certificate messages are signed with; *ret_pem is its
 * text. */
bool sns_certificate(const struct sns *s, struct str path, struct str *ret_pem);

#endif
