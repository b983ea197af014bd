/* program.h - which program runs a function, and what stands in its environment.
 *
 * Looks at PATH and at the package's folder; starts nothing. */
#ifndef WAYBILL_RUNTIME_PROGRAM_H
#define WAYBILL_RUNTIME_PROGRAM_H

#include "flow/execution.h"
#include "runtime/runtime.h"

/* What holds for every environment of one server. */
struct program_place {
    const char *code_dir, *bootstrap_dir; /* host paths, absolute */
    bool private_root;                    /* the process sees /var/task, /var/runtime, /tmp */
    const char *endpoint;                 /* "http://127.0.0.1:4566" */
};

/* One start.  Everything lies in the arena given. */
struct program {
    struct str argv;      /* each item followed by a NUL */
    const char *task_dir; /* host path */
    const char *cwd;      /* as the process sees it */
    const char *prefix;   /* an interpreter's tree outside /usr; NULL: none */
    bool wrapped;         /* AWS_LAMBDA_EXEC_WRAPPER stands first */
    struct str bootstrap; /* provided: "/var/task/bootstrap", for messages; else absent */
    struct str why;       /* why not, as the error payload says it; absent: it can start */
};
void program_find(const struct program_place *place, const struct code *code, struct arena *a,
                  struct program *ret);

/* What differs from environment to environment. */
struct program_facts {
    int api_port;
    struct str log_stream;
    struct runtime_credentials credentials;
    const char *tmp_dir; /* TMPDIR where there is no private /tmp; NULL: /tmp */
};
/* "NAME=value", each followed by a NUL.  Order: the platform's, then the user's; no name twice. */
struct str program_environment(const struct program_place *place, const struct code *code,
                               const struct program_facts *f, const struct program *p, struct arena *a);

#endif
