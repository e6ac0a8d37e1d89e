/* SPDX-License-Identifier: ISC */
/* From addresses to people, and the message on its way. */
#ifndef SOTTO_SENDMAIL_DELIVER_H
#define SOTTO_SENDMAIL_DELIVER_H

#include "sotto-sendmail/mail.h"
#include "sotto-sendmail/options.h"

#include "sotto/app.h"

/** Exit statuses of sendmail: those of sysexits.h. */
enum mail_exit {
    MAIL_OK = 0,
    MAIL_USAGE = 64,
    MAIL_DATA = 65,    /**< the mail has neither subject nor text */
    MAIL_NO_USER = 67, /**< an address belongs to nobody, or the server does not know the user */
    MAIL_UNAVAILABLE = 69, /**< the server said no */
    MAIL_SOFTWARE = 70,
    MAIL_IO = 74,         /**< the store cannot be read or written */
    MAIL_TEMPORARY = 75,  /**< not sent and not kept; the same call may succeed later */
    MAIL_PROTOCOL = 76,   /**< no protocol version in common */
    MAIL_PERMISSION = 77, /**< a key is not the one trusted: a person must look */
    MAIL_CONFIG = 78,     /**< no account, wrong passphrase, sotto.conf */
};

/** The status for an error of sotto. */
enum mail_exit mail_exit_of(const struct sotto_error *error);

/** Sends the parsed mail to whom options and head name. What the server does not take now is kept
 * in the outbox and counts as sent. Everything that went wrong is told on stderr. */
enum mail_exit mail_deliver(struct app *app, const struct mail_options *options,
                            const struct mail *mail);

#endif
