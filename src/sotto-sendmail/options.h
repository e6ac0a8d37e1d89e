/* SPDX-License-Identifier: ISC */
/* The command line of sendmail(8), as programs that send mail by themselves use it. */
#ifndef SOTTO_SENDMAIL_OPTIONS_H
#define SOTTO_SENDMAIL_OPTIONS_H

#include "base/attributes.h"
#include "base/error.h"

#include <stdbool.h>

struct mail_options {
    bool from_headers;   /**< -t: To, Cc and Bcc name the recipients */
    bool dot_is_text;    /**< -i, -oi: a line with a single dot does not end the mail */
    bool wants_help;     /**< --help */
    bool wants_version;  /**< --version */
    const char *profile; /**< --profile NAME, or NULL */
    char **words;        /**< recipients of the command line, those of argv */
    int word_count;
    const char *wrong; /**< the word that is not understood */
};

/** Reads the words. What concerns the way that mail takes (-f, -F, -o.., -B, -N, -R, -V, -O, ...)
 * is accepted and does nothing: the sender is the account, and the way is sotto's. Letters may not
 * be joined, values stand in the same word or in the next one, as sendmail has them. ERR_USAGE with
 * `wrong`: an option that is not known, or another mode than sending (-bs, -bp, -q, ...). */
must_check enum error mail_options_read(int argc, char **argv, struct mail_options *options);

#endif
