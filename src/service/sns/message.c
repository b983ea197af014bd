/* message.c - checks of what is published, and the form it has in the outbox. */
#include "service/sns/message.h"

#include <stdarg.h>
#include "base/crypt.h"

#define SUBJECT_MOST 99
#define NAME_MOST 256
#define ID_MOST 128

#define INVALID &sns_error_InvalidParameterException
#define VALUE &sns_error_InvalidParameterValueException

bool sns_message_is_binary(struct str type)
{
    return str_is(type, "Binary") || str_starts(type, STR("Binary."));
}

/* "String", "String.Array", "Number.int": a known word, alone or with something behind a dot. */
static bool is_type(struct str type)
{
    static const char *const words[] = { "String", "Number", "Binary" };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i]);

        if (str_starts(type, str_of(words[i])) && (type.n == n || (type.p[n] == '.' && type.n > n + 1)))
            return type.n <= NAME_MOST;
    }
    return false;
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char ch = name.p[i];
        bool word = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
                    ch == '_' || ch == '-';

        if (!word && (ch != '.' || i == 0 || i + 1 == name.n || name.p[i - 1] == '.'))
            return false;
    }
    return name.n >= 1 && name.n <= NAME_MOST && !str_starts_nocase(name, STR("aws.")) &&
           !str_starts_nocase(name, STR("amazon."));
}

static int check_attribute(struct arena *a, const struct sns_MessageAttributeMap_entry *in,
                           struct pattern_attribute *ret, struct fault *f)
{
    struct str name = in->key, type = in->value.DataType;
    bool binary = sns_message_is_binary(type), has_text = !str_empty(in->value.StringValue),
         has_bytes = !str_empty(in->value.BinaryValue);
    double number;

    if (!is_name(name)) /* UNVERIFIED sentence */
        return fault_set(a, f, VALUE,
                         "The message attribute name '" STR_FMT
                         "' is invalid. Attribute name can contain A-Z, a-z, 0-9, "
                         "underscore (_), hyphen (-), and period (.) characters.",
                         STR_ARG(name));
    if (!is_type(type))
        return fault_set(a, f, VALUE,
                         "The message attribute '" STR_FMT
                         "' has an invalid message attribute type, the set of supported "
                         "type prefixes is Binary, Number, and String.",
                         STR_ARG(name));
    if (!has_text && !has_bytes)
        return fault_set(a, f, VALUE,
                         "The message attribute '" STR_FMT
                         "' must contain non-empty message attribute value for message "
                         "attribute type '" STR_FMT "'.",
                         STR_ARG(name), STR_ARG(type));
    if (has_bytes != binary || has_text == binary) /* UNVERIFIED where both were given */
        return fault_set(a, f, VALUE,
                         "The message attribute '" STR_FMT "' with type '" STR_FMT "' must use field '%s'.",
                         STR_ARG(name), STR_ARG(type), binary ? "Binary" : "String");
    if (str_starts(type, STR("Number")) && str_to_f64(in->value.StringValue, &number) != 0)
        return fault_set(a, f, VALUE, "Could not cast message attribute '" STR_FMT "' value to number.",
                         STR_ARG(name));
    *ret = (struct pattern_attribute){ name, type, binary ? in->value.BinaryValue : in->value.StringValue };
    return 0;
}

/* Structured bodies: an object with a text "default". */
static int check_structure(struct arena *a, const struct sns_given *in, struct fault *f)
{
    struct json *doc;

    if (!str_is(in->structure, "json")) /* UNVERIFIED sentence */
        return fault_set(a, f, INVALID, "Invalid parameter: MessageStructure");
    if (json_parse(a, in->body, &doc, NULL) != 0 || doc->type != JSON_OBJECT)
        return fault_set(a, f, INVALID,
                         "Invalid parameter: Message Structure - JSON message body failed to parse");
    if (str_absent(json_get_text(a, doc, STR("default"))))
        return fault_set(a, f, INVALID,
                         "Invalid parameter: Message Structure - No default entry in JSON message body");
    return 0;
}

static bool is_subject(struct str s)
{
    size_t points = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];

        points += (ch & 0xc0) != 0x80;
        if (ch < 0x20 || ch == 0x7f)
            return false;
    }
    return points >= 1 && points <= SUBJECT_MOST && s.p[0] != ' ';
}

int sns_message_check(struct arena *a, const struct sns_given *in, struct sns_message *ret,
                      struct fault *ret_fault)
{
    if (str_empty(in->body))
        return fault_set(a, ret_fault, INVALID, "Invalid parameter: Empty message");
    if (sns_given_bytes(in) > SNS_MESSAGE_BYTES_MOST)
        return fault_set(a, ret_fault, INVALID, "Invalid parameter: Message too long");
    if (!str_absent(in->subject) && !is_subject(in->subject))
        return fault_set(a, ret_fault, INVALID, "Invalid parameter: Subject");
    if (!str_empty(in->structure) && check_structure(a, in, ret_fault) != 0)
        return -E_FAULT;
    *ret = (struct sns_message){ .body = in->body,
                                 .structured = !str_empty(in->structure),
                                 .subject = in->subject,
                                 .group = in->group,
                                 .deduplication_id = in->deduplication_id,
                                 .attributes =
                                     arena_calloc(a, in->attributes->n + 1, sizeof(*ret->attributes)) };
    for (size_t i = 0; i < in->attributes->n; i++) {
        if (check_attribute(a, &in->attributes->v[i], &ret->attributes[i], ret_fault) != 0)
            return -E_FAULT;
        ret->n_attributes++;
    }
    return 0;
}

/* Letters, digits and ASCII punctuation. */
static bool is_fifo_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= 0x20 || s.p[i] > 0x7e)
            return false;
    return s.n >= 1 && s.n <= ID_MOST;
}

static int check_id(struct arena *a, const char *name, struct str id, struct fault *f)
{
    if (str_absent(id) || is_fifo_id(id))
        return 0;
    return fault_set(a, f, INVALID,
                     "Invalid parameter: %s Reason: %s can only include alphanumeric and punctuation "
                     "characters. 1 to 128 in "
                     "length",
                     name, name); /* UNVERIFIED sentence */
}

int sns_message_check_fifo(struct arena *a, const struct sns_topic *t, struct sns_message *m,
                           struct fault *ret_fault)
{
    CHECK_IS(t, SNS_TOPIC_MAGIC);
    if (!t->fifo && !str_absent(m->deduplication_id))
        return fault_set(a, ret_fault, INVALID,
                         "Invalid parameter: MessageDeduplicationId Reason: The request includes "
                         "MessageDeduplicationId parameter that is not valid for this topic type");
    if (t->fifo && str_absent(m->group))
        return fault_set(a, ret_fault, INVALID,
                         "Invalid parameter: The MessageGroupId parameter is required for FIFO topics");
    if (check_id(a, "MessageGroupId", m->group, ret_fault) != 0 ||
        check_id(a, "MessageDeduplicationId", m->deduplication_id, ret_fault) != 0)
        return -E_FAULT;
    if (!t->fifo || !str_absent(m->deduplication_id))
        return 0;
    if (!t->content_deduplication)
        return fault_set(
            a, ret_fault, INVALID,
            "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly");
    const struct digest d = sha256_of(m->body);
    m->deduplication_id = hex_str(a, &d);
    return 0;
}

size_t sns_message_bytes(const struct sns_message *m)
{
    size_t n = m->body.n;

    for (size_t i = 0; i < m->n_attributes; i++)
        n += m->attributes[i].name.n + m->attributes[i].type.n + m->attributes[i].value.n;
    return n;
}

size_t sns_given_bytes(const struct sns_given *in)
{
    size_t n = in->body.n;

    for (size_t i = 0; i < in->attributes->n; i++) {
        const struct sns_MessageAttributeMap_entry *e = &in->attributes->v[i];

        n += e->key.n + e->value.DataType.n + e->value.StringValue.n + e->value.BinaryValue.n;
    }
    return n;
}

struct str sns_message_text(struct arena *a, const struct sns_message *m, enum sns_protocol p)
{
    struct json *doc;
    struct str text;

    if (!m->structured || json_parse(a, m->body, &doc, NULL) != 0)
        return m->body;
    text = json_get_text(a, doc, str_of(sns_protocol_name(p)));
    return str_absent(text) ? json_get_text(a, doc, STR("default")) : text;
}

/* ---- errands ---- */

static void write_attributes(struct json_writer *w, const struct sns_message *m)
{
    jw_key(w, STR("attributes"));
    jw_array(w);
    for (size_t i = 0; i < m->n_attributes; i++) {
        CLEANUP(buf_done) struct buf value = { 0 };

        if (sns_message_is_binary(m->attributes[i].type))
            base64_add(&value, m->attributes[i].value.p, m->attributes[i].value.n);
        else
            buf_str(&value, m->attributes[i].value);
        jw_str(w, m->attributes[i].name);
        jw_str(w, m->attributes[i].type);
        jw_str(w, buf_view(&value));
    }
    jw_array_end(w);
}

void sns_errand_write(struct buf *b, const struct sns_errand *e)
{
    const struct sns_message *m = &e->message;
    struct json_writer w;

    CHECK(!str_absent(m->id) && !str_absent(e->topic_arn) && m->kind <= SNS_UNSUBSCRIBE_CONFIRMATION);
    jw_init(&w, b);
    jw_object(&w);
    jw_kstr(&w, "topic", e->topic_arn);
    jw_ki64(&w, "topic_id", (int64_t)e->topic_id);
    jw_ki64(&w, "to", (int64_t)e->to);
    jw_ki64(&w, "after", (int64_t)e->after);
    jw_kbool(&w, "dead", e->dead);
    jw_ki64(&w, "kind", m->kind);
    jw_kstr(&w, "id", m->id);
    jw_ki64(&w, "at", m->at_ms);
    jw_kstr(&w, "body", m->body);
    jw_kbool(&w, "structured", m->structured);
    jw_kstr(&w, "subject", m->subject);
    jw_kstr(&w, "group", m->group);
    jw_kstr(&w, "deduplication", m->deduplication_id);
    jw_kstr(&w, "sequence", m->sequence);
    jw_kstr(&w, "trace", m->trace);
    write_attributes(&w, m);
    jw_object_end(&w);
}

static int read_attributes(struct arena *a, const struct json *list, struct sns_message *m)
{
    const struct json *j = list != NULL ? list->first : NULL;

    if (list == NULL || list->type != JSON_ARRAY || list->n % 3 != 0)
        return -E_INVALID;
    m->attributes = arena_calloc(a, list->n / 3 + 1, sizeof(*m->attributes));
    for (; j != NULL; j = j->next->next->next) {
        struct pattern_attribute *v = &m->attributes[m->n_attributes++];

        *v =
            (struct pattern_attribute){ json_text(a, j), json_text(a, j->next), json_text(a, j->next->next) };
        if (sns_message_is_binary(v->type) && base64_decode(a, v->value, &v->value) != 0)
            return -E_INVALID;
    }
    return 0;
}

static int64_t number(const struct json *doc, const char *name)
{
    const struct json *v = json_get(doc, str_of(name));
    int64_t n = 0;

    if (v != NULL && v->type == JSON_NUMBER)
        (void)json_i64(v, &n);
    return n;
}

static bool truth(const struct json *doc, const char *name)
{
    const struct json *v = json_get(doc, str_of(name));

    return v != NULL && v->type == JSON_TRUE;
}

int sns_errand_read(struct arena *a, struct str text, struct sns_errand *ret)
{
    struct json *doc;

    if (json_parse(a, text, &doc, NULL) != 0 || doc->type != JSON_OBJECT)
        return -E_INVALID;
    *ret = (struct sns_errand){ .topic_arn = json_get_text(a, doc, STR("topic")),
                                .topic_id = (uint64_t)number(doc, "topic_id"),
                                .to = (uint64_t)number(doc, "to"),
                                .after = (uint64_t)number(doc, "after"),
                                .dead = truth(doc, "dead"),
                                .message = { .kind = (enum sns_kind)number(doc, "kind"),
                                             .id = json_get_text(a, doc, STR("id")),
                                             .at_ms = number(doc, "at"),
                                             .body = json_get_text(a, doc, STR("body")),
                                             .structured = truth(doc, "structured"),
                                             .subject = json_get_text(a, doc, STR("subject")),
                                             .group = json_get_text(a, doc, STR("group")),
                                             .deduplication_id = json_get_text(a, doc, STR("deduplication")),
                                             .sequence = json_get_text(a, doc, STR("sequence")),
                                             .trace = json_get_text(a, doc, STR("trace")) } };
    if (str_absent(ret->message.id) || str_absent(ret->topic_arn) ||
        ret->message.kind > SNS_UNSUBSCRIBE_CONFIRMATION)
        return -E_INVALID;
    return read_attributes(a, json_get(doc, STR("attributes")), &ret->message);
}
