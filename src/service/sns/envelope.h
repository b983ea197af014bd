/* envelope.h - the texts a message becomes: for queues, for functions, for HTTP endpoints, and the text that
 * is signed.
 *
 * Source of the rules: AWS SNS developer guide, "HTTP/HTTPS notification JSON format", "Verifying the
 * signatures of messages"; envelopes and events as recorded on AWS, key order included.
 *
 * A rendering belongs to one message; what its subscribers share is made once: the text for a protocol, its
 * signature (0.6 ms), the escaped head and tail.  Only UnsubscribeURL, SigningCertURL and the subscription's
 * ARN differ. Cost for each further subscription: copying the envelope. */
#ifndef WAYBILL_SERVICE_SNS_ENVELOPE_H
#define WAYBILL_SERVICE_SNS_ENVELOPE_H

#include "service/sns/message.h"

#define SNS_SIGNER "sns.amazonaws.com"
#define SNS_CERTIFICATE_PATH "/SimpleNotificationService-"

struct sns_variant { /* of one protocol's text */
    bool made;
    struct str text;
    struct str signature; /* base64; absent: not made yet */
    struct str head;      /* Notification up to the signature; absent: not made yet */
    bool parsed;
    const struct json *body; /* the text as a JSON object; NULL: it is none */
};

struct sns_rendering {
    struct arena *a;
    struct sns *sns;
    struct turn *turn; /* the key may have to be made and kept */
    const struct sns_topic *topic;
    const struct sns_message *m;
    struct sns_variant variant[SNS_N_PROTOCOLS]; /* [0] alone where the body has no structure */
    struct str attributes;                       /* {"name":{"Type":..,"Value":..}}; absent: not made yet */
};
void sns_rendering_init(struct sns_rendering *r, struct arena *a, struct turn *turn,
                        const struct sns_topic *topic, const struct sns_message *m);

struct str sns_render_text(struct sns_rendering *r, enum sns_protocol p); /* raw */
const struct json *sns_render_body(struct sns_rendering *r,
                                   enum sns_protocol p); /* for filters; NULL: no JSON object */
void sns_render_notification(struct sns_rendering *r, const struct sns_subscription *sub, struct buf *ret);
void sns_render_lambda(struct sns_rendering *r, const struct sns_subscription *sub, struct buf *ret);
/* SubscriptionConfirmation and UnsubscribeConfirmation, as m->kind says. */
void sns_render_confirmation(struct sns_rendering *r, const struct sns_subscription *sub, struct buf *ret);
/* The message text of those two. */
struct str sns_confirmation_text(struct arena *a, enum sns_kind kind, const struct sns_subscription *sub);

const char *sns_kind_name(enum sns_kind kind); /* "Notification", ... */

/* The text that is signed; subscribe_url and token are absent in notifications. */
void sns_signed_text(struct buf *b, const struct sns_message *m, struct str topic_arn, struct str text,
                     struct str subscribe_url, struct str token);
/* The server's key; made and stored when there is none yet.  NULL: it could not be stored; the turn fails. */
const struct sign_key *sns_signing_key(struct sns *s, struct turn *t);

#endif
