/* SPDX-License-Identifier: ISC */
/* The commands of an administrator: through the running server, or on the data itself when none
 * runs. */
#ifndef SOTTO_SOTTOD_COMMANDS_H
#define SOTTO_SOTTOD_COMMANDS_H

#include "sottod/data.h"
#include "sottod/settings.h"

/** Each returns the exit status. */
int command_invite_create(const struct options *options);
int command_key(const struct options *options);
int command_key_rotate(const struct options *options);
/** user remove, disable, enable. */
int command_change_user(const struct options *options);
int command_user_show(const struct options *options);
int command_invite_revoke(const struct options *options);
int command_user_list(const struct options *options);
int command_invite_list(const struct options *options);
int command_backup(const struct options *options);
int command_restore(const struct options *options);
int command_check(const struct options *options);
int command_stats(const struct options *options);
int command_config(const struct settings *settings, bool as_json);

/* What they share. */

/** What a command does with the data that was found. `options` are those of the command line. */
typedef enum error command_fn(struct data *data, const struct options *options);
/** Finds the data, carries `work` out and says how that failed, if it did; the exit status. */
int command_on_data(const struct options *options, command_fn *work);
/** What `data` says of a stdout that takes nothing more. */
must_check enum error command_stdout_failed(struct data *data);
/** What `data` says of a database that could not be read beside its server, with why as its cause.
 */
must_check enum error command_unread(struct data *data, enum error error);

/** Asks the server that runs on the data. ERR_NOT_FOUND when none does. */
must_check enum error command_ask(struct data *data, const char *line, char *answer, size_t size);
/** Says a failure of `data`; its exit status. */
int command_failed(const struct data *data, enum error error);

#endif
