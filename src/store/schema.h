/* schema.h - the embedded schema files as migrations, in rising order of number.
 *
 * schema.c is written at build time by tool/embed_sql.py from src/store/schema/; see the README there for the
 * words that migrate.c replaces per dialect.  Texts are constants of the program; comments are left out. */
#ifndef WAYBILL_STORE_SCHEMA_H
#define WAYBILL_STORE_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

struct migration {
    int64_t number;  /* from 1, without gaps */
    const char *sql; /* all its statements, dialect words still inside */
};
extern const struct migration store_migrations[];
extern const size_t store_n_migrations; /* at least 1 */

#endif
