/* SPDX-License-Identifier: ISC */
/* The options of `recv`, read into what the library is asked for. */
#ifndef SOTTO_SOTTO_RECV_OPTIONS_H
#define SOTTO_SOTTO_RECV_OPTIONS_H

#include "sotto/app.h"
#include "sotto/recipients.h"

struct recv_options {
    struct sotto_receive request;
    struct recipients senders; /**< of --from */
    const char *from[SOTTO_FROM_MAX];
};

/** Fills `*options`, which `request` points into. Returns the exit status of the error in `*error`
 * (usage, name_invalid), or 0. */
must_check int recv_options_read(const struct app *app, struct recv_options *options,
                                 struct sotto_error *error);

#endif
