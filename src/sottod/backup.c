/* SPDX-License-Identifier: ISC */
/* `sottod backup` and `sottod restore`. */
#include "server/store/backup.h"
#include "sottod/commands.h"
#include "sottod/say.h"

#include "crypto/entropy.h"
#include "platform/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 3, FILE_MAX_BYTES = 16 * 1024 };

/** A file beside the database, by its name in a backup. */
struct part {
    const char *name;
    const char *path;
    bool is_needed;
    struct buffer content;
};

static void list_parts(const struct data *data, struct part parts[FILES_MAX]) {
    parts[0] = (struct part){.name = "server.key", .path = data->key, .is_needed = true};
    parts[1] = (struct part){.name = "next.key", .path = data->next_key};
    parts[2] = (struct part){.name = "address", .path = data->address};
    for (size_t i = 0; i < FILES_MAX; i++) {
        buffer_init(&parts[i].content, FILE_MAX_BYTES);
    }
}

static void clear_parts(struct part parts[FILES_MAX]) {
    for (size_t i = 0; i < FILES_MAX; i++) {
        buffer_clear(&parts[i].content);
    }
}

/* What a failure of the store is in the words of an administrator. */
static enum error told(struct data *data, enum error error, const char *path, const char *cause) {
    data->path = path;
    snprintf(data->cause, sizeof(data->cause), "%s", cause[0] == '\0' ? strerror(errno) : cause);
    snprintf(data->detail, sizeof(data->detail), "%s", cause);
    switch ((int)error) {
    case ERR_FULL:
        return ERR_DISK_FULL;
    case ERR_IO:
    case ERR_STORE_BUSY:
    case ERR_NOT_FOUND:
        return ERR_STORAGE_FAILED;
    default:
        return error;
    }
}

/* --- backup
 * -------------------------------------------------------------------------------------------------
 */

static enum error write_database(struct data *data, const char *temporary) {
    struct part parts[FILES_MAX];
    struct backup_file files[FILES_MAX];
    char cause[CAUSE_MAX_BYTES] = "";
    size_t count = 0;
    enum error error = OK;
    list_parts(data, parts);
    for (size_t i = 0; error == OK && i < FILES_MAX; i++) {
        unsigned mode = 0;
        error = file_read_private(parts[i].path, &parts[i].content, &mode);
        if (error == OK) {
            files[count++] =
                (struct backup_file){.name = parts[i].name, .data = buffer_view(&parts[i].content)};
        } else if (error == ERR_NOT_FOUND && !parts[i].is_needed) {
            error = OK;
        } else {
            error = told(data, error, parts[i].path, "");
        }
    }
    if (error == OK) {
        error = backup_write(data->database, temporary, files, count, cause, sizeof(cause));
        error = error == OK ? OK : told(data, error, data->database, cause);
    }
    clear_parts(parts);
    return error;
}

static enum error back_up(struct data *data, const struct options *options) {
    const char *file = options->file;
    char name[48];
    char temporary[PATH_MAX_BYTES];
    snprintf(name, sizeof(name), "backup.%ld", (long)getpid());
    enum error error = path_join(data->folder, name, temporary, sizeof(temporary));
    if (error != OK) {
        return told(data, ERR_IO, data->folder, "the name is too long");
    }
    error = write_database(data, temporary);
    if (error == OK) {
        error = file_copy(temporary, file);
        if (error == ERR_DUPLICATE) {
            error = told(data, ERR_IO, file, "it is there already, and backups replace nothing");
        } else if (error != OK) {
            error = told(data, error, file, "");
        }
    }
    (void)unlink(temporary);
    return error;
}

int command_backup(const struct options *options) {
    return command_on_data(options, back_up);
}

/* --- restore
 * ------------------------------------------------------------------------------------------------
 */

static enum error keep_file(void *context, const struct backup_file *file) {
    struct data *data = context;
    struct part parts[FILES_MAX];
    list_parts(data, parts);
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (strcmp(file->name, parts[i].name) == 0) {
            enum error error = file_write_private(parts[i].path, file->data);
            return error == OK ? OK : told(data, error, parts[i].path, "");
        }
    }
    return OK; /* of a version that keeps more */
}

static enum error put_back(struct data *data, const char *file) {
    const struct random_source random = random_system();
    char cause[CAUSE_MAX_BYTES] = "";
    char temporary[PATH_MAX_BYTES];
    enum error error = path_join(data->folder, "server.db.new", temporary, sizeof(temporary));
    if (error != OK) {
        return told(data, ERR_IO, data->folder, "the name is too long");
    }
    (void)unlink(temporary); /* of one that was interrupted */
    error = file_copy(file, temporary);
    if (error != OK) {
        return told(data, error, file, "");
    }
    error = backup_restore(temporary, &random, keep_file, data, cause, sizeof(cause));
    if (error != OK && cause[0] != '\0') {
        error = told(data, error, file, cause);
    }
    if (error == OK && rename(temporary, data->database) != 0) {
        error = told(data, ERR_IO, data->database, "");
    }
    if (error != OK) {
        (void)unlink(temporary);
        return error;
    }
    return folder_sync(data->folder);
}

int command_restore(const struct options *options) {
    struct data data;
    char cause[USAGE_MAX_BYTES];
    enum error error = data_init(&data, options->data);
    if (error == OK) {
        error = data_claim(&data);
    }
    if (error == ERR_CONFLICT) {
        data_close(&data);
        snprintf(cause, sizeof(cause), "%.200s has a server's data already", data.folder);
        return say_failure(ERR_USAGE, NULL, cause,
                           "Nothing was changed. Name a new folder with --data.", NULL);
    }
    if (error == OK) {
        error = put_back(&data, options->file);
    }
    int status = error == OK ? 0 : command_failed(&data, error);
    data_close(&data);
    return status;
}
