/* SPDX-License-Identifier: ISC */
/* ML-KEM-768 private keys in the expanded form of FIPS 203. The product stores seeds and never
 * reads this form; it is here, straight from OpenSSL, to run the published cases that are about it.
 */
#ifndef SOTTO_TESTS_VECTORS_EXPANDED_H
#define SOTTO_TESTS_VECTORS_EXPANDED_H

#include "crypto/kem.h"

enum { KEM_EXPANDED_BYTES = 2400 };

/** The expanded key of a seed d || z. */
bool expanded_of_seed(const struct secret_64 *seed, uint8_t dk[KEM_EXPANDED_BYTES]);

/** Whether OpenSSL takes `dk` (FIPS 203 section 7.3, decapsulation key check). */
bool expanded_is_valid(struct bytes dk);

/** Decapsulates; false when OpenSSL refuses the key or the ciphertext. */
bool expanded_decapsulate(struct bytes dk, struct bytes ciphertext, struct secret_32 *shared);

#endif
