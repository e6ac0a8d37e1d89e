/* SPDX-License-Identifier: ISC */
#ifndef SOTTO_NET_CAUSE_H
#define SOTTO_NET_CAUSE_H

/** A short reason in words for one of libuv's error numbers, for the {cause} of a message.
 * Internal. */
const char *net_cause(int number);

#endif
