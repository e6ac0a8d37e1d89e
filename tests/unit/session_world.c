/* SPDX-License-Identifier: ISC */
#include "session_world.h"

#include "session/lists.h"

#include <stdlib.h>
#include <string.h>

uint64_t test_random(struct test_entropy *source) {
    /* splitmix64 */
    uint64_t z = source->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/** Whether one more draw is allowed. */
static bool may_draw(struct test_entropy *source) {
    if (source->left == 0) {
        return false;
    }
    source->left--;
    return true;
}

static enum error test_fill(void *context, uint8_t *out, size_t size) {
    struct test_entropy *source = context;
    if (!may_draw(source)) {
        return ERR_RANDOM;
    }
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)(test_random(source) & 0xff);
    }
    return OK;
}

static enum error test_encapsulate(void *context, const uint8_t public_key[KEM_PUBLIC_BYTES],
                                   uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                   struct secret_32 *shared) {
    struct secret_32 m;
    enum error error = test_fill(context, m.bytes, sizeof(m.bytes));
    return error == OK ? kem_encapsulate_with(public_key, &m, ciphertext, shared) : error;
}

static enum error test_encrypt(void *context, const uint8_t modulus[RSA_MODULUS_BYTES],
                               uint8_t ciphertext[RSA_CIPHERTEXT_BYTES], struct secret_32 *secret) {
    return may_draw(context) ? rsa_encrypt(modulus, ciphertext, secret) : ERR_RANDOM;
}

static enum error test_generate_rsa(void *context, struct rsa_private *key) {
    return may_draw(context) ? rsa_generate(key) : ERR_RANDOM;
}

struct entropy test_entropy_of(struct test_entropy *source) {
    return (struct entropy){
        .context = source,
        .fill = test_fill,
        .encapsulate = test_encapsulate,
        .encrypt = test_encrypt,
        .generate_rsa = test_generate_rsa,
    };
}

static enum error person_make(const struct entropy *entropy, const char *name,
                              struct person *person) {
    struct user_name user;
    enum error error = user_name_parse(bytes_of_string(name), &user);
    if (error == OK) {
        error = account_keys_generate(entropy, &person->account);
    }
    if (error == OK) {
        error = device_keys_generate(entropy, &person->keys);
    }
    if (error == OK) {
        error = certificate_make(&person->account, &person->keys, &user, 1, NOW_MS,
                                 person->certificate);
    }
    if (error == OK) {
        error = certificate_verify(bytes_of(person->certificate), NOW_MS, 0, &person->parsed);
    }
    if (error == OK) {
        error = prekey_set_make(entropy, &person->keys, person->parsed.cid, 7, NOW_MS, &person->set,
                                person->set_object);
    }
    if (error == OK) {
        error = one_time_prekey_make(entropy, &person->keys, person->parsed.cid, NOW_MS,
                                     &person->one_time, person->one_time_object);
    }
    person->own = (struct own_device){
        .certificate = person->certificate, .parsed = &person->parsed, .keys = &person->keys};
    return error;
}

static void person_clear(struct person *person) {
    account_keys_clear(&person->account);
    device_keys_clear(&person->keys);
    prekey_secret_clear(&person->set);
    prekey_secret_clear(&person->one_time);
}

int world_make(void **state) {
    struct world *world = calloc(1, sizeof(*world));
    if (world == NULL) {
        return -1;
    }
    world->source = (struct test_entropy){.state = 1, .left = UINT32_MAX};
    world->entropy = test_entropy_of(&world->source);
    *state = world;
    return person_make(&world->entropy, "alice", &world->a) == OK &&
                   person_make(&world->entropy, "bob", &world->b) == OK
               ? 0
               : -1;
}

int world_free(void **state) {
    struct world *world = *state;
    person_clear(&world->a);
    person_clear(&world->b);
    free(world);
    return 0;
}

int world_begin(void **state) {
    struct world *world = *state;
    struct buffer first;
    struct buffer body;
    buffer_init(&first, ENVELOPE_MAX_BYTES);
    buffer_init(&body, BODY_MAX_BYTES);
    begin(world, &world->a, &world->b, true, &world->a_session);
    seal(world, &world->a_session, &world->a, "first", &first);
    assert_int_equal(accept(&world->b, buffer_view(&first), NOW_MS, &world->b_session, &body), OK);
    assert_true(bytes_equal(buffer_view(&body), bytes_of_string("first")));
    buffer_clear(&first);
    buffer_clear(&body);
    return 0;
}

int world_confirm(void **state) {
    struct world *world = *state;
    if (world_begin(state) != 0) {
        return -1;
    }
    b_to_a(world, "reply");
    a_to_b(world, "second chain");
    b_to_a(world, "third");
    return 0;
}

int world_end(void **state) {
    struct world *world = *state;
    session_clear(&world->a_session);
    session_clear(&world->b_session);
    world->source.left = UINT32_MAX;
    return 0;
}

size_t person_bundle(const struct person *person, bool has_one_time,
                     uint8_t out[BUNDLE_MAX_BYTES]) {
    memcpy(out, person->certificate, CERTIFICATE_BYTES);
    memcpy(out + CERTIFICATE_BYTES, person->set_object, PREKEY_SET_BYTES);
    if (!has_one_time) {
        return CERTIFICATE_BYTES + PREKEY_SET_BYTES;
    }
    memcpy(out + CERTIFICATE_BYTES + PREKEY_SET_BYTES, person->one_time_object,
           ONE_TIME_PREKEY_BYTES);
    return BUNDLE_MAX_BYTES;
}

void begin(struct world *world, const struct person *from, const struct person *to,
           bool has_one_time, struct session *session) {
    uint8_t bytes[BUNDLE_MAX_BYTES];
    struct bundle bundle;
    size_t size = person_bundle(to, has_one_time, bytes);
    assert_int_equal(
        bundle_verify(bytes_make(bytes, size), &to->parsed.name, NOW_MS, to->parsed.afp, &bundle),
        OK);
    assert_int_equal(session_start(&from->own, &bundle, &world->entropy, NOW_MS, session), OK);
}

void seal(struct world *world, struct session *session, const struct person *from, const char *text,
          struct buffer *envelope) {
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    assert_int_equal(session_seal(session, &from->own, &world->entropy, NOW_MS,
                                  bytes_of_string(text), envelope, chain_id, &n),
                     OK);
}

enum error accept(const struct person *to, struct bytes envelope, uint64_t now_ms,
                  struct session *session, struct buffer *body) {
    struct initial initial;
    struct certificate peer;
    enum error error = initial_parse(envelope, &initial);
    if (error == OK) {
        error = certificate_verify(initial.certificate, now_ms, PRIVATE_KEY_GRACE_MS, &peer);
    }
    if (error == OK &&
        (memcmp(initial.own_cid, to->parsed.cid, HASH_BYTES) != 0 || initial.set_id != to->set.id ||
         (initial.one_time_id != 0 && initial.one_time_id != to->one_time.id))) {
        error = ERR_NOT_FOUND;
    }
    if (error == OK) {
        error =
            session_accept(&to->own, &peer, &initial, &to->set,
                           initial.one_time_id == 0 ? NULL : &to->one_time, now_ms, session, body);
    }
    return error;
}

void expect(struct session *session, const struct person *to, struct bytes envelope,
            enum error expected, const char *text) {
    struct session_change change;
    struct buffer body;
    buffer_init(&body, BODY_MAX_BYTES);
    assert_int_equal(session_open(session, &to->own, envelope, NOW_MS, &body, &change), expected);
    struct bytes want = expected == OK ? bytes_of_string(text) : bytes_make(NULL, 0);
    assert_true(bytes_equal(buffer_view(&body), want));
    buffer_clear(&body);
}

void pass(struct world *world, struct session *from, const struct person *from_person,
          struct session *to, const struct person *to_person, const char *text) {
    struct buffer envelope;
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    seal(world, from, from_person, text, &envelope);
    expect(to, to_person, buffer_view(&envelope), OK, text);
    buffer_clear(&envelope);
}

void a_to_b(struct world *world, const char *text) {
    pass(world, &world->a_session, &world->a, &world->b_session, &world->b, text);
}

void b_to_a(struct world *world, const char *text) {
    pass(world, &world->b_session, &world->b, &world->a_session, &world->a, text);
}

void snapshot_take(const struct session *session, struct snapshot *snapshot) {
    buffer_init(&snapshot->bytes, 1u << 20);
    assert_int_equal(session_save(session, &snapshot->bytes), OK);
    for (size_t i = 0; i < session->skipped_count; i++) {
        const struct skipped_key *key = &session->skipped[i];
        uint8_t number[4];
        put_u32(number, key->n);
        assert_int_equal(buffer_append(&snapshot->bytes, bytes_of(key->chain_id)), OK);
        assert_int_equal(buffer_append(&snapshot->bytes, bytes_of(number)), OK);
        assert_int_equal(buffer_append(&snapshot->bytes, bytes_of(key->key.bytes)), OK);
    }
    for (size_t i = 0; i < session->past_count; i++) {
        assert_int_equal(buffer_append(&snapshot->bytes, bytes_of(session->past[i].chain_id)), OK);
    }
}

void snapshot_compare(const struct session *session, const struct snapshot *snapshot) {
    struct snapshot now;
    snapshot_take(session, &now);
    assert_int_equal(now.bytes.size, snapshot->bytes.size);
    assert_memory_equal(now.bytes.data, snapshot->bytes.data, now.bytes.size);
    snapshot_clear(&now);
}

void snapshot_clear(struct snapshot *snapshot) {
    buffer_clear(&snapshot->bytes);
}

void forge_number(const struct session *from, uint32_t n, const char *text,
                  struct buffer *envelope) {
    static const uint8_t IV[CBC_IV_BYTES];
    struct chain chain = from->sending;
    struct secret_32 key;
    uint8_t number[4];
    put_u32(number, n);
    /* A number that nobody could count to: any key will do, the message is to be refused before. */
    while (chain.next < n && n < 100000) {
        assert_int_equal(chain_step(&chain.key, NULL), OK);
        chain.next++;
    }
    assert_int_equal(chain_step(&chain.key, &key), OK);
    size_t at = envelope->size;
    assert_int_equal(buffer_append(envelope, bytes_make(from->header, from->header_size)), OK);
    assert_int_equal(buffer_append(envelope, bytes_of(number)), OK);
    assert_int_equal(
        message_seal(&key, n, from->th, from->role, IV, bytes_of_string(text), at, envelope), OK);
}
