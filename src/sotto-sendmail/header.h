/* SPDX-License-Identifier: ISC */
/* The head of a mail (RFC 5322): fields, folded or not, words in other character sets (RFC 2047),
 * and parameters (RFC 2045). */
#ifndef SOTTO_SENDMAIL_HEADER_H
#define SOTTO_SENDMAIL_HEADER_H

#include "base/bytes.h"

/** Views into the mail. */
struct field {
    struct bytes name;
    struct bytes value; /**< behind the colon, line ends of folding included */
};

/** Takes the next field off the front of `*rest`. False: the head is over; an empty line that ends
 * it has been taken off too, a line that is no field (a mail without a head) has not. */
bool header_next(struct bytes *rest, struct field *field);

/** Whether it is the field of that name, in any case. */
bool header_is(const struct field *field, const char *name);

/** Appends a value as one line of UTF-8, unfolded, with its encoded words decoded. ERR_LIMIT,
 * ERR_MEMORY. */
must_check enum error header_text(struct bytes value, struct buffer *out);

/** The first token of a value ("text/plain"), in lower case; cut to what fits. */
void header_token(struct bytes value, char *out, size_t size);
/** A parameter ("charset", "boundary"); empty when there is none, or when it is longer. */
void header_parameter(struct bytes value, const char *name, char *out, size_t size);

/** Takes the next line off the front of `*rest`, without its end. False: there is none. */
bool header_line(struct bytes *rest, struct bytes *line);

#endif
