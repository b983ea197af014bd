/* msg.h - a message as it is sent: checked, measured, digested, and packed for its row.
 *
 * Rules: AWS SQS API reference, SendMessage and "Message metadata"; digest vectors as recorded on AWS.
 *   size of a message = UTF-8 body + for each message attribute its name + data type + value; system
 * attributes (AWSTraceHeader) are free. allowed characters: #x9 #xA #xD #x20-#xD7FF #xE000-#xFFFD
 * #x10000-#x10FFFF.
 *
 * Everything a struct sqs_msg points to is borrowed from the request, the row or the parcel it was made of.
 */
#ifndef WAYBILL_SERVICE_SQS_MSG_H
#define WAYBILL_SERVICE_SQS_MSG_H

#include "model/sqs.h"
#include "wire/fault.h"

#define SQS_ATTRIBUTES_MOST 10
#define SQS_BATCH_BYTES_MOST 1048576
#define SQS_DELAY_MOST_S 900

struct sqs_msg_attribute {
    struct str name, type, value; /* value: text, or bytes when type is Binary */
};
struct sqs_msg {
    struct str body;
    struct sqs_msg_attribute attributes[SQS_ATTRIBUTES_MOST]; /* sorted by name */
    size_t n_attributes;
    struct str trace;         /* AWSTraceHeader; absent: none */
    struct str sender;        /* SenderId */
    struct str group;         /* MessageGroupId; absent: none (never in a FIFO queue) */
    struct str deduplication; /* MessageDeduplicationId, given or made; FIFO queues only */
};

/* What the queue and the operation ask of a message. */
struct sqs_msg_rules {
    int64_t most_bytes; /* MaximumMessageSize */
    bool fifo;
    bool by_content; /* ContentBasedDeduplication */
    bool in_batch;   /* chooses the sentence for a message too long */
};
/* Takes over and checks what a client gave.  0, or -E_FAULT with *ret_fault. */
int sqs_msg_check(struct arena *a, const struct sqs_SendMessageRequest *in, const struct sqs_msg_rules *rules,
                  struct sqs_msg *ret, struct fault *ret_fault);

/* MessageGroupId, MessageDeduplicationId and ReceiveRequestAttemptId: 1 to 128 printable ASCII characters, no
 * blank. */
bool sqs_msg_is_id(struct str id);
/* The two a FIFO queue asks for, on their own (request-level checks of a batch).  A deduplication id is
 * missing when the queue does not make one of the content. */
int sqs_msg_check_deduplication(struct arena *a, struct str deduplication, const struct sqs_msg_rules *rules,
                                struct fault *ret_fault);
struct str sqs_msg_deduplication_of(struct arena *a, struct str body); /* SHA-256 of the content, hex */

size_t sqs_msg_bytes(const struct sqs_msg *m);
/* As SendMessageBatch counts, before anything is checked. */
size_t sqs_msg_entry_bytes(const struct sqs_SendMessageBatchRequestEntry *e);

void sqs_msg_sort(struct sqs_msg *m);    /* attributes by name, code point order */
bool sqs_msg_is_binary(struct str type); /* "Binary", "Binary.png" */

/* Lower-case hex.  Absent when n == 0; attributes must be sorted by name. */
struct str sqs_msg_md5(struct arena *a, const struct sqs_msg_attribute *v, size_t n);
struct str sqs_msg_md5_of_trace(struct arena *a, struct str trace); /* absent when trace is */
struct str sqs_msg_md5_of_body(struct arena *a, struct str body);

/* The offset of the first byte of a character SQS does not carry; s.n when all are allowed. */
size_t sqs_msg_bad_character(struct str s);

/* All but the body as compact bytes: fields {tag, length as LEB128, bytes}, in any order; an unknown tag is
 * skipped, so that a later version can add one. */
void sqs_msg_pack(struct buf *b, const struct sqs_msg *m);
int sqs_msg_unpack(struct str bytes, struct sqs_msg *ret); /* fills all but body; -E_INVALID: damaged */
/* The group and deduplication id alone, which stand first: enough of `bytes` are SQS_MSG_IDS_BYTES. */
#define SQS_MSG_IDS_BYTES 262
#define SQS_ID_MOST 128 /* bytes of a group or deduplication id */
/* Each: tag, two bytes of length, id. */
_Static_assert(SQS_MSG_IDS_BYTES == 2 * (3 + SQS_ID_MOST), "as rows.c writes it in SQL");
void sqs_msg_ids(struct str bytes, struct str *ret_group, struct str *ret_deduplication);
/* Are both there, as every message of a FIFO queue has them?  Asked of each row; for one that has not, the
 * words. */
bool sqs_msg_ids_held(struct str group, struct str deduplication);
#define SQS_NO_IDS "its extras hold no group and deduplication id"

/* MessageAttributeNames: exact names, `prefix.*`, and `All`, `.*`, `*` for every one. */
bool sqs_msg_wanted(const struct sqs_MessageAttributeNameList *names, struct str name);

#endif
