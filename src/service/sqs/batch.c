/* batch.c - what the three batch operations check of the request as a whole. */
#include "service/sqs/ops.h"

#include "service/sqs/fault.h"

#define ENTRIES_MOST 10
#define ID_MOST 80

static struct str id_at(const struct sqs_ids *ids, size_t i)
{
    CHECK(i < ids->n && ids->first != NULL && ids->stride >= sizeof(struct str));
    return *(const struct str *)(const void *)((const char *)ids->first + i * ids->stride);
}

static bool good_id(struct str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char ch = id.p[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' ||
              ch == '-'))
            return false;
    }
    return id.n >= 1 && id.n <= ID_MOST;
}

int sqs_check_batch(struct call *c, const struct sqs_ids *ids, const char *entry)
{
    if (ids->n == 0)
        return call_fault(c, &sqs_error_EmptyBatchRequest, "There should be at least one %s in the request.",
                          entry);
    if (ids->n > ENTRIES_MOST)
        return call_fault(c, &sqs_error_TooManyEntriesInBatchRequest,
                          "Maximum number of entries per request are %d. You have sent %zu.", ENTRIES_MOST,
                          ids->n);
    for (size_t i = 0; i < ids->n; i++)
        if (!good_id(id_at(ids, i)))
            return call_fault(c, &sqs_error_InvalidBatchEntryId,
                              "A batch entry id can only contain alphanumeric characters, "
                              "hyphens and underscores. It can be at most 80 letters long.");
    return 0;
}

int sqs_check_distinct(struct call *c, const struct sqs_ids *ids)
{
    for (size_t i = 1; i < ids->n; i++)
        for (size_t k = 0; k < i; k++)
            if (str_eq(id_at(ids, i), id_at(ids, k)))
                return call_fault(c, &sqs_error_BatchEntryIdsNotDistinct, "Id " STR_FMT " repeated.",
                                  STR_ARG(id_at(ids, i)));
    return 0;
}

void sqs_failed(struct sqs_BatchResultErrorEntryList *list, struct str id, const struct fault *f)
{
    CHECK(list->v != NULL && list->n < ENTRIES_MOST && f->row != NULL);
    list->set = true;
    list->v[list->n++] = (struct sqs_BatchResultErrorEntry){ .Id = id,
                                                             .SenderFault = BOOL_SET(f->row->sender),
                                                             .Code = sqs_fault_code(f->row),
                                                             .Message = f->message };
}
