/* SPDX-License-Identifier: ISC */
/* The commands. Each does its work and writes its data to stdout; it returns 0, or the exit status
 * of the error in `*error` (whose code is empty when everything has been said). */
#ifndef SOTTO_SOTTO_COMMANDS_H
#define SOTTO_SOTTO_COMMANDS_H

#include "sotto/app.h"

must_check int command_join(struct app *app, struct sotto_error *error);
must_check int command_register(struct app *app, struct sotto_error *error);
must_check int command_leave(struct app *app, struct sotto_error *error);
must_check int command_send(struct app *app, struct sotto_error *error);
must_check int command_recv(struct app *app, struct sotto_error *error);
must_check int command_users(struct app *app, struct sotto_error *error);
must_check int command_verify(struct app *app, struct sotto_error *error);
must_check int command_card(struct app *app, struct sotto_error *error);
must_check int command_history(struct app *app, struct sotto_error *error);
must_check int command_outbox(struct app *app, struct sotto_error *error);
must_check int command_status(struct app *app, struct sotto_error *error);
must_check int command_config(struct app *app, struct sotto_error *error);
must_check int command_doctor(struct app *app, struct sotto_error *error);
must_check int command_completion(struct app *app, struct sotto_error *error);
must_check int command_version(struct app *app, struct sotto_error *error);

#endif
