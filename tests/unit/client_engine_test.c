/* SPDX-License-Identifier: ISC */
/* The engine against a server of a few lines that says what a test wants: what is committed before
 * what leaves, and what a lying server gets. */
#include "testing.h"

#include "client/engine.h"
#include "client/store/sqlcipher.h"

#include <string.h>

static const uint64_t NOW = UINT64_C(1790000000000);
static const uint8_t EXPORTER[32] = {9};

/* One person: a store that can be made to fail, an engine, and the frames that left it. */
struct person {
    struct sqlcipher_store *database;
    struct client_store store;
    struct engine *engine;
    struct buffer left;
    enum error notice;
    bool commits_fail;
    uint64_t now_ms;
    enum error (*commit)(void *context);
};

/* The commit that a test can break; one test at a time. */
static struct person *breaking;

static enum error breakable_commit(void *context) {
    assert_non_null(breaking);
    return breaking->store.context == context && breaking->commits_fail
               ? ERR_IO
               : breaking->commit(context); /* the same function for every store */
}

static void on_write(void *context, struct bytes frames) {
    struct person *person = context;
    assert_int_equal(buffer_append(&person->left, frames), OK);
}

static void on_notice(void *context, const struct engine_notice *notice) {
    struct person *person = context;
    person->notice = notice->error;
}

static void start_engine(struct person *person) {
    const struct entropy entropy = entropy_system();
    const struct engine_events events = {.context = person, .write = on_write, .notice = on_notice};
    engine_free(person->engine);
    person->engine = NULL;
    buffer_reset(&person->left);
    assert_int_equal(engine_new(&person->store, &entropy, &events, &person->engine), OK);
}

static void make_person(struct person *person, const char *name) {
    const struct secret_32 key = {{1}};
    const struct entropy entropy = entropy_system();
    struct account account = {.server = {.host = "test", .port = 1}, .server_bits = 256};
    memset(person, 0, sizeof(*person));
    person->now_ms = NOW;
    buffer_init(&person->left, 4 * 1024 * 1024);
    assert_int_equal(sqlcipher_store_open(":memory:", &key, true, &person->database), OK);
    person->store = *sqlcipher_store_functions(person->database);
    assert_int_equal(user_name_parse(bytes_of_string(name), &account.name), OK);
    assert_int_equal(person->store.begin(person->store.context), OK);
    assert_int_equal(account_create(&person->store, &entropy, NOW, &account), OK);
    assert_int_equal(person->store.commit(person->store.context), OK);
    person->commit = person->store.commit;
    person->store.commit = breakable_commit;
    breaking = person;
    start_engine(person);
}

static void clear_person(struct person *person) {
    engine_free(person->engine);
    sqlcipher_store_close(person->database);
    buffer_clear(&person->left);
}

/* ---- the server's side
 * ---------------------------------------------------------------------------- */

/* The next frame that left, which has to be of that type. */
static struct wire_frame next_frame(struct person *person, struct bytes *rest, uint8_t type) {
    struct wire_frame frame = {0};
    size_t used = 0;
    (void)person;
    assert_int_equal(wire_frame_cut(*rest, FRAME_MAX_BYTES, &frame, &used), OK);
    assert_int_equal(frame.type, type);
    *rest = bytes_make(rest->data + used, rest->size - used);
    return frame;
}

static void say(struct person *person, const struct buffer *frames) {
    engine_received(person->engine, person->now_ms, buffer_view(frames));
}

static void welcome(struct person *person, const char *name, uint32_t set_id, uint16_t one_time) {
    struct wire_welcome message = {.server_time_ms = person->now_ms,
                                   .set_id = set_id,
                                   .one_time_left = one_time,
                                   .window_max = 16};
    struct buffer frames;
    buffer_init(&frames, 4096);
    assert_int_equal(user_name_parse(bytes_of_string(name), &message.name), OK);
    assert_int_equal(wire_write_welcome(&frames, 1, &message), OK);
    say(person, &frames);
    buffer_clear(&frames);
}

static void answer_empty(struct person *person, enum wire_type type, uint32_t request) {
    struct buffer frames;
    buffer_init(&frames, 4096);
    assert_int_equal(wire_write_empty(&frames, type, request), OK);
    say(person, &frames);
    buffer_clear(&frames);
}

/* Registers and publishes; `set` and `one_time` (may be NULL) get what was published. */
static void enrol(struct person *person, const char *name, uint8_t *set, uint8_t *one_time) {
    struct wire_publish publish;
    engine_connected(person->engine, NOW, EXPORTER);
    struct bytes rest = buffer_view(&person->left);
    (void)next_frame(person, &rest, WIRE_REGISTER);
    buffer_reset(&person->left);
    welcome(person, name, 0, 0);
    rest = buffer_view(&person->left);
    struct wire_frame frame = next_frame(person, &rest, WIRE_PUBLISH);
    assert_int_equal(wire_read_publish(frame.body, &publish), OK);
    assert_true(publish.has_set && publish.replace);
    assert_int_equal(publish.one_time_count, ONE_TIME_PREKEYS_FULL);
    memcpy(set, publish.set.data, PREKEY_SET_BYTES);
    if (one_time != NULL) {
        memcpy(one_time, publish.one_time.data, ONE_TIME_PREKEY_BYTES);
    }
    uint32_t request = frame.request;
    buffer_reset(&person->left);
    answer_empty(person, WIRE_DONE, request);
}

static void expect_over(const struct person *person, enum error error) {
    assert_int_equal(engine_phase(person->engine), ENGINE_OVER);
    assert_int_equal(engine_failure(person->engine)->error, error);
}

/* ---- a lying server
 * ------------------------------------------------------------------------------- */

static void a_welcome_for_somebody_else_ends_it(void **state) {
    struct person ana;
    (void)state;
    make_person(&ana, "ana");
    engine_connected(ana.engine, NOW, EXPORTER);
    welcome(&ana, "bob", 0, 0);
    expect_over(&ana, ERR_PROTOCOL_ERROR);
    clear_person(&ana);
}

static void what_was_not_asked_for_ends_it(void **state) {
    static const enum wire_type TYPES[] = {WIRE_DONE, WIRE_ACCEPTED, WIRE_CAUGHT_UP, WIRE_DELIVER,
                                           WIRE_USERS};
    (void)state;
    for (size_t i = 0; i < ROWS(TYPES); i++) {
        struct person ana;
        uint8_t set[PREKEY_SET_BYTES];
        const uint8_t frame[FRAME_HEADER_BYTES] = {0, 0, 0, 5, (uint8_t)TYPES[i], 0, 0, 0, 77};
        make_person(&ana, "ana");
        enrol(&ana, "ana", set, NULL);
        engine_received(ana.engine, NOW, bytes_of(frame));
        expect_over(&ana, ERR_PROTOCOL_ERROR);
        clear_person(&ana);
    }
}

static void a_frame_over_its_limit_ends_it(void **state) {
    struct person ana;
    const uint8_t frame[FRAME_HEADER_BYTES] = {0x7f, 0xff, 0xff, 0xff, WIRE_WELCOME, 0, 0, 0, 1};
    (void)state;
    make_person(&ana, "ana");
    engine_connected(ana.engine, NOW, EXPORTER);
    engine_received(ana.engine, NOW, bytes_of(frame));
    expect_over(&ana, ERR_PROTOCOL_ERROR);
    clear_person(&ana);
}

/* ---- prekeys
 * ------------------------------------------------------------------------------------ */

/* Logs in again after so long; the server has the first set and enough one-time prekeys. */
static void return_after(struct person *ana, uint64_t away_ms) {
    start_engine(ana);
    ana->now_ms = NOW + away_ms;
    engine_connected(ana->engine, ana->now_ms, EXPORTER);
    buffer_reset(&ana->left);
    welcome(ana, "ana", 1, ONE_TIME_PREKEYS_FULL);
}

/* Promise: a peer always finds a prekey set that is not near its end (1.4: a new one every 7 days).
 */
static void a_set_is_replaced_after_a_week_and_not_before(void **state) {
    struct person ana;
    struct wire_publish publish;
    uint8_t set[PREKEY_SET_BYTES];
    (void)state;
    make_person(&ana, "ana");
    enrol(&ana, "ana", set, NULL);
    return_after(&ana, PREKEY_SET_RENEW_MS - 1);
    assert_int_equal(ana.left.size, 0);
    return_after(&ana, PREKEY_SET_RENEW_MS);
    struct bytes rest = buffer_view(&ana.left);
    struct wire_frame frame = next_frame(&ana, &rest, WIRE_PUBLISH);
    assert_int_equal(wire_read_publish(frame.body, &publish), OK);
    assert_true(publish.has_set && !publish.replace);
    assert_int_equal(publish.one_time_count, 0);
    assert_int_equal(get_u32(publish.set.data + 34), 2); /* set_id */
    clear_person(&ana);
}

/* ---- what leaves, and when
 * ------------------------------------------------------------------------ */

/* Promise: prekeys whose private halves are not on the disk are not published. */
static void nothing_leaves_when_a_commit_fails(void **state) {
    struct person ana;
    (void)state;
    make_person(&ana, "ana");
    engine_connected(ana.engine, NOW, EXPORTER);
    buffer_reset(&ana.left);
    ana.commits_fail = true;
    welcome(&ana, "ana", 0, 0);
    assert_int_equal(ana.left.size, 0);
    expect_over(&ana, ERR_IO);
    clear_person(&ana);
}

/* Hands ana the bundle of bob that she asks for and expects her message. */
static struct wire_frame give_bundle(struct person *ana, const uint8_t *certificate,
                                     const uint8_t *set, const uint8_t *one_time) {
    struct buffer frames;
    buffer_init(&frames, 64 * 1024);
    struct bytes rest = buffer_view(&ana->left);
    struct wire_frame frame;
    do {
        size_t used = 0;
        assert_int_equal(wire_frame_cut(rest, FRAME_MAX_BYTES, &frame, &used), OK);
        rest = bytes_make(rest.data + used, rest.size - used);
    } while (frame.type != WIRE_GET_BUNDLE);
    uint32_t request = frame.request;
    buffer_reset(&ana->left);
    assert_int_equal(wire_write_bundle(&frames, request, bytes_make(certificate, CERTIFICATE_BYTES),
                                       bytes_make(set, PREKEY_SET_BYTES),
                                       bytes_make(one_time, ONE_TIME_PREKEY_BYTES)),
                     OK);
    say(ana, &frames);
    buffer_clear(&frames);
    rest = buffer_view(&ana->left);
    return next_frame(ana, &rest, WIRE_SEND);
}

/* ana writes to bob, whom she meets for the first time. */
static struct wire_frame exchange(struct person *ana, const uint8_t *certificate,
                                  const uint8_t *set, const uint8_t *one_time, size_t *number) {
    struct submission submission = {.text = bytes_of_string("hello"), .key = "key"};
    assert_int_equal(user_name_parse(bytes_of_string("bob"), &submission.to), OK);
    assert_int_equal(engine_submit(ana->engine, NOW, &submission, number), OK);
    answer_empty(ana, WIRE_CAUGHT_UP, 0);
    return give_bundle(ana, certificate, set, one_time);
}

struct pair {
    struct person ana;
    struct person bob;
    uint8_t ana_set[PREKEY_SET_BYTES];
    uint8_t bob_set[PREKEY_SET_BYTES];
    uint8_t bob_one_time[ONE_TIME_PREKEY_BYTES];
    uint8_t bob_certificate[CERTIFICATE_BYTES];
};

static void make_pair(struct pair *pair) {
    struct device device;
    make_person(&pair->bob, "bob");
    enrol(&pair->bob, "bob", pair->bob_set, pair->bob_one_time);
    assert_int_equal(device_load(&pair->bob.store, engine_account(pair->bob.engine)->cid, &device),
                     OK);
    memcpy(pair->bob_certificate, device.certificate, CERTIFICATE_BYTES);
    device_clear(&device);
    make_person(&pair->ana, "ana");
    engine_fetch(pair->ana.engine);
    enrol(&pair->ana, "ana", pair->ana_set, NULL);
}

static void clear_pair(struct pair *pair) {
    clear_person(&pair->ana);
    clear_person(&pair->bob);
}

/* Promise: a message that was sealed and whose connection broke is offered again byte for byte by
 * whoever connects next; the same key encrypts nothing anew. */
static void an_unanswered_message_is_offered_again_byte_for_byte(void **state) {
    static struct pair pair;
    static uint8_t first[FRAME_MAX_BYTES];
    uint8_t msg_id[MESSAGE_ID_BYTES];
    size_t number = 0;
    (void)state;
    make_pair(&pair);
    struct wire_frame frame =
        exchange(&pair.ana, pair.bob_certificate, pair.bob_set, pair.bob_one_time, &number);
    size_t size = frame.body.size;
    memcpy(first, frame.body.data, size);
    engine_closed(pair.ana.engine, NOW, ERR_CONNECTION_LOST, "cut");
    assert_int_equal(engine_result(pair.ana.engine, number)->failure.error, ERR_SEND_UNKNOWN);
    memcpy(msg_id, engine_result(pair.ana.engine, number)->message.msg_id, MESSAGE_ID_BYTES);

    start_engine(&pair.ana);
    struct submission again = {.text = bytes_of_string("other words"), .key = "key"};
    assert_int_equal(user_name_parse(bytes_of_string("bob"), &again.to), OK);
    assert_int_equal(engine_submit(pair.ana.engine, NOW, &again, &number), OK);
    engine_connected(pair.ana.engine, NOW, EXPORTER);
    buffer_reset(&pair.ana.left);
    welcome(&pair.ana, "ana", 1, ONE_TIME_PREKEYS_FULL);
    struct bytes rest = buffer_view(&pair.ana.left);
    frame = next_frame(&pair.ana, &rest, WIRE_SEND);
    assert_true(bytes_equal(frame.body, bytes_make(first, size)));
    answer_empty(&pair.ana, WIRE_ACCEPTED, frame.request);
    assert_memory_equal(engine_result(pair.ana.engine, number)->message.msg_id, msg_id,
                        MESSAGE_ID_BYTES);
    assert_int_equal(engine_result(pair.ana.engine, number)->message.state, OUTGOING_ACCEPTED);
    clear_pair(&pair);
}

/* Promise: a message whose commit failed is not said to be stored, nor to be under way. */
static void what_was_not_committed_is_not_stored(void **state) {
    static struct pair pair;
    struct submission next = {.text = bytes_of_string("more"), .key = "more"};
    struct submission patient = {.text = bytes_of_string("later"), .is_patient = true};
    size_t number = 0;
    (void)state;
    make_pair(&pair);
    struct wire_frame frame =
        exchange(&pair.ana, pair.bob_certificate, pair.bob_set, pair.bob_one_time, &number);
    answer_empty(&pair.ana, WIRE_ACCEPTED, frame.request);
    next.to = patient.to = engine_result(pair.ana.engine, number)->message.to;
    breaking = &pair.ana;
    buffer_reset(&pair.ana.left);
    pair.ana.commits_fail = true;
    assert_int_equal(engine_submit(pair.ana.engine, NOW, &next, &number), ERR_IO);
    const struct send_result *result = engine_result(pair.ana.engine, number);
    assert_true(result->is_done && !result->is_stored);
    assert_int_equal(result->failure.error, ERR_IO);
    assert_int_equal(pair.ana.left.size, 0);

    start_engine(&pair.ana);
    pair.ana.commits_fail = true;
    assert_int_equal(engine_submit(pair.ana.engine, NOW, &patient, &number), ERR_IO);
    result = engine_result(pair.ana.engine, number);
    assert_true(result->is_done && !result->is_stored);
    pair.ana.commits_fail = false;
    clear_pair(&pair);
}

static size_t submit_to_bob(struct person *ana, struct submission *submission) {
    size_t number = 0;
    assert_int_equal(user_name_parse(bytes_of_string("bob"), &submission->to), OK);
    assert_int_equal(engine_submit(ana->engine, ana->now_ms, submission, &number), OK);
    return number;
}

/* Promise: an id that the caller chose makes one message of whatever is handed in with it, before
 * it is stored and after, in this engine and in the next one. */
static void what_is_handed_in_with_one_id_is_one_message(void **state) {
    static struct pair pair;
    struct submission mine = {.text = bytes_of_string("hello"), .has_id = true, .msg_id = {1, 2}};
    struct submission other = {.text = bytes_of_string("hello"), .has_id = true, .msg_id = {3}};
    size_t number = 0;
    (void)state;
    make_pair(&pair);
    size_t first = submit_to_bob(&pair.ana, &mine);
    assert_int_equal(submit_to_bob(&pair.ana, &mine), first);
    assert_int_not_equal(submit_to_bob(&pair.ana, &other), first);
    (void)exchange(&pair.ana, pair.bob_certificate, pair.bob_set, pair.bob_one_time, &number);
    assert_int_equal(submit_to_bob(&pair.ana, &mine), first);
    assert_int_equal(engine_result(pair.ana.engine, first)->message.state, OUTGOING_SEALED);
    uint64_t row = engine_result(pair.ana.engine, first)->message.row;
    engine_closed(pair.ana.engine, NOW, ERR_CONNECTION_LOST, "cut");

    start_engine(&pair.ana);
    const struct send_result *result =
        engine_result(pair.ana.engine, submit_to_bob(&pair.ana, &mine));
    assert_int_equal(result->message.row, row);
    assert_memory_equal(result->message.msg_id, mine.msg_id, MESSAGE_ID_BYTES);
    clear_pair(&pair);
}

static void deliver(struct person *person, uint64_t handle, struct bytes envelope) {
    struct wire_deliver message = {.handle = handle, .accepted_ms = NOW, .envelope = envelope};
    struct buffer frames;
    buffer_init(&frames, FRAME_MAX_BYTES);
    assert_int_equal(user_name_parse(bytes_of_string("ana"), &message.from), OK);
    assert_int_equal(wire_write_deliver(&frames, &message), OK);
    say(person, &frames);
    buffer_clear(&frames);
}

static void reconnect(struct person *person, const char *name) {
    start_engine(person);
    engine_fetch(person->engine);
    engine_connected(person->engine, NOW, EXPORTER);
    welcome(person, name, 1, ONE_TIME_PREKEYS_FULL);
    buffer_reset(&person->left);
}

static size_t count_shown(const struct person *person) {
    struct incoming incoming = {.place = 0};
    struct buffer text;
    size_t count = 0;
    buffer_init(&text, TEXT_MAX_BYTES);
    while (person->store.incoming_next(person->store.context, incoming.place, &incoming, &text) ==
           OK) {
        count++;
        buffer_reset(&text);
    }
    buffer_clear(&text);
    return count;
}

/* Promise: an acknowledgement follows the commit, never the other way round; what is handed over
 * twice, or altered, is shown once, and a replay burns nothing. */
static void acknowledges_after_the_commit_and_shows_once(void **state) {
    static struct pair pair;
    static uint8_t envelope[ENVELOPE_MAX_BYTES];
    struct wire_send sent;
    size_t number = 0;
    (void)state;
    make_pair(&pair);
    struct wire_frame frame =
        exchange(&pair.ana, pair.bob_certificate, pair.bob_set, pair.bob_one_time, &number);
    assert_int_equal(wire_read_send(frame.body, &sent), OK);
    memcpy(envelope, sent.envelope.data, sent.envelope.size);
    struct bytes whole = bytes_make(envelope, sent.envelope.size);
    struct person *bob = &pair.bob;

    breaking = bob;
    reconnect(bob, "bob");
    bob->commits_fail = true;
    deliver(bob, 1, whole);
    assert_int_equal(bob->left.size, 0);
    expect_over(bob, ERR_IO);
    assert_int_equal(count_shown(bob), 0);
    bob->commits_fail = false;

    reconnect(bob, "bob");
    envelope[whole.size - 1] ^= 1;
    deliver(bob, 1, whole);
    assert_int_equal(count_shown(bob), 0);
    envelope[whole.size - 1] ^= 1;
    for (uint64_t handle = 2; handle < 5; handle++) {
        buffer_reset(&bob->left);
        deliver(bob, handle, whole);
        struct bytes rest = buffer_view(&bob->left);
        struct wire_ack ack;
        frame = next_frame(bob, &rest, WIRE_ACK);
        assert_int_equal(wire_read_ack(frame.body, &ack), OK);
        assert_int_equal(ack.handles[0], handle);
        assert_int_equal(count_shown(bob), 1);
    }
    clear_pair(&pair);
}

static void refuse_bundle(struct person *ana, enum error error) {
    struct wire_error refusal = {.error = error};
    struct buffer frames;
    struct bytes rest = buffer_view(&ana->left);
    struct wire_frame frame = next_frame(ana, &rest, WIRE_GET_BUNDLE);
    uint32_t request = frame.request;
    buffer_reset(&ana->left);
    buffer_init(&frames, 4096);
    assert_int_equal(wire_write_error(&frames, request, &refusal), OK);
    say(ana, &frames);
    buffer_clear(&frames);
    ana->now_ms += MINUTE_MS;
}

/* Promise: in an engine that lives on, a message that waits and is handed in again has its turn
 * again, and is not taken for sent. */
static void what_waits_is_tried_again(void **state) {
    static struct pair pair;
    struct submission submission = {
        .text = bytes_of_string("hello"), .key = "key", .is_patient = true};
    (void)state;
    make_pair(&pair);
    answer_empty(&pair.ana, WIRE_CAUGHT_UP, 0);
    buffer_reset(&pair.ana.left);
    for (int i = 0; i < 3; i++) {
        size_t number = submit_to_bob(&pair.ana, &submission);
        assert_false(engine_result(pair.ana.engine, number)->is_done);
        refuse_bundle(&pair.ana, ERR_RATE_LIMITED);
        const struct send_result *result = engine_result(pair.ana.engine, number);
        assert_true(result->is_done && result->is_stored);
        assert_int_equal(result->failure.error, ERR_RATE_LIMITED);
        engine_forget(pair.ana.engine, number);
    }
    struct stored_peer bob = {.name = submission.to, .is_changed = true};
    assert_int_equal(pair.ana.store.peer_put(pair.ana.store.context, &bob), OK);
    for (int i = 0; i < 2; i++) {
        size_t number = submit_to_bob(&pair.ana, &submission);
        assert_int_equal(engine_result(pair.ana.engine, number)->failure.error,
                         ERR_PEER_KEY_CHANGED);
        engine_forget(pair.ana.engine, number);
    }
    clear_pair(&pair);
}

static uint64_t turn_of(struct person *person, const char *key) {
    struct user_name bob;
    struct outgoing message;
    assert_int_equal(user_name_parse(bytes_of_string("bob"), &bob), OK);
    assert_int_equal(person->store.outgoing_find(person->store.context, &bob, key, 0, &message),
                     OK);
    return message.turn;
}

/* Promise: a refusal holds for what was handed in before it; whoever writes then, over the same
 * connection, sends what is kept for that person too, and first. */
static void a_refusal_does_not_outlive_its_reason(void **state) {
    static struct pair pair;
    struct submission patient = {.text = bytes_of_string("hello"), .is_patient = true};
    const char *const keys[] = {"one", "two", "three"};
    size_t number = 0;
    (void)state;
    make_pair(&pair);
    answer_empty(&pair.ana, WIRE_CAUGHT_UP, 0);
    for (size_t i = 0; i < ROWS(keys); i++) {
        buffer_reset(&pair.ana.left);
        patient.key = keys[i];
        number = submit_to_bob(&pair.ana, &patient);
        refuse_bundle(&pair.ana, ERR_RATE_LIMITED);
        assert_int_equal(turn_of(&pair.ana, keys[i]), 0);
        engine_forget(pair.ana.engine, number);
    }
    patient.key = "last";
    (void)submit_to_bob(&pair.ana, &patient);
    (void)give_bundle(&pair.ana, pair.bob_certificate, pair.bob_set, pair.bob_one_time);
    assert_true(turn_of(&pair.ana, "one") > 0);
    assert_true(turn_of(&pair.ana, "two") > turn_of(&pair.ana, "one"));
    assert_true(turn_of(&pair.ana, "three") > turn_of(&pair.ana, "two"));
    assert_true(turn_of(&pair.ana, "last") > turn_of(&pair.ana, "three"));
    clear_pair(&pair);
}

/* Promise: what is kept is tried daily, also over a connection that lasts. */
static void what_is_kept_is_tried_daily(void **state) {
    static struct pair pair;
    struct submission patient = {.text = bytes_of_string("hello"), .is_patient = true};
    (void)state;
    make_pair(&pair);
    answer_empty(&pair.ana, WIRE_CAUGHT_UP, 0);
    buffer_reset(&pair.ana.left);
    size_t number = submit_to_bob(&pair.ana, &patient);
    refuse_bundle(&pair.ana, ERR_RATE_LIMITED);
    engine_forget(pair.ana.engine, number);
    engine_tick(pair.ana.engine, NOW + DAY_MS - HOUR_MS);
    assert_int_equal(pair.ana.left.size, 0);
    engine_tick(pair.ana.engine, NOW + DAY_MS + HOUR_MS);
    (void)give_bundle(&pair.ana, pair.bob_certificate, pair.bob_set, pair.bob_one_time);
    clear_pair(&pair);
}

/* Promise: a bundle of mixed parts is refused whole, asked for once more, and then nothing is sent.
 */
static void a_mixed_bundle_sends_nothing(void **state) {
    static struct pair pair;
    struct submission submission = {.text = bytes_of_string("hello")};
    struct buffer frames;
    size_t number = 0;
    (void)state;
    make_pair(&pair);
    buffer_init(&frames, 64 * 1024);
    assert_int_equal(user_name_parse(bytes_of_string("bob"), &submission.to), OK);
    answer_empty(&pair.ana, WIRE_CAUGHT_UP, 0);
    buffer_reset(&pair.ana.left);
    assert_int_equal(engine_submit(pair.ana.engine, NOW, &submission, &number), OK);
    for (int i = 0; i < 2; i++) {
        struct bytes rest = buffer_view(&pair.ana.left);
        struct wire_frame frame = next_frame(&pair.ana, &rest, WIRE_GET_BUNDLE);
        uint32_t request = frame.request;
        buffer_reset(&pair.ana.left);
        buffer_reset(&frames);
        assert_int_equal(wire_write_bundle(&frames, request, bytes_of(pair.bob_certificate),
                                           bytes_of(pair.ana_set), bytes_of(pair.bob_one_time)),
                         OK);
        say(&pair.ana, &frames);
    }
    assert_int_equal(pair.ana.left.size, 0);
    assert_true(engine_result(pair.ana.engine, number)->is_done);
    assert_int_equal(engine_result(pair.ana.engine, number)->failure.error, ERR_BUNDLE_INVALID);
    assert_false(engine_result(pair.ana.engine, number)->is_stored);
    buffer_clear(&frames);
    clear_pair(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_welcome_for_somebody_else_ends_it),
        cmocka_unit_test(what_was_not_asked_for_ends_it),
        cmocka_unit_test(a_frame_over_its_limit_ends_it),
        cmocka_unit_test(a_set_is_replaced_after_a_week_and_not_before),
        cmocka_unit_test(nothing_leaves_when_a_commit_fails),
        cmocka_unit_test(an_unanswered_message_is_offered_again_byte_for_byte),
        cmocka_unit_test(what_was_not_committed_is_not_stored),
        cmocka_unit_test(what_is_handed_in_with_one_id_is_one_message),
        cmocka_unit_test(what_waits_is_tried_again),
        cmocka_unit_test(a_refusal_does_not_outlive_its_reason),
        cmocka_unit_test(what_is_kept_is_tried_daily),
        cmocka_unit_test(acknowledges_after_the_commit_and_shows_once),
        cmocka_unit_test(a_mixed_bundle_sends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
