/* SPDX-License-Identifier: ISC */
/* WHO[,WHO...]: names of users and aliases of sotto.conf become a list of people. */
#ifndef SOTTO_SOTTO_RECIPIENTS_H
#define SOTTO_SOTTO_RECIPIENTS_H

#include "base/limits.h"
#include "sotto/settings.h"

struct recipients {
    char names[RECIPIENTS_MAX][SOTTO_NAME_SIZE];        /**< in the order typed, each once */
    bool is_of_alias[RECIPIENTS_MAX];                   /**< no one typed the name itself */
    const struct setting_line *aliases[RECIPIENTS_MAX]; /**< that were used */
    size_t count;
    size_t alias_count;
};

/** Reads a list. An alias stands for its people, who are no aliases themselves. Errors: usage (an
 * empty name, too many), name_invalid. `settings` may be NULL and outlives `*recipients`. */
must_check int recipients_read(const struct settings *settings, const char *list,
                               struct recipients *recipients, struct sotto_error *error);

/** What only the store knows, before anything is sent: an alias may not have the name of a person
 * that is known (usage), and whoever sends is taken out of the people of an alias. self_recipient
 * when nobody is left. */
must_check int recipients_settle(struct recipients *recipients, struct sotto *client,
                                 struct sotto_error *error);

#endif
