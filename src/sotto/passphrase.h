/* SPDX-License-Identifier: ISC */
/* The passphrase of the store. Sources, the first that exists: --passphrase-file, --passphrase-fd,
 * SOTTO_PASSPHRASE_FILE, $CREDENTIALS_DIRECTORY/sotto.passphrase, passphrase-file in sotto.conf, a
 * question on the terminal. It is the first line of what is read, without its end, at most
 * PASSPHRASE_MAX_BYTES; it may be empty.
 * It never comes from the command line or the environment, where others can read it. */
#ifndef SOTTO_SOTTO_PASSPHRASE_H
#define SOTTO_SOTTO_PASSPHRASE_H

#include "sotto/app.h"

#define PASSPHRASE_FROM_STDIN "the passphrase"

/** The path of the one that systemd gave; false: it gave none. */
bool passphrase_credential(const struct app *app, char path[PATH_MAX_BYTES]);

/** Into `app->passphrase`, to open a protected store. input_required when there is no source and
 * nobody to ask; storage_failed when a source cannot be read. */
must_check int passphrase_for_opening(struct app *app, struct sotto_error *error);

/** The same for a new store: asked for twice on a terminal; without source and terminal it is
 * empty, which is said in one line. */
must_check int passphrase_for_creating(struct app *app, struct sotto_error *error);

#endif
