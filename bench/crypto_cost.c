/* SPDX-License-Identifier: ISC */
/* What sotto/1 costs beside OpenSSL's own part of it, and how many bytes it adds.
 *
 *   crypto-cost [ROUNDS]
 *
 * Prints lines "time NAME OURS_NS OPENSSL_NS" (the best of ROUNDS rounds each, thread CPU time),
 * "junk NAME MESSAGES CPU_NS" and "size NAME VALUE". Both sides of a time do the same work: what
 * docs/PROTOCOL.md 1.5 to 1.7 calls for. */
#include "crypto_raw.h"

#include "base/require.h"
#include "session/chain.h"
#include "session/handshake.h"
#include "session/message.h"
#include "session/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW_MS (UINT64_C(1800000000) * SECOND_MS)

enum { ROUNDS = 25, HANDSHAKES = 8, MESSAGES = 640, BODY_BYTES = 200, CERT_BODY = 3546 };

struct person {
    struct account_keys account;
    struct device_keys keys;
    uint8_t certificate[CERTIFICATE_BYTES];
    struct certificate parsed;
    struct device_pairs *pairs;
    struct own_device own;
    struct prekey_secret set;
    struct prekey_secret one_time;
    uint8_t bundle[CERTIFICATE_BYTES + PREKEY_SET_BYTES + ONE_TIME_PREKEY_BYTES];
};

struct bench {
    struct entropy entropy;
    struct raw raw;
    struct person a;
    struct person b;
    struct session a_session;
    struct session b_session;
    struct buffer first; /* an INITIAL from a to b */
    EVP_PKEY *dh;        /* some X25519 key in OpenSSL's form */
    EVP_PKEY *rsa;       /* b's certified keys */
    EVP_PKEY *kem;
    uint8_t body[BODY_BYTES];
    struct buffer wires[MESSAGES];
    uint8_t sink[4096];
};

static uint64_t cpu_ns(void) {
    struct timespec at;
    require(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at) == 0);
    return (uint64_t)at.tv_sec * UINT64_C(1000000000) + (uint64_t)at.tv_nsec;
}

/* ---- people ------------------------------------------------------------------------------- */

static void person_make(const struct entropy *entropy, const char *name, struct person *person) {
    struct user_name user;
    uint8_t *set = person->bundle + CERTIFICATE_BYTES;
    uint8_t *one_time = set + PREKEY_SET_BYTES;
    require(user_name_parse(bytes_of_string(name), &user) == OK);
    require(account_keys_generate(entropy, &person->account) == OK);
    require(device_keys_generate(entropy, &person->keys) == OK);
    require(certificate_make(&person->account, &person->keys, &user, 1, NOW_MS,
                             person->certificate) == OK);
    require(certificate_parse(bytes_of(person->certificate), &person->parsed) == OK);
    require(device_pairs_new(&person->keys, &person->pairs) == OK);
    require(prekey_set_make(entropy, &person->keys, person->parsed.cid, 1, NOW_MS, &person->set,
                            set) == OK);
    require(one_time_prekey_make(entropy, &person->keys, person->parsed.cid, NOW_MS,
                                 &person->one_time, one_time) == OK);
    memcpy(person->bundle, person->certificate, CERTIFICATE_BYTES);
    person->own = (struct own_device){.certificate = person->certificate,
                                      .parsed = &person->parsed,
                                      .keys = &person->keys,
                                      .pairs = person->pairs};
}

static void person_clear(struct person *person) {
    device_pairs_free(person->pairs);
    account_keys_clear(&person->account);
    device_keys_clear(&person->keys);
    prekey_secret_clear(&person->set);
    prekey_secret_clear(&person->one_time);
}

/* ---- messages ----------------------------------------------------------------------------- */

static void seal_one(struct bench *bench, struct session *from, const struct person *person,
                     struct buffer *wire) {
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    buffer_reset(wire);
    require(session_seal(from, &person->own, &bench->entropy, NOW_MS, bytes_of(bench->body), wire,
                         chain_id, &n) == OK);
}

static void open_one(struct session *to, const struct person *person, struct buffer *wire) {
    struct session_change change;
    struct buffer body;
    buffer_init(&body, BODY_MAX_BYTES);
    require(session_open(to, &person->own, buffer_view(wire), NOW_MS, &body, &change) == OK);
    require(body.size == BODY_BYTES);
    buffer_clear(&body);
}

static void a_to_b(struct bench *bench) {
    seal_one(bench, &bench->a_session, &bench->a, &bench->wires[0]);
    open_one(&bench->b_session, &bench->b, &bench->wires[0]);
}

static void b_to_a(struct bench *bench) {
    seal_one(bench, &bench->b_session, &bench->b, &bench->wires[0]);
    open_one(&bench->a_session, &bench->a, &bench->wires[0]);
}

/* ---- session set-up ----------------------------------------------------------------------- */

static void initiate(struct bench *bench, struct session *session) {
    struct bundle bundle;
    const struct person *peer = &bench->b;
    require(bundle_verify(bytes_of(peer->bundle), &peer->parsed.name, NOW_MS, peer->parsed.afp,
                          &bundle) == OK);
    require(session_start(&bench->a.own, &bundle, &bench->entropy, NOW_MS, session) == OK);
}

static void respond(struct bench *bench, struct session *session) {
    struct initial initial;
    struct certificate peer;
    struct buffer body;
    buffer_init(&body, BODY_MAX_BYTES);
    require(initial_parse(buffer_view(&bench->first), &initial) == OK);
    require(certificate_verify(initial.certificate, NOW_MS, PRIVATE_KEY_GRACE_MS, &peer) == OK);
    require(session_accept(&bench->b.own, &peer, &initial, &bench->b.set, &bench->b.one_time,
                           NOW_MS, session, &body) == OK);
    require(body.size == BODY_BYTES);
    buffer_clear(&body);
}

/* A certificate: both signatures, the ML-KEM key, cid and afp. */
static void raw_certificate(struct bench *bench, const struct person *person) {
    const uint8_t *data = person->certificate;
    uint8_t input[1 + 16 + CERT_BODY];
    size_t size = sizeof(input);
    struct raw *raw = &bench->raw;
    const struct bytes label = bytes_of_string("_sotto/1 sig cert");
    memcpy(input, label.data, label.size);
    input[0] = (uint8_t)(label.size - 1);
    memcpy(input + label.size, data, CERT_BODY);
    raw_verify(raw, "ED25519", person->parsed.account_ed25519, 32, input, size, data + CERT_BODY,
               64);
    raw_verify(raw, "ML-DSA-65", person->parsed.account_mldsa, MLDSA_PUBLIC_BYTES, input, size,
               data + CERT_BODY + 64, MLDSA_SIGNATURE_BYTES);
    raw_sha256(raw, data, CERT_BODY, bench->sink);
    raw_sha256(raw, data, 32 + MLDSA_PUBLIC_BYTES, bench->sink);
}

/* A signed prekey object: signature, hash. OpenSSL's time does not depend on the bytes, so that
 * the certificate's own signature stands in for the object's. */
static void raw_prekey(struct bench *bench, const struct person *person, size_t body_size,
                       const uint8_t *object, const char *label) {
    uint8_t input[64 + PREKEY_SET_BODY_BYTES];
    size_t label_size = strlen(label);
    input[0] = (uint8_t)label_size;
    memcpy(input + 1, label, label_size);
    memcpy(input + 1 + label_size, object, body_size);
    raw_verify(&bench->raw, "ED25519", person->parsed.signing, 32, input,
               1 + label_size + body_size, object + body_size, 64);
    raw_sha256(&bench->raw, object, body_size, bench->sink);
}

/* th, sid, prk and the root key. */
static void raw_root(struct bench *bench) {
    struct raw *raw = &bench->raw;
    const uint8_t zero[32] = {0};
    uint8_t prk[32];
    raw_sha256(raw, bench->sink, 2500, bench->sink);
    raw_sha256(raw, bench->sink, 44, bench->sink);
    raw_hmac(raw, zero, bench->sink, 224, prk);
    raw_expand(raw, prk, bench->sink, 47, bench->sink, 32);
}

static void raw_initiate(struct bench *bench) {
    const struct person *peer = &bench->b;
    const uint8_t *set = peer->bundle + CERTIFICATE_BYTES;
    const uint8_t *one_time = set + PREKEY_SET_BYTES;
    uint8_t ciphertext[KEM_CIPHERTEXT_BYTES];
    raw_certificate(bench, peer);
    raw_prekey(bench, peer, PREKEY_SET_BODY_BYTES, set, "sotto/1 sig prekeys");
    raw_prekey(bench, peer, ONE_TIME_PREKEY_BODY_BYTES, one_time, "sotto/1 sig otk");
    EVP_PKEY *identity = raw_kem_import(peer->parsed.kem);
    EVP_PKEY *last_resort = raw_kem_import(set + 86);
    EVP_PKEY *prekey = raw_kem_import(one_time + 78);
    EVP_PKEY *ek = raw_dh_generate(bench->sink);
    raw_dh(bench->dh, peer->parsed.dh, bench->sink);
    for (size_t i = 0; i < 3; i++) {
        raw_dh(ek, peer->parsed.dh, bench->sink);
    }
    raw_random(bench->sink, 32);
    raw_rsa_encrypt(peer->parsed.rsa, bench->sink, ciphertext);
    raw_kem_encapsulate(identity, ciphertext, bench->sink);
    raw_kem_encapsulate(prekey, ciphertext, bench->sink);
    raw_root(bench);
    EVP_PKEY_free(ek);
    EVP_PKEY_free(prekey);
    EVP_PKEY_free(last_resort);
    EVP_PKEY_free(identity);
}

/* ---- one message -------------------------------------------------------------------------- */

/* The chain step, the message keys and the tag over a message with `header` bytes of header. */
static void raw_message_keys(struct bench *bench, size_t header) {
    struct raw *raw = &bench->raw;
    const uint8_t one = 1;
    const uint8_t two = 2;
    uint8_t key[32] = {0};
    raw_hmac(raw, key, &one, 1, bench->sink);
    raw_hmac(raw, key, &two, 1, key);
    raw_expand(raw, key, bench->sink, 16, bench->sink, 64);
    raw_hmac(raw, key, bench->sink, 12 + 32 + 5 + header + 16 + 256, bench->sink);
}

static void raw_seal(struct bench *bench, size_t header) {
    uint8_t iv[16];
    raw_random(iv, sizeof(iv));
    raw_message_keys(bench, header);
    raw_encrypt(&bench->raw, bench->sink, iv, bench->sink + 64, bench->sink + 512);
}

static void raw_open(struct bench *bench, const uint8_t cipher[256], const uint8_t iv[16],
                     const uint8_t key[32], size_t header) {
    raw_message_keys(bench, header);
    raw_decrypt(&bench->raw, key, iv, cipher, bench->sink + 1024);
}

/* The root step of a new chain whose header has `header` bytes. */
static void raw_chain(struct bench *bench, size_t header) {
    uint8_t root[32] = {0};
    raw_sha256(&bench->raw, bench->sink, 14 + header, bench->sink);
    raw_hmac(&bench->raw, root, bench->sink, 64, root);
    raw_expand(&bench->raw, root, bench->sink, 45, bench->sink, 64);
}

/* A ciphertext that OpenSSL opens: its padding has to be right. */
struct sample {
    uint8_t key[32];
    uint8_t iv[16];
    uint8_t cipher[256];
};

static void sample_make(struct bench *bench, struct sample *sample) {
    uint8_t plain[255] = {0};
    memset(sample, 7, sizeof(*sample));
    raw_encrypt(&bench->raw, sample->key, sample->iv, plain, sample->cipher);
}

static void raw_respond(struct bench *bench, const struct sample *sample) {
    struct initial initial;
    struct message message;
    require(initial_parse(buffer_view(&bench->first), &initial) == OK);
    require(message_parse(initial.full, &message) == OK);
    const struct hello_tail *tail =
        (const struct hello_tail *)(initial.hello.data + 2 + CERTIFICATE_BYTES);
    raw_certificate(bench, &bench->a);
    EVP_PKEY *peer = raw_kem_import(bench->a.parsed.kem);
    EVP_PKEY *one_time = raw_kem_pair(bench->b.one_time.kem.bytes);
    for (size_t i = 0; i < 5; i++) { /* DH1 to DH4 and the chain's */
        raw_dh(bench->dh, tail->ek, bench->sink);
    }
    raw_kem_decapsulate(one_time, tail->ct_prekey, bench->sink);
    raw_kem_decapsulate(bench->kem, tail->ct_identity, bench->sink);
    raw_rsa_decrypt(bench->rsa, tail->ct_rsa, bench->sink);
    raw_root(bench);
    EVP_PKEY *ek = raw_kem_import(message.chain.ek);
    raw_chain(bench, message.chain.whole.size);
    raw_open(bench, sample->cipher, sample->iv, sample->key, message.header.size);
    EVP_PKEY_free(ek);
    EVP_PKEY_free(one_time);
    EVP_PKEY_free(peer);
}

/* ---- rows --------------------------------------------------------------------------------- */

struct row {
    uint64_t ours;
    uint64_t raw;
};

static void best(struct row *row, uint64_t ours, uint64_t raw, uint64_t count) {
    row->ours = row->ours == 0 || ours / count < row->ours ? ours / count : row->ours;
    row->raw = row->raw == 0 || raw / count < row->raw ? raw / count : row->raw;
}

static void print_row(const char *name, const struct row *row) {
    printf("time %s %llu %llu\n", name, (unsigned long long)row->ours,
           (unsigned long long)row->raw);
}

static void set_up_rows(struct bench *bench, unsigned rounds) {
    struct row begin = {0};
    struct row accept = {0};
    struct sample sample;
    sample_make(bench, &sample);
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t at = cpu_ns();
        for (size_t i = 0; i < HANDSHAKES; i++) {
            struct session session;
            initiate(bench, &session);
            session_clear(&session);
        }
        uint64_t half = cpu_ns();
        for (size_t i = 0; i < HANDSHAKES; i++) {
            raw_initiate(bench);
        }
        best(&begin, half - at, cpu_ns() - half, HANDSHAKES);
        at = cpu_ns();
        for (size_t i = 0; i < HANDSHAKES; i++) {
            struct session session;
            respond(bench, &session);
            session_clear(&session);
        }
        half = cpu_ns();
        for (size_t i = 0; i < HANDSHAKES; i++) {
            raw_respond(bench, &sample);
        }
        best(&accept, half - at, cpu_ns() - half, HANDSHAKES);
    }
    print_row("begin", &begin);
    print_row("accept", &accept);
}

/* Header bytes of a message in a chain without optional fields: FULL for every sixteenth. */
static size_t header_of(size_t i) {
    return i % FULL_EVERY_MESSAGES == 0 ? CHAIN_HEADER_MIN_BYTES + 4 : COMPACT_HEADER_BYTES;
}

static void chain_rows(struct bench *bench, unsigned rounds) {
    struct row sealing = {0};
    struct row opening = {0};
    struct sample sample;
    sample_make(bench, &sample);
    for (unsigned round = 0; round < rounds; round++) {
        b_to_a(bench); /* a new chain of a begins */
        a_to_b(bench);
        uint64_t at = cpu_ns();
        for (size_t i = 0; i < MESSAGES; i++) {
            seal_one(bench, &bench->a_session, &bench->a, &bench->wires[i]);
        }
        uint64_t half = cpu_ns();
        for (size_t i = 0; i < MESSAGES; i++) {
            raw_seal(bench, header_of(i));
        }
        best(&sealing, half - at, cpu_ns() - half, MESSAGES);
        at = cpu_ns();
        for (size_t i = 0; i < MESSAGES; i++) {
            open_one(&bench->b_session, &bench->b, &bench->wires[i]);
        }
        half = cpu_ns();
        for (size_t i = 0; i < MESSAGES; i++) {
            raw_open(bench, sample.cipher, sample.iv, sample.key, header_of(i));
        }
        best(&opening, half - at, cpu_ns() - half, MESSAGES);
    }
    print_row("seal", &sealing);
    print_row("open", &opening);
}

/* One message whose sender turns the ratchet: sealed and opened. */
static void raw_turn(struct bench *bench, const struct sample *sample, unsigned flags) {
    size_t header = CHAIN_HEADER_MIN_BYTES;
    uint8_t seed[64] = {1};
    uint8_t ciphertext[KEM_CIPHERTEXT_BYTES];
    EVP_PKEY *own = raw_dh_generate(bench->sink);
    raw_dh(own, bench->a.parsed.dh, bench->sink);
    raw_dh(bench->dh, bench->a.parsed.dh, bench->sink);
    if ((flags & CHAIN_EK) != 0) { /* a key is made, and checked by who gets it */
        EVP_PKEY_free(raw_kem_pair(seed));
        EVP_PKEY_free(raw_kem_import(bench->b.parsed.kem));
        header += KEM_PUBLIC_BYTES;
    }
    if ((flags & CHAIN_CT) != 0) { /* answered, and opened under the stored seed */
        EVP_PKEY *key = raw_kem_import(bench->b.parsed.kem);
        EVP_PKEY *pair = raw_kem_pair(bench->b.keys.kem.bytes);
        raw_kem_encapsulate(key, ciphertext, bench->sink);
        raw_kem_decapsulate(pair, ciphertext, bench->sink);
        EVP_PKEY_free(pair);
        EVP_PKEY_free(key);
        header += KEM_CIPHERTEXT_BYTES;
    }
    raw_chain(bench, header);
    raw_chain(bench, header);
    raw_seal(bench, header + 4);
    raw_open(bench, sample->cipher, sample->iv, sample->key, header + 4);
    EVP_PKEY_free(own);
}

/* Ping-pong with its post-quantum steps, and what it adds to the base of 342 bytes. */
static void turn_rows(struct bench *bench, unsigned rounds) {
    enum { TURNS = 33 * 4 };
    struct row turning = {0};
    uint8_t flags[TURNS];
    struct sample sample;
    sample_make(bench, &sample);
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t at = cpu_ns();
        for (size_t i = 0; i < TURNS; i++) {
            if (i % 2 == 0) {
                b_to_a(bench);
            } else {
                a_to_b(bench);
            }
            flags[i] = bench->wires[0].data[18];
        }
        uint64_t half = cpu_ns();
        for (size_t i = 0; i < TURNS; i++) {
            raw_turn(bench, &sample, flags[i]);
        }
        best(&turning, half - at, cpu_ns() - half, TURNS);
    }
    print_row("turn", &turning);
}

/* ---- junk --------------------------------------------------------------------------------- */

/* 1,000 forged messages of a's session at b: right lengths, random bytes. */
enum junk { JUNK_COMPACT, JUNK_FULL, JUNK_NEW_CHAIN, JUNK_NEW_CHAIN_FAR, JUNK_KINDS };

static void junk_make(struct bench *bench, enum junk kind, struct buffer *wire) {
    const struct session *from = &bench->a_session;
    const struct session *to = &bench->b_session;
    uint8_t header[CHAIN_HEADER_MAX_BYTES];
    uint8_t garbage[DH_PUBLIC_BYTES + KEM_CIPHERTEXT_BYTES];
    uint8_t rest[4 + CBC_IV_BYTES + 256 + TAG_BYTES];
    size_t size = from->header_size;
    raw_random(garbage, sizeof(garbage));
    raw_random(rest, sizeof(rest));
    put_u32(rest, kind == JUNK_NEW_CHAIN ? 0 : SKIP_MAX_MESSAGES);
    memcpy(header, from->header, size);
    if (kind == JUNK_COMPACT) {
        size = COMPACT_HEADER_BYTES - 4;
        header[1] = ENVELOPE_COMPACT;
        memcpy(header + 18, from->sending.id, CHAIN_ID_BYTES);
    } else if (kind != JUNK_FULL) {
        const struct chain_header fields = {.sid = from->sid,
                                            .flags = to->has_kem_secret ? CHAIN_CT : 0,
                                            .dh = garbage,
                                            .pn = to->receiving.next,
                                            .ct = garbage + DH_PUBLIC_BYTES};
        size = chain_header_write(&fields, header);
    }
    buffer_reset(wire);
    require(buffer_append(wire, bytes_make(header, size)) == OK);
    require(buffer_append(wire, bytes_of(rest)) == OK);
}

static void junk_rows(struct bench *bench) {
    static const char *const NAMES[JUNK_KINDS] = {"COMPACT_2000_ahead", "FULL_2000_ahead",
                                                  "FULL_new_chain", "FULL_new_chain_2000_ahead"};
    enum { JUNK = 500 };
    for (enum junk kind = JUNK_COMPACT; kind < JUNK_KINDS; kind++) {
        uint64_t took = 0;
        session_clear(&bench->a_session);
        session_clear(&bench->b_session);
        initiate(bench, &bench->a_session);
        seal_one(bench, &bench->a_session, &bench->a, &bench->first);
        respond(bench, &bench->b_session);
        if (kind >= JUNK_NEW_CHAIN) {
            b_to_a(bench); /* now a may begin another chain */
        }
        for (size_t half = 0; half < 2; half++) {
            for (size_t i = 0; i < JUNK; i++) {
                junk_make(bench, kind, &bench->wires[i]);
            }
            uint64_t at = cpu_ns();
            for (size_t i = 0; i < JUNK; i++) {
                struct session_change change;
                struct buffer body;
                enum envelope_type type;
                uint8_t sid[SESSION_ID_BYTES];
                struct bytes wire = buffer_view(&bench->wires[i]);
                buffer_init(&body, BODY_MAX_BYTES);
                require(envelope_inspect(wire, &type, sid) == OK);
                require(session_open(&bench->b_session, &bench->b.own, wire, NOW_MS, &body,
                                     &change) != OK);
                require(body.size == 0);
            }
            took += cpu_ns() - at;
        }
        printf("junk %s %d %llu\n", NAMES[kind], 2 * JUNK, (unsigned long long)took);
    }
}

/* ---- sizes -------------------------------------------------------------------------------- */

/* Bytes beside the base, averaged over whole rounds of post-quantum steps; in tenths. */
static unsigned long overhead(struct bench *bench, size_t burst, size_t turns) {
    size_t total = 0;
    require(burst > 0 && turns > 0);
    for (size_t turn = 0; turn < turns; turn++) {
        for (size_t i = 0; i < burst; i++) {
            if (turn % 2 == 0) {
                b_to_a(bench);
            } else {
                a_to_b(bench);
            }
            total += bench->wires[0].size - ENVELOPE_MIN_BYTES;
        }
    }
    return (unsigned long)(10 * total / (burst * turns));
}

static size_t row_size(const struct session *session) {
    struct buffer row;
    buffer_init(&row, 1u << 16);
    require(session_save(session, &row) == OK);
    size_t size = row.size;
    buffer_clear(&row);
    return size;
}

static void larger(size_t *largest, const struct session *session) {
    size_t size = row_size(session);
    *largest = size > *largest ? size : *largest;
}

/* The largest row that a conversation leaves at either end. */
static size_t largest_row(struct bench *bench) {
    size_t largest = 0;
    session_clear(&bench->a_session);
    session_clear(&bench->b_session);
    initiate(bench, &bench->a_session);
    larger(&largest, &bench->a_session);
    seal_one(bench, &bench->a_session, &bench->a, &bench->first);
    larger(&largest, &bench->a_session);
    respond(bench, &bench->b_session);
    larger(&largest, &bench->b_session);
    for (size_t turn = 0; turn < 100; turn++) {
        bool is_b = turn % 2 == 0;
        seal_one(bench, is_b ? &bench->b_session : &bench->a_session, is_b ? &bench->b : &bench->a,
                 &bench->wires[0]);
        larger(&largest, &bench->a_session);
        larger(&largest, &bench->b_session);
        open_one(is_b ? &bench->a_session : &bench->b_session, is_b ? &bench->a : &bench->b,
                 &bench->wires[0]);
        larger(&largest, &bench->a_session);
        larger(&largest, &bench->b_session);
    }
    return largest;
}

static void print_sizes(struct bench *bench) {
    printf("size base %d\n", ENVELOPE_MIN_BYTES);
    printf("size first_message %zu\n", bench->first.size);
    b_to_a(bench);
    printf("size first_reply %zu\n", bench->wires[0].size);
    a_to_b(bench);
    printf("size ping_pong_tenths %lu\n", overhead(bench, 1, 33UL * 40));
    printf("size bursts_tenths %lu\n", overhead(bench, 50, 40));
    printf("size session %zu\n", largest_row(bench));
}

int main(int argc, char **argv) {
    static struct bench bench;
    unsigned rounds = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : ROUNDS;
    if (argc > 2 || rounds == 0) {
        (void)fprintf(stderr, "Usage: crypto-cost [ROUNDS]\n");
        return 2;
    }
    bench.entropy = entropy_system();
    raw_init(&bench.raw);
    person_make(&bench.entropy, "alice", &bench.a);
    person_make(&bench.entropy, "bob", &bench.b);
    buffer_init(&bench.first, ENVELOPE_MAX_BYTES);
    for (size_t i = 0; i < MESSAGES; i++) {
        buffer_init(&bench.wires[i], ENVELOPE_MAX_BYTES);
    }
    bench.dh = raw_dh_pair(bench.b.keys.dh.bytes);
    bench.kem = raw_kem_pair(bench.b.keys.kem.bytes);
    bench.rsa = raw_rsa_pair(bench.b.keys.rsa.pkcs8, bench.b.keys.rsa.size);
    initiate(&bench, &bench.a_session);
    seal_one(&bench, &bench.a_session, &bench.a, &bench.first);
    respond(&bench, &bench.b_session);
    print_sizes(&bench);
    b_to_a(&bench);
    a_to_b(&bench);
    set_up_rows(&bench, rounds);
    chain_rows(&bench, rounds);
    turn_rows(&bench, rounds);
    junk_rows(&bench);
    session_clear(&bench.a_session);
    session_clear(&bench.b_session);
    person_clear(&bench.a);
    person_clear(&bench.b);
    for (size_t i = 0; i < MESSAGES; i++) {
        buffer_clear(&bench.wires[i]);
    }
    buffer_clear(&bench.first);
    EVP_PKEY_free(bench.dh);
    EVP_PKEY_free(bench.kem);
    EVP_PKEY_free(bench.rsa);
    raw_clear(&bench.raw);
    return 0;
}
