/* envelope.c - see envelope.h.  Texts are written piece by piece, since what is shared is kept escaped. */
#include "service/sns/envelope.h"

#include "base/crypt.h"
#include "service/sns/rows.h"

const char *sns_kind_name(enum sns_kind kind)
{
    static const char *const names[] = { "Notification", "SubscriptionConfirmation",
                                         "UnsubscribeConfirmation" };

    CHECK(kind < ARRAY_LEN(names));
    return names[kind];
}

const struct sign_key *sns_signing_key(struct sns *s, struct turn *t)
{
    CLEANUP(buf_done) struct buf pem = { 0 };
    struct sign_key *k;

    CHECK_IS(s, SNS_MAGIC);
    if (s->key != NULL)
        return s->key;
    k = s->spare_key != NULL ? s->spare_key : sign_key_new(SNS_SIGNER);
    s->spare_key = NULL;
    sign_key_write(k, &pem);
    if (sns_rows_put_key(t->store, store_next_id(t->store), buf_view(&pem), sign_certificate(k)) < 0) {
        s->spare_key = k;
        return NULL;
    }
    s->key = k;
    return k;
}

/* ---- the signature ---- */

static void line(struct buf *b, const char *name, struct str value)
{
    if (str_absent(value))
        return;
    buf_printf(b, "%s\n", name);
    buf_str(b, value);
    buf_char(b, '\n');
}

void sns_signed_text(struct buf *b, const struct sns_message *m, struct str topic_arn, struct str text,
                     struct str subscribe_url, struct str token)
{
    CLEANUP(buf_done) struct buf at = { 0 };

    when_iso_ms(&at, m->at_ms);
    line(b, "Message", text);
    line(b, "MessageId", m->id);
    if (m->kind == SNS_NOTIFICATION)
        line(b, "Subject", m->subject);
    else
        line(b, "SubscribeURL", subscribe_url);
    line(b, "Timestamp", buf_view(&at));
    line(b, "Token", token);
    line(b, "TopicArn", topic_arn);
    line(b, "Type", str_of(sns_kind_name(m->kind)));
}

static struct str signature_of(struct sns_rendering *r, struct str text, struct str subscribe_url,
                               struct str token)
{
    CLEANUP(buf_done) struct buf what = { 0 }, base64 = { 0 };
    const struct sign_key *k = sns_signing_key(r->sns, r->turn);

    if (k == NULL)
        return STR(""); /* never seen: the turn fails */
    sns_signed_text(&what, r->m, r->topic->arn, text, subscribe_url, token);
    sign_text(k, r->topic->signature_version == 2 ? SIGN_SHA256 : SIGN_SHA1, buf_view(&what), &base64);
    return buf_to_arena(&base64, r->a);
}

/* ---- what subscribers share ---- */

void sns_rendering_init(struct sns_rendering *r, struct arena *a, struct turn *turn,
                        const struct sns_topic *topic, const struct sns_message *m)
{
    CHECK_IS(topic, SNS_TOPIC_MAGIC);
    *r = (struct sns_rendering){ .a = a, .sns = topic->owner, .turn = turn, .topic = topic, .m = m };
}

static struct sns_variant *variant_of(struct sns_rendering *r, enum sns_protocol p)
{
    struct sns_variant *v;

    CHECK(p < SNS_N_PROTOCOLS);
    v = &r->variant[r->m->structured ? p : 0];
    if (!v->made)
        *v = (struct sns_variant){ .made = true, .text = sns_message_text(r->a, r->m, p) };
    return v;
}

struct str sns_render_text(struct sns_rendering *r, enum sns_protocol p) { return variant_of(r, p)->text; }

const struct json *sns_render_body(struct sns_rendering *r, enum sns_protocol p)
{
    struct sns_variant *v = variant_of(r, p);
    struct json *doc;

    if (!v->parsed && json_parse(r->a, v->text, &doc, NULL) == 0 && doc->type == JSON_OBJECT)
        v->body = doc;
    v->parsed = true;
    return v->body;
}

static struct str signature(struct sns_rendering *r, struct sns_variant *v)
{
    if (str_absent(v->signature))
        v->signature = signature_of(r, v->text, STR_NONE, STR_NONE);
    return v->signature;
}

static void write_attributes(struct json_writer *w, const struct sns_message *m)
{
    jw_object(w);
    for (size_t i = 0; i < m->n_attributes; i++) {
        CLEANUP(buf_done) struct buf base64 = { 0 };
        struct str value = m->attributes[i].value;

        if (sns_message_is_binary(m->attributes[i].type)) {
            base64_add(&base64, value.p, value.n);
            value = buf_view(&base64);
        }
        jw_key(w, m->attributes[i].name);
        jw_object(w);
        jw_kstr(w, "Type", m->attributes[i].type);
        jw_kstr(w, "Value", value);
        jw_object_end(w);
    }
    jw_object_end(w);
}

static struct str attributes(struct sns_rendering *r)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json_writer w;

    if (str_absent(r->attributes)) {
        jw_init(&w, &b);
        write_attributes(&w, r->m);
        r->attributes = buf_to_arena(&b, r->a);
    }
    return r->attributes;
}

static void add_time(struct json_writer *w, int64_t ms)
{
    CLEANUP(buf_done) struct buf at = { 0 };

    when_iso_ms(&at, ms);
    jw_kstr(w, "Timestamp", buf_view(&at));
}

/* {"Type":..., up to and with "Signature", without the closing brace. */
static struct str head(struct sns_rendering *r, struct sns_variant *v)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct json_writer w;

    if (!str_absent(v->head))
        return v->head;
    jw_init(&w, &b);
    jw_object(&w);
    jw_kstr(&w, "Type", STR("Notification"));
    jw_kstr(&w, "MessageId", r->m->id);
    jw_kstr(&w, "SequenceNumber", r->m->sequence);
    jw_kstr(&w, "TopicArn", r->topic->arn);
    jw_kstr(&w, "Subject", r->m->subject);
    jw_kstr(&w, "Message", v->text);
    add_time(&w, r->m->at_ms);
    jw_kstr(&w, "SignatureVersion", r->topic->signature_version == 2 ? STR("2") : STR("1"));
    jw_kstr(&w, "Signature", signature(r, v));
    jw_object_end(&w);
    CHECK(b.p[b.n - 1] == '}'); /* more members follow */
    b.n--;
    v->head = buf_to_arena(&b, r->a);
    return v->head;
}

/* ---- one subscriber's ---- */

static void add_certificate_url(struct buf *b, const struct sns_rendering *r,
                                const struct sns_subscription *sub)
{
    buf_printf(b, "http://" STR_FMT SNS_CERTIFICATE_PATH "%s.pem", STR_ARG(sub->host),
               r->sns->key != NULL ? sign_key_name(r->sns->key) : "");
}

static void add_unsubscribe_url(struct buf *b, const struct sns_subscription *sub)
{
    buf_printf(b, "http://" STR_FMT "/?Action=Unsubscribe&SubscriptionArn=" STR_FMT, STR_ARG(sub->host),
               STR_ARG(sub->arn));
}

static struct str certificate_url(const struct sns_rendering *r, const struct sns_subscription *sub,
                                  struct buf *b)
{
    buf_clear(b);
    add_certificate_url(b, r, sub);
    return buf_view(b);
}

static struct str unsubscribe_url(const struct sns_subscription *sub, struct buf *b)
{
    buf_clear(b);
    add_unsubscribe_url(b, sub);
    return buf_view(b);
}

void sns_render_notification(struct sns_rendering *r, const struct sns_subscription *sub, struct buf *ret)
{
    CLEANUP(buf_done) struct buf url = { 0 };

    CHECK(r->m->kind == SNS_NOTIFICATION && sub->topic == r->topic);
    buf_str(ret, head(r, variant_of(r, sub->protocol)));
    buf_z(ret, ",\"SigningCertURL\":");
    json_quote(ret, certificate_url(r, sub, &url));
    buf_z(ret, ",\"UnsubscribeURL\":");
    json_quote(ret, unsubscribe_url(sub, &url));
    if (r->m->n_attributes > 0) {
        buf_z(ret, ",\"MessageAttributes\":");
        buf_str(ret, attributes(r));
    }
    buf_char(ret, '}');
}

void sns_render_lambda(struct sns_rendering *r, const struct sns_subscription *sub, struct buf *ret)
{
    CLEANUP(buf_done) struct buf url = { 0 };
    struct sns_variant *v = variant_of(r, sub->protocol);
    struct str signed_by = signature(r, v);
    struct json_writer w;

    CHECK(r->m->kind == SNS_NOTIFICATION && sub->protocol == SNS_LAMBDA);
    jw_init(&w, ret);
    jw_object(&w);
    jw_key(&w, STR("Records"));
    jw_array(&w);
    jw_object(&w);
    jw_kstr(&w, "EventSource", STR("aws:sns"));
    jw_kstr(&w, "EventVersion", STR("1.0"));
    jw_kstr(&w, "EventSubscriptionArn", sub->arn);
    jw_key(&w, STR("Sns"));
    jw_object(&w);
    jw_kstr(&w, "Type", STR("Notification"));
    jw_kstr(&w, "MessageId", r->m->id);
    jw_kstr(&w, "TopicArn", r->topic->arn);
    jw_key(&w, STR("Subject"));
    jw_str(&w, r->m->subject);
    jw_kstr(&w, "Message", v->text);
    add_time(&w, r->m->at_ms);
    jw_kstr(&w, "SignatureVersion", r->topic->signature_version == 2 ? STR("2") : STR("1"));
    jw_kstr(&w, "Signature", signed_by);
    jw_kstr(&w, "SigningCertUrl", certificate_url(r, sub, &url));
    jw_kstr(&w, "UnsubscribeUrl", unsubscribe_url(sub, &url));
    jw_kraw(&w, "MessageAttributes", attributes(r));
    jw_object_end(&w);
    jw_object_end(&w);
    jw_array_end(&w);
    jw_object_end(&w);
}

struct str sns_confirmation_text(struct arena *a, enum sns_kind kind, const struct sns_subscription *sub)
{
    if (kind == SNS_SUBSCRIPTION_CONFIRMATION)
        return arena_printf(a,
                            "You have chosen to subscribe to the topic " STR_FMT
                            ".\nTo confirm the subscription, visit the "
                            "SubscribeURL included in this message.",
                            STR_ARG(sub->topic->arn));
    return arena_printf(a,
                        "You have chosen to deactivate subscription " STR_FMT
                        ".\nTo cancel this operation and restore the "
                        "subscription, visit the SubscribeURL included in this message.",
                        STR_ARG(sub->arn));
}

void sns_render_confirmation(struct sns_rendering *r, const struct sns_subscription *sub, struct buf *ret)
{
    CLEANUP(buf_done) struct buf url = { 0 };
    struct str subscribe =
        arena_printf(r->a,
                     "http://" STR_FMT "/?Action=ConfirmSubscription&TopicArn=" STR_FMT "&Token=" STR_FMT,
                     STR_ARG(sub->host), STR_ARG(r->topic->arn), STR_ARG(sub->token));
    struct str signed_by = signature_of(r, r->m->body, subscribe, sub->token);
    struct json_writer w;

    CHECK(r->m->kind != SNS_NOTIFICATION && sub->topic == r->topic);
    jw_init(&w, ret);
    jw_object(&w);
    jw_kstr(&w, "Type", str_of(sns_kind_name(r->m->kind)));
    jw_kstr(&w, "MessageId", r->m->id);
    jw_kstr(&w, "Token", sub->token);
    jw_kstr(&w, "TopicArn", r->topic->arn);
    jw_kstr(&w, "Message", r->m->body);
    jw_kstr(&w, "SubscribeURL", subscribe);
    add_time(&w, r->m->at_ms);
    jw_kstr(&w, "SignatureVersion", r->topic->signature_version == 2 ? STR("2") : STR("1"));
    jw_kstr(&w, "Signature", signed_by);
    jw_kstr(&w, "SigningCertURL", certificate_url(r, sub, &url));
    jw_object_end(&w);
}
