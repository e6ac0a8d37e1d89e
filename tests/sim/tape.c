/* SPDX-License-Identifier: ISC */
#include "tape.h"

#include "base/require.h"

#include <string.h>

/* The one way to make RSA-OAEP's seed repeatable. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rand.h>

enum { KEYS = 4 };

/* Of the process, because OpenSSL's random generator and a pool of keys are. */
static struct tape *installed;
static struct rsa_private keys[KEYS];

/* splitmix64 (Steele, Lea, Flood 2014): enough to decide faults, nothing to protect. */
static uint64_t next(struct tape *tape) {
    tape->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = tape->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void tape_init(struct tape *tape, uint64_t seed) {
    *tape = (struct tape){.state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1,
                          .trace = UINT64_C(0xcbf29ce484222325)};
}

void note(struct tape *tape, const char *label, uint64_t value) {
    for (const char *p = label; *p != '\0'; p++) { /* FNV-1a */
        tape->trace = (tape->trace ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
    }
    tape->trace = (tape->trace ^ value) * UINT64_C(0x100000001b3);
}

uint64_t choose(struct tape *tape, const char *label, uint64_t n) {
    uint64_t value = n < 2 ? 0 : next(tape) % n;
    note(tape, label, value);
    return value;
}

bool chance(struct tape *tape, const char *label, uint64_t n) {
    return choose(tape, label, n) == n - 1;
}

static enum error fill(void *context, uint8_t *out, size_t size) {
    struct tape *tape = context;
    for (size_t at = 0; at < size; at += 8) {
        uint8_t word[8];
        put_u64(word, next(tape));
        memcpy(out + at, word, size - at < 8 ? size - at : 8);
    }
    return OK;
}

static enum error encapsulate(void *context, const uint8_t public_key[KEM_PUBLIC_BYTES],
                              uint8_t ciphertext[KEM_CIPHERTEXT_BYTES], struct secret_32 *shared) {
    struct secret_32 m;
    enum error error = fill(context, m.bytes, sizeof(m.bytes));
    return error == OK ? kem_encapsulate_with(public_key, &m, ciphertext, shared) : error;
}

static enum error encrypt(void *context, const uint8_t modulus[RSA_MODULUS_BYTES],
                          uint8_t ciphertext[RSA_CIPHERTEXT_BYTES], struct secret_32 *secret) {
    (void)context;
    return rsa_encrypt(modulus, ciphertext, secret);
}

static enum error pick_rsa(void *context, struct rsa_private *key) {
    *key = keys[choose(context, "rsa key", KEYS)];
    return OK;
}

struct entropy tape_entropy(struct tape *tape) {
    return (struct entropy){.context = tape,
                            .fill = fill,
                            .encapsulate = encapsulate,
                            .encrypt = encrypt,
                            .generate_rsa = pick_rsa};
}

struct random_source tape_random(struct tape *tape) {
    return (struct random_source){.context = tape, .fill = fill};
}

static int openssl_bytes(unsigned char *out, int size) {
    return installed != NULL && size >= 0 && fill(installed, out, (size_t)size) == OK;
}

static int openssl_status(void) {
    return 1;
}

void tape_install(struct tape *tape) {
    static RAND_METHOD method = {
        .bytes = openssl_bytes, .pseudorand = openssl_bytes, .status = openssl_status};
    installed = tape;
    require(RAND_set_rand_method(&method) == 1);
}

void tape_make_keys(void) {
    static struct tape tape;
    tape_init(&tape, 1);
    tape_install(&tape);
    for (size_t i = 0; i < KEYS; i++) {
        require(rsa_generate(&keys[i]) == OK);
    }
}
