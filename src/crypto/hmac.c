/* SPDX-License-Identifier: ISC */
#include "crypto/hmac.h"

#include "crypto/library.h"

must_check enum error hmac_sha256_any(struct bytes key, const struct bytes *parts, size_t count,
                                      uint8_t out[TAG_BYTES]) {
    struct mac *mac = mac_new();
    if (mac == NULL) {
        return library_failed(ERR_CRYPTO);
    }
    enum error error = mac_compute_any(mac, key, parts, count, out);
    mac_free(mac);
    return error;
}

must_check enum error hmac_sha256(const struct secret_32 *key, const struct bytes *parts,
                                  size_t count, uint8_t out[TAG_BYTES]) {
    return hmac_sha256_any(bytes_of(key->bytes), parts, count, out);
}

must_check enum error hmac_sha256_two(const struct secret_32 *key, struct bytes first,
                                      struct bytes second, uint8_t first_out[TAG_BYTES],
                                      uint8_t second_out[TAG_BYTES]) {
    struct mac *mac = mac_new();
    if (mac == NULL) {
        return library_failed(ERR_CRYPTO);
    }
    enum error error = mac_compute(mac, key, &first, 1, first_out);
    if (error == OK) {
        error = mac_again(mac, second, second_out);
    }
    mac_free(mac);
    return error;
}

must_check enum error hkdf_extract_any(struct bytes salt, const struct bytes *ikm, size_t count,
                                       struct secret_32 *prk) {
    return hmac_sha256_any(salt, ikm, count, prk->bytes);
}

must_check enum error hkdf_extract(const struct secret_32 *salt, const struct bytes *ikm,
                                   size_t count, struct secret_32 *prk) {
    return hkdf_extract_any(bytes_of(salt->bytes), ikm, count, prk);
}

must_check enum error hkdf_expand(const struct secret_32 *prk, const struct bytes *info,
                                  size_t count, uint8_t *out, size_t size) {
    struct mac *mac = mac_new();
    if (mac == NULL) {
        return library_failed(ERR_CRYPTO);
    }
    enum error error = mac_expand(mac, prk, info, count, out, size);
    mac_free(mac);
    return error;
}
