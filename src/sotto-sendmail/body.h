/* SPDX-License-Identifier: ISC */
/* The text of a mail's body: decoded, and of a body with several parts the first one that is text.
 */
#ifndef SOTTO_SENDMAIL_BODY_H
#define SOTTO_SENDMAIL_BODY_H

#include "sotto-sendmail/charset.h"
#include "sotto-sendmail/header.h"

/** What the head says of the body. All empty: plain text in UTF-8. */
struct body_form {
    char type[64]; /**< "text/plain", in lower case */
    char charset[CHARSET_NAME_BYTES];
    char boundary[80];
    char encoding[24]; /**< "base64", "quoted-printable", ... */
};

/** Notes what one field says. */
void body_field(const struct field *field, struct body_form *form);

/** Appends the text as UTF-8. A body without any text is named by its type. ERR_LIMIT, ERR_MEMORY.
 */
must_check enum error body_text(const struct body_form *form, struct bytes body,
                                struct buffer *out);

#endif
