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

/** The same keys under another name: a fresh certificate for an account that is not registered yet.
 * Inside a transaction. */
must_check enum error account_rename(const struct client_store *store, const struct user_name *name,
                                     uint64_t now_ms, struct account *account);

/** The own device: certificate and private keys. Wiped by device_clear. */
struct device {
    uint8_t certificate[CERTIFICATE_BYTES];
    struct certificate parsed;
    struct device_keys keys;
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
