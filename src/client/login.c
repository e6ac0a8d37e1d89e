/* SPDX-License-Identifier: ISC */
/* The first steps of a connection: login or registration, then prekeys. docs/PROTOCOL.md 1.4, 1.12.
 */
#include "client/engine_inner.h"

#include <string.h>

static const char STORE_EPOCH[] = "store_epoch";
static const char SET_MADE[] = "prekey_set_made";

must_check enum error login_start(struct engine *engine, const uint8_t exporter[32]) {
    struct wire_register message = {.has_token = engine->account.has_token,
                                    .certificate = bytes_of(engine->device.certificate)};
    uint32_t request = ++engine->last_request;
    memcpy(message.login.cid, engine->account.cid, HASH_BYTES);
    memcpy(message.token, engine->account.token, INVITE_TOKEN_BYTES);
    enum error error =
        login_sign(&engine->device.keys, exporter, engine->account.cid, message.login.signature);
    if (error != OK) {
        return error;
    }
    return engine->account.is_registered ? wire_write_login(&engine->out, request, &message.login)
                                         : wire_write_register(&engine->out, request, &message);
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

static enum error make_set(struct engine *engine, uint8_t out[PREKEY_SET_BYTES]) {
    const struct client_store *store = engine->store;
    struct prekey_secret secret;
    uint32_t last = 0;
    enum error error = store->prekey_last_set(store->context, engine->account.cid, &last);
    if (error != OK) {
        return error;
    }
    last = last > engine->welcome.set_id ? last : engine->welcome.set_id;
    error = prekey_set_make(&engine->entropy, &engine->device.keys, engine->account.cid, last + 1,
                            engine->now_ms, &secret, out);
    if (error == OK) {
        error = store->prekey_put(store->context, false, &secret);
        prekey_secret_clear(&secret);
    }
    return error == OK ? setting_put_u64(store, SET_MADE, engine->now_ms) : error;
}

static enum error make_one_time(struct engine *engine, size_t count, uint8_t *out) {
    const struct client_store *store = engine->store;
    enum error error = OK;
    for (size_t i = 0; error == OK && i < count; i++) {
        struct prekey_secret secret;
        error = one_time_prekey_make(&engine->entropy, &engine->device.keys, engine->account.cid,
                                     engine->now_ms, &secret, out + i * ONE_TIME_PREKEY_BYTES);
        if (error == OK) {
            error = store->prekey_put(store->context, true, &secret);
            prekey_secret_clear(&secret);
        }
    }
    return error;
}

/* The private halves are committed at the end of the event, before the frame leaves. */
static enum error publish(struct engine *engine, bool with_set, size_t count, bool replace) {
    uint8_t set[PREKEY_SET_BYTES] = {0};
    uint8_t one_time[ONE_TIME_PREKEYS_FULL * ONE_TIME_PREKEY_BYTES] = {0};
    uint32_t request = 0;
    struct wire_publish message = {.replace = replace,
                                   .has_set = with_set,
                                   .set = bytes_of(set),
                                   .one_time_count = (uint8_t)count,
                                   .one_time = bytes_make(one_time, count * ONE_TIME_PREKEY_BYTES)};
    enum error error = engine_write(engine);
    if (error == OK && with_set) {
        error = make_set(engine, set);
    }
    if (error == OK) {
        error = make_one_time(engine, count, one_time);
    }
    if (error == OK) {
        error = engine_request(engine, REQUEST_PUBLISH, 0, &request);
    }
    if (error == OK) {
        engine->publishes++;
        error = wire_write_publish(&engine->out, request, &message);
    }
    return error;
}

static enum error publish_due(struct engine *engine) {
    bool is_new = false;
    uint64_t made = 0;
    enum error error = is_new_epoch(engine, &is_new);
    if (error == OK) {
        error = setting_get_u64(engine->store, SET_MADE, &made);
    }
    if (error != OK || engine->clock_is_wrong) {
        return error; /* a wrong clock signs nothing (1.4) */
    }
    bool is_due = engine->now_ms > made && engine->now_ms - made >= PREKEY_SET_RENEW_MS;
    bool with_set = is_new || is_due || engine->welcome.set_id == 0;
    size_t left = is_new ? 0 : engine->welcome.one_time_left;
    size_t count = left < ONE_TIME_PREKEYS_LOW ? ONE_TIME_PREKEYS_FULL - left : 0;
    return with_set || count > 0 ? publish(engine, with_set, count, is_new) : OK;
}

static enum error note_registered(struct engine *engine) {
    if (engine->account.is_registered) {
        return OK;
    }
    engine->account.is_registered = true;
    engine->account.has_token = false;
    memset(engine->account.token, 0, sizeof(engine->account.token));
    enum error error = engine_write(engine);
    return error == OK ? account_save(engine->store, &engine->account) : error;
}

static uint64_t distance(uint64_t a, uint64_t b) {
    return a > b ? a - b : b - a;
}

/* A clock that is a day off, or a day behind the latest time at which it was right, starts nothing
 * that a clock cannot undo (1.4). */
static enum error judge_clock(struct engine *engine) {
    static const char MARK[] = "clock_mark";
    uint64_t mark = 0;
    enum error error = setting_get_u64(engine->store, MARK, &mark);
    engine->clock_is_wrong =
        distance(engine->welcome.server_time_ms, engine->now_ms) > CLOCK_TOLERANCE_MS ||
        (engine->now_ms < mark && mark - engine->now_ms > CLOCK_TOLERANCE_MS);
    if (error == OK && engine->clock_is_wrong) {
        const struct engine_notice notice = {.error = ERR_CLOCK_SKEW,
                                             .time_ms = engine->welcome.server_time_ms};
        return engine_tell(engine, &notice);
    }
    /* The mark moves in steps of an hour: a login need not write. */
    if (error == OK && engine->now_ms > mark && engine->now_ms - mark > HOUR_MS) {
        error = engine_write(engine);
        if (error == OK) {
            error = setting_put_u64(engine->store, MARK, engine->now_ms);
        }
    }
    return error;
}

must_check enum error login_welcome(struct engine *engine, const struct wire_welcome *welcome) {
    if (!user_name_equal(&welcome->name, &engine->account.name)) {
        return engine_protocol(engine, "a welcome for somebody else");
    }
    engine->welcome = *welcome;
    engine->phase = ENGINE_OPEN;
    enum error error = judge_clock(engine);
    if (error == OK) {
        error = note_registered(engine);
    }
    if (error == OK) {
        error = publish_due(engine);
    }
    if (error == OK) {
        error = inbox_expire(engine);
    }
    return error == OK ? inbox_release_all(engine) : error;
}

must_check enum error login_published(struct engine *engine) {
    engine->publishes--;
    enum error error = engine_write(engine);
    if (error == OK) {
        error = engine->store->setting_put(engine->store->context, STORE_EPOCH,
                                           bytes_of(engine->welcome.store_epoch));
    }
    if (error == OK && !engine->account.is_published) {
        engine->account.is_published = true;
        error = account_save(engine->store, &engine->account);
    }
    return error;
}
