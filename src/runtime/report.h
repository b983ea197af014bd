/* report.h - the texts the platform itself writes: error payloads and the lines around an invocation.
 *
 * Pure: facts in, bytes out.  Log texts are without the final newline, as struct runtime_log_line wants them.
 * Source: the developer guide's pages on Lambda logs and errors, and AWS's recorded behaviour. */
#ifndef WAYBILL_RUNTIME_REPORT_H
#define WAYBILL_RUNTIME_REPORT_H

#include "base/buf.h"

/* {"errorType":"<type>","errorMessage":"RequestId: <id> Error: <text>"} */
void report_payload(struct buf *b, struct str request_id, struct str type, struct str text);
/* The same with errorMessage first, as Runtime.InvalidEntrypoint has it. */
void report_entrypoint_payload(struct buf *b, struct str request_id, struct str text);
/* {"errorMessage":"Response payload size exceeded ...","errorType":"Function.ResponseSizeTooLarge"} */
void report_too_large_payload(struct buf *b);

/* "Task timed out after 1.00 seconds" */
void report_timeout_text(struct buf *b, int64_t timeout_ms);
/* What became of a process, from its wait(2) status: "Runtime exited without providing a reason" (exit 0),
 * "Runtime exited with error: exit status 3", "Runtime exited with error: signal: killed". */
void report_exit_text(struct buf *b, int wait_status);
/* errno of execve in the words the platform uses ("exec format error"). */
const char *report_exec_error(int error_number);

enum report_status {
    REPORT_SUCCESS,
    REPORT_ERROR,
    REPORT_FAILURE,
    REPORT_TIMEOUT
}; /* error: the function said so; failure: its process ended */

struct report {
    struct str request_id, function_arn, version, error_type; /* error_type: for anything but success */
    int64_t duration_us, init_us;                             /* init_us 0: warm */
    int64_t memory_mb, max_memory_mb;
    enum report_status status;
};

/* Text format. */
void report_init_text(struct buf *b, struct str runtime, struct str region);
void report_start_text(struct buf *b, const struct report *r);
void report_end_text(struct buf *b, const struct report *r);
void report_text(struct buf *b, const struct report *r);

/* JSON format: one record per line; `time` is server's clock. */
void report_init_json(struct buf *b, int64_t wall_ms, struct str runtime, struct str region);
void report_start_json(struct buf *b, int64_t wall_ms, const struct report *r);
void report_runtime_done_json(struct buf *b, int64_t wall_ms, const struct report *r);
void report_json(struct buf *b, int64_t wall_ms, const struct report *r);

/* System log level of a JSON record: is it written?  level absent: INFO. */
enum report_level { REPORT_DEBUG, REPORT_INFO, REPORT_WARN };
bool report_wanted(struct str system_log_level, enum report_level of_record);

/* "Runtime.BadThing" stays if it is of the form (Runtime|Function).Name, else becomes Function.Unknown or
 * Runtime.Unknown, for logs and metrics. */
struct str report_error_type(struct str header);

/* YYYY/MM/DD/[version]id, or with a log group of the user's own YYYY/MM/DD/function[version][id]. */
void report_log_stream(struct buf *b, int64_t wall_ms, struct str function, struct str version, struct str id,
                       bool own_group);

#endif
