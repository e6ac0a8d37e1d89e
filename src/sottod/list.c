/* SPDX-License-Identifier: ISC */
/* `sottod user list` and `sottod invite list`: read beside the server, whether it runs or not. */
#include "server/store/listing.h"
#include "sottod/commands.h"
#include "sottod/when.h"

#include "platform/clock.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

struct list {
    bool as_json;
    uint64_t now_ms;
};

static enum error print_object(json_t *object) {
    bool done =
        object != NULL && json_dumpf(object, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;
    json_decref(object);
    return done ? OK : ERR_IO;
}

static enum error print_account(void *context, const struct listed_account *account) {
    const struct list *list = context;
    char since[WHEN_BYTES];
    when_print(account->since_ms, since);
    if (list->as_json) {
        return print_object(
            json_pack("{s:i, s:s, s:s, s:s, s:b, s:b, s:I, s:I}", "v", 1, "type", "user", "name",
                      account->name.text, "since", since, "admin", account->is_admin ? 1 : 0,
                      "keys", account->has_prekeys ? 1 : 0, "waiting",
                      (json_int_t)account->messages, "waiting_bytes", (json_int_t)account->bytes));
    }
    return printf("%-32s %s %8" PRIu64 " waiting%s%s\n", account->name.text, since,
                  account->messages, account->is_admin ? "  admin" : "",
                  account->has_prekeys ? "" : "  no keys yet") > 0
               ? OK
               : ERR_IO;
}

static enum error print_invite(void *context, const struct listed_invite *invite) {
    const struct list *list = context;
    char until[WHEN_BYTES];
    when_print(invite->expires_ms, until);
    const char *state = invite->is_used                      ? "used"
                        : invite->expires_ms <= list->now_ms ? "expired"
                                                             : "open";
    if (list->as_json) {
        return print_object(json_pack("{s:i, s:s, s:s, s:s, s:b}", "v", 1, "type", "invite",
                                      "state", state, "until", until, "admin",
                                      invite->is_admin ? 1 : 0));
    }
    return printf("%-8s until %s%s\n", state, until, invite->is_admin ? "  admin" : "") > 0
               ? OK
               : ERR_IO;
}

static struct list begin(const struct options *options) {
    const struct clock clock = clock_system();
    return (struct list){.as_json = options->as_json, .now_ms = clock.wall_ms(clock.context)};
}

/* Only stdout fails without a cause of the store's. */
static enum error ended(struct data *data, enum error error) {
    data->path = data->database;
    if ((error == ERR_IO && data->cause[0] == '\0') || (error == OK && fflush(stdout) != 0)) {
        return command_stdout_failed(data);
    }
    return error == OK || error == ERR_STORE_BROKEN ? error : ERR_STORAGE_FAILED;
}

static enum error list_users(struct data *data, const struct options *options) {
    struct list list = begin(options);
    return ended(data, list_accounts(data->database, print_account, &list, data->cause,
                                     sizeof(data->cause)));
}

static enum error list_all_invites(struct data *data, const struct options *options) {
    struct list list = begin(options);
    return ended(
        data, list_invites(data->database, print_invite, &list, data->cause, sizeof(data->cause)));
}

int command_user_list(const struct options *options) {
    return command_on_data(options, list_users);
}

int command_invite_list(const struct options *options) {
    return command_on_data(options, list_all_invites);
}
