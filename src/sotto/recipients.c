/* SPDX-License-Identifier: ISC */
#include "sotto/recipients.h"

#include "sotto/fault.h"

#include <string.h>

static const char NOTHING[] = "Nothing was sent.";

/* Calls for each name of a list. */
typedef int name_fn(struct recipients *recipients, const struct settings *settings,
                    const char *name, struct sotto_error *error);

static int walk(const char *list, struct recipients *recipients, const struct settings *settings,
                name_fn *each, struct sotto_error *error) {
    const char *rest = list;
    char typed[SETTING_NAME_BYTES];
    int status = 0;
    while (status == 0 && settings_next_name(&rest, typed)) {
        char name[SOTTO_NAME_SIZE];
        if (typed[0] == '\0' && strchr(list, ',') != NULL) {
            return fault_usage(error, "Names are separated by single commas:  ana,bob,carol",
                               "a name is missing in '%.60s'", list);
        }
        status = sotto_name_check(typed, name, error);
        if (status == 0) {
            status = each(recipients, settings, name, error);
        }
    }
    return status;
}

static int add(struct recipients *recipients, const char *name, bool is_of_alias,
               struct sotto_error *error) {
    for (size_t i = 0; i < recipients->count; i++) {
        if (strcmp(recipients->names[i], name) == 0) {
            recipients->is_of_alias[i] = recipients->is_of_alias[i] && is_of_alias;
            return 0;
        }
    }
    if (recipients->count == RECIPIENTS_MAX) {
        return fault_usage(error, NOTHING, "a message goes to at most %d people at once",
                           RECIPIENTS_MAX);
    }
    recipients->is_of_alias[recipients->count] = is_of_alias;
    memcpy(recipients->names[recipients->count++], name, SOTTO_NAME_SIZE);
    return 0;
}

static int add_member(struct recipients *recipients, const struct settings *settings,
                      const char *name, struct sotto_error *error) {
    (void)settings; /* aliases hold no aliases */
    return add(recipients, name, true, error);
}

static int add_typed(struct recipients *recipients, const struct settings *settings,
                     const char *name, struct sotto_error *error) {
    const struct setting_line *alias = settings_alias(settings, name);
    if (alias == NULL) {
        return add(recipients, name, false, error);
    }
    if (recipients->alias_count < RECIPIENTS_MAX) {
        recipients->aliases[recipients->alias_count++] = alias;
    }
    return walk(alias->value, recipients, NULL, add_member, error);
}

must_check int recipients_read(const struct settings *settings, const char *list,
                               struct recipients *recipients, struct sotto_error *error) {
    memset(recipients, 0, sizeof(*recipients));
    return walk(list, recipients, settings, add_typed, error);
}

/* ---- what the store knows */

struct known {
    const char *name;
    bool is_known;
};

static bool on_user(void *context, const struct sotto_user *user) {
    struct known *known = context;
    known->is_known = known->is_known || strcmp(user->name, known->name) == 0;
    return !known->is_known;
}

static int check_alias(struct sotto *client, const struct setting_line *alias, const char *own,
                       struct sotto_error *error) {
    struct known known = {.name = alias->name, .is_known = strcmp(alias->name, own) == 0};
    int status = sotto_known(client, alias->name, on_user, &known, error);
    if (status != 0 || !known.is_known) {
        return status;
    }
    return settings_fault(error, alias->file, alias->line,
                          "Give the alias another name. Nothing was sent.",
                          "'%.40s' is an alias and a user that this profile knows", alias->name);
}

static void leave_out(struct recipients *recipients, const char *own) {
    size_t kept = 0;
    for (size_t i = 0; i < recipients->count; i++) {
        if (recipients->is_of_alias[i] && strcmp(recipients->names[i], own) == 0) {
            continue;
        }
        memmove(recipients->names[kept], recipients->names[i], SOTTO_NAME_SIZE);
        recipients->is_of_alias[kept++] = recipients->is_of_alias[i];
    }
    recipients->count = kept;
}

must_check int recipients_settle(struct recipients *recipients, struct sotto *client,
                                 struct sotto_error *error) {
    struct sotto_account account;
    if (recipients->alias_count == 0) {
        return 0;
    }
    int status = sotto_account(client, &account, error);
    for (size_t i = 0; status == 0 && i < recipients->alias_count; i++) {
        status = check_alias(client, recipients->aliases[i], account.name, error);
    }
    if (status != 0) {
        return status;
    }
    leave_out(recipients, account.name);
    const struct error_value values[] = {{"peer", account.name}};
    return recipients->count > 0 ? 0 : fault_set(error, ERR_SELF_RECIPIENT, values, 1);
}
