/* SPDX-License-Identifier: ISC */
/* Text in any character set becomes UTF-8. */
#ifndef SOTTO_SENDMAIL_CHARSET_H
#define SOTTO_SENDMAIL_CHARSET_H

#include "base/bytes.h"

enum { CHARSET_NAME_BYTES = 48 };

/** Appends `text` as UTF-8 without zero bytes, with line ends as '\n'. `charset` may be empty: then
 * it is UTF-8 already. Of a character set that is not known the bytes stay as they are. What is no
 * character in the end becomes U+FFFD. ERR_LIMIT, ERR_MEMORY. */
must_check enum error charset_append(const char *charset, struct bytes text, struct buffer *out);

#endif
