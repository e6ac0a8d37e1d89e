/* SPDX-License-Identifier: ISC */
/* Prekeys for the server: a new set each week, one-time keys before they run out, and everything
 * anew when its store is another one. docs/PROTOCOL.md 1.4.
 *
 * The private halves are committed at the end of the event, before the public ones leave. */
#include "client/engine_inner.h"

#include <string.h>

static const char STORE_EPOCH[] = "store_epoch";
static const char SET_MADE[] = "prekey_set_made";

enum { SET_ID_AT = 1 + 1 + HASH_BYTES }; /* suite, type, cid */

must_check enum error publish_make_set(struct engine *engine, const struct own_device *own,
                                       uint32_t above, uint8_t out[PREKEY_SET_BYTES]) {
    const struct client_store *store = engine->store;
    struct prekey_secret secret;
    uint32_t last = 0;
    enum error error = store->prekey_last_set(store->context, own->parsed->cid, &last);
    last = last > above ? last : above;
    if (error == OK && last == UINT32_MAX) {
        error = engine_protocol(engine, "a number of a prekey set that nothing can follow");
    }
    if (error == OK) {
        error = prekey_set_make(&engine->entropy, own->keys, own->parsed->cid, last + 1,
                                engine->now_ms, &secret, out);
    }
    if (error == OK) {
        error = store->prekey_put(store->context, false, &secret);
        prekey_secret_clear(&secret);
    }
    return error;
}

must_check enum error publish_make_one_time(struct engine *engine, const struct own_device *own,
                                            size_t count, uint8_t *out) {
    const struct client_store *store = engine->store;
    enum error error = OK;
    for (size_t i = 0; error == OK && i < count; i++) {
        struct prekey_secret secret;
        error = one_time_prekey_make(&engine->entropy, own->keys, own->parsed->cid, engine->now_ms,
                                     &secret, out + i * ONE_TIME_PREKEY_BYTES);
        if (error == OK) {
            error = store->prekey_put(store->context, true, &secret);
            prekey_secret_clear(&secret);
        }
    }
    return error;
}

uint32_t publish_set_id(const uint8_t set[PREKEY_SET_BYTES]) {
    return get_u32(set + SET_ID_AT);
}

must_check enum error publish_made(struct engine *engine, uint64_t made_ms) {
    return setting_put_u64(engine->store, SET_MADE, made_ms);
}

/* What a PUBLISH is to hold. */
struct wanted {
    bool has_set;
    size_t count; /* one-time keys */
    bool replace; /* those that the server has */
};

static enum error publish(struct engine *engine, const struct wanted *wanted) {
    uint8_t set[PREKEY_SET_BYTES] = {0};
    uint8_t one_time[ONE_TIME_PREKEYS_FULL * ONE_TIME_PREKEY_BYTES] = {0};
    uint32_t request = 0;
    const struct wire_publish message = {
        .replace = wanted->replace,
        .has_set = wanted->has_set,
        .set = bytes_of(set),
        .one_time_count = (uint8_t)wanted->count,
        .one_time = bytes_make(one_time, wanted->count * ONE_TIME_PREKEY_BYTES)};
    enum error error = engine_write(engine);
    if (error == OK && wanted->has_set) {
        error = publish_make_set(engine, &engine->own, engine->login.set_id, set);
    }
    if (error == OK && wanted->has_set) {
        engine->login.set_id = publish_set_id(set);
        error = publish_made(engine, engine->now_ms);
    }
    if (error == OK) {
        error = publish_make_one_time(engine, &engine->own, wanted->count, one_time);
    }
    if (error == OK) {
        engine->login.one_time_left =
            (uint16_t)(wanted->count + (wanted->replace ? 0 : engine->login.one_time_left));
        error = engine_request(engine, REQUEST_PUBLISH, 0, &request);
    }
    if (error == OK) {
        engine->publishes++;
        error = wire_write_publish(&engine->out, request, &message);
    }
    return error;
}

/* Whether the server's store is another one than at the last login. */
static enum error is_new_epoch(struct engine *engine, bool *is_new) {
    struct buffer known;
    buffer_init(&known, 64);
    enum error error = engine->store->setting_get(engine->store->context, STORE_EPOCH, &known);
    *is_new = error == ERR_NOT_FOUND ||
              !bytes_equal(buffer_view(&known), bytes_of(engine->welcome.store_epoch));
    buffer_clear(&known);
    return error == ERR_NOT_FOUND ? OK : error;
}

static enum error is_set_due(struct engine *engine, bool *is_due) {
    uint64_t made_ms = 0;
    enum error error = setting_get_u64(engine->store, SET_MADE, &made_ms);
    *is_due = engine->now_ms > made_ms && engine->now_ms - made_ms >= PREKEY_SET_RENEW_MS;
    return error;
}

/* Whether the server has an older set than the last one that was made: it never came there. */
static enum error was_set_lost(struct engine *engine, bool *was_lost) {
    uint32_t last = 0;
    enum error error =
        engine->store->prekey_last_set(engine->store->context, engine->account.cid, &last);
    *was_lost = engine->login.set_id < last;
    return error;
}

/* Nothing is signed under a clock that is wrong, and nothing with a certificate that is over. */
static bool may_publish(const struct engine *engine) {
    return !engine->clock_is_wrong && engine->now_ms <= engine->device.parsed.expires_ms;
}

must_check enum error publish_due(struct engine *engine) {
    bool is_new = false;
    bool is_due = false;
    bool was_lost = false;
    if (!may_publish(engine)) {
        return OK;
    }
    enum error error = is_new_epoch(engine, &is_new);
    if (error == OK) {
        error = is_set_due(engine, &is_due);
    }
    if (error == OK) {
        error = was_set_lost(engine, &was_lost);
    }
    size_t left = is_new ? 0 : engine->login.one_time_left;
    const struct wanted wanted = {
        .has_set = is_new || is_due || was_lost || engine->login.set_id == 0,
        .count = left < ONE_TIME_PREKEYS_LOW ? ONE_TIME_PREKEYS_FULL - left : 0,
        .replace = is_new,
    };
    return error == OK && (wanted.has_set || wanted.count > 0) ? publish(engine, &wanted) : error;
}

must_check enum error publish_weekly(struct engine *engine) {
    const struct wanted wanted = {.has_set = true, .count = ONE_TIME_PREKEYS_FULL, .replace = true};
    bool is_due = false;
    if (!may_publish(engine)) {
        return OK;
    }
    enum error error = is_set_due(engine, &is_due);
    return error == OK && is_due ? publish(engine, &wanted) : error;
}

must_check enum error publish_noted(struct engine *engine) {
    bool is_new = false;
    enum error error = is_new_epoch(engine, &is_new);
    if (error != OK || (!is_new && engine->account.is_published)) {
        return error;
    }
    error = engine_write(engine);
    if (error == OK && is_new) {
        error = engine->store->setting_put(engine->store->context, STORE_EPOCH,
                                           bytes_of(engine->welcome.store_epoch));
    }
    if (error == OK && is_new) {
        error = outbox_new_epoch(engine);
    }
    if (error == OK && !engine->account.is_published) {
        engine->account.is_published = true;
        error = account_save(engine->store, &engine->account);
    }
    return error;
}
