/* SPDX-License-Identifier: ISC */
/* A thief who works with the server. With the private prekey set of a reader he writes first
 * flights in the name of anybody (docs/PROTOCOL.md 2, P5): he knows DH1 from the other side. With
 * the device keys of a writer he is the writer, until the certificate is replaced. */
#include "sim.h"

#include "base/require.h"
#include "session/handshake.h"
#include "wire/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUNDLE_MAX_BYTES = CERTIFICATE_BYTES + PREKEY_SET_BYTES + ONE_TIME_PREKEY_BYTES };

/** What a thief took, and what he has made of it. */
struct stolen {
    uint8_t writer; /**< in whose name */
    uint8_t reader;
    uint8_t writer_life;
    uint8_t reader_life;
    bool is_device;                /**< the writer's device keys; else the reader's prekey set */
    struct device device;          /**< of the writer */
    struct prekey_secret set;      /**< of the reader */
    uint8_t old[BUNDLE_MAX_BYTES]; /**< the reader's bundle of the day of the theft, no one-time key
                                    */
    struct session session;
};

/* ---- what the server holds
 * -------------------------------------------------------------------------- */

/* Has an operation carried out in the server's own store. */
static bool run(struct sim *sim, struct store_op *op) {
    struct store_batch batch = {.now_ms = sim->wall_ms, .first = op, .count = 1};
    sim_must(sim, sqlite_store_run(sim->disk, &batch), "a batch of the thief's");
    return op->result == OK;
}

static uint64_t account_of(struct sim *sim, uint8_t whose) {
    struct store_op *op = store_op_new(STORE_MAILBOX);
    require(op != NULL);
    op->login->name = person_name(&sim->people[whose]);
    uint64_t account = run(sim, op) ? op->login->account : 0;
    store_op_free(op);
    return account;
}

/* The server takes a bundle out of its own store, as if another one had asked. */
static bool take_bundle(struct sim *sim, uint8_t whose, uint8_t out[BUNDLE_MAX_BYTES],
                        size_t *size) {
    uint64_t requester = account_of(sim, (uint8_t)((whose + 1U) % sim->crowd));
    struct store_op *op = store_op_new(STORE_BUNDLE);
    require(op != NULL);
    op->bundle->name = person_name(&sim->people[whose]);
    op->bundle->requester = requester;
    bool is_there = requester != 0 && run(sim, op);
    if (is_there) {
        memcpy(out, op->bundle->certificate, CERTIFICATE_BYTES);
        memcpy(out + CERTIFICATE_BYTES, op->bundle->set, PREKEY_SET_BYTES);
        *size = CERTIFICATE_BYTES + PREKEY_SET_BYTES;
        if (op->bundle->has_one_time) {
            memcpy(out + *size, op->bundle->one_time, ONE_TIME_PREKEY_BYTES);
            *size += ONE_TIME_PREKEY_BYTES;
        }
    }
    store_op_free(op);
    return is_there;
}

void forger_clear(struct sim *sim) {
    if (sim->stolen != NULL) {
        session_clear(&sim->stolen->session);
        device_clear(&sim->stolen->device);
        prekey_secret_clear(&sim->stolen->set);
        free(sim->stolen);
        sim->stolen = NULL;
    }
}

/* ---- the theft
 * ---------------------------------------------------------------------------------------- */

static bool steal_set(struct sim *sim, struct stolen *stolen) {
    struct person *reader = &sim->people[stolen->reader];
    const struct user_name name = person_name(reader);
    uint8_t data[BUNDLE_MAX_BYTES];
    struct bundle bundle;
    size_t size = 0;
    if (!take_bundle(sim, stolen->reader, data, &size) ||
        bundle_verify(bytes_make(data, size), &name, sim->wall_ms, NULL, &bundle) != OK) {
        return false;
    }
    memcpy(stolen->old, data, sizeof(stolen->old));
    return reader->real.prekey_get(reader->real.context, bundle.certificate.cid, false,
                                   bundle.set.id, &stolen->set) == OK;
}

static bool steal_device(struct sim *sim, struct stolen *stolen) {
    struct person *writer = &sim->people[stolen->writer];
    struct account account;
    return account_load(&writer->real, &account) == OK &&
           device_load(&writer->real, account.cid, &stolen->device) == OK;
}

void forger_steal(struct sim *sim) {
    forger_clear(sim);
    struct stolen *stolen = calloc(1, sizeof(*stolen));
    require(stolen != NULL);
    stolen->reader = (uint8_t)choose(&sim->chance, "from whom", (uint32_t)sim->crowd);
    stolen->writer = (uint8_t)((stolen->reader + 1 +
                                choose(&sim->chance, "in whose name", (uint32_t)sim->crowd - 1)) %
                               sim->crowd);
    stolen->is_device = choose(&sim->chance, "which keys", 4) == 3;
    stolen->reader_life = sim->people[stolen->reader].life;
    stolen->writer_life = sim->people[stolen->writer].life;
    sim->stolen = stolen;
    if (!(stolen->is_device ? steal_device(sim, stolen) : steal_set(sim, stolen))) {
        forger_clear(sim);
        return;
    }
    sim_say(sim, "the %s of %s are stolen", stolen->is_device ? "device keys" : "prekeys",
            sim->people[stolen->is_device ? stolen->writer : stolen->reader].name);
}

/* ---- a first flight
 * ----------------------------------------------------------------------------------- */

/** What went into a handshake of the thief's own. */
struct recorder {
    struct entropy inner;
    struct secret_32 first; /**< EK_A */
    bool has_first;
    struct secret_32 rsa;
    struct secret_32 shared[2]; /**< identity, prekey */
    size_t count;
};

static enum error record_fill(void *context, uint8_t *out, size_t size) {
    struct recorder *recorder = context;
    enum error error = recorder->inner.fill(recorder->inner.context, out, size);
    if (!recorder->has_first && size == sizeof(recorder->first.bytes)) {
        memcpy(recorder->first.bytes, out, size);
        recorder->has_first = true;
    }
    return error;
}

static enum error record_encapsulate(void *context, const uint8_t public_key[KEM_PUBLIC_BYTES],
                                     uint8_t ciphertext[KEM_CIPHERTEXT_BYTES],
                                     struct secret_32 *shared) {
    struct recorder *recorder = context;
    enum error error =
        recorder->inner.encapsulate(recorder->inner.context, public_key, ciphertext, shared);
    recorder->shared[recorder->count++ % 2] = *shared;
    return error;
}

static enum error record_encrypt(void *context, const uint8_t modulus[RSA_MODULUS_BYTES],
                                 uint8_t ciphertext[RSA_CIPHERTEXT_BYTES],
                                 struct secret_32 *secret) {
    struct recorder *recorder = context;
    enum error error =
        recorder->inner.encrypt(recorder->inner.context, modulus, ciphertext, secret);
    recorder->rsa = *secret;
    return error;
}

/* The root key as the reader computes it: DH1 from the reader's side. */
static enum error forge_root(const struct stolen *stolen, const struct recorder *recorder,
                             const struct certificate *writer, const struct bundle *reader,
                             struct session *session) {
    struct handshake_secrets secrets = {.ss_prekey = recorder->shared[1],
                                        .ss_identity = recorder->shared[0],
                                        .s_rsa = recorder->rsa};
    struct secret_32 prk;
    enum error error = dh_derive(&stolen->set.dh, writer->dh, &secrets.dh[0]);
    if (error == OK) {
        error = dh_derive(&recorder->first, reader->certificate.dh, &secrets.dh[1]);
    }
    if (error == OK) {
        error = dh_derive(&recorder->first, reader->set.dh, &secrets.dh[2]);
    }
    if (error == OK && reader->has_one_time) {
        error = dh_derive(&recorder->first, reader->one_time.dh, &secrets.dh[3]);
    }
    return error == OK ? handshake_root(&secrets, session->th, &prk, &session->root) : error;
}

/* The reader's bundle as of now, or the old one when the stolen set is not in it any more. */
static bool choose_bundle(struct sim *sim, const struct stolen *stolen, struct bundle *bundle) {
    const struct user_name name = person_name(&sim->people[stolen->reader]);
    uint8_t data[BUNDLE_MAX_BYTES];
    size_t size = 0;
    bool is_good = take_bundle(sim, stolen->reader, data, &size) &&
                   bundle_verify(bytes_make(data, size), &name, sim->wall_ms, NULL, bundle) == OK;
    if (stolen->is_device || (is_good && bundle->set.id == stolen->set.id &&
                              memcmp(bundle->certificate.cid, stolen->set.cid, HASH_BYTES) == 0)) {
        return is_good;
    }
    return bundle_verify(bytes_make(stolen->old, CERTIFICATE_BYTES + PREKEY_SET_BYTES), &name,
                         sim->wall_ms, NULL, bundle) == OK;
}

static bool begin_session(struct sim *sim, struct stolen *stolen, struct own_device *own,
                          struct entropy *entropy) {
    static struct device fake;
    static struct bundle bundle;
    struct recorder recorder = {.inner = *entropy};
    struct entropy recording = {.context = &recorder,
                                .fill = record_fill,
                                .encapsulate = record_encapsulate,
                                .encrypt = record_encrypt};
    uint8_t data[BUNDLE_MAX_BYTES];
    size_t size = 0;
    session_clear(&stolen->session);
    if (!choose_bundle(sim, stolen, &bundle)) {
        return false;
    }
    if (stolen->is_device) {
        *own = device_view(&stolen->device);
        return session_start(own, &bundle, entropy, sim->wall_ms, &stolen->session) == OK;
    }
    if (!take_bundle(sim, stolen->writer, data, &size)) {
        return false;
    }
    memset(&fake, 0, sizeof(fake));
    memcpy(fake.certificate, data, CERTIFICATE_BYTES);
    fake.keys.dh.bytes[0] = 1;
    *own = device_view(&fake);
    return certificate_parse(bytes_of(fake.certificate), &fake.parsed) == OK &&
           session_start(own, &bundle, &recording, sim->wall_ms, &stolen->session) == OK &&
           forge_root(stolen, &recorder, &fake.parsed, &bundle, &stolen->session) == OK;
}

/* ---- what is written
 * ---------------------------------------------------------------------------------- */

/* With a key that the reader meets for the first time a forged flight is like any first contact. */
static bool has_confirmed_session(const struct person *reader, const struct person *writer,
                                  const uint8_t afp[HASH_BYTES]) {
    struct session_info all[SESSIONS_PER_PEER_MAX];
    size_t count = SESSIONS_PER_PEER_MAX;
    const struct user_name name = person_name(writer);
    if (reader->real.session_list(reader->real.context, &name, all, &count) != OK) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (all[i].is_confirmed && all[i].is_active && memcmp(all[i].afp, afp, HASH_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the reader has seen a newer certificate than the stolen one. */
static bool is_replaced(const struct person *reader, const struct stolen *stolen) {
    struct stored_identity identity;
    return stolen->is_device &&
           reader->real.identity_get(reader->real.context, stolen->device.parsed.afp, &identity) ==
               OK &&
           identity.epoch > stolen->device.parsed.epoch;
}

/* 2: may not be shown at all. 1: may not be shown as confirmed. 0: nobody can tell. */
static unsigned rank(const struct sim *sim, const struct stolen *stolen) {
    const struct person *reader = &sim->people[stolen->reader];
    const struct person *writer = &sim->people[stolen->writer];
    if (is_replaced(reader, stolen)) {
        return 2;
    }
    const uint8_t *afp = sim->afp[stolen->writer][stolen->writer_life];
    return !stolen->is_device && has_confirmed_session(reader, writer, afp) ? 1 : 0;
}

static void write_body(struct sim *sim, const struct stolen *stolen, struct buffer *body) {
    uint8_t id[MESSAGE_ID_BYTES];
    char text[48];
    struct writer writer;
    const struct random_source random = chance_random(&sim->chance);
    sim_must(sim, random_fill(&random, id, sizeof(id)), "an id");
    snprintf(text, sizeof(text), "forged:%u in the name of %s", rank(sim, stolen),
             sim->people[stolen->writer].name);
    writer_init(&writer, body);
    writer_u8(&writer, 1);
    writer_bytes(&writer, bytes_of(id));
    writer_u64(&writer, sim->wall_ms);
    writer_bytes(&writer, bytes_of_string(text));
    sim_must(sim, writer_finish(&writer), "a body");
}

static void put_in(struct sim *sim, struct stolen *stolen, const struct own_device *own,
                   const struct entropy *entropy) {
    struct evil *evil = &sim->evil;
    struct buffer body;
    struct buffer envelope;
    uint8_t chain_id[CHAIN_ID_BYTES];
    uint32_t n = 0;
    const struct user_name writer = person_name(&sim->people[stolen->writer]);
    buffer_init(&body, BODY_MAX_BYTES);
    buffer_init(&envelope, ENVELOPE_MAX_BYTES);
    write_body(sim, stolen, &body);
    enum error error = session_seal(&stolen->session, own, entropy, sim->wall_ms,
                                    buffer_view(&body), &envelope, chain_id, &n);
    if (error == OK && evil->forged_count < KEPT_MAX) {
        struct kept_envelope *kept = &evil->forged[evil->forged_count++];
        evil_keep(kept, stolen->reader, &writer, buffer_view(&envelope), sim->wall_ms);
        kept->release_ms = sim->wall_ms;
        memcpy(kept->id, chain_id, ENVELOPE_ID_BYTES);
        sim->tally.forged++;
        sim->was_forged = true;
        sim_say(sim, "a message to %s is forged in the name of %s, session %02x%02x%02x",
                sim->people[stolen->reader].name, writer.text, stolen->session.sid[0],
                stolen->session.sid[1], stolen->session.sid[2]);
    }
    buffer_clear(&body);
    buffer_clear(&envelope);
}

void forger_forge(struct sim *sim) {
    struct stolen *stolen = sim->stolen;
    struct own_device own;
    struct entropy entropy = chance_entropy(&sim->chance);
    if (stolen == NULL || stolen->reader_life != sim->people[stolen->reader].life ||
        stolen->writer_life != sim->people[stolen->writer].life ||
        !begin_session(sim, stolen, &own, &entropy)) {
        return;
    }
    uint32_t count = 1 + choose(&sim->chance, "how many are forged", 3);
    for (uint32_t i = 0; i < count; i++) {
        put_in(sim, stolen, &own, &entropy);
    }
}
