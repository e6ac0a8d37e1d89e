/* SPDX-License-Identifier: ISC */
#include "testing.h"

#include "crypto/kdf.h"
#include "crypto/rsa_key.h"
#include "crypto/rsa_oaep.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char LABEL[] = "sotto/1 rsa";

struct pair {
    struct rsa_private key;
    uint8_t modulus[RSA_MODULUS_BYTES];
};

static int make_pair(void **state) {
    static struct pair pair;
    if (rsa_generate(&pair.key) != OK || rsa_modulus(&pair.key, pair.modulus) != OK) {
        return -1;
    }
    *state = &pair;
    return 0;
}

static int clear_pair(void **state) {
    struct pair *pair = *state;
    rsa_private_clear(&pair->key);
    return 0;
}

static void assert_is_fake(const struct pair *pair,
                           const uint8_t ciphertext[RSA_CIPHERTEXT_BYTES]) {
    struct bytes sealed = bytes_make(ciphertext, RSA_CIPHERTEXT_BYTES);
    struct secret_32 opened;
    uint8_t fake[TAG_BYTES];
    assert_int_equal(hmac_sha256(&pair->key.reject, &sealed, 1, fake), OK);
    assert_int_equal(rsa_decrypt(&pair->key, ciphertext, &opened), OK);
    assert_memory_equal(opened.bytes, fake, sizeof(fake));
    assert_true(ERR_peek_error() == 0);
}

static void what_is_encrypted_is_decrypted(void **state) {
    struct pair *pair = *state;
    uint8_t ciphertext[RSA_CIPHERTEXT_BYTES];
    uint8_t other[RSA_CIPHERTEXT_BYTES];
    struct secret_32 sent;
    struct secret_32 next;
    struct secret_32 opened;
    assert_int_equal(rsa_encrypt(pair->modulus, ciphertext, &sent), OK);
    assert_int_equal(rsa_decrypt(&pair->key, ciphertext, &opened), OK);
    assert_memory_equal(&sent, &opened, sizeof(sent));
    assert_int_equal(rsa_encrypt(pair->modulus, other, &next), OK);
    assert_memory_not_equal(&sent, &next, sizeof(sent));
    assert_memory_not_equal(ciphertext, other, sizeof(other));
}

static void a_pair_in_memory_opens_the_same(void **state) {
    struct pair *pair = *state;
    struct rsa_private broken = {.size = 3};
    struct rsa_pair *kept = NULL;
    uint8_t ciphertext[RSA_CIPHERTEXT_BYTES];
    struct secret_32 sent;
    struct secret_32 opened;
    struct secret_32 fake;
    assert_int_equal(rsa_pair_new(&pair->key, &kept), OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rsa_encrypt(pair->modulus, ciphertext, &sent), OK);
        assert_int_equal(rsa_decrypt_with(&pair->key, kept, ciphertext, &opened), OK);
        assert_memory_equal(&sent, &opened, sizeof(sent));
        ciphertext[9] ^= 1;
        assert_int_equal(rsa_decrypt(&pair->key, ciphertext, &fake), OK);
        assert_int_equal(rsa_decrypt_with(&pair->key, kept, ciphertext, &opened), OK);
        assert_memory_equal(&fake, &opened, sizeof(fake));
        assert_true(ERR_peek_error() == 0);
    }
    rsa_pair_free(kept);
    rsa_pair_free(NULL);
    assert_int_equal(rsa_pair_new(&broken, &kept), ERR_KEY);
    assert_null(kept);
}

static void a_bad_ciphertext_gives_the_value_of_reject(void **state) {
    struct pair *pair = *state;
    uint8_t ciphertext[RSA_CIPHERTEXT_BYTES];
    struct secret_32 sent;
    assert_int_equal(rsa_encrypt(pair->modulus, ciphertext, &sent), OK);
    for (size_t i = 1; i < sizeof(ciphertext); i += 51) {
        ciphertext[i] ^= 1;
        assert_is_fake(pair, ciphertext);
        ciphertext[i] ^= 1;
    }
    memset(ciphertext, 0xff, sizeof(ciphertext)); /* not below the modulus */
    assert_is_fake(pair, ciphertext);
    memset(ciphertext, 0, sizeof(ciphertext));
    assert_is_fake(pair, ciphertext);
}

/* The linker leads every RSA operation of src/crypto through these (--wrap). */
static size_t operations;

int __real_EVP_PKEY_encrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_size,
                            const unsigned char *in, size_t in_size);
int __wrap_EVP_PKEY_encrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_size,
                            const unsigned char *in, size_t in_size);
int __real_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_size,
                            const unsigned char *in, size_t in_size);
int __wrap_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_size,
                            const unsigned char *in, size_t in_size);

static void assert_is_oaep(EVP_PKEY_CTX *context) {
    int padding = 0;
    char hash[16] = "";
    char mask_hash[16] = "";
    assert_true(EVP_PKEY_CTX_get_rsa_padding(context, &padding) > 0);
    assert_int_equal(padding, RSA_PKCS1_OAEP_PADDING);
    assert_true(EVP_PKEY_CTX_get_rsa_oaep_md_name(context, hash, sizeof(hash)) > 0);
    assert_true(EVP_PKEY_CTX_get_rsa_mgf1_md_name(context, mask_hash, sizeof(mask_hash)) > 0);
    assert_true(strcmp(hash, "SHA256") == 0 || strcmp(hash, "SHA2-256") == 0);
    assert_true(strcmp(mask_hash, "SHA256") == 0 || strcmp(mask_hash, "SHA2-256") == 0);
    operations++;
}

int __wrap_EVP_PKEY_encrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_size,
                            const unsigned char *in, size_t in_size) {
    assert_is_oaep(context);
    return __real_EVP_PKEY_encrypt(context, out, out_size, in, in_size);
}

int __wrap_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, unsigned char *out, size_t *out_size,
                            const unsigned char *in, size_t in_size) {
    assert_is_oaep(context);
    return __real_EVP_PKEY_decrypt(context, out, out_size, in, in_size);
}

/** Whatever OpenSSL is asked to do with an RSA key, it is asked to do with OAEP and SHA-256. */
static void the_padding_is_oaep_and_no_other(void **state) {
    struct pair *pair = *state;
    struct rsa_pair *kept = NULL;
    uint8_t ciphertext[RSA_CIPHERTEXT_BYTES];
    struct secret_32 secret;
    operations = 0;
    assert_int_equal(rsa_pair_new(&pair->key, &kept), OK);
    assert_int_equal(rsa_encrypt(pair->modulus, ciphertext, &secret), OK);
    assert_int_equal(rsa_decrypt(&pair->key, ciphertext, &secret), OK);
    assert_int_equal(rsa_decrypt_with(&pair->key, kept, ciphertext, &secret), OK);
    assert_int_equal(operations, 3);
    rsa_pair_free(kept);
}

static int compare(const void *a, const void *b) {
    const int64_t one = *(const int64_t *)a;
    const int64_t other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

static int64_t cpu_ns(void) {
    struct timespec at;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at), 0);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

/** Decrypts good and bad ciphertexts in turn; the medians of the time taken, in nanoseconds. */
static void time_both(const struct pair *pair, const struct rsa_pair *kept, int64_t *good,
                      int64_t *bad) {
    enum { SAMPLES = 301 };
    static int64_t took[2][SAMPLES];
    uint8_t ciphertext[2][RSA_CIPHERTEXT_BYTES];
    struct secret_32 secret;
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_int_equal(rsa_encrypt(pair->modulus, ciphertext[0], &secret), OK);
        memcpy(ciphertext[1], ciphertext[0], RSA_CIPHERTEXT_BYTES);
        ciphertext[1][128] ^= 1;
        for (size_t j = 0; j < 2; j++) {
            size_t which = (i + j) % 2; /* each is first as often */
            int64_t at = cpu_ns();
            assert_int_equal(rsa_decrypt_with(&pair->key, kept, ciphertext[which], &secret), OK);
            took[which][i] = cpu_ns() - at;
        }
    }
    qsort(took[0], SAMPLES, sizeof(took[0][0]), compare);
    qsort(took[1], SAMPLES, sizeof(took[1][0]), compare);
    *good = took[0][SAMPLES / 2];
    *bad = took[1][SAMPLES / 2];
}

/** No gross difference in time between good and bad padding: a tenth of a decryption is the bound,
 * wide enough for a busy machine; an early return or a second key operation is far beyond it. */
static void bad_padding_takes_as_long_as_good(void **state) {
    const struct pair *pair = *state;
    struct rsa_pair *kept = NULL;
    int64_t good = 0;
    int64_t bad = 0;
    bool close = false;
    assert_int_equal(rsa_pair_new(&pair->key, &kept), OK);
    for (int attempt = 0; attempt < 5 && !close; attempt++) {
        time_both(pair, kept, &good, &bad);
        close = llabs(good - bad) < good / 10;
    }
    if (!close) {
        fail_msg("good padding takes %lld ns, bad %lld", (long long)good, (long long)bad);
    }
    rsa_pair_free(kept);
}

static void a_plaintext_of_another_size_is_rejected(void **state) {
    struct pair *pair = *state;
    static const size_t sizes[] = {0, 1, 31, 33, 190};
    uint8_t message[190] = {5};
    uint8_t ciphertext[RSA_CIPHERTEXT_BYTES];
    for (size_t i = 0; i < ROWS(sizes); i++) {
        struct bytes plain = bytes_make(message, sizes[i]);
        assert_int_equal(rsa_oaep_encrypt(pair->modulus, bytes_of_string(LABEL), plain, ciphertext),
                         OK);
        assert_is_fake(pair, ciphertext);
    }
}

static void another_label_is_rejected(void **state) {
    struct pair *pair = *state;
    static const char *const labels[] = {"", "sotto/1 rsA", "sotto/1 rsa "};
    uint8_t message[32] = {5};
    uint8_t ciphertext[RSA_CIPHERTEXT_BYTES];
    struct secret_32 opened;
    for (size_t i = 0; i < ROWS(labels); i++) {
        assert_int_equal(rsa_oaep_encrypt(pair->modulus, bytes_of_string(labels[i]),
                                          bytes_of(message), ciphertext),
                         OK);
        assert_is_fake(pair, ciphertext);
    }
    assert_int_equal(
        rsa_oaep_encrypt(pair->modulus, bytes_of_string(LABEL), bytes_of(message), ciphertext), OK);
    assert_int_equal(rsa_decrypt(&pair->key, ciphertext, &opened), OK);
    assert_memory_equal(opened.bytes, message, sizeof(message));
}

static void reject_decides_the_fake(void **state) {
    struct pair other = *(const struct pair *)*state;
    struct secret_32 a;
    struct secret_32 b;
    const uint8_t ciphertext[RSA_CIPHERTEXT_BYTES] = {9};
    assert_int_equal(rsa_decrypt(&other.key, ciphertext, &a), OK);
    other.key.reject.bytes[0] ^= 1;
    assert_int_equal(rsa_decrypt(&other.key, ciphertext, &b), OK);
    assert_memory_not_equal(&a, &b, sizeof(a));
    rsa_private_clear(&other.key);
}

static void keys_are_new_and_fit(void **state) {
    struct pair *pair = *state;
    struct rsa_private next;
    uint8_t modulus[RSA_MODULUS_BYTES];
    const struct rsa_private zero = {0};
    assert_int_equal(rsa_generate(&next), OK);
    assert_true(next.size > 1100 && next.size <= RSA_PKCS8_MAX_BYTES);
    assert_int_equal(rsa_modulus(&next, modulus), OK);
    assert_int_equal(rsa_check_modulus(modulus), OK);
    assert_memory_not_equal(modulus, pair->modulus, sizeof(modulus));
    assert_memory_not_equal(&next.reject, &pair->key.reject, sizeof(next.reject));
    rsa_private_clear(&next);
    assert_memory_equal(&next, &zero, sizeof(next));
}

static void an_even_or_short_modulus_is_refused(void **state) {
    const struct pair *pair = *state;
    uint8_t modulus[RSA_MODULUS_BYTES];
    uint8_t ciphertext[RSA_CIPHERTEXT_BYTES];
    struct secret_32 secret;
    memcpy(modulus, pair->modulus, sizeof(modulus));
    modulus[RSA_MODULUS_BYTES - 1] &= 0xfe;
    assert_int_equal(rsa_check_modulus(modulus), ERR_KEY);
    assert_int_equal(rsa_encrypt(modulus, ciphertext, &secret), ERR_KEY);
    memcpy(modulus, pair->modulus, sizeof(modulus));
    modulus[0] &= 0x7f;
    assert_int_equal(rsa_check_modulus(modulus), ERR_KEY);
    assert_int_equal(rsa_encrypt(modulus, ciphertext, &secret), ERR_KEY);
}

static void a_key_that_does_not_load_is_the_one_error(void **state) {
    const struct pair *pair = *state;
    struct rsa_private key = pair->key;
    uint8_t modulus[RSA_MODULUS_BYTES];
    const uint8_t ciphertext[RSA_CIPHERTEXT_BYTES] = {1};
    struct secret_32 secret;
    key.size--;
    assert_int_equal(rsa_decrypt(&key, ciphertext, &secret), ERR_KEY);
    assert_int_equal(rsa_modulus(&key, modulus), ERR_KEY);
    key.size += 2; /* a byte after the end */
    assert_int_equal(rsa_decrypt(&key, ciphertext, &secret), ERR_KEY);
    assert_int_equal(rsa_modulus(&key, modulus), ERR_KEY);
    key.size = 0;
    assert_int_equal(rsa_decrypt(&key, ciphertext, &secret), ERR_KEY);
    assert_true(ERR_peek_error() == 0);
    rsa_private_clear(&key);
}

/* Stores an OpenSSL key as ours; frees it. */
static struct rsa_private taken(EVP_PKEY *pair) {
    struct rsa_private key = {0};
    assert_non_null(pair);
    assert_true(rsa_key_store(pair, &key));
    EVP_PKEY_free(pair);
    return key;
}

static EVP_PKEY *with_exponent_3(void) {
    EVP_PKEY *pair = NULL;
    BIGNUM *three = BN_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    assert_int_equal(BN_set_word(three, 3), 1);
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, RSA_KEY_BITS), 1);
    assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, three), 1);
    assert_int_equal(EVP_PKEY_generate(context, &pair), 1);
    EVP_PKEY_CTX_free(context);
    BN_free(three);
    return pair;
}

static void other_keys_are_refused(void **state) {
    uint8_t modulus[RSA_MODULUS_BYTES];
    const uint8_t ciphertext[RSA_CIPHERTEXT_BYTES] = {1};
    struct secret_32 secret;
    (void)state;
    struct rsa_private small = taken(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024));
    assert_int_equal(rsa_modulus(&small, modulus), ERR_KEY);
    assert_int_equal(rsa_decrypt(&small, ciphertext, &secret), ERR_KEY);
    struct rsa_private curve = taken(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"));
    assert_int_equal(rsa_modulus(&curve, modulus), ERR_KEY);
    assert_int_equal(rsa_decrypt(&curve, ciphertext, &secret), ERR_KEY);
    struct rsa_private three = taken(with_exponent_3());
    assert_int_equal(rsa_modulus(&three, modulus), ERR_KEY);
    assert_true(ERR_peek_error() == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encrypted_is_decrypted),
        cmocka_unit_test(a_pair_in_memory_opens_the_same),
        cmocka_unit_test(a_bad_ciphertext_gives_the_value_of_reject),
        cmocka_unit_test(the_padding_is_oaep_and_no_other),
        cmocka_unit_test(bad_padding_takes_as_long_as_good),
        cmocka_unit_test(a_plaintext_of_another_size_is_rejected),
        cmocka_unit_test(another_label_is_rejected),
        cmocka_unit_test(reject_decides_the_fake),
        cmocka_unit_test(keys_are_new_and_fit),
        cmocka_unit_test(an_even_or_short_modulus_is_refused),
        cmocka_unit_test(a_key_that_does_not_load_is_the_one_error),
        cmocka_unit_test(other_keys_are_refused),
    };
    return cmocka_run_group_tests_name("rsa", tests, make_pair, clear_pair);
}
