/* SPDX-License-Identifier: ISC */
/* A mail as a program hands it in, and the message that is made of it. */
#ifndef SOTTO_SENDMAIL_MAIL_H
#define SOTTO_SENDMAIL_MAIL_H

#include "base/bytes.h"

enum {
    MAIL_KEPT_BYTES = 1024 * 1024, /**< of the mail; what follows is counted only */
    MAIL_ID_BYTES = 128,
};

struct mail {
    struct buffer raw;          /**< its first MAIL_KEPT_BYTES */
    uint64_t size;              /**< of all of it */
    struct buffer people;       /**< To, Cc and Bcc, one list */
    bool has_more_people;       /**< than there is room for: the list is not whole */
    struct buffer text;         /**< subject, empty line, body, in UTF-8; not empty */
    char id[MAIL_ID_BYTES + 1]; /**< Message-ID, or empty */
};

void mail_init(struct mail *mail);
void mail_clear(struct mail *mail);

/** Takes in more of the mail. True: it goes on. False: a line with a single dot has ended it
 * (unless `dot_is_text`), or memory is out (`*error`). */
bool mail_feed(struct mail *mail, struct bytes more, bool dot_is_text, enum error *error);

/** Makes `people`, `text` and `id` of what was taken in. A text that is longer than a message is
 * cut at the end of a character, and says so. ERR_MEMORY; ERR_EMPTY_MESSAGE: neither subject nor
 * body. */
must_check enum error mail_parse(struct mail *mail);

#endif
