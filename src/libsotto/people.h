/* SPDX-License-Identifier: ISC */
/* A connection that asks the server about people. Internal. */
#ifndef SOTTO_LIBSOTTO_PEOPLE_H
#define SOTTO_LIBSOTTO_PEOPLE_H

#include "client/trust.h"
#include "libsotto/account.h"

struct people {
    struct runner runner;
    struct user_name name; /**< whose certificate is asked for */
};

/** Connects and logs in. End with runner_clear, also when it failed. */
int people_begin(struct people *people, struct sotto *client, struct sotto_error *error);

/** Fetches the certificate that the server shows for `people->name`; valid until the next question.
 */
int people_certificate(struct people *people, struct bytes *certificate, struct sotto_error *error);

/** Fills `*error` with `failure`, or with `what` when that is NULL. */
int people_fail(struct people *people, enum error what, const struct failure *failure,
                struct sotto_error *error);

/** With what a person was compared, cards of an administrator included; "" when not at all. */
const char *people_source(const struct sotto *client, const struct stored_peer *peer);

/** Fills what the own store knows of a person; all else is left empty. `user->name` is that of
 * `peer` and lives as long. */
void people_describe(const struct sotto *client, const struct stored_peer *peer,
                     struct sotto_user *user);

/** Folds what is looked for to lower case; NULL is empty. ERR_NAME_INVALID: no name contains it. */
must_check enum error people_pattern(const char *pattern, char folded[SOTTO_NAME_SIZE]);

#endif
