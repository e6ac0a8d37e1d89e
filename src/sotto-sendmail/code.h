/* SPDX-License-Identifier: ISC */
/* Transfer encodings of mail: base64 and quoted-printable (RFC 2045 section 6.7 and 6.8). What is
 * malformed is taken as far as it goes, never refused: the mail is an alert. */
#ifndef SOTTO_SENDMAIL_CODE_H
#define SOTTO_SENDMAIL_CODE_H

#include "base/bytes.h"

/** Append the decoded bytes. Characters outside of the alphabet are passed over. ERR_LIMIT,
 * ERR_MEMORY. */
must_check enum error code_base64(struct bytes text, struct buffer *out);
/** `is_word`: the Q encoding of headers, where '_' is a space (RFC 2047 section 4.2). */
must_check enum error code_quoted(struct bytes text, bool is_word, struct buffer *out);

#endif
