/* SPDX-License-Identifier: ISC */
/* The functions of client/store.h by group of tables; `context` is a struct database. Internal. */
#ifndef SOTTO_CLIENT_STORE_TABLES_H
#define SOTTO_CLIENT_STORE_TABLES_H

#include "client/store.h"

/** Each fills its own part of the interface. */
void device_table(struct client_store *store);   /* settings, devices, prekeys */
void people_table(struct client_store *store);   /* peers, identities, tombstones */
void session_table(struct client_store *store);  /* sessions with skipped keys and past chains */
void outgoing_table(struct client_store *store); /* what was written */
void incoming_table(struct client_store *store); /* what came, with seen ids */
void owed_table(struct client_store *store);     /* receipts, duties, and what limits them */
void waiting_table(struct client_store *store);  /* what cannot be opened yet */
void cursor_table(struct client_store *store);   /* bookmarks of readers, and what is unread */

#endif
