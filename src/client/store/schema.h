/* SPDX-License-Identifier: ISC */
/* The tables of the client's store, schema 1. Times are milliseconds since 1970; hashes and ids are
 * blobs. */
#ifndef SOTTO_CLIENT_STORE_SCHEMA_H
#define SOTTO_CLIENT_STORE_SCHEMA_H

/** Statements that make an empty database one of this schema, ending with NULL. */
extern const char *const SCHEMA[];

#endif
