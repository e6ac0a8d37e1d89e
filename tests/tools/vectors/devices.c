/* SPDX-License-Identifier: ISC */
/* Everything that follows from private keys alone is made again and compared byte for byte. */
#include "recorded.h"
#include "replay.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

/** The certificate made from the keys: ML-DSA may be hedged elsewhere, so its signature is verified
 * only. */
static void check_certificate(const struct place *place, struct device *device) {
    enum { COMPARED = CERTIFICATE_BODY_BYTES + ED25519_SIGNATURE_BYTES };
    uint8_t made[CERTIFICATE_BYTES];
    went_well(
        place, "cert",
        certificate_verify(bytes_of(device->certificate), device->now_ms, 0, &device->parsed));
    went_well(place, "making cert",
              certificate_make(&device->account, &device->keys, &device->parsed.name,
                               device->parsed.epoch, device->parsed.created_ms, made));
    same_bytes(place, "cert", bytes_make(made, COMPARED),
               bytes_make(device->certificate, COMPARED));
    same_bytes(place, "cid", bytes_of(device->parsed.cid), bytes_of(device->cid));
    same_bytes(place, "account_fingerprint", bytes_of(device->parsed.afp), bytes_of(device->afp));
}

/** Makes a prekey object from its private keys and takes over what the file leaves out. */
static void check_prekey(const struct place *place, const struct device *device, bool is_set,
                         struct recorded_prekey *prekey) {
    struct prekey seen;
    struct prekey_secret made;
    uint8_t object[PREKEY_SET_BYTES];
    uint8_t id[4];
    put_u32(id, prekey->secret.id);
    struct recorded recorded = {
        .id = is_set ? NULL : id,
        .dh = &prekey->secret.dh,
        .kem = &prekey->secret.kem,
    };
    struct entropy entropy = entropy_recorded(&recorded);
    struct bytes there = bytes_make(prekey->object, prekey->size);
    if (is_set) {
        went_well(place, "prekey_set",
                  prekey_set_verify(there, &device->parsed, device->now_ms, &seen));
        went_well(place, "making prekey_set",
                  prekey_set_make(&entropy, &device->keys, device->parsed.cid, seen.id,
                                  seen.created_ms, &made, object));
    } else {
        went_well(place, "otk",
                  one_time_prekey_verify(there, &device->parsed, device->now_ms, &seen));
        went_well(place, "making otk",
                  one_time_prekey_make(&entropy, &device->keys, device->parsed.cid,
                                       seen.expires_ms - ONE_TIME_PREKEY_LIFE_MS, &made, object));
    }
    same_number(place, "id", seen.id, prekey->secret.id);
    same_bytes(place, is_set ? "prekey_set" : "otk", bytes_make(object, prekey->size), there);
    prekey->created_ms = seen.created_ms;
    prekey->secret = made;
    prekey_secret_clear(&made);
}

static void check_device(const char *file, struct device *device) {
    struct place place = {.file = file};
    (void)snprintf(place.at, sizeof(place.at), "devices.%s", device->key);
    check_certificate(&place, device);
    for (size_t i = 0; i < device->set_count; i++) {
        (void)snprintf(place.at, sizeof(place.at), "devices.%s.prekey_sets[%zu]", device->key, i);
        check_prekey(&place, device, true, &device->sets[i]);
    }
    for (size_t i = 0; i < device->one_time_count; i++) {
        (void)snprintf(place.at, sizeof(place.at), "devices.%s.one_time_prekeys[%zu]", device->key,
                       i);
        check_prekey(&place, device, false, &device->one_times[i]);
    }
}

void replay_devices(const char *file, struct conversation *conversation) {
    struct device *devices = conversation->devices;
    struct place place = {.file = file, .at = "safety_number"};
    char number[SAFETY_DIGITS + 1];
    check_device(file, &devices[INITIATOR]);
    check_device(file, &devices[RESPONDER]);
    for (size_t i = INITIATOR; i <= RESPONDER; i++) {
        went_well(&place, "safety_number",
                  safety_number(&devices[i].parsed, &devices[1 - i].parsed, number));
        same_bytes(&place, "safety_number", bytes_of_string(number),
                   bytes_of_string(conversation->safety));
    }
}
