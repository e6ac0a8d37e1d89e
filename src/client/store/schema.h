/* SPDX-License-Identifier: ISC */
/* The tables of the client's store, by versions. Times are milliseconds since 1970; hashes and ids
 * are blobs. */
#ifndef SOTTO_CLIENT_STORE_SCHEMA_H
#define SOTTO_CLIENT_STORE_SCHEMA_H

enum { DATABASE_SCHEMA = 4 };

/** SCHEMAS[v] has the statements that make a database of version v one of version v + 1, ending
 * with NULL; version 0 is empty. */
extern const char *const *const SCHEMAS[DATABASE_SCHEMA];

#endif
