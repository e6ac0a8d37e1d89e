/* SPDX-License-Identifier: ISC */
/* `sottod user list`, `user show` and `invite list`: read beside the server, whether it runs or
 * not.
 */
#include "server/store/listing.h"
#include "sottod/commands.h"
#include "sottod/when.h"

#include "crypto/entropy.h"
#include "platform/clock.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

struct list {
    bool as_json;
    uint64_t now_ms;
    size_t count; /* of what was printed */
};

static enum error print_object(json_t *object) {
    bool done =
        object != NULL && json_dumpf(object, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;
    json_decref(object);
    return done ? OK : ERR_IO;
}

enum { DAY_BYTES = 11 };

/* "2026-12-24"; empty when it is not known. */
static void day_print(uint32_t day, char out[DAY_BYTES]) {
    char when[WHEN_BYTES];
    when_print(day * DAY_MS, when);
    snprintf(out, DAY_BYTES, "%.10s", day == 0 ? "" : when);
}

static const char *name_of(enum account_state state) {
    return state == ACCOUNT_DISABLED ? "disabled" : state == ACCOUNT_LEFT ? "left" : "active";
}

/* The same object in the list and alone. */
static enum error print_account_object(const struct listed_account *account) {
    char since[WHEN_BYTES];
    char seen[DAY_BYTES];
    when_print(account->since_ms, since);
    day_print(account->seen_day, seen);
    return print_object(json_pack(
        "{s:i, s:s, s:s, s:s, s:s, s:s*, s:b, s:b, s:I, s:I, s:I}", "v", 1, "type", "user", "name",
        account->name.text, "state", name_of(account->state), "since", since, "last_seen",
        seen[0] == '\0' ? NULL : seen, "admin", account->is_admin ? 1 : 0, "keys",
        account->has_prekeys ? 1 : 0, "devices", (json_int_t)account->devices, "waiting",
        (json_int_t)account->messages, "waiting_bytes", (json_int_t)account->bytes));
}

static enum error print_account(void *context, const struct listed_account *account) {
    struct list *list = context;
    char since[WHEN_BYTES];
    list->count++;
    if (list->as_json) {
        return print_account_object(account);
    }
    when_print(account->since_ms, since);
    const char *state = account->state == ACCOUNT_DISABLED ? "  disabled"
                        : account->state == ACCOUNT_LEFT   ? "  left"
                        : account->has_prekeys             ? ""
                                                           : "  no keys yet";
    return printf("%-32s %s %8" PRIu64 " waiting%s%s\n", account->name.text, since,
                  account->messages, account->is_admin ? "  admin" : "", state) > 0
               ? OK
               : ERR_IO;
}

static enum error show_account(void *context, const struct listed_account *account) {
    struct list *list = context;
    char since[WHEN_BYTES];
    char seen[DAY_BYTES];
    list->count++;
    if (list->as_json) {
        return print_account_object(account);
    }
    when_print(account->since_ms, since);
    day_print(account->seen_day, seen);
    return printf("name       %s\n"
                  "state      %s%s\n"
                  "since      %s\n"
                  "last seen  %s\n"
                  "admin      %s\n"
                  "devices    %" PRIu64 "\n"
                  "waiting    %" PRIu64 " messages, %" PRIu64 " bytes\n",
                  account->name.text, name_of(account->state),
                  account->state != ACCOUNT_LEFT && !account->has_prekeys ? ", no keys yet" : "",
                  since, seen[0] == '\0' ? "-" : seen, account->is_admin ? "yes" : "no",
                  account->devices, account->messages, account->bytes) > 0
               ? OK
               : ERR_IO;
}

static enum error print_invite(void *context, const struct listed_invite *invite) {
    const struct list *list = context;
    char until[WHEN_BYTES];
    char id[INVITE_ID_CHARACTERS + 1];
    base32_encode(invite->id, 8 * sizeof(invite->id), id);
    when_print(invite->expires_ms, until);
    const char *state = invite->is_used                      ? "used"
                        : invite->expires_ms <= list->now_ms ? "expired"
                                                             : "open";
    if (list->as_json) {
        return print_object(json_pack("{s:i, s:s, s:s, s:s, s:s, s:b}", "v", 1, "type", "invite",
                                      "id", id, "state", state, "until", until, "admin",
                                      invite->is_admin ? 1 : 0));
    }
    return printf("%s  %-8s until %s%s\n", id, state, until, invite->is_admin ? "  admin" : "") > 0
               ? OK
               : ERR_IO;
}

/* Only stdout fails without a cause of the store's. */
static enum error ended(struct data *data, enum error error) {
    if ((error == ERR_IO && data->cause[0] == '\0') || (error == OK && fflush(stdout) != 0)) {
        return command_stdout_failed(data);
    }
    return error == OK ? OK : command_unread(data, error);
}

typedef enum error list_fn(struct data *data, const struct options *options, struct list *list);

/* A database of an earlier version is brought up to this one first, as a server does at its start,
 * unless one runs. */
static enum error list_by(struct data *data, const struct options *options, list_fn *work) {
    const struct random_source random = random_system();
    const struct clock clock = clock_system();
    struct list list = {.as_json = options->as_json, .now_ms = clock.wall_ms(clock.context)};
    enum error error = work(data, options, &list);
    if (error == ERR_MISMATCH) {
        error = data_open(data, false, &random);
        if (error != OK && error != ERR_DATA_IN_USE) {
            return error;
        }
        error = error == OK ? work(data, options, &list) : ERR_MISMATCH;
    }
    error = ended(data, error);
    return error == OK && options->command == COMMAND_USER_SHOW && list.count == 0
               ? ERR_NO_SUCH_USER
               : error;
}

static enum error list_users(struct data *data, const struct options *options, struct list *list) {
    const bool is_one = options->command == COMMAND_USER_SHOW;
    return list_accounts(data->database, is_one ? &options->name : NULL,
                         is_one ? show_account : print_account, list, data->cause,
                         sizeof(data->cause));
}

static enum error list_all_invites(struct data *data, const struct options *options,
                                   struct list *list) {
    (void)options;
    return list_invites(data->database, print_invite, list, data->cause, sizeof(data->cause));
}

static enum error users(struct data *data, const struct options *options) {
    return list_by(data, options, list_users);
}

static enum error invites(struct data *data, const struct options *options) {
    return list_by(data, options, list_all_invites);
}

int command_user_list(const struct options *options) {
    return command_on_data(options, users);
}

int command_user_show(const struct options *options) {
    return command_on_data(options, users);
}

int command_invite_list(const struct options *options) {
    return command_on_data(options, invites);
}
