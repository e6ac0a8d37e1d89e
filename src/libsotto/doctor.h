/* SPDX-License-Identifier: ISC */
/* The checks of sotto_doctor: one group each for what is on this machine, and for the way to the
 * server. Internal. */
#ifndef SOTTO_LIBSOTTO_DOCTOR_H
#define SOTTO_LIBSOTTO_DOCTOR_H

#include "libsotto/account.h"

/** Where the findings go. */
struct doctor {
    struct sotto *client;
    sotto_check_fn *each;
    void *context;
};

/** It is as it should be; `format` says what was seen, without names. */
void doctor_fine(const struct doctor *doctor, const char *name, const char *where,
                 const char *format, ...) printf_like(4, 5);
void doctor_skip(const struct doctor *doctor, const char *name, const char *because);
/** A failure, or (`is_warning`) what will be one. `found` is a line without names. */
void doctor_problem(const struct doctor *doctor, const char *name, const char *where,
                    const char *found, const struct sotto_error *problem, bool is_warning);
/** The same with the failure of a step of this profile. */
void doctor_failed(const struct doctor *doctor, const char *name, const char *where,
                   enum error failure);

/** profile, permissions, space, store, integrity, cards, outbox. True: the account is open. */
bool doctor_store(const struct doctor *doctor, const struct sotto_options *options);

/** resolve, tcp, tls, pin, protocol; `is_open`: the account is known. True: a login is worth a try.
 */
bool doctor_network(const struct doctor *doctor, bool is_open);

/** login, clock. */
void doctor_login(const struct doctor *doctor, bool is_reachable);

#endif
