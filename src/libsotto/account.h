/* SPDX-License-Identifier: ISC */
/* What the files of libsotto share about the own account. Internal. */
#ifndef SOTTO_LIBSOTTO_ACCOUNT_H
#define SOTTO_LIBSOTTO_ACCOUNT_H

#include "libsotto/explain.h"

/** The bookmark of a reader that names none. */
#define RECV_CURSOR "recv"

/** Reports a failure of the profile or its store; 0 for OK. `effect`: what became of the message.
 */
int profile_fail(const struct sotto *client, enum error failure, const char *effect,
                 struct sotto_error *error);

must_check enum error account_describe(struct sotto *client, struct sotto_account *account);

#endif
