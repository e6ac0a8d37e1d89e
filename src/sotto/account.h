/* SPDX-License-Identifier: ISC */
/* What the commands about the own account share. */
#ifndef SOTTO_SOTTO_ACCOUNT_H
#define SOTTO_SOTTO_ACCOUNT_H

#include "sotto/app.h"
#include "sotto/json.h"

enum { LINE_MAX_BYTES = 1024 }; /**< of a link or code that is read or typed */

/** Takes `word`, or for "-" the first line of stdin, or for NULL asks with `question`. `what` names
 * it
 * ("the invite link"), `how` says how else it is given. The text ends with a zero byte in `line`.
 */
must_check int account_line(struct app *app, const char *word, const char *question,
                            const char *what, const char *how, struct buffer *line,
                            struct sotto_error *error);

/** Gets the passphrase that making the account needs: that of the store which is there, or a new
 * one; then says that keys are being made, before that begins. */
must_check int account_prepare(struct app *app, const struct sotto_profile *profile,
                               struct sotto_error *error);

/** Reports the account: an object with --json, else lines for a person. */
must_check int account_report(struct app *app, const struct sotto_account *account,
                              struct sotto_error *error);

/** Adds what a JSON object says of the account: name, server, keys, profile, protection, age. */
void account_json(struct json_line *line, const struct app *app,
                  const struct sotto_account *account);

#endif
