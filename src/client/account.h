/* SPDX-License-Identifier: ISC */
/* The own account as the store keeps it: who one is, on which server, with which keys. */
#ifndef SOTTO_CLIENT_ACCOUNT_H
#define SOTTO_CLIENT_ACCOUNT_H

#include "client/store.h"
#include "session/card.h"

struct account {
    bool is_registered; /**< the server has said so; false: a join that is not finished */
    bool is_published;  /**< prekeys are on the server: others can write */
    struct user_name name;
    struct server_address server;
    uint8_t server_hash[HASH_BYTES]; /**< of the server's key: 130 bits of it from a link, all from
                                        a connection */
    uint16_t server_bits;
    bool has_token;
    uint8_t token[INVITE_TOKEN_BYTES];
    uint8_t cid[HASH_BYTES]; /**< the current certificate */
    uint8_t afp[HASH_BYTES];
    uint64_t created_ms;

    /* Renewal (docs/PROTOCOL.md 1.2). */
    uint32_t epoch;   /**< the highest that a certificate was signed with; none is used twice */
    bool has_pending; /**< a renewal was offered to the server and not answered */
    uint8_t pending_cid[HASH_BYTES];
    bool has_previous; /**< there was a certificate before the current one */
    uint8_t previous_cid[HASH_BYTES];

    /* The next key that the server has announced (1.12): a second pin. */
    bool has_next_key;
    uint8_t next_key[HASH_BYTES];
    uint64_t next_key_ms; /**< when the server will show it */
};

/** ERR_NOT_FOUND when no account has been begun; ERR_STORE_BROKEN. */
must_check enum error account_load(const struct client_store *store, struct account *account);
/** Inside a transaction. */
must_check enum error account_save(const struct client_store *store, const struct account *account);

/** Makes account keys, device keys and a certificate for `account->name`, fills cid, afp and
 * created_ms, and writes it all. Inside a transaction. */
must_check enum error account_create(const struct client_store *store,
                                     const struct entropy *entropy, uint64_t now_ms,
                                     struct account *account);

/** Fresh device keys with a certificate of the next epoch, also higher than `above`, written to the
 * store beside the current ones; `cid` names it. Inside a transaction. ERR_LIMIT when epochs have
 * run out. */
must_check enum error account_renew(const struct client_store *store, const struct entropy *entropy,
                                    uint64_t now_ms, uint32_t above, struct account *account,
                                    uint8_t cid[HASH_BYTES]);

/** The same keys under another name: a fresh certificate for an account that is not registered yet.
 * Inside a transaction. */
must_check enum error account_rename(const struct client_store *store, const struct user_name *name,
                                     uint64_t now_ms, struct account *account);

/** The own device: certificate and private keys. Wiped by device_clear. */
struct device {
    uint8_t certificate[CERTIFICATE_BYTES];
    struct certificate parsed;
    struct device_keys keys;
    struct device_pairs *pairs; /**< of these keys: made once, used for every first message */
};
/** ERR_NOT_FOUND, ERR_STORE_BROKEN. */
must_check enum error device_load(const struct client_store *store, const uint8_t cid[HASH_BYTES],
                                  struct device *device);
void device_clear(struct device *device);
/** Borrowed for a call of the session code. */
struct own_device device_view(const struct device *device);

/** A number among the settings; 0 when it is not there. */
must_check enum error setting_get_u64(const struct client_store *store, const char *name,
                                      uint64_t *value);
must_check enum error setting_put_u64(const struct client_store *store, const char *name,
                                      uint64_t value);

#endif
