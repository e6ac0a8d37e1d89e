/* SPDX-License-Identifier: ISC */
#include "sottod/data.h"

#include "base/duration.h"
#include "base/text.h"
#include "platform/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PEM_MAX_BYTES = 16 * 1024, LINK_HOST_MAX_BYTES = HOST_MAX_BYTES + 10 };

must_check enum error data_init(struct data *data, const char *option) {
    const char *chosen = option != NULL ? option : getenv("SOTTOD_DATA");
    memset(data, 0, sizeof(*data));
    data->lock.handle = -1;
    enum error error = OK;
    if (chosen != NULL && chosen[0] != '\0') {
        int length = snprintf(data->folder, sizeof(data->folder), "%s", chosen);
        error = length > 0 && (size_t)length < sizeof(data->folder) ? OK : ERR_LIMIT;
    } else {
        error = process_data_folder("sottod", NULL, data->folder, sizeof(data->folder));
    }
    const struct {
        const char *name;
        char *out;
    } files[] = {{"server.key", data->key},     {"next.key", data->next_key},
                 {"server.db", data->database}, {"lock", data->lock_file},
                 {"admin.sock", data->socket},  {"address", data->address}};
    for (size_t i = 0; error == OK && i < sizeof(files) / sizeof(files[0]); i++) {
        error = path_join(data->folder, files[i].name, files[i].out, PATH_MAX_BYTES);
    }
    data->path = data->folder;
    if (error != OK) {
        snprintf(data->cause, sizeof(data->cause), "there is no folder for the data");
        snprintf(data->detail, sizeof(data->detail), "Name one with --data DIR.");
        return ERR_USAGE;
    }
    return OK;
}

must_check enum error data_find(struct data *data) {
    struct stat status;
    data->path = data->folder;
    enum error error = process_become_owner(data->folder);
    if (error != OK) {
        return error;
    }
    if (stat(data->key, &status) == 0) {
        return OK;
    }
    return errno == EACCES ? ERR_NOT_ALLOWED : ERR_NO_DATA;
}

/* Fills in what the report on a refused mode needs. */
static enum error judged(struct data *data, enum error error, const char *path, unsigned mode,
                         const char *fix) {
    data->path = path;
    if (error == ERR_STORE_PERMISSIONS) {
        snprintf(data->detail, sizeof(data->detail), "%04o", mode);
        snprintf(data->cause, sizeof(data->cause), "%s", fix);
    } else if (error != OK && data->cause[0] == '\0') {
        snprintf(data->cause, sizeof(data->cause), "%s", strerror(errno));
    }
    return error;
}

static enum error check_files(struct data *data) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char path[PATH_MAX_BYTES + 8];
        unsigned mode = 0;
        snprintf(path, sizeof(path), "%s%s", data->database, suffixes[i]);
        enum error error = file_check_private(path, &mode);
        if (error != OK && error != ERR_NOT_FOUND) {
            return judged(data, error, data->database, mode, "600");
        }
    }
    return OK;
}

static enum error take_lock(struct data *data) {
    long holder = 0;
    enum error error = file_lock(data->lock_file, 0, &data->lock, &holder);
    data->path = data->folder;
    if (error == ERR_STORE_BUSY) {
        snprintf(data->detail, sizeof(data->detail), "%ld", holder);
        return ERR_DATA_IN_USE;
    }
    return judged(data, error, data->lock_file, 0, "");
}

static enum error open_store(struct data *data, const struct random_source *random) {
    char why[CAUSE_MAX_BYTES];
    struct stat status;
    bool is_new = stat(data->database, &status) != 0;
    enum error error = sqlite_store_open(data->database, random, &data->store, why, sizeof(why));
    if (error == OK && is_new) {
        error = folder_sync(data->folder);
    }
    data->path = data->database;
    switch ((int)error) {
    case OK:
    case ERR_STORE_BROKEN:
        return error;
    case ERR_STORE_NEWER:
        snprintf(data->detail, sizeof(data->detail), "%s", why);
        return error;
    case ERR_FULL:
    case ERR_DISK_FULL:
        return ERR_DISK_FULL;
    default:
        snprintf(data->cause, sizeof(data->cause), "%s", "the database could not be opened");
        return ERR_STORAGE_FAILED;
    }
}

must_check enum error data_open(struct data *data, bool create,
                                const struct random_source *random) {
    unsigned mode = 0;
    struct stat status;
    if (!create && stat(data->folder, &status) != 0) {
        return errno == EACCES ? ERR_NOT_ALLOWED : ERR_NO_DATA;
    }
    enum error error = judged(data, folder_private(data->folder, &mode), data->folder, mode, "700");
    if (error == OK) {
        error = take_lock(data);
    }
    if (error == OK) {
        error = check_files(data);
    }
    if (error == OK) {
        error = data_load_key(data, create);
    }
    if (error == OK) {
        error = open_store(data, random);
    }
    return error;
}

must_check enum error data_claim(struct data *data) {
    unsigned mode = 0;
    struct stat status;
    enum error error = judged(data, folder_private(data->folder, &mode), data->folder, mode, "700");
    if (error == OK) {
        error = take_lock(data);
    }
    bool is_there = stat(data->key, &status) == 0 || stat(data->database, &status) == 0;
    return error == OK && is_there ? ERR_CONFLICT : error;
}

static enum error make_key(struct data *data, struct buffer *pem) {
    enum error error = tls_identity_generate(pem);
    if (error == OK) {
        error = judged(data, file_write_private(data->key, buffer_view(pem)), data->key, 0, "");
    }
    return error;
}

must_check enum error data_load_key(struct data *data, bool create) {
    struct buffer pem;
    unsigned mode = 0;
    if (data->identity != NULL) {
        return OK;
    }
    buffer_init(&pem, PEM_MAX_BYTES);
    enum error error = file_read_private(data->key, &pem, &mode);
    if (error == ERR_NOT_FOUND && create) {
        error = make_key(data, &pem);
    } else {
        error = judged(data, error, data->key, mode, "600");
    }
    if (error == OK) {
        error = tls_identity_load(buffer_view(&pem), &data->identity);
        if (error != OK) {
            error = ERR_STORE_BROKEN;
            data->path = data->key;
        }
    }
    buffer_clear(&pem);
    return error == ERR_NOT_FOUND ? ERR_NO_DATA : error;
}

/* --- the next key
 * ------------------------------------------------------------------------------------------ */

/* The file is a line with the time, and the key as in the server's own file: PEM may have text in
 * front (RFC 7468 section 2). */
static const char FROM[] = "from ";

static enum error read_next_key(struct data *data, struct bytes file) {
    char line[32] = "";
    struct bytes rest = file;
    struct bytes first;
    if (!text_next_line(&rest, &first) || first.size <= sizeof(FROM) - 1 ||
        first.size >= sizeof(line)) {
        return ERR_MALFORMED;
    }
    memcpy(line, first.data, first.size);
    if (strncmp(line, FROM, sizeof(FROM) - 1) != 0 ||
        !number_parse(line + sizeof(FROM) - 1, 1, UINT64_MAX, &data->next_ms)) {
        return ERR_MALFORMED;
    }
    return tls_identity_load(file, &data->next);
}

must_check enum error data_load_next_key(struct data *data) {
    struct buffer file;
    unsigned mode = 0;
    if (data->next != NULL) {
        return OK;
    }
    buffer_init(&file, PEM_MAX_BYTES);
    enum error error = file_read_private(data->next_key, &file, &mode);
    if (error == OK && read_next_key(data, buffer_view(&file)) != OK) {
        error = ERR_STORE_BROKEN;
        data->path = data->next_key;
    } else if (error != OK && error != ERR_NOT_FOUND) {
        error = judged(data, error, data->next_key, mode, "600");
    }
    buffer_clear(&file);
    return error == ERR_NOT_FOUND ? OK : error;
}

must_check enum error data_plan_key(struct data *data, uint64_t at_ms) {
    char line[32];
    struct buffer file;
    enum error error = data_load_next_key(data);
    if (error != OK || data->next != NULL) {
        return error;
    }
    buffer_init(&file, PEM_MAX_BYTES);
    snprintf(line, sizeof(line), "%s%" PRIu64 "\n", FROM, at_ms);
    error = buffer_append(&file, bytes_of_string(line));
    if (error == OK) {
        error = tls_identity_generate(&file);
    }
    if (error == OK) {
        error = judged(data, file_write_private(data->next_key, buffer_view(&file)), data->next_key,
                       0, "");
    }
    buffer_clear(&file);
    return error == OK ? data_load_next_key(data) : error;
}

must_check enum error data_switch_key(struct data *data) {
    if (rename(data->next_key, data->key) != 0) {
        return judged(data, ERR_STORAGE_FAILED, data->key, 0, "");
    }
    tls_identity_free(data->identity);
    data->identity = data->next;
    data->next = NULL;
    data->next_ms = 0;
    return judged(data, folder_sync(data->folder), data->folder, 0, "");
}

void data_close(struct data *data) {
    sqlite_store_close(data->store);
    data->store = NULL;
    tls_identity_free(data->identity);
    data->identity = NULL;
    tls_identity_free(data->next);
    data->next = NULL;
    if (data->lock.handle >= 0) {
        file_unlock(&data->lock);
    }
}

void data_read_address(const struct data *data, char *out, size_t size) {
    struct buffer text;
    unsigned mode;
    buffer_init(&text, LINK_HOST_MAX_BYTES);
    out[0] = '\0';
    if (file_read_private(data->address, &text, &mode) == OK) {
        snprintf(out, size, "%.*s", (int)text.size, (const char *)text.data);
    }
    buffer_clear(&text);
}

must_check enum error data_keep_address(struct data *data, const char *address) {
    char known[LINK_HOST_MAX_BYTES + 1];
    data_read_address(data, known, sizeof(known));
    if (strcmp(known, address) == 0) {
        return OK;
    }
    return judged(data, file_write_private(data->address, bytes_of_string(address)), data->address,
                  0, "");
}
