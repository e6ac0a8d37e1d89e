/* SPDX-License-Identifier: ISC */
#include "libsotto/profile.h"

#include "client/store/key_file.h"
#include "crypto/entropy.h"
#include "platform/clock.h"
#include "platform/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

static const char KEY_FILE[] = "store.key";
#define STORE_FILE "store.db"
#define LOCK_FILE "owner.lock"

/* Profiles are folders: their names are as plain as user names, with capitals. */
static bool is_profile_name(const char *name) {
    size_t size = strlen(name);
    return size > 0 && size <= PROFILE_MAX_BYTES && name[0] != '.' && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               size;
}

static bool take_card_folders(struct sotto *client, const struct sotto_options *options) {
    bool fits = options->card_folder_count <= SOTTO_CARD_FOLDERS_MAX;
    for (size_t i = 0; fits && i < options->card_folder_count; i++) {
        size_t size = strlen(options->card_folders[i]);
        fits = size < PATH_MAX_BYTES;
        if (fits) {
            memcpy(client->card_folders[i], options->card_folders[i], size + 1);
        }
    }
    client->card_folder_count = fits ? options->card_folder_count : 0;
    return fits;
}

must_check enum error profile_init(struct sotto *client, const struct sotto_options *options) {
    char data[PATH_MAX_BYTES];
    const char *profile = options->profile == NULL ? "default" : options->profile;
    memset(client, 0, sizeof(*client));
    client->timeout_ms = options->timeout_ms == 0 ? CLIENT_TIMEOUT_MS : options->timeout_ms;
    client->notice = options->notice;
    client->context = options->context;
    client->clock = clock_system();
    handover_init(&client->loan);
    if (!is_profile_name(profile)) {
        return ERR_USAGE;
    }
    if (!take_card_folders(client, options)) {
        snprintf(client->cause, sizeof(client->cause), "those folders of cards cannot be used");
        return ERR_USAGE;
    }
    memcpy(client->profile, profile, strlen(profile) + 1);
    enum error error = process_data_folder("sotto", options->home, data, sizeof(data));
    if (error == OK) {
        error = path_join(data, profile, client->folder, sizeof(client->folder));
    }
    return error == OK ? OK : ERR_NO_ACCOUNT;
}

/* The file that the next operation is about; what it leaves in errno is the cause of its failure.
 */
static enum error locate(struct sotto *client, const char *file) {
    errno = 0;
    return path_join(client->folder, file, client->path, sizeof(client->path)) == OK
               ? OK
               : ERR_STORAGE_FAILED;
}

static enum error note_mode(struct sotto *client, enum error error, unsigned mode) {
    if (error == ERR_STORE_PERMISSIONS) {
        snprintf(client->detail, sizeof(client->detail), "%04o", mode & 07777);
    }
    return error;
}

static enum error read_key_file(struct sotto *client, struct buffer *file) {
    unsigned mode = 0;
    enum error error = locate(client, KEY_FILE);
    if (error == OK) {
        error = file_read_private(client->path, file, &mode);
    }
    return note_mode(client, error, mode);
}

must_check enum error profile_look(struct sotto *client, bool *exists) {
    struct buffer file;
    buffer_init(&file, KEY_FILE_MAX_BYTES + 1);
    enum error error = read_key_file(client, &file);
    *exists = error == OK;
    if (error == OK) {
        error = key_file_is_protected(buffer_view(&file), &client->is_protected);
    }
    buffer_clear(&file);
    if (error == ERR_LIMIT) {
        return ERR_STORE_BROKEN;
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

static enum error check_folder(struct sotto *client) {
    unsigned mode = 0;
    errno = 0;
    memcpy(client->path, client->folder, sizeof(client->path));
    enum error error = folder_private(client->folder, &mode);
    return note_mode(client, error, mode);
}

static enum error check_store_file(struct sotto *client, bool create) {
    unsigned mode = 0;
    const struct bytes nothing = {0};
    enum error error = locate(client, STORE_FILE);
    if (error == OK) {
        error = file_check_private(client->path, &mode);
    }
    error = note_mode(client, error, mode);
    return error == ERR_NOT_FOUND && create ? file_write_private(client->path, nothing) : error;
}

static enum error open_store(struct sotto *client, const struct secret_32 *key, bool create) {
    enum error error = check_store_file(client, create);
    if (error == OK) {
        error = sqlcipher_store_open(client->path, key, create, &client->database);
    }
    if (error == OK) {
        client->store = sqlcipher_store_functions(client->database);
    }
    if (error == ERR_STORE_NEWER) {
        snprintf(client->detail, sizeof(client->detail), "newer schema");
    }
    return error;
}

static enum error open_key(struct sotto *client, struct bytes passphrase, struct secret_32 *key) {
    struct buffer file;
    buffer_init(&file, KEY_FILE_MAX_BYTES + 1);
    enum error error = read_key_file(client, &file);
    if (error == OK) {
        error = key_file_is_protected(buffer_view(&file), &client->is_protected);
    }
    if (error == OK) {
        error = key_file_open(buffer_view(&file), passphrase, key);
    }
    buffer_clear(&file);
    return error == ERR_LIMIT ? ERR_STORE_BROKEN : error;
}

must_check enum error profile_open(struct sotto *client, struct bytes passphrase) {
    struct secret_32 key = {{0}};
    bool exists = false;
    enum error error = profile_look(client, &exists);
    if (error == OK && !exists) {
        return ERR_NO_ACCOUNT;
    }
    if (error == OK) {
        error = check_folder(client);
    }
    if (error == OK) {
        error = open_key(client, passphrase, &key);
    }
    if (error == OK) {
        error = open_store(client, &key, false);
    }
    secret_32_clear(&key);
    /* A key without its store: deleted, emptied, or a join that was cut off there and can be
     * repeated. */
    return error == ERR_NOT_FOUND ? ERR_STORE_BROKEN : error;
}

static enum error make_key(struct sotto *client, struct bytes passphrase, struct secret_32 *key) {
    struct buffer file;
    const struct random_source random = random_system();
    const struct argon2_cost cost = key_file_cost();
    buffer_init(&file, KEY_FILE_MAX_BYTES);
    enum error error = key_file_make(&random, passphrase, &cost, key, &file);
    if (error == OK) {
        error = file_write_private(client->path, buffer_view(&file));
    }
    client->is_protected = passphrase.size > 0;
    buffer_clear(&file);
    return error;
}

must_check enum error profile_make(struct sotto *client, struct bytes passphrase) {
    struct secret_32 key = {{0}};
    enum error error = check_folder(client);
    if (error == OK) {
        error = profile_own(client);
    }
    if (error != OK) {
        return error;
    }
    error = open_key(client, passphrase, &key);
    if (error == ERR_NOT_FOUND) {
        error = make_key(client, passphrase, &key);
    }
    if (error == OK) {
        error = open_store(client, &key, true);
    }
    secret_32_clear(&key);
    return error == OK ? sqlcipher_store_own(client->database) : error;
}

must_check enum error profile_own_now(struct sotto *client) {
    long holder = 0;
    if (client->is_owner) {
        return OK;
    }
    enum error error = locate(client, LOCK_FILE);
    if (error == OK) {
        error = file_lock(client->path, 0, &client->lock, &holder);
    }
    if (error == ERR_STORE_BUSY) {
        snprintf(client->detail, sizeof(client->detail), "%ld", holder);
    }
    if (error == ERR_STORAGE_FAILED && errno == ENOENT) {
        error = ERR_NO_ACCOUNT; /* the profile was erased while it was lent */
    }
    if (error != OK) {
        return error;
    }
    client->is_owner = true;
    error = locate(client, STORE_FILE);
    return error == OK && client->database != NULL ? sqlcipher_store_own(client->database) : error;
}

uint64_t profile_patience(const struct sotto *client) {
    uint64_t now = profile_time(client);
    return client->timeout_ms > UINT64_MAX - now ? UINT64_MAX : now + client->timeout_ms;
}

must_check enum error profile_pause(const struct sotto *client, uint64_t until_ms) {
    if (profile_time(client) >= until_ms) {
        return ERR_STORE_BUSY;
    }
    uv_sleep(OWNER_RETRY_MS);
    return OK;
}

/* Asks the owner to step back for a while; when it has, the lock is there to be taken. */
static void borrow(struct sotto *client, uint64_t until_ms) {
    if (handover_open(&client->loan, client->folder, until_ms) == OK &&
        handover_borrow(&client->loan, until_ms) != OK) {
        handover_close(&client->loan);
    }
}

/* Whoever has the lock serves its socket, or will in a moment, or has not got one; or it was killed
 * just now. Which of these it is shows when both are tried again. */
must_check enum error profile_own(struct sotto *client) {
    uint64_t until_ms = profile_patience(client);
    enum error error = profile_own_now(client);
    while (error == ERR_STORE_BUSY) {
        if (client->loan.handle < 0) {
            borrow(client, until_ms);
        }
        error = profile_own_now(client);
        if (error == ERR_STORE_BUSY && profile_pause(client, until_ms) != OK) {
            break;
        }
    }
    if (error != OK) {
        handover_close(&client->loan);
    }
    return error;
}

must_check enum error profile_account(struct sotto *client) {
    enum error error = account_load(client->store, &client->account);
    if (error == OK) {
        server_address_print(&client->account.server, client->server, sizeof(client->server));
    }
    if (error == ERR_NOT_FOUND || (error == OK && !client->account.is_registered)) {
        return ERR_NO_ACCOUNT;
    }
    return error;
}

void profile_release(struct sotto *client) {
    if (client->is_owner) {
        if (client->database != NULL) {
            sqlcipher_store_disown(client->database);
        }
        file_unlock(&client->lock);
        client->is_owner = false;
    }
    handover_close(&client->loan); /* after the lock: the lender takes it now */
}

void profile_close(struct sotto *client) {
    profile_release(client);
    sqlcipher_store_close(client->database);
    client->database = NULL;
    cards_clear(&client->cards);
}

/* OK also when there is no such file. */
static enum error erase_file(struct sotto *client, const char *file) {
    uv_fs_t request;
    enum error error = locate(client, file);
    if (error != OK) {
        return error;
    }
    int rc = uv_fs_unlink(NULL, &request, client->path, NULL);
    uv_fs_req_cleanup(&request);
    errno = rc == 0 ? 0 : -rc;
    return rc == 0 || rc == UV_ENOENT ? OK : ERR_STORAGE_FAILED;
}

must_check enum error profile_erase(struct sotto *client) {
    static const char *const others[] = {STORE_FILE, "store.db-wal", "store.db-shm", OWNER_SOCKET,
                                         LOCK_FILE};
    uv_fs_t request;
    sqlcipher_store_disown(client->database);
    sqlcipher_store_close(client->database);
    client->database = NULL;
    enum error error = erase_file(client, KEY_FILE);
    if (error == OK) {
        error = folder_sync(client->folder);
    }
    for (size_t i = 0; error == OK && i < sizeof(others) / sizeof(others[0]); i++) {
        error = erase_file(client, others[i]);
    }
    if (error == OK) {
        /* It stays when somebody has put something of their own there. */
        (void)uv_fs_rmdir(NULL, &request, client->folder, NULL);
        uv_fs_req_cleanup(&request);
    }
    return error;
}

struct report profile_report(const struct sotto *client, const char *effect) {
    return (struct report){.server = client->server,
                           .name = client->account.name.text,
                           .profile = client->profile,
                           .path = client->path,
                           .detail = client->detail,
                           .effect = effect};
}

uint64_t profile_now(const struct sotto *client) {
    return client->clock.wall_ms(client->clock.context);
}

uint64_t profile_time(const struct sotto *client) {
    return client->clock.monotonic_ms(client->clock.context);
}
