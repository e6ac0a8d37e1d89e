/* SPDX-License-Identifier: ISC */
/* A profile on disk: its folder, key file, store and lock; and the client that has it open. */
#ifndef SOTTO_LIBSOTTO_PROFILE_H
#define SOTTO_LIBSOTTO_PROFILE_H

#include "base/env.h"
#include "client/account.h"
#include "client/store/sqlcipher.h"
#include "libsotto/cards.h"
#include "libsotto/handover.h"
#include "libsotto/report.h"
#include "platform/files.h"

struct sotto {
    char profile[PROFILE_MAX_BYTES + 1];
    char folder[PATH_MAX_BYTES];
    char path[PATH_MAX_BYTES]; /**< of the file that the last failure is about */
    char detail[64];           /**< its mode, the pid of its holder */
    char cause[320];           /**< what is wrong with it, or empty */
    char server[SOTTO_SERVER_SIZE];
    uint64_t timeout_ms;
    sotto_notice_fn *notice;
    void *context;
    struct clock clock;
    bool is_protected;
    struct sqlcipher_store *database;
    const struct client_store *store;
    bool is_owner;
    struct file_lock lock;
    struct handover loan; /**< from the process that owns the profile otherwise; while it is open */
    struct account account;
    char card_folders[SOTTO_CARD_FOLDERS_MAX][PATH_MAX_BYTES];
    size_t card_folder_count;
    struct cards cards; /**< as they were when the last engine was made */
};

/** Fills what options alone say. ERR_USAGE: no such profile name, or too many folders of cards;
 * ERR_NO_ACCOUNT without a home. */
must_check enum error profile_init(struct sotto *client, const struct sotto_options *options);

/** Whether the profile's key file is there, and whether a passphrase is needed. */
must_check enum error profile_look(struct sotto *client, bool *exists);

/** Opens the store with its key. ERR_NO_ACCOUNT when there is none. */
must_check enum error profile_open(struct sotto *client, struct bytes passphrase);

/** Makes folder, key file and store as far as they are not there, and opens them, as their owner.
 */
must_check enum error profile_make(struct sotto *client, struct bytes passphrase);

/** Becomes the one that connects and writes, and waits for that up to the timeout: for another
 * process to end, or for the one that has the profile's socket to lend it. ERR_STORE_BUSY. */
must_check enum error profile_own(struct sotto *client);
/** The same if nobody else does, without waiting. ERR_STORE_BUSY, with the other one's pid in
 * `detail`. */
must_check enum error profile_own_now(struct sotto *client);
/** When waiting for other processes that begins now is over, on the monotonic clock. */
uint64_t profile_patience(const struct sotto *client);
/** A moment passes before lock and socket are tried again. ERR_STORE_BUSY: `until_ms` has come. */
must_check enum error profile_pause(const struct sotto *client, uint64_t until_ms);
/** Ends writing and lets others have it. Nothing when it is not owned. */
void profile_release(struct sotto *client);

/** Reads the account. ERR_NO_ACCOUNT when none is registered. */
must_check enum error profile_account(struct sotto *client);

void profile_close(struct sotto *client);

/** Deletes the profile's files, which is owned, the key first: without it the rest is noise. The
 * store is closed. ERR_STORAGE_FAILED. */
must_check enum error profile_erase(struct sotto *client);

/** The report of a failure of this profile, with everything that it knows filled in. */
struct report profile_report(const struct sotto *client, const char *effect);

uint64_t profile_now(const struct sotto *client);
/** Of the monotonic clock. */
uint64_t profile_time(const struct sotto *client);

#endif
