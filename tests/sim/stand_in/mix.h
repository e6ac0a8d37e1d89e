/* SPDX-License-Identifier: ISC */
/* A fast hash that stands in for SHA-2 in the simulation: every byte of the input changes every
 * byte of the output, by chance and not against an attacker. Nobody in a simulated world computes
 * anything that the real algorithms forbid, so this is enough to notice every byte that was altered
 * and every key that is the wrong one. */
#ifndef SOTTO_TESTS_SIM_MIX_H
#define SOTTO_TESTS_SIM_MIX_H

#include "crypto/kdf.h"

/** Hashes `label` and the parts into `size` bytes. */
void mix(const char *label, const struct bytes *parts, size_t count, uint8_t *out, size_t size);

/** The same of two parts. */
void mix_two(const char *label, struct bytes a, struct bytes b, uint8_t *out, size_t size);

#endif
