/* SPDX-License-Identifier: ISC */
/* Who a peer is: LOGIN, REGISTER, and one connection for each device. docs/PROTOCOL.md 1.12. */
#include "server/state.h"

#include "base/require.h"
#include "session/certificate.h"

#include <stdlib.h>
#include <string.h>

static void queue_login(struct server *server, struct connection *connection, struct store_op *op,
                        uint32_t request) {
    op->connection = connection->number;
    op->request = request;
    connection->is_login_pending = true;
    connection->in_flight++;
    queue_add(server, op);
}

/* --- LOGIN
 * --------------------------------------------------------------------------------------------- */

/* The proof is checked when the device's key is known; until then it rests in the operation's
 * device. */
void login_receive(struct server *server, struct connection *connection,
                   const struct wire_frame *frame) {
    struct wire_login login;
    if (wire_read_login(frame->body, &login) != OK) {
        connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0, "malformed message");
        return;
    }
    struct store_op *op = store_op_new(STORE_LOGIN);
    if (op == NULL) {
        connection_end(server, connection);
        return;
    }
    memcpy(op->login->cid, login.cid, sizeof(login.cid));
    memcpy(connection->cid, login.cid, sizeof(login.cid));
    memcpy(connection->proof, login.signature, sizeof(login.signature));
    queue_login(server, connection, op, frame->request);
}

static bool is_full(const struct server *server) {
    return server->logged_in + server->registering >= server->config.max_clients;
}

/* A second login of a device ends the first; from here on nothing of that one counts. */
static void fence(struct server *server, struct mailbox *mailbox) {
    struct connection *other = connection_find(server, mailbox->owner);
    if (other != NULL) {
        connection_fail(server, other, 0, ERR_SIGNED_IN_ELSEWHERE, 0, "");
    }
    require(mailbox->owner == 0);
}

static void welcome(struct server *server, struct connection *connection,
                    const struct store_device *device, uint32_t request) {
    struct wire_welcome message = {
        .server_time_ms = server->now.wall_ms,
        .name = device->name,
        .registration = (uint8_t)server->config.registration,
        .set_id = device->set_id,
        .one_time_left = device->one_time_left,
        .waiting = connection->mailbox->messages,
        .window_max = DELIVERY_WINDOW_MAX,
    };
    memcpy(message.store_epoch, server->config.store_epoch, sizeof(message.store_epoch));
    connection_wrote(server, connection,
                     wire_write_welcome(&connection->output, request, &message));
}

static void enter(struct server *server, struct connection *connection,
                  const struct store_device *device, uint32_t request) {
    struct mailbox *mailbox = mailbox_of_device(server, device);
    if (mailbox == NULL) {
        connection_end(server, connection);
        return;
    }
    fence(server, mailbox);
    connection_leave_login(server, connection);
    connection->phase = PHASE_OPEN;
    connection->input.cap = INPUT_MAX_BYTES;
    connection->mailbox = mailbox;
    connection->generation = device->generation;
    memcpy(connection->cid, device->cid, sizeof(connection->cid));
    memcpy(connection->afp, device->afp, sizeof(connection->afp));
    memcpy(connection->signing, device->signing, sizeof(connection->signing));
    mailbox->owner = connection->number;
    mailbox->generation = device->generation;
    server->logged_in++;
    welcome(server, connection, device, request);
}

void login_leave(struct server *server, struct connection *connection) {
    if (connection->is_registering) {
        connection->is_registering = false;
        server->registering--;
    }
    if (connection->mailbox != NULL) {
        require(connection->mailbox->owner == connection->number);
        connection->mailbox->owner = 0;
        mailbox_used(server, connection->mailbox);
        if (connection->mailbox->is_gone && connection->mailbox->pending == 0) {
            free(connection->mailbox);
        }
        connection->mailbox = NULL;
        server->logged_in--;
    }
}

/* A device that is in may come in again, however full the server is. */
static bool may_enter(struct server *server, const struct store_device *device) {
    const struct mailbox *mailbox = mailbox_find(server, &device->name);
    return !is_full(server) ||
           (mailbox != NULL && mailbox->owner != 0 && mailbox->device == device->device);
}

static struct connection *decided(struct server *server, struct store_op *op) {
    struct connection *connection = connection_answered(server, op);
    if (connection != NULL) {
        connection->is_login_pending = false;
        if (connection->is_registering) {
            connection->is_registering = false;
            server->registering--;
        }
    }
    return connection;
}

void login_done(struct server *server, struct store_op *op) {
    const struct store_device *device = op->login;
    struct connection *connection = decided(server, op);
    if (connection == NULL) {
        return;
    }
    if (op->result != OK || login_verify(device->signing, connection->exporter, connection->cid,
                                         connection->proof) != OK) {
        connection_fail(server, connection, op->request, ERR_LOGIN_REFUSED, 0, "");
    } else if (!may_enter(server, device)) {
        connection_fail(server, connection, op->request, ERR_SERVER_FULL, SERVER_FULL_RETRY_S, "");
    } else {
        enter(server, connection, device, op->request);
    }
}

/* --- REGISTER
 * ------------------------------------------------------------------------------------------ */

static enum error check_certificate(const struct server *server,
                                    const struct connection *connection,
                                    const struct wire_register *message,
                                    struct certificate *certificate) {
    enum error error =
        certificate_verify(message->certificate, server->now.wall_ms, 0, certificate);
    if (error != OK) {
        return error;
    }
    if (memcmp(certificate->cid, message->login.cid, sizeof(certificate->cid)) != 0) {
        return ERR_MISMATCH;
    }
    return login_verify(certificate->signing, connection->exporter, certificate->cid,
                        message->login.signature);
}

static const char *refusal_of(enum error error) {
    switch ((int)error) {
    case ERR_EXPIRED:
        return "outside its lifetime";
    case ERR_SIGNATURE:
        return "signature does not verify";
    case ERR_KEY:
        return "bad key";
    default:
        return "malformed certificate";
    }
}

static struct store_op *register_op(const struct server *server,
                                    const struct wire_register *message,
                                    const struct certificate *certificate) {
    struct store_op *op = store_op_new(STORE_REGISTER);
    if (op == NULL) {
        return NULL;
    }
    struct store_register *in = op->registration;
    const struct bytes token = bytes_of(message->token);
    in->mode = server->config.registration;
    in->has_token = message->has_token;
    if (sha256(&token, 1, in->token_hash) != OK) {
        store_op_free(op);
        return NULL;
    }
    in->epoch = certificate->epoch;
    in->device.name = certificate->name;
    memcpy(in->device.cid, certificate->cid, sizeof(in->device.cid));
    memcpy(in->device.afp, certificate->afp, sizeof(in->device.afp));
    memcpy(in->device.signing, certificate->signing, sizeof(in->device.signing));
    memcpy(in->certificate, message->certificate.data, CERTIFICATE_BYTES);
    return op;
}

void register_receive(struct server *server, struct connection *connection,
                      const struct wire_frame *frame) {
    struct wire_register message;
    struct certificate certificate;
    if (wire_read_register(frame->body, &message) != OK) {
        connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0, "malformed message");
        return;
    }
    /* Before a signature is looked at: client 51 costs nothing. */
    enum error error = certificate_parse(message.certificate, &certificate);
    const struct mailbox *known = error == OK ? mailbox_find(server, &certificate.name) : NULL;
    if (is_full(server) && (known == NULL || known->owner == 0)) {
        connection_fail(server, connection, frame->request, ERR_SERVER_FULL, SERVER_FULL_RETRY_S,
                        "");
        return;
    }
    error = check_certificate(server, connection, &message, &certificate);
    if (error != OK) {
        connection_fail(server, connection, frame->request, ERR_CERTIFICATE_REFUSED, 0,
                        refusal_of(error));
        return;
    }
    struct store_op *op = register_op(server, &message, &certificate);
    if (op == NULL) {
        connection_end(server, connection);
        return;
    }
    connection->is_registering = true;
    server->registering++;
    queue_login(server, connection, op, frame->request);
}

void register_done(struct server *server, struct store_op *op) {
    struct store_register *out = op->registration;
    if (op->result == OK && out->is_replaced) {
        struct mailbox *mailbox = mailbox_find(server, &out->device.name);
        if (mailbox != NULL) {
            fence(server, mailbox);
        }
    }
    struct connection *connection = decided(server, op);
    if (connection == NULL) {
        return;
    }
    if (op->result == OK && may_enter(server, &out->device)) {
        enter(server, connection, &out->device, op->request);
        return;
    }
    enum error error = op->result;
    uint32_t retry_s = 0;
    if (error == OK) {
        error = ERR_SERVER_FULL;
        retry_s = SERVER_FULL_RETRY_S;
    } else if (error == ERR_FULL) {
        error = ERR_SERVER_DISK_FULL;
        retry_s = DISK_RETRY_S;
    }
    connection_fail(server, connection, op->request, error, retry_s,
                    error == ERR_CERTIFICATE_REFUSED ? "not newer than the one known" : "");
}
