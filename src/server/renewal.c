/* SPDX-License-Identifier: ISC */
/* RENEW: a certificate with a higher epoch and its prekeys in place of what was stored, as one unit
 * (docs/PROTOCOL.md 1.2). It comes from the device that is in, or from one that registered a known
 * account anew (1.12). */
#include "server/state.h"

#include "session/prekey.h"

#include <string.h>

/* The cheap part, before a signature is looked at: whose it is. */
static bool is_own(const struct connection *connection, const struct certificate *certificate) {
    if (connection->phase == PHASE_RENEWAL) {
        return memcmp(certificate->cid, connection->cid, sizeof(connection->cid)) == 0;
    }
    return user_name_equal(&certificate->name, &connection->mailbox->name) &&
           memcmp(certificate->afp, connection->afp, sizeof(connection->afp)) == 0;
}

static enum error check_prekeys(const struct server *server, const struct wire_renew *message,
                                const struct certificate *owner) {
    struct prekey prekey;
    enum error error = prekey_set_verify(message->set, owner, server->now.wall_ms, &prekey);
    for (size_t i = 0; i < message->one_time_count && error == OK; i++) {
        struct bytes one =
            bytes_make(message->one_time.data + i * ONE_TIME_PREKEY_BYTES, ONE_TIME_PREKEY_BYTES);
        error = one_time_prekey_verify(one, owner, server->now.wall_ms, &prekey);
    }
    return error;
}

/* Before the signatures are looked at, for those are what it costs. Who registered to renew has one
 * try on a connection, and an account that nobody here deals with has no bucket yet. */
static enum error take_turn(struct server *server, const struct certificate *certificate,
                            uint32_t *retry_s) {
    struct mailbox *mailbox = mailbox_find(server, &certificate->name);
    *retry_s = 0;
    return mailbox == NULL ||
                   bucket_take(&mailbox->renew, server->config.renew_rate_per_minute,
                               server->config.renew_burst, server->now.monotonic_ms, retry_s)
               ? OK
               : ERR_RATE_LIMITED;
}

static enum error check(struct server *server, const struct connection *connection,
                        const struct wire_renew *message, struct certificate *certificate,
                        uint32_t *retry_s) {
    enum error error = certificate_parse(message->certificate, certificate);
    if (error == OK && !is_own(connection, certificate)) {
        error = ERR_MISMATCH;
    }
    if (error == OK) {
        error = take_turn(server, certificate, retry_s);
    }
    if (error == OK) {
        error = certificate_verify(message->certificate, server->now.wall_ms, 0, certificate);
    }
    return error == OK ? check_prekeys(server, message, certificate) : error;
}

/* Who registered to renew has nothing else to do here; a device that is in stays in. */
static void refuse(struct server *server, struct connection *connection, uint32_t request,
                   enum error error, uint32_t retry_s, const char *detail) {
    if (connection->phase == PHASE_RENEWAL) {
        connection_fail(server, connection, request, error, retry_s, detail);
    } else {
        connection_refuse(server, connection, request, error, retry_s, detail);
    }
}

static struct store_op *renewal_op(const struct connection *connection,
                                   const struct wire_renew *message,
                                   const struct certificate *certificate) {
    struct store_op *op = store_op_new(STORE_RENEW);
    if (op == NULL) {
        return NULL;
    }
    struct store_renew *in = op->renewal;
    in->epoch = certificate->epoch;
    in->device.device =
        connection->phase == PHASE_RENEWAL ? connection->device : connection->mailbox->device;
    memcpy(in->device.cid, certificate->cid, sizeof(in->device.cid));
    memcpy(in->device.signing, certificate->signing, sizeof(in->device.signing));
    memcpy(in->certificate, message->certificate.data, sizeof(in->certificate));
    memcpy(in->set, message->set.data, sizeof(in->set));
    in->count = message->one_time_count;
    for (size_t i = 0; i < in->count; i++) {
        memcpy(in->one_time[i], message->one_time.data + i * ONE_TIME_PREKEY_BYTES,
               ONE_TIME_PREKEY_BYTES);
    }
    return op;
}

void renew_receive(struct server *server, struct connection *connection,
                   const struct wire_frame *frame) {
    struct wire_renew message;
    struct certificate certificate;
    if (wire_read_renew(frame->body, &message) != OK) {
        connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0, "malformed message");
        return;
    }
    uint32_t retry_s = 0;
    enum error error = check(server, connection, &message, &certificate, &retry_s);
    if (error == ERR_RATE_LIMITED) {
        refuse(server, connection, frame->request, error, retry_s, "");
        return;
    }
    if (error != OK) {
        refuse(server, connection, frame->request, ERR_CERTIFICATE_REFUSED, 0,
               error == ERR_MISMATCH ? "not of this device" : "expired, or not well signed");
        return;
    }
    struct store_op *op = renewal_op(connection, &message, &certificate);
    if (op == NULL) {
        connection_starve(server, connection);
        return;
    }
    op->connection = connection->number;
    op->request = frame->request;
    connection->is_renewing = true;
    connection->in_flight++;
    queue_add(server, op);
}

/* Whoever is in with another certificate than the one that now stands is no longer the device. A
 * connection that came in after the renewal has the new one. */
static void fence_other(struct server *server, const struct store_op *op) {
    struct mailbox *mailbox = mailbox_find(server, &op->renewal->device.name);
    if (mailbox == NULL || mailbox->owner == op->connection) {
        return;
    }
    const struct connection *owner = connection_find(server, mailbox->owner);
    if (owner != NULL && memcmp(owner->cid, op->renewal->device.cid, sizeof(owner->cid)) != 0) {
        login_fence(server, mailbox);
    }
}

/* From here on it is the connection of the new certificate. */
static bool take_over(struct server *server, struct connection *connection,
                      const struct store_device *device) {
    if (connection->phase == PHASE_RENEWAL) {
        login_hold_place(server, connection, false);
        return login_enter(server, connection, device);
    }
    memcpy(connection->cid, device->cid, sizeof(connection->cid));
    memcpy(connection->signing, device->signing, sizeof(connection->signing));
    return true;
}

void renew_done(struct server *server, struct store_op *op) {
    if (op->result == OK) {
        fence_other(server, op);
    }
    struct connection *connection = connection_answered(server, op);
    if (connection == NULL) {
        return;
    }
    connection->is_renewing = false;
    if (op->result == ERR_FULL) {
        refuse(server, connection, op->request, ERR_SERVER_DISK_FULL, DISK_RETRY_S, "");
    } else if (op->result == ERR_ACCOUNT_DISABLED) {
        connection_fail(server, connection, op->request, op->result, 0, "");
    } else if (op->result != OK) {
        refuse(server, connection, op->request, ERR_CERTIFICATE_REFUSED, 0,
               "not newer than the one known");
    } else if (take_over(server, connection, &op->renewal->device)) {
        connection_wrote(server, connection,
                         wire_write_empty(&connection->output, WIRE_DONE, op->request));
    }
}
