/* SPDX-License-Identifier: ISC */
/* Opening and closing a profile, and what its store alone can tell. */
#include "libsotto/account.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int profile_fail(const struct sotto *client, enum error failure, const char *effect,
                 struct sotto_error *error) {
    int number = errno; /* of the file operation that failed, see locate() in profile.c */
    struct report report = profile_report(client, effect);
    char seconds[24];
    char mode[4] = "600";
    snprintf(seconds, sizeof(seconds), "%llu s",
             (unsigned long long)(client->timeout_ms / SECOND_MS));
    bool is_explained = client->cause[0] != '\0';
    if (is_explained) {
        report.cause = client->cause;
    }
    if (failure == ERR_STORE_BUSY) {
        report.cause = seconds;
    }
    if (failure == ERR_STORE_PERMISSIONS && !is_explained) {
        report.cause = strcmp(client->path, client->folder) == 0 ? "700" : mode;
    }
    if (failure == ERR_STORAGE_FAILED) {
        report.cause = number == 0 ? "not a plain file or folder" : strerror(number);
    }
    if (failure == ERR_USAGE && is_explained) {
        report.detail = effect;
    } else if (failure == ERR_USAGE) {
        report.cause = "that is not a profile name";
        report.detail = "Profiles are named with letters, digits, dots, dashes and underscores.";
    }
    return report_error(error, failure, &report);
}

int sotto_profile_check(const struct sotto_options *options, struct sotto_profile *profile,
                        struct sotto_error *error) {
    struct sotto client;
    enum error status = profile_init(&client, options);
    memset(profile, 0, sizeof(*profile));
    if (status == OK) {
        status = profile_look(&client, &profile->exists);
    }
    profile->is_protected = client.is_protected;
    memcpy(profile->folder, client.folder, sizeof(profile->folder));
    return profile_fail(&client, status, "Nothing was changed.", error);
}

int sotto_open(const struct sotto_options *options, struct sotto **client,
               struct sotto_error *error) {
    struct sotto *made = malloc(sizeof(*made));
    if (made == NULL) {
        const struct report report = {.cause = "out of memory"};
        return report_error(error, ERR_INTERNAL, &report);
    }
    enum error status = profile_init(made, options);
    if (status == OK) {
        status = profile_open(made, bytes_make(options->passphrase, options->passphrase_size));
    }
    if (status == OK) {
        status = profile_account(made);
    }
    int result = profile_fail(made, status, "Nothing was changed.", error);
    if (status != OK) {
        sotto_close(made);
        return result;
    }
    *client = made;
    return 0;
}

void sotto_close(struct sotto *client) {
    if (client != NULL) {
        profile_close(client);
        free(client);
    }
}

must_check enum error account_describe(struct sotto *client, struct sotto_account *account) {
    struct store_counts counts;
    uint8_t pin[PIN_BYTES];
    const struct account *own = &client->account;
    memset(account, 0, sizeof(*account));
    memcpy(account->name, own->name.text, sizeof(account->name));
    memcpy(account->server, client->server, sizeof(account->server));
    pin_of_hash(own->server_hash, pin);
    pin_print(pin, account->server_key, sizeof(account->server_key));
    pin_of_hash(own->afp, pin);
    pin_print(pin, account->key, sizeof(account->key));
    account->created_ms = own->created_ms;
    account->is_protected = client->is_protected;
    enum error error = client->store->counts(client->store->context, RECV_CURSOR, &counts);
    account->outbox = counts.outbox;
    account->unread = counts.unread;
    account->verified = counts.verified;
    account->unverified = counts.unverified;
    account->changed = counts.changed;
    return error;
}

int sotto_account(struct sotto *client, struct sotto_account *account, struct sotto_error *error) {
    return profile_fail(client, account_describe(client, account), "", error);
}

/* Senders with unread messages. */
struct senders {
    struct sender {
        struct user_name name;
        uint32_t count;
    } *list;
    size_t count;
    size_t capacity;
};

static int compare_senders(const void *a, const void *b) {
    const struct sender *left = a;
    const struct sender *right = b;
    if (left->count != right->count) {
        return left->count > right->count ? -1 : 1;
    }
    return strcmp(left->name.text, right->name.text);
}

static enum error add_sender(struct senders *senders, const struct sender *sender) {
    if (senders->count == senders->capacity) {
        size_t capacity = senders->capacity == 0 ? 16 : 2 * senders->capacity;
        struct sender *grown = realloc(senders->list, capacity * sizeof(*grown));
        if (grown == NULL) {
            return ERR_MEMORY;
        }
        senders->list = grown;
        senders->capacity = capacity;
    }
    senders->list[senders->count++] = *sender;
    return OK;
}

static enum error list_senders(const struct client_store *store, struct senders *senders) {
    struct user_name after = {{0}};
    enum error error = OK;
    while (error == OK) {
        struct sender sender = {.count = 0};
        error =
            store->unread_next(store->context, RECV_CURSOR, &after, &sender.name, &sender.count);
        if (error == OK) {
            error = add_sender(senders, &sender);
            after = sender.name;
        }
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

int sotto_unread(struct sotto *client, sotto_unread_fn *each, void *context,
                 struct sotto_error *error) {
    struct senders senders = {.count = 0};
    enum error status = list_senders(client->store, &senders);
    if (status == OK && senders.count > 0) {
        qsort(senders.list, senders.count, sizeof(*senders.list), compare_senders);
        for (size_t i = 0; i < senders.count; i++) {
            each(context, senders.list[i].name.text, senders.list[i].count);
        }
    }
    free(senders.list);
    return profile_fail(client, status, "", error);
}
