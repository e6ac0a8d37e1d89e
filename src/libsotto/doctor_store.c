/* SPDX-License-Identifier: ISC */
/* What is on this machine: the profile's folder, its files, the store and what it holds. */
#include "libsotto/doctor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const FILES[] = {"store.key", "store.db", "store.db-wal", "store.db-shm",
                                    "owner.lock"};
static const char *const AFTER_STORE[] = {"integrity", "cards", "outbox"};
enum { FILE_COUNT = sizeof(FILES) / sizeof(FILES[0]), OUTBOX_OLD_MS = DAY_MS };

static void skip_rest(const struct doctor *doctor) {
    for (size_t i = 0; i < sizeof(AFTER_STORE) / sizeof(AFTER_STORE[0]); i++) {
        doctor_skip(doctor, AFTER_STORE[i], "the store is not open");
    }
}

/* Folder and files; a file that is not there (yet) is open to nobody. */
static bool check_permissions(const struct doctor *doctor) {
    struct sotto *client = doctor->client;
    unsigned mode = 0;
    memcpy(client->path, client->folder, sizeof(client->path));
    enum error error = folder_private(client->folder, &mode);
    for (size_t i = 0; i < FILE_COUNT && error == OK; i++) {
        error = path_join(client->folder, FILES[i], client->path, sizeof(client->path));
        if (error == OK) {
            error = file_check_private(client->path, &mode);
        }
        error = error == ERR_NOT_FOUND ? OK : error;
    }
    if (error == OK) {
        doctor_fine(doctor, "permissions", client->folder, "nobody else can read it");
        return true;
    }
    if (error == ERR_STORE_PERMISSIONS) {
        snprintf(client->detail, sizeof(client->detail), "%04o", mode & 07777);
    }
    doctor_failed(doctor, "permissions", client->path, error);
    return false;
}

static void check_space(const struct doctor *doctor) {
    struct sotto *client = doctor->client;
    struct sotto_error problem;
    uint64_t bytes = 0;
    char found[64];
    memcpy(client->path, client->folder, sizeof(client->path));
    enum error error = disk_free(client->folder, &bytes);
    if (error != OK) {
        doctor_failed(doctor, "space", client->folder, error);
        return;
    }
    snprintf(found, sizeof(found), "%" PRIu64 " MiB free", bytes / (UINT64_C(1024) * 1024));
    bool is_low = bytes < SPACE_LOW_BYTES;
    bool is_out = bytes < SPACE_OUT_BYTES;
    if (!is_low) {
        doctor_fine(doctor, "space", client->folder, "%s", found);
        return;
    }
    const struct report report = {.path = client->folder, .cause = found};
    (void)report_error(&problem, is_out ? ERR_DISK_FULL : ERR_SPACE_LOW, &report);
    doctor_problem(doctor, "space", client->folder, found, &problem, !is_out);
}

/* The store with its key, and the account in it. */
static bool check_open(const struct doctor *doctor, const struct sotto_options *options) {
    struct sotto *client = doctor->client;
    if (client->is_protected && options->passphrase == NULL) {
        struct sotto_error problem;
        const struct report report = {.cause = "the passphrase", .detail = "--passphrase-file"};
        (void)report_error(&problem, ERR_INPUT_REQUIRED, &report);
        doctor_problem(doctor, "store", client->folder, "needs its passphrase", &problem, false);
        return false;
    }
    enum error error =
        profile_open(client, bytes_make(options->passphrase, options->passphrase_size));
    if (error == OK) {
        error = profile_account(client);
    }
    if (error != OK) {
        doctor_failed(doctor, "store", client->folder, error);
        return false;
    }
    doctor_fine(doctor, "store", client->folder, "opens; %s",
                client->is_protected ? "protected by a passphrase"
                                     : "protected by file permissions only");
    return true;
}

static bool check_integrity(const struct doctor *doctor) {
    struct sotto *client = doctor->client;
    enum error error = path_join(client->folder, "store.db", client->path, sizeof(client->path));
    if (error == OK) {
        error = sqlcipher_store_check(client->database);
    }
    if (error != OK) {
        doctor_failed(doctor, "integrity", client->path, error);
        return false;
    }
    doctor_fine(doctor, "integrity", client->path, "every page is what was written");
    return true;
}

static void check_cards(const struct doctor *doctor) {
    enum error error = cards_load(doctor->client);
    if (error == OK) {
        doctor_fine(doctor, "cards", "", "%zu in cards.d", doctor->client->cards.count);
    } else {
        doctor_failed(doctor, "cards", doctor->client->path, error);
    }
}

/* When the oldest message that the server has not accepted was written; 0: there is none. */
static enum error oldest(const struct client_store *store, uint64_t *sent_ms) {
    static const enum outgoing_state OPEN[] = {OUTGOING_QUEUED, OUTGOING_SEALED, OUTGOING_REPAIR};
    *sent_ms = 0;
    for (size_t i = 0; i < sizeof(OPEN) / sizeof(OPEN[0]); i++) {
        struct outgoing message = {.row = 0};
        enum error error = OK;
        while (error == OK) {
            error =
                store->outgoing_next(store->context, OPEN[i], message.turn, message.row, &message);
            bool is_open = error == OK && message.accepted_ms == 0;
            if (is_open && (*sent_ms == 0 || message.sent_ms < *sent_ms)) {
                *sent_ms = message.sent_ms;
            }
        }
        if (error != ERR_NOT_FOUND) {
            return error;
        }
    }
    return OK;
}

static void check_outbox(const struct doctor *doctor) {
    struct sotto *client = doctor->client;
    struct sotto_account account;
    uint64_t sent_ms = 0;
    enum error error = account_describe(client, &account);
    if (error == OK) {
        error = oldest(client->store, &sent_ms);
    }
    if (error != OK) {
        doctor_failed(doctor, "outbox", client->folder, error);
        return;
    }
    uint64_t now = profile_now(client);
    uint64_t age = sent_ms == 0 || sent_ms > now ? 0 : now - sent_ms;
    if (age < OUTBOX_OLD_MS) {
        doctor_fine(doctor, "outbox", "", "%" PRIu32 " waiting", account.outbox);
        return;
    }
    struct sotto_error problem;
    char found[96];
    snprintf(found, sizeof(found), "%" PRIu32 " waiting, the oldest for %" PRIu64 " days",
             account.outbox, age / DAY_MS);
    const struct report report = {.cause = found};
    (void)report_error(&problem, ERR_OUTBOX_OLD, &report);
    doctor_problem(doctor, "outbox", "", found, &problem, true);
}

bool doctor_store(const struct doctor *doctor, const struct sotto_options *options) {
    struct sotto *client = doctor->client;
    bool exists = false;
    enum error error = profile_look(client, &exists);
    bool is_there = exists || (error != OK && error != ERR_NO_ACCOUNT);
    if (!is_there) {
        doctor_failed(doctor, "profile", client->folder, ERR_NO_ACCOUNT);
        doctor_skip(doctor, "permissions", "there is no profile");
        doctor_skip(doctor, "space", "there is no profile");
        doctor_skip(doctor, "store", "there is no profile");
        skip_rest(doctor);
        return false;
    }
    doctor_fine(doctor, "profile", client->folder, "is there");
    bool is_private = check_permissions(doctor);
    check_space(doctor);
    if (!is_private) {
        doctor_skip(doctor, "store", "others can read it");
    }
    if (!is_private || !check_open(doctor, options)) {
        skip_rest(doctor);
        return false;
    }
    bool is_sound = check_integrity(doctor);
    check_cards(doctor);
    check_outbox(doctor);
    return is_sound;
}
