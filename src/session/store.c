/* SPDX-License-Identifier: ISC */
/* A session as one row of bytes, without its two lists. What is not there takes no room: a session
 * never has all optional parts at once, so that a row stays under 8 KiB. */
#include "session/ahead.h"
#include "session/lists.h"
#include "wire/codec.h"

#include <string.h>

enum { SESSION_VERSION = 1 };

void session_clear(struct session *session) {
    lists_clear(session);
    ahead_clear(&session->ahead);
    wipe(session, sizeof(*session));
}

static void write_chain(struct writer *writer, const struct chain *chain) {
    writer_flag(writer, chain->is_open);
    if (chain->is_open) {
        writer_bytes(writer, bytes_of(chain->key.bytes));
        writer_u32(writer, chain->next);
        writer_bytes(writer, bytes_of(chain->id));
    }
}

static void read_chain(struct reader *reader, struct chain *chain) {
    chain->is_open = reader_flag(reader);
    if (chain->is_open) {
        reader_copy(reader, chain->key.bytes, sizeof(chain->key.bytes));
        chain->next = reader_u32(reader);
        reader_copy(reader, chain->id, sizeof(chain->id));
    }
}

/** A part of fixed size that may be missing. */
static void write_optional(struct writer *writer, bool is_there, const uint8_t *data, size_t size) {
    writer_flag(writer, is_there);
    if (is_there) {
        writer_bytes(writer, bytes_make(data, size));
    }
}

static bool read_optional(struct reader *reader, uint8_t *data, size_t size) {
    bool is_there = reader_flag(reader);
    if (is_there) {
        reader_copy(reader, data, size);
    }
    return is_there;
}

static void write_description(struct writer *writer, const struct session *session) {
    writer_bytes(writer, bytes_of(session->sid));
    writer_u8(writer, (uint8_t)session->role);
    writer_bytes(writer, bytes_of(session->own_cid));
    writer_bytes(writer, bytes_of(session->peer_cid));
    writer_bytes(writer, bytes_of(session->peer_afp));
    writer_u64(writer, session->own_expires_ms);
    writer_u64(writer, session->peer_expires_ms);
    writer_u32(writer, session->set_id);
    writer_u32(writer, session->one_time_id);
    writer_u64(writer, session->prekeys_expire_ms);
    writer_u64(writer, session->created_ms);
    writer_u64(writer, session->used_ms);
    writer_flag(writer, session->is_confirmed);
    writer_u32(writer, session->sent_in_chain);
}

static void read_description(struct reader *reader, struct session *session) {
    reader_copy(reader, session->sid, sizeof(session->sid));
    uint8_t role = reader_u8(reader);
    if (role > SESSION_RESPONDER) {
        reader_fail(reader);
    }
    session->role = role == SESSION_RESPONDER ? SESSION_RESPONDER : SESSION_INITIATOR;
    reader_copy(reader, session->own_cid, sizeof(session->own_cid));
    reader_copy(reader, session->peer_cid, sizeof(session->peer_cid));
    reader_copy(reader, session->peer_afp, sizeof(session->peer_afp));
    session->own_expires_ms = reader_u64(reader);
    session->peer_expires_ms = reader_u64(reader);
    session->set_id = reader_u32(reader);
    session->one_time_id = reader_u32(reader);
    session->prekeys_expire_ms = reader_u64(reader);
    session->created_ms = reader_u64(reader);
    session->used_ms = reader_u64(reader);
    session->is_confirmed = reader_flag(reader);
    session->sent_in_chain = reader_u32(reader);
}

static void write_ratchet(struct writer *writer, const struct session *session) {
    writer_bytes(writer, bytes_of(session->th));
    writer_bytes(writer, bytes_of(session->root.bytes));
    write_optional(writer, session->has_dh, session->dh.bytes, sizeof(session->dh.bytes));
    writer_bytes(writer, bytes_of(session->peer_dh));
    write_chain(writer, &session->sending);
    write_chain(writer, &session->receiving);
    writer_u16(writer, session->header_size);
    writer_bytes(writer, bytes_make(session->header, session->header_size));
    writer_u32(writer, session->chains_sent);
    writer_u32(writer, session->chains_received);
    writer_flag(writer, session->need_send);
    writer_u32(writer, session->since_pq);
    writer_u64(writer, session->pq_ms);
    writer_flag(writer, session->full_next);
}

static void read_ratchet(struct reader *reader, struct session *session) {
    reader_copy(reader, session->th, sizeof(session->th));
    reader_copy(reader, session->root.bytes, sizeof(session->root.bytes));
    session->has_dh = read_optional(reader, session->dh.bytes, sizeof(session->dh.bytes));
    reader_copy(reader, session->peer_dh, sizeof(session->peer_dh));
    read_chain(reader, &session->sending);
    read_chain(reader, &session->receiving);
    session->header_size = reader_u16(reader);
    if (session->header_size > sizeof(session->header)) {
        reader_fail(reader);
    } else {
        reader_copy(reader, session->header, session->header_size);
    }
    session->chains_sent = reader_u32(reader);
    session->chains_received = reader_u32(reader);
    session->need_send = reader_flag(reader);
    session->since_pq = reader_u32(reader);
    session->pq_ms = reader_u64(reader);
    session->full_next = reader_flag(reader);
}

static void write_pending(struct writer *writer, const struct session *session) {
    write_optional(writer, session->has_kem_secret, session->kem_secret.bytes,
                   sizeof(session->kem_secret.bytes));
    write_optional(writer, session->has_peer_kem, session->peer_kem, sizeof(session->peer_kem));
    write_optional(writer, session->has_peer_identity, session->peer_rsa,
                   sizeof(session->peer_rsa));
    if (session->has_peer_identity) {
        writer_bytes(writer, bytes_of(session->peer_identity_kem));
    }
    write_optional(writer, session->has_hello, session->hello, sizeof(session->hello));
}

static void read_pending(struct reader *reader, struct session *session) {
    session->has_kem_secret =
        read_optional(reader, session->kem_secret.bytes, sizeof(session->kem_secret.bytes));
    session->has_peer_kem = read_optional(reader, session->peer_kem, sizeof(session->peer_kem));
    session->has_peer_identity =
        read_optional(reader, session->peer_rsa, sizeof(session->peer_rsa));
    if (session->has_peer_identity) {
        reader_copy(reader, session->peer_identity_kem, sizeof(session->peer_identity_kem));
    }
    session->has_hello = read_optional(reader, session->hello, sizeof(session->hello));
}

must_check enum error session_save(const struct session *session, struct buffer *out) {
    struct writer writer;
    writer_init(&writer, out);
    writer_u8(&writer, SESSION_VERSION);
    write_description(&writer, session);
    write_ratchet(&writer, session);
    write_pending(&writer, session);
    return writer_finish(&writer);
}

/** States that no session reaches; a store that holds one is damaged. */
static bool is_possible(const struct session *session) {
    if (session->need_send) {
        return !session->has_dh && !session->has_kem_secret;
    }
    return session->has_dh && session->sending.is_open && session->header_size > 0;
}

must_check enum error session_load(struct bytes data, struct session *session) {
    memset(session, 0, sizeof(*session));
    struct reader reader;
    reader_init(&reader, data);
    if (reader_u8(&reader) != SESSION_VERSION) {
        reader_fail(&reader);
    }
    read_description(&reader, session);
    read_ratchet(&reader, session);
    read_pending(&reader, session);
    enum error error = reader_finish(&reader);
    if (error == OK && !is_possible(session)) {
        error = ERR_MALFORMED;
    }
    if (error != OK) {
        session_clear(session);
    }
    return error;
}
