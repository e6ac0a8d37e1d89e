/* SPDX-License-Identifier: ISC */
#include "sotto-sendmail/deliver.h"

#include "sotto-sendmail/address.h"
#include "sotto/fault.h"
#include "sotto/recipients.h"
#include "sotto/tell.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LIST_MAX_BYTES = 64 * 1024, ADDRESSES_MAX = 1024 };

enum mail_exit mail_exit_of(const struct sotto_error *error) {
    static const struct {
        enum error error;
        enum mail_exit status;
    } SPECIAL[] = {
        {ERR_NAME_INVALID, MAIL_NO_USER},
        {ERR_EMPTY_MESSAGE, MAIL_DATA},
        {ERR_SELF_RECIPIENT, MAIL_NO_USER},
        {ERR_MAIL_UNMAPPED, MAIL_NO_USER},
    };
    for (size_t i = 0; i < sizeof(SPECIAL) / sizeof(SPECIAL[0]); i++) {
        if (strcmp(error->code, error_code(SPECIAL[i].error)) == 0) {
            return SPECIAL[i].status;
        }
    }
    if (error->retry) {
        return MAIL_TEMPORARY;
    }
    switch (error->exit) {
    case 0:
        return MAIL_OK;
    case 2:
        return MAIL_CONFIG; /* the command line was read before */
    case 4:
        return MAIL_PERMISSION;
    case 6:
        return MAIL_CONFIG;
    case 7:
        return MAIL_NO_USER;
    case 8:
        return MAIL_UNAVAILABLE;
    case 9:
        return MAIL_IO;
    case 11:
        return MAIL_PROTOCOL;
    default:
        return MAIL_SOFTWARE;
    }
}

/* One delivery. */
struct delivery {
    struct app *app;
    const struct mail *mail;
    struct recipients recipients;
    struct buffer list;                /* users and aliases of all addresses, with commas */
    enum mail_exit status;             /* the first thing that went wrong */
    const char *later[RECIPIENTS_MAX]; /* people whom the message is kept for */
    size_t later_count;
    char key[MAIL_ID_BYTES + 1];
};

/* Told with the status that this program has for it. */
static void fail(struct delivery *delivery, const struct sotto_error *error) {
    struct sotto_error told = *error;
    told.exit = (int)mail_exit_of(error);
    if (delivery->status == MAIL_OK) {
        delivery->status = mail_exit_of(error);
    }
    tell_error(delivery->app, &told);
}

/* ---- addresses */

/* Who gets the mail of an address: a line of sotto.conf for all of it, or for the part before '@';
 * an alias; the line "default"; a bare name itself. NULL: nobody. */
static const char *who_gets(const struct settings *settings, const char *address, char *name,
                            size_t size) {
    const char *who = settings_mail(settings, address);
    bool is_bare = strchr(address, '@') == NULL;
    snprintf(name, size, "%.*s", (int)strcspn(address, "@"), address);
    if (who == NULL) {
        who = settings_mail(settings, name);
    }
    if (who == NULL && is_bare && settings_alias(settings, name) != NULL) {
        who = name;
    }
    if (who == NULL) {
        who = settings_mail(settings, "default");
    }
    return who == NULL && is_bare ? name : who;
}

static must_check enum error add_address(struct delivery *delivery, const char *address) {
    char name[ADDRESS_MAX_BYTES + 1];
    const char *who = who_gets(delivery->app->settings, address, name, sizeof(name));
    if (who == NULL) {
        struct sotto_error error;
        const struct error_value values[] = {{"cause", address}};
        fault_set(&error, ERR_MAIL_UNMAPPED, values, 1);
        fail(delivery, &error);
        return OK;
    }
    enum error status = OK;
    if (delivery->list.size > 0) {
        status = buffer_append(&delivery->list, bytes_of_string(","));
    }
    return status != OK ? status : buffer_append(&delivery->list, bytes_of_string(who));
}

static must_check enum error add_addresses(struct delivery *delivery, struct bytes list) {
    char address[ADDRESS_MAX_BYTES + 1];
    enum error status = OK;
    for (int i = 0; status == OK && address_next(&list, address); i++) {
        status = i < ADDRESSES_MAX ? add_address(delivery, address) : ERR_LIMIT;
    }
    return status;
}

static int too_many(struct sotto_error *error) {
    return fault_usage(error, "Nothing was sent. Name them once, under [alias] in sotto.conf.",
                       "the mail names more addresses than can be read");
}

/* 0, or the exit status of the error. */
static int find_people(struct delivery *delivery, const struct mail_options *options,
                       struct sotto_error *error) {
    enum error status = OK;
    for (int i = 0; i < options->word_count && status == OK; i++) {
        status = add_addresses(delivery, bytes_of_string(options->words[i]));
    }
    if (status == OK && options->from_headers) {
        status = delivery->mail->has_more_people
                     ? ERR_LIMIT
                     : add_addresses(delivery, buffer_view(&delivery->mail->people));
    }
    if (status == OK) {
        status = buffer_append(&delivery->list, bytes_make("", 1));
    }
    if (status != OK) {
        return status == ERR_LIMIT ? too_many(error) : app_check(status, error);
    }
    if (delivery->list.size == 1) {
        return 0;
    }
    return recipients_read(delivery->app->settings, (const char *)delivery->list.data,
                           &delivery->recipients, error);
}

/* ---- sending */

static void on_sent(void *context, const struct sotto_sent *sent, const struct sotto_error *error) {
    struct delivery *delivery = context;
    bool is_kept = sent->id[0] != '\0';
    if (error->code[0] == '\0') {
        return;
    }
    if (is_kept || error->retry) {
        for (size_t i = 0; i < delivery->recipients.count && !is_kept; i++) {
            if (strcmp(delivery->recipients.names[i], sent->to) == 0) {
                delivery->later[delivery->later_count++] = delivery->recipients.names[i];
            }
        }
        return;
    }
    fail(delivery, error);
}

static void on_kept(void *context, const struct sotto_sent *sent, const struct sotto_error *error) {
    (void)sent;
    if (error->code[0] != '\0') {
        fail(context, error);
    }
}

/* What the server did not take waits here: every later command that connects offers it. */
static void keep(struct delivery *delivery, struct sotto *client, struct sotto_send *message) {
    struct sotto_error error = {.exit = 0};
    enum mail_exit before = delivery->status;
    message->wait = SOTTO_WAIT_QUEUED;
    int status = sotto_send_each(client, message, delivery->later, delivery->later_count, on_kept,
                                 delivery, &error);
    if (status != 0 && delivery->status == before) {
        fail(delivery, &error);
    } else if (status == 0) {
        tell_always(delivery->app, "kept here: the server does not take it now; sent with the next "
                                   "command that reaches it");
    }
}

static void send_all(struct delivery *delivery, struct sotto *client) {
    const char *to[RECIPIENTS_MAX];
    struct sotto_error error = {.exit = 0};
    struct sotto_send message = {.text = delivery->mail->text.data,
                                 .size = delivery->mail->text.size,
                                 .key = delivery->key,
                                 .wait = SOTTO_WAIT_ACCEPTED,
                                 .require_verified = delivery->app->require_verified};
    for (size_t i = 0; i < delivery->recipients.count; i++) {
        to[i] = delivery->recipients.names[i];
    }
    enum mail_exit before = delivery->status;
    int status = sotto_send_each(client, &message, to, delivery->recipients.count, on_sent,
                                 delivery, &error);
    bool is_told = delivery->later_count > 0 || delivery->status != before;
    if (status != 0 && !is_told && error.id[0] == '\0') {
        fail(delivery, &error);
    }
    if (delivery->later_count > 0) {
        keep(delivery, client, &message);
    }
}

/* The mail's own id makes a repeated call safe; one without is like no other. */
static void choose_key(struct delivery *delivery) {
    const struct clock *clock = &delivery->app->clock;
    if (delivery->mail->id[0] != '\0') {
        memcpy(delivery->key, delivery->mail->id, sizeof(delivery->key));
    } else {
        snprintf(delivery->key, sizeof(delivery->key), "mail-%" PRIu64 "-%" PRIu64 "-%ld",
                 clock->wall_ms(clock->context), clock->monotonic_ms(clock->context),
                 (long)getpid());
    }
}

enum mail_exit mail_deliver(struct app *app, const struct mail_options *options,
                            const struct mail *mail) {
    struct delivery delivery = {.app = app, .mail = mail};
    struct sotto *client = NULL;
    struct sotto_error error = {.exit = 0};
    buffer_init(&delivery.list, LIST_MAX_BYTES);
    choose_key(&delivery);
    int status = find_people(&delivery, options, &error);
    if (status == 0 && delivery.recipients.count == 0 && delivery.status == MAIL_OK) {
        delivery.status = MAIL_USAGE;
        fault_usage(&error, "Give addresses as words, or with -t in To, Cc and Bcc.",
                    "nobody is named to send the mail to");
        error.exit = MAIL_USAGE;
        tell_error(app, &error);
    }
    if (status == 0 && delivery.recipients.count > 0) {
        status = app_open(app, &client, &error);
        if (status == 0) {
            status = recipients_settle(&delivery.recipients, client, &error);
        }
        if (status == 0) {
            send_all(&delivery, client);
        }
    }
    if (status != 0) {
        fail(&delivery, &error);
    }
    sotto_close(client);
    buffer_clear(&delivery.list);
    return delivery.status;
}
