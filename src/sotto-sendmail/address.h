/* SPDX-License-Identifier: ISC */
/* Lists of mail addresses as heads and command lines have them (RFC 5322 section 3.4): names,
 * comments, quotes and groups around them do not count. */
#ifndef SOTTO_SENDMAIL_ADDRESS_H
#define SOTTO_SENDMAIL_ADDRESS_H

#include "base/bytes.h"

enum { ADDRESS_MAX_BYTES = 254 };

/** Takes the next address off the front of `*list`, in lower case, without white space. False:
 * there is none. One that is too long is cut, and so nobody's. */
bool address_next(struct bytes *list, char address[ADDRESS_MAX_BYTES + 1]);

#endif
