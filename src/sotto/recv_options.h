/* SPDX-License-Identifier: ISC */
/* The options of `recv`, read into what the library is asked for. */
#ifndef SOTTO_SOTTO_RECV_OPTIONS_H
#define SOTTO_SOTTO_RECV_OPTIONS_H

#include "sotto/app.h"

struct recv_options {
    struct sotto_receive request;
    char *senders; /**< the value of --from, cut into names */
    const char *from[SOTTO_FROM_MAX];
};

/** Returns the exit status of the usage error in `*error`, or 0. recv_options_clear it in both
 * cases. */
must_check int recv_options_read(const struct app *app, struct recv_options *options,
                                 struct sotto_error *error);
void recv_options_clear(struct recv_options *options);

#endif
