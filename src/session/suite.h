/* SPDX-License-Identifier: ISC */
/* What every object and every hash of sotto/1 begins with. docs/PROTOCOL.md 1.1 and 1.3. */
#ifndef SOTTO_SESSION_SUITE_H
#define SOTTO_SESSION_SUITE_H

#include "base/bytes.h"

#include <string.h>

enum { SUITE = 0x01 };

/** Second byte of the signed objects; messages have those of enum envelope_type. */
enum object_type {
    OBJECT_CERTIFICATE = 0x01,
    OBJECT_PREKEY_SET = 0x02,
    OBJECT_ONE_TIME_PREKEY = 0x03,
};

/** The registry of labels: X(name, text). A new use of a hash, signature, tag or Expand gets a row
 * of its own; the length byte in front makes the set prefix-free. The OAEP label stands in
 * crypto/rsa.h. */
#define SUITE_LABELS(X)                                                                            \
    X(SIG_CERT, "sig cert")                                                                        \
    X(CERT, "cert")                                                                                \
    X(ACCOUNT, "account")                                                                          \
    X(SIG_PREKEYS, "sig prekeys")                                                                  \
    X(PREKEYS, "prekeys")                                                                          \
    X(SIG_OTK, "sig otk")                                                                          \
    X(OTK, "otk")                                                                                  \
    X(TH, "th")                                                                                    \
    X(ROOT0, "root0")                                                                              \
    X(SID, "sid")                                                                                  \
    X(CHAIN, "chain")                                                                              \
    X(ROOT, "root")                                                                                \
    X(MSG, "msg")                                                                                  \
    X(MAC, "mac")                                                                                  \
    X(SIG_AUTH, "sig auth")                                                                        \
    X(SAFETY_KEY, "safety key")                                                                    \
    X(SAFETY, "safety")

enum label {
#define X(name, text) LABEL_##name,
    SUITE_LABELS(X)
#undef X
        LABEL_COUNT
};

/** lb(s) of 1.1: u8(len) || "sotto/1 " || s, static storage. */
struct bytes lb(enum label label);

/** Copies `size` bytes to `at` and points behind them: fixed layouts read like their tables. */
static inline uint8_t *place(uint8_t *at, const void *data, size_t size) {
    memcpy(at, data, size);
    return at + size;
}

#endif
