/* SPDX-License-Identifier: ISC */
#include "base/weaken.h"
#include "server/state.h"

enum { TOKEN_UNITS = 60 * 1000 };

void bucket_fill(struct bucket *bucket, uint32_t burst, uint64_t now_ms) {
    bucket->units = (uint64_t)burst * TOKEN_UNITS;
    bucket->updated_ms = now_ms;
}

void bucket_gain(struct bucket *bucket, uint64_t rate_per_minute, uint32_t burst, uint64_t now_ms) {
    uint64_t full = (uint64_t)burst * TOKEN_UNITS;
    uint64_t passed_ms = now_ms > bucket->updated_ms ? now_ms - bucket->updated_ms : 0;
    /* Longer than a full bucket takes is as good as that; it keeps the product small. */
    if (rate_per_minute > 0 && passed_ms > full / rate_per_minute) {
        passed_ms = full / rate_per_minute + 1;
    }
    bucket->updated_ms = now_ms;
    bucket->units += passed_ms * rate_per_minute;
    if (bucket->units > full) {
        bucket->units = full;
    }
}

bool bucket_has(const struct bucket *bucket, uint64_t rate_per_minute, uint32_t *retry_s) {
    *retry_s = 0;
    if (bucket->units >= TOKEN_UNITS) {
        return true;
    }
    uint64_t wait_ms = rate_per_minute == 0
                           ? DAY_MS
                           : (TOKEN_UNITS - bucket->units + rate_per_minute - 1) / rate_per_minute;
    *retry_s = (uint32_t)((wait_ms + SECOND_MS - 1) / SECOND_MS);
    return false;
}

bool bucket_take(struct bucket *bucket, uint64_t rate_per_minute, uint32_t burst, uint64_t now_ms,
                 uint32_t *retry_s) {
    if (weakened(WEAK_NO_BUCKET)) {
        return true;
    }
    bucket_gain(bucket, rate_per_minute, burst, now_ms);
    if (!bucket_has(bucket, rate_per_minute, retry_s)) {
        return false;
    }
    bucket->units -= TOKEN_UNITS;
    return true;
}
