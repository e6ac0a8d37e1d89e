/* SPDX-License-Identifier: ISC */
#include "server/store/inspect.h"
#include "server/store/convert.h"
#include "server/store/marks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t count(struct sqlite_store *store, const char *sql) {
    char text[24] = "0";
    store_ask(store, sql, NULL, text, sizeof(text));
    return strtoull(text, NULL, 10);
}

/* The first complaint of SQLite; a damaged page may already end the statement. */
static void complain(struct sqlite_store *store, const char *sql, struct inspection *inspection) {
    char answer[sizeof(inspection->complaint)] = "";
    if (inspection->complaint[0] != '\0') {
        return;
    }
    store_ask(store, sql, NULL, answer, sizeof(answer));
    if (store->error == ERR_STORE_BROKEN) {
        snprintf(answer, sizeof(answer), "%s", store->cause);
        store->error = OK;
    }
    if (strcmp(answer, "ok") != 0) {
        memcpy(inspection->complaint, answer, sizeof(answer));
    }
}

/* What is remembered of messages that left: a row of it that is damaged may let one in twice. */
static void look_at_marks(struct sqlite_store *store, bool deep, struct inspection *inspection) {
    const uint64_t damaged = deep ? marks_damaged(store) : 0;
    if (damaged > 0 && inspection->complaint[0] == '\0') {
        snprintf(inspection->complaint, sizeof(inspection->complaint),
                 "%" PRIu64 " rows of marks are not what was written", damaged);
    }
}

/* Tables that name a row of another without referring to it (schema.c). */
static const char REFERENCES[] =
    "SELECT CASE"
    " WHEN EXISTS(SELECT 1 FROM runs WHERE device NOT IN"
    " (SELECT device FROM devices UNION SELECT device FROM erasing))"
    " THEN 'a message waits for a device that is not there'"
    " WHEN EXISTS(SELECT 1 FROM bodies WHERE row NOT IN (SELECT row FROM runs WHERE key NOT NULL))"
    " THEN 'envelopes are left of a row that is not there' ELSE 'ok' END";

static void look(struct sqlite_store *store, bool deep, struct inspection *inspection) {
    store_only_read(store);
    store_execute(store, "PRAGMA cell_size_check = ON");
    complain(store, deep ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", inspection);
    if (deep) {
        complain(store,
                 "SELECT coalesce((SELECT 'a row of ' || \"table\" || ' refers to nothing'"
                 " FROM pragma_foreign_key_check LIMIT 1), 'ok')",
                 inspection);
    }
    inspection->accounts = count(store, "SELECT count(*) FROM accounts");
    const int version = schema_version(store);
    if (version == 1) {
        inspection->messages = count(store, "SELECT count(*) FROM messages");
        inspection->damaged = deep ? convert_damaged(store) : 0;
    } else if (version == 2) {
        inspection->messages = count(store, "SELECT coalesce(sum(count), 0) FROM runs");
        inspection->damaged = deep ? messages_damaged(store, SQL_OLD_BODIES) : 0;
    } else {
        inspection->messages = count(store, "SELECT coalesce(sum(count), 0) FROM runs"
                                            " WHERE device NOT IN (SELECT device FROM erasing)");
        inspection->damaged = deep ? messages_damaged(store, SQL_RUN_ALL) : 0;
        look_at_marks(store, deep, inspection);
        if (deep) {
            complain(store, REFERENCES, inspection);
        }
    }
    if (store->error == ERR_STORE_BROKEN && inspection->complaint[0] != '\0') {
        store->error = OK; /* it was said, and the rest cannot be counted */
    }
}

must_check enum error inspect_database(const char *path, bool deep, struct inspection *inspection,
                                       char *cause, size_t size) {
    cause[0] = '\0';
    memset(inspection, 0, sizeof(*inspection));
    struct sqlite_store *store = store_open_file(path);
    if (store == NULL) {
        return ERR_MEMORY;
    }
    look(store, deep, inspection);
    return store_finish(store, store->error, cause, size);
}
