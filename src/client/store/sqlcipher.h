/* SPDX-License-Identifier: ISC */
/* The client's store on SQLCipher: implements client/store.h on one encrypted database. */
#ifndef SOTTO_CLIENT_STORE_SQLCIPHER_H
#define SOTTO_CLIENT_STORE_SQLCIPHER_H

#include "client/store.h"

struct sqlcipher_store;

/** Opens the database at `path` (":memory:" for one that ends with it) with the store key, for
 * reading. `create` makes it when it is empty or missing. ERR_NOT_FOUND: there is no store, or an
 * empty one. ERR_STORE_NEWER, ERR_STORE_BROKEN (also a wrong key), ERR_FULL, ERR_IO, ERR_MEMORY. */
must_check enum error sqlcipher_store_open(const char *path, const struct secret_32 *key,
                                           bool create, struct sqlcipher_store **store);
/** NULL is fine. An open transaction is rolled back. */
void sqlcipher_store_close(struct sqlcipher_store *store);

/** Makes this the connection that writes and checkpoints; the caller holds the profile's lock. */
must_check enum error sqlcipher_store_own(struct sqlcipher_store *store);
/** Makes it one that reads again, before the lock is given up: an open transaction is rolled back,
 * and what is in the log goes into the database as far as nobody reads there. */
void sqlcipher_store_disown(struct sqlcipher_store *store);

/** Reads every page: whether each one is what was written with the key, and they hold together.
 * ERR_STORE_BROKEN. */
must_check enum error sqlcipher_store_check(struct sqlcipher_store *store);

/** The functions; valid as long as the store is open. */
const struct client_store *sqlcipher_store_functions(const struct sqlcipher_store *store);

/** Versions of the libraries in use ("4.6.1 community", "3.46.1"); valid for ever. `cipher` holds
 * at least 32 characters and stays empty when the library is not SQLCipher. */
void sqlcipher_versions(char *cipher, size_t size, const char **sqlite);

#endif
