/* bootstrap.h - our runtime clients, embedded at build time by tool/embed.py and written to
 * RUN_DIR/bootstrap. */
#ifndef WAYBILL_RUNTIME_BOOTSTRAP_H
#define WAYBILL_RUNTIME_BOOTSTRAP_H

#include <stddef.h>

struct bootstrap_file {
    const char *name; /* relative: "python/bootstrap.py" */
    const unsigned char *bytes;
    size_t n;
};
extern const struct bootstrap_file bootstrap_files[];
extern const size_t bootstrap_file_count;

#endif
