/* SPDX-License-Identifier: ISC */
#include "server/prekeys.h"

#include "wire/codec.h"

#include <string.h>

enum { SUITE = 0x01, TYPE_SET = 0x02, TYPE_ONE_TIME = 0x03 };

static enum error read_front(struct reader *reader, uint8_t type, const uint8_t cid[HASH_BYTES],
                             struct prekey_front *front) {
    uint8_t named[HASH_BYTES];
    if (reader_u8(reader) != SUITE || reader_u8(reader) != type) {
        return ERR_MALFORMED;
    }
    reader_copy(reader, named, sizeof(named));
    front->id = reader_u32(reader);
    if (front->id == 0) {
        return ERR_MALFORMED;
    }
    return memcmp(named, cid, sizeof(named)) == 0 ? OK : ERR_MISMATCH;
}

must_check enum error prekey_set_front(const uint8_t set[PREKEY_SET_BYTES],
                                       const uint8_t cid[HASH_BYTES], uint64_t now_ms,
                                       struct prekey_front *front) {
    struct reader reader;
    reader_init(&reader, bytes_make(set, PREKEY_SET_BYTES));
    enum error error = read_front(&reader, TYPE_SET, cid, front);
    if (error != OK) {
        return error;
    }
    uint64_t created_ms = reader_u64(&reader);
    front->expires_ms = reader_u64(&reader);
    if (created_ms > now_ms + CLOCK_TOLERANCE_MS ||
        front->expires_ms != created_ms + PREKEY_SET_LIFE_MS) {
        return ERR_EXPIRED;
    }
    return front->expires_ms > now_ms ? OK : ERR_EXPIRED;
}

must_check enum error one_time_front(const uint8_t record[ONE_TIME_PREKEY_BYTES],
                                     const uint8_t cid[HASH_BYTES], uint64_t now_ms,
                                     struct prekey_front *front) {
    struct reader reader;
    reader_init(&reader, bytes_make(record, ONE_TIME_PREKEY_BYTES));
    enum error error = read_front(&reader, TYPE_ONE_TIME, cid, front);
    if (error != OK) {
        return error;
    }
    front->expires_ms = reader_u64(&reader);
    if (front->expires_ms > now_ms + ONE_TIME_PREKEY_LIFE_MS + DAY_MS) {
        return ERR_EXPIRED;
    }
    return front->expires_ms > now_ms + DAY_MS ? OK : ERR_EXPIRED;
}
