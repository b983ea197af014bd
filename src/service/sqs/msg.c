/* msg.c - checks in the order in which AWS makes them: presence, characters, attributes, size.
 * The sentences for attributes and characters that are not allowed are UNVERIFIED, except those for an empty
 * value, an unknown type prefix and the size; they stand in this file alone. */
#include "service/sqs/msg.h"

#include <stdlib.h>
#include "base/crypt.h"
#include "service/sqs/fault.h"

enum tag { TAG_SENDER = 1, TAG_TRACE, TAG_GROUP, TAG_NAME, TAG_TYPE, TAG_VALUE, TAG_DEDUPLICATION };

#define NAME_MOST 256
#define TYPE_MOST 256
#define NUMBER_DIGITS_MOST 38

size_t sqs_msg_bad_character(struct str s)
{
    size_t i = 0;

    while (i < s.n) {
        unsigned char b = (unsigned char)s.p[i];
        uint32_t cp;
        size_t n;

        if (b < 0x80) {
            if (b < 0x20 && b != 0x9 && b != 0xa && b != 0xd)
                return i;
            i++;
            continue;
        }
        n = utf8_get(str_sub(s, i, s.n), &cp);
        if (n == 0 || cp == 0xfffe || cp == 0xffff)
            return i;
        i += n;
    }
    return s.n;
}

bool sqs_msg_is_binary(struct str type) { return str_is(type, "Binary") || str_starts(type, STR("Binary.")); }

static bool type_is(struct str type, const char *base)
{
    size_t n = strlen(base);

    return str_starts(type, str_of(base)) && (type.n == n || type.p[n] == '.');
}

static bool name_characters(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char ch = name.p[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' ||
              ch == '-' || ch == '.'))
            return false;
    }
    return true;
}

static int check_name(struct arena *a, struct str name, struct fault *ret)
{
    const struct error_row *row = &sqs_error_invalid_parameter;

    if (str_empty(name))
        return fault_set(a, ret, row, "Message (user) attribute names must not be empty.");
    if (name.n > NAME_MOST)
        return fault_set(a, ret, row, "Length of message attribute name must be less than %d bytes.",
                         NAME_MOST + 1);
    if (!name_characters(name))
        return fault_set(
            a, ret, row,
            "Invalid non-alphanumeric character was found in the message attribute name '" STR_FMT
            "'. Can only include alphanumeric characters, hyphens, underscores, or dots.",
            STR_ARG(name));
    if (str_starts_nocase(name, STR("aws.")) || str_starts_nocase(name, STR("amazon.")))
        return fault_set(a, ret, row,
                         "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. "
                         "These strings are reserved for internal use.");
    if (name.p[0] == '.' || name.p[name.n - 1] == '.' || str_find_str(name, STR("..")) >= 0)
        return fault_set(a, ret, row,
                         "Message attribute name '" STR_FMT
                         "' can't start or end with a dot or have two dots "
                         "in a row.",
                         STR_ARG(name));
    return 0;
}

static bool is_number(struct str s)
{
    size_t digits = 0;
    double ignored;

    for (size_t i = 0; i < s.n && s.p[i] != 'e' && s.p[i] != 'E'; i++)
        digits += s.p[i] >= '0' && s.p[i] <= '9';
    if (s.n > 0 && s.p[0] == '+')
        s = str_sub(s, 1, s.n);
    return digits > 0 && digits <= NUMBER_DIGITS_MOST && str_to_f64(s, &ignored) == 0;
}

static int check_type(struct arena *a, struct str name, struct str type, struct fault *ret)
{
    const struct error_row *row = &sqs_error_invalid_parameter;

    if (str_empty(type))
        return fault_set(a, ret, row,
                         "The message attribute '" STR_FMT
                         "' must contain a non-empty message attribute type.",
                         STR_ARG(name));
    if (type.n > TYPE_MOST)
        return fault_set(a, ret, row, "Length of message attribute type must be less than %d bytes.",
                         TYPE_MOST + 1);
    if (!type_is(type, "String") && !type_is(type, "Number") && !type_is(type, "Binary"))
        return fault_set(a, ret, row,
                         "The message attribute '" STR_FMT
                         "' has an invalid message attribute type, the set of "
                         "supported type prefixes is Binary, Number, and String.",
                         STR_ARG(name));
    return 0;
}

static int check_value(struct arena *a, struct str name, const struct sqs_MessageAttributeValue *v,
                       struct fault *ret, struct str *ret_value)
{
    const struct error_row *row = &sqs_error_invalid_parameter;
    bool binary = sqs_msg_is_binary(v->DataType);
    struct str value = binary ? v->BinaryValue : v->StringValue;

    if (v->StringListValues.n > 0 || v->BinaryListValues.n > 0)
        return fault_set(a, ret, &sqs_error_UnsupportedOperation,
                         "Message attribute list values in SendMessage operation are not supported.");
    if (!str_absent(binary ? v->StringValue : v->BinaryValue))
        return fault_set(a, ret, row,
                         "Message (user) attribute '" STR_FMT
                         "' has a value that does not go with its type '" STR_FMT "'.",
                         STR_ARG(name), STR_ARG(v->DataType));
    if (str_empty(value))
        return fault_set(a, ret, row,
                         "Message (user) attribute '" STR_FMT
                         "' must contain a non-empty value of type '%s'.",
                         STR_ARG(name), binary ? "Binary" : "String");
    if (!binary && sqs_msg_bad_character(value) < value.n)
        return fault_set(a, ret, &sqs_error_InvalidMessageContents,
                         "Invalid characters found in message attribute '" STR_FMT "'.", STR_ARG(name));
    if (type_is(v->DataType, "Number") && !is_number(value))
        return fault_set(a, ret, row,
                         "Can't cast the value of message (user) attribute '" STR_FMT "' to a number.",
                         STR_ARG(name));
    *ret_value = value;
    return 0;
}

static int attribute_order(const void *x, const void *y)
{
    return str_cmp(((const struct sqs_msg_attribute *)x)->name, ((const struct sqs_msg_attribute *)y)->name);
}

void sqs_msg_sort(struct sqs_msg *m)
{
    CHECK(m->n_attributes <= SQS_ATTRIBUTES_MOST);
    if (m->n_attributes > 1)
        qsort(m->attributes, m->n_attributes, sizeof(m->attributes[0]), attribute_order);
}

static int check_attributes(struct arena *a, const struct sqs_MessageBodyAttributeMap *map,
                            struct sqs_msg *ret, struct fault *ret_fault)
{
    if (map->n > SQS_ATTRIBUTES_MOST)
        return fault_set(a, ret_fault, &sqs_error_invalid_parameter,
                         "Number of message attributes [%zu] exceeds the allowed maximum [%d].", map->n,
                         SQS_ATTRIBUTES_MOST);
    for (size_t i = 0; i < map->n; i++) {
        const struct sqs_MessageBodyAttributeMap_entry *e = &map->v[i];
        struct sqs_msg_attribute *to = &ret->attributes[i];

        if (check_name(a, e->key, ret_fault) != 0 ||
            check_type(a, e->key, e->value.DataType, ret_fault) != 0 ||
            check_value(a, e->key, &e->value, ret_fault, &to->value) != 0)
            return -E_FAULT;
        to->name = e->key;
        to->type = e->value.DataType;
    }
    ret->n_attributes = map->n;
    sqs_msg_sort(ret);
    for (size_t i = 1; i < ret->n_attributes; i++)
        if (str_eq(ret->attributes[i].name, ret->attributes[i - 1].name))
            return fault_set(a, ret_fault, &sqs_error_invalid_parameter,
                             "Message (user) attribute name '" STR_FMT "' already exists.",
                             STR_ARG(ret->attributes[i].name));
    return 0;
}

static int check_system(struct arena *a, const struct sqs_MessageBodySystemAttributeMap *map,
                        struct sqs_msg *ret, struct fault *ret_fault)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct sqs_MessageBodySystemAttributeMap_entry *e = &map->v[i];

        if (!str_is(e->key, "AWSTraceHeader"))
            return fault_set(a, ret_fault, &sqs_error_invalid_parameter,
                             "Message system attribute name '" STR_FMT "' is invalid.", STR_ARG(e->key));
        if (!str_is(e->value.DataType, "String") || str_empty(e->value.StringValue))
            return fault_set(
                a, ret_fault, &sqs_error_invalid_parameter,
                "Message system attribute 'AWSTraceHeader' must contain a non-empty value of type 'String'.");
        if (e->value.StringListValues.n > 0 || e->value.BinaryListValues.n > 0)
            return fault_set(a, ret_fault, &sqs_error_UnsupportedOperation,
                             "Message attribute list values in SendMessage operation are not supported.");
        if (!str_absent(e->value.BinaryValue))
            return fault_set(a, ret_fault, &sqs_error_invalid_parameter,
                             "Message system attribute 'AWSTraceHeader' has a "
                             "BinaryValue, which does not go with its type 'String'.");
        if (sqs_msg_bad_character(e->value.StringValue) < e->value.StringValue.n)
            return fault_set(a, ret_fault, &sqs_error_InvalidMessageContents,
                             "Invalid characters found in message system attribute 'AWSTraceHeader'.");
        ret->trace = e->value.StringValue;
    }
    return 0;
}

bool sqs_msg_is_id(struct str id)
{
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] <= 0x20 || id.p[i] >= 0x7f)
            return false;
    return id.n >= 1 && id.n <= SQS_ID_MOST;
}

static int no_id(struct arena *a, struct str id, const char *parameter, struct fault *ret_fault)
{
    return sqs_no_value(
        a, ret_fault, id, parameter,
        arena_z(a, arena_printf(
                       a, "%s can only include alphanumeric and punctuation characters. 1 to 128 in length.",
                       parameter)));
}

int sqs_msg_check_deduplication(struct arena *a, struct str deduplication, const struct sqs_msg_rules *rules,
                                struct fault *ret_fault)
{
    if (!rules->fifo || rules->by_content || !str_absent(deduplication))
        return 0;
    return fault_set(a, ret_fault, &sqs_error_invalid_parameter,
                     "The queue should either have ContentBasedDeduplication "
                     "enabled or MessageDeduplicationId provided explicitly");
}

struct str sqs_msg_deduplication_of(struct arena *a, struct str body)
{
    struct digest d = sha256_of(body);

    return hex_str(a, &d);
}

static int check_ids(struct arena *a, const struct sqs_SendMessageRequest *in,
                     const struct sqs_msg_rules *rules, struct sqs_msg *ret, struct fault *ret_fault)
{
    struct str group = in->MessageGroupId, deduplication = in->MessageDeduplicationId;

    if (!rules->fifo && !str_absent(deduplication))
        return sqs_no_value(a, ret_fault, deduplication, "MessageDeduplicationId",
                            "The request includes a parameter that is not valid for this queue type.");
    if (rules->fifo && str_absent(group))
        return sqs_no_missing(a, ret_fault, "MessageGroupId");
    if (!str_absent(group) && !sqs_msg_is_id(group))
        return no_id(a, group, "MessageGroupId", ret_fault);
    if (sqs_msg_check_deduplication(a, deduplication, rules, ret_fault) != 0)
        return -E_FAULT;
    if (!str_absent(deduplication) && !sqs_msg_is_id(deduplication))
        return no_id(a, deduplication, "MessageDeduplicationId", ret_fault);
    ret->group = group;
    ret->deduplication = deduplication;
    if (rules->fifo && str_absent(deduplication))
        ret->deduplication = sqs_msg_deduplication_of(a, in->MessageBody);
    return 0;
}

size_t sqs_msg_bytes(const struct sqs_msg *m)
{
    size_t n = m->body.n;

    CHECK(m->n_attributes <= SQS_ATTRIBUTES_MOST);
    for (size_t i = 0; i < m->n_attributes; i++)
        n += m->attributes[i].name.n + m->attributes[i].type.n + m->attributes[i].value.n;
    return n;
}

size_t sqs_msg_entry_bytes(const struct sqs_SendMessageBatchRequestEntry *e)
{
    size_t n = e->MessageBody.n;

    for (size_t i = 0; i < e->MessageAttributes.n; i++) {
        const struct sqs_MessageBodyAttributeMap_entry *at = &e->MessageAttributes.v[i];

        n += at->key.n + at->value.DataType.n;
        n += sqs_msg_is_binary(at->value.DataType) ? at->value.BinaryValue.n : at->value.StringValue.n;
    }
    return n;
}

int sqs_msg_check(struct arena *a, const struct sqs_SendMessageRequest *in, const struct sqs_msg_rules *rules,
                  struct sqs_msg *ret, struct fault *ret_fault)
{
    *ret = (struct sqs_msg){ .body = in->MessageBody };
    if (str_empty(in->MessageBody))
        return sqs_no_missing(a, ret_fault, "MessageBody");
    if (sqs_msg_bad_character(in->MessageBody) < in->MessageBody.n)
        return fault_set(a, ret_fault, &sqs_error_InvalidMessageContents,
                         "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to "
                         "#xD7FF | #xE000 to #xFFFD | "
                         "#x10000 to #x10FFFF");
    if (check_attributes(a, &in->MessageAttributes, ret, ret_fault) != 0 ||
        check_system(a, &in->MessageSystemAttributes, ret, ret_fault) != 0 ||
        check_ids(a, in, rules, ret, ret_fault) != 0)
        return -E_FAULT;
    if ((int64_t)sqs_msg_bytes(ret) > rules->most_bytes)
        return fault_set(a, ret_fault, &sqs_error_invalid_parameter,
                         "One or more parameters %s. Reason: Message must be "
                         "shorter than %lld bytes.",
                         rules->in_batch ? "cannot be validated" : "are invalid",
                         (long long)rules->most_bytes);
    return 0;
}

static void add_counted(struct hasher *h, struct str s)
{
    uint8_t n[4] = { (uint8_t)(s.n >> 24 & 0xff), (uint8_t)(s.n >> 16 & 0xff), (uint8_t)(s.n >> 8 & 0xff),
                     (uint8_t)(s.n & 0xff) };

    hasher_add(h, n, sizeof(n));
    hasher_add(h, s.p, s.n);
}

struct str sqs_msg_md5(struct arena *a, const struct sqs_msg_attribute *v, size_t n)
{
    struct hasher *h;
    struct digest d;

    if (n == 0)
        return STR_NONE;
    CHECK(n <= SQS_ATTRIBUTES_MOST);
    h = hasher_new_md5();
    for (size_t i = 0; i < n; i++) {
        uint8_t transport = sqs_msg_is_binary(v[i].type) ? 2 : 1;

        add_counted(h, v[i].name);
        add_counted(h, v[i].type);
        hasher_add(h, &transport, 1);
        add_counted(h, v[i].value);
    }
    d = hasher_end(h);
    return hex_str(a, &d);
}

struct str sqs_msg_md5_of_trace(struct arena *a, struct str trace)
{
    struct sqs_msg_attribute one = { STR("AWSTraceHeader"), STR("String"), trace };

    return str_absent(trace) ? STR_NONE : sqs_msg_md5(a, &one, 1);
}

struct str sqs_msg_md5_of_body(struct arena *a, struct str body)
{
    struct digest d = md5_of(body);

    return hex_str(a, &d);
}

static void pack_field(struct buf *b, enum tag tag, struct str s)
{
    size_t n = s.n;

    if (str_absent(s))
        return;
    buf_char(b, (char)tag);
    for (; n >= 0x80; n >>= 7)
        buf_char(b, (char)(n & 0x7f) | (char)0x80);
    buf_char(b, (char)n);
    buf_str(b, s);
}

void sqs_msg_pack(struct buf *b, const struct sqs_msg *m)
{
    CHECK(b->n == 0 && m->n_attributes <= SQS_ATTRIBUTES_MOST);
    pack_field(b, TAG_GROUP, m->group); /* these two first: sqs_msg_ids() */
    pack_field(b, TAG_DEDUPLICATION, m->deduplication);
    pack_field(b, TAG_SENDER, m->sender);
    pack_field(b, TAG_TRACE, m->trace);
    for (size_t i = 0; i < m->n_attributes; i++) {
        pack_field(b, TAG_NAME, m->attributes[i].name);
        pack_field(b, TAG_TYPE, m->attributes[i].type);
        pack_field(b, TAG_VALUE, m->attributes[i].value);
    }
}

static int unpack_field(struct str *rest, uint8_t *ret_tag, struct str *ret)
{
    size_t n = 0, i = 1;
    unsigned shift = 0;

    *ret_tag = (uint8_t)rest->p[0];
    for (;; i++, shift += 7) {
        if (i >= rest->n || shift > 28)
            return -E_INVALID;
        n |= (size_t)((uint8_t)rest->p[i] & 0x7f) << shift;
        if (((uint8_t)rest->p[i] & 0x80) == 0)
            break;
    }
    if (n > rest->n - i - 1)
        return -E_INVALID;
    *ret = str_make(rest->p + i + 1, n);
    *rest = str_sub(*rest, i + 1 + n, rest->n);
    return 0;
}

int sqs_msg_unpack(struct str bytes, struct sqs_msg *ret)
{
    *ret = (struct sqs_msg){ 0 };
    while (bytes.n > 0) {
        struct sqs_msg_attribute *last =
            ret->n_attributes > 0 ? &ret->attributes[ret->n_attributes - 1] : NULL;
        struct str s;
        uint8_t tag;

        if (unpack_field(&bytes, &tag, &s) != 0)
            return -E_INVALID;
        if (tag == TAG_NAME && ret->n_attributes == SQS_ATTRIBUTES_MOST)
            return -E_INVALID;
        if ((tag == TAG_TYPE || tag == TAG_VALUE) && last == NULL)
            return -E_INVALID;
        switch (tag) {
        case TAG_SENDER: ret->sender = s; break;
        case TAG_TRACE: ret->trace = s; break;
        case TAG_GROUP: ret->group = s; break;
        case TAG_DEDUPLICATION: ret->deduplication = s; break;
        case TAG_NAME: ret->attributes[ret->n_attributes++].name = s; break;
        case TAG_TYPE: last->type = s; break;
        case TAG_VALUE: last->value = s; break;
        default: break;
        }
    }
    return 0;
}

void sqs_msg_ids(struct str bytes, struct str *ret_group, struct str *ret_deduplication)
{
    *ret_group = *ret_deduplication = STR_NONE;
    while (bytes.n > 0 && (bytes.p[0] == TAG_GROUP || bytes.p[0] == TAG_DEDUPLICATION)) {
        struct str s;
        uint8_t tag;

        if (unpack_field(&bytes, &tag, &s) != 0)
            return;
        *(tag == TAG_GROUP ? ret_group : ret_deduplication) = s;
    }
}

bool sqs_msg_ids_held(struct str group, struct str deduplication)
{
    return !str_empty(group) && !str_empty(deduplication) && group.n <= SQS_ID_MOST &&
           deduplication.n <= SQS_ID_MOST;
}

bool sqs_msg_wanted(const struct sqs_MessageAttributeNameList *names, struct str name)
{
    for (size_t i = 0; i < names->n; i++) {
        struct str want = names->v[i];

        if (str_is(want, "All") || str_is(want, ".*") || str_is(want, "*") || str_eq(want, name))
            return true;
        /* "bar.*" asks for the names that start with "bar", not only with "bar." (UNVERIFIED; other servers
         * agree). */
        if (str_ends(want, STR(".*")) && str_starts(name, str_sub(want, 0, want.n - 2)))
            return true;
    }
    return false;
}
