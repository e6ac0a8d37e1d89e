/* SPDX-License-Identifier: ISC */
/* The messages of the wire protocol: one struct, one reader and one writer each. Readers take a
 * frame's body and check it whole (ERR_MALFORMED); views in what they fill point into that body.
 * Writers append a whole frame with its header (ERR_LIMIT, ERR_MEMORY). docs/PROTOCOL.md section 4.
 */
#ifndef SOTTO_WIRE_MESSAGE_H
#define SOTTO_WIRE_MESSAGE_H

#include "base/limits.h"
#include "base/text.h"
#include "wire/frame.h"

/** Login proof: suite 0x01, type 0x20, cid, Ed25519 signature over lb("sig auth") || exporter ||
 * cid (docs/PROTOCOL.md 1.12). 98 bytes on the wire. */
struct wire_login {
    uint8_t cid[32];
    uint8_t signature[64];
};
must_check enum error wire_read_login(struct bytes body, struct wire_login *login);
must_check enum error wire_write_login(struct buffer *out, uint32_t request,
                                       const struct wire_login *login);

/** Login proof, flag and token (absent on open servers), certificate. */
struct wire_register {
    struct wire_login login;
    bool has_token;
    uint8_t token[INVITE_TOKEN_BYTES];
    struct bytes certificate; /**< CERTIFICATE_BYTES */
};
must_check enum error wire_read_register(struct bytes body, struct wire_register *message);
must_check enum error wire_write_register(struct buffer *out, uint32_t request,
                                          const struct wire_register *message);

enum wire_registration {
    WIRE_REGISTRATION_INVITE = 0,
    WIRE_REGISTRATION_OPEN = 1,
    WIRE_REGISTRATION_CLOSED = 2,
};

/** The answer to LOGIN and REGISTER. */
struct wire_welcome {
    uint64_t server_time_ms;
    uint8_t store_epoch[STORE_EPOCH_BYTES];
    struct user_name name;  /**< whose device this is */
    uint8_t registration;   /**< enum wire_registration */
    uint32_t set_id;        /**< of the stored prekey set, 0: none */
    uint16_t one_time_left; /**< one-time prekeys that count */
    uint32_t waiting;       /**< messages in this device's mailbox */
    uint16_t window_max;    /**< largest window for FETCH */
    bool is_renewal;      /**< after REGISTER of a known account with a higher epoch: only RENEW of
                             that certificate may follow */
    bool has_next_key;    /**< the server will change its TLS key */
    uint8_t next_key[32]; /**< SPKI hash of the next one; zeros without it */
    uint64_t next_key_ms; /**< when it will, 0 without it */
};
must_check enum error wire_read_welcome(struct bytes body, struct wire_welcome *message);
must_check enum error wire_write_welcome(struct buffer *out, uint32_t request,
                                         const struct wire_welcome *message);

/** Bodies that are empty: PING, LEAVE, DONE, ACCEPTED, CAUGHT_UP. LEAVE ends the own account; its
 * answer is DONE once that is committed, and then the end. */
must_check enum error wire_read_empty(struct bytes body);
must_check enum error wire_write_empty(struct buffer *out, enum wire_type type, uint32_t request);

/** A prekey set and/or one-time prekeys of the own device; `replace` drops the one-time keys stored
 * before. Answer DONE once committed. */
struct wire_publish {
    bool replace;
    bool has_set;
    struct bytes set;       /**< PREKEY_SET_BYTES when has_set */
    uint8_t one_time_count; /**< 0 to ONE_TIME_PREKEYS_FULL */
    struct bytes one_time;  /**< one_time_count * ONE_TIME_PREKEY_BYTES */
};
must_check enum error wire_read_publish(struct bytes body, struct wire_publish *message);
must_check enum error wire_write_publish(struct buffer *out, uint32_t request,
                                         const struct wire_publish *message);

/** The renewal unit (docs/PROTOCOL.md 1.2): a certificate of the same account with a higher epoch,
 * its prekey set and one-time prekeys. They replace everything that was stored for the device in
 * one transaction; the connection is that of the new certificate afterwards. The same unit again is
 * DONE too. Answer DONE once committed. */
struct wire_renew {
    struct bytes certificate; /**< CERTIFICATE_BYTES */
    struct bytes set;         /**< PREKEY_SET_BYTES */
    uint8_t one_time_count;   /**< 1 to ONE_TIME_PREKEYS_FULL */
    struct bytes one_time;    /**< one_time_count * ONE_TIME_PREKEY_BYTES */
};
must_check enum error wire_read_renew(struct bytes body, struct wire_renew *message);
must_check enum error wire_write_renew(struct buffer *out, uint32_t request,
                                       const struct wire_renew *message);

/** GET_CERTIFICATE (answer CERTIFICATE) and GET_BUNDLE (answer BUNDLE). */
must_check enum error wire_read_name(struct bytes body, struct user_name *name);
must_check enum error wire_write_name(struct buffer *out, enum wire_type type, uint32_t request,
                                      const struct user_name *name);

/** CERTIFICATE_BYTES. */
must_check enum error wire_read_certificate(struct bytes body, struct bytes *certificate);
must_check enum error wire_write_certificate(struct buffer *out, uint32_t request,
                                             struct bytes certificate);

/** certificate || prekey set || 0 or 1 one-time prekey; 8253 or 9579 bytes. */
must_check enum error wire_read_bundle(struct bytes body, struct bytes *bundle);
must_check enum error wire_write_bundle(struct buffer *out, uint32_t request,
                                        struct bytes certificate, struct bytes set,
                                        struct bytes one_time);

/** A page of the directory: names that contain `pattern` (of the letters of names; may be empty),
 * after `after` (may be empty: from the start). */
struct wire_list_users {
    struct bytes pattern; /**< at most NAME_MAX_BYTES */
    struct bytes after;   /**< at most NAME_MAX_BYTES */
};
must_check enum error wire_read_list_users(struct bytes body, struct wire_list_users *message);
must_check enum error wire_write_list_users(struct buffer *out, uint32_t request,
                                            const struct wire_list_users *message);

struct wire_user {
    struct user_name name;
    uint64_t since_ms; /**< when the account was made */
    bool is_admin;
};
/** u16 count (0 to USERS_PAGE_MAX), the users in ascending order of name, flag: more follow. */
struct wire_users {
    uint16_t count;
    struct wire_user users[USERS_PAGE_MAX];
    bool more;
};
must_check enum error wire_read_users(struct bytes body, struct wire_users *message);
must_check enum error wire_write_users(struct buffer *out, uint32_t request,
                                       const struct wire_users *message);

/** One envelope for a user's device. Answer ACCEPTED or ERROR. */
struct wire_send {
    struct user_name to;
    uint8_t envelope_id[ENVELOPE_ID_BYTES];
    struct bytes envelope; /**< ENVELOPE_MIN_BYTES to ENVELOPE_MAX_BYTES */
};
must_check enum error wire_read_send(struct bytes body, struct wire_send *message);
must_check enum error wire_write_send(struct buffer *out, uint32_t request,
                                      const struct wire_send *message);

/** Starts delivery on this connection with a window of 1 to window_max unacknowledged messages;
 * once only. No answer of its own: DELIVERs follow, and one CAUGHT_UP when all that waited has been
 * handed over. */
must_check enum error wire_read_fetch(struct bytes body, uint16_t *window);
must_check enum error wire_write_fetch(struct buffer *out, uint32_t request, uint16_t window);

/** A message handed over. `handle` is valid on this connection only. */
struct wire_deliver {
    uint64_t handle;
    struct user_name from;
    uint8_t envelope_id[ENVELOPE_ID_BYTES];
    uint64_t accepted_ms; /**< server's time when it took the message in */
    struct bytes envelope;
};
must_check enum error wire_read_deliver(struct bytes body, struct wire_deliver *message);
must_check enum error wire_write_deliver(struct buffer *out, const struct wire_deliver *message);

/** Messages that the device has committed: u16 count (1 to ACKS_PER_FRAME_MAX), the handles. No
 * answer. */
struct wire_ack {
    uint16_t count;
    uint64_t handles[ACKS_PER_FRAME_MAX];
};
must_check enum error wire_read_ack(struct bytes body, struct wire_ack *message);
must_check enum error wire_write_ack(struct buffer *out, uint32_t request,
                                     const struct wire_ack *message);

/** A request that failed; with request 0, or before WELCOME, the connection closes after it; but
 * the first LOGIN of a connection that is refused may be followed by another one. */
struct wire_error {
    enum error error;       /**< of the catalogue; an unknown number reads as ERR_PROTOCOL_ERROR */
    uint32_t retry_after_s; /**< 0: not said */
    struct bytes detail;    /**< UTF-8, at most ERROR_DETAIL_MAX_BYTES, may be empty */
};
must_check enum error wire_read_error(struct bytes body, struct wire_error *message);
must_check enum error wire_write_error(struct buffer *out, uint32_t request,
                                       const struct wire_error *message);

#endif
