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

/* An address from which too many were refused has to wait, and costs no look-up meanwhile. */
static bool is_held_back(struct server *server, struct connection *connection, uint32_t request) {
    uint32_t retry_s;
    bool held_back = failures_are_many(server, connection->address, &retry_s);
    if (held_back) {
        connection_fail(server, connection, request, ERR_RATE_LIMITED, retry_s,
                        "too many refused logins from this address");
    }
    return held_back;
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
    if (is_held_back(server, connection, frame->request)) {
        return;
    }
    struct store_op *op = store_op_new(STORE_LOGIN);
    if (op == NULL) {
        connection_starve(server, connection);
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

void login_fence(struct server *server, struct mailbox *mailbox) {
    struct connection *other = connection_find(server, mailbox->owner);
    if (other != NULL) {
        connection_fail(server, other, 0, ERR_SIGNED_IN_ELSEWHERE, 0, "");
    }
    require(mailbox->owner == 0);
}

static void welcome(struct server *server, struct connection *connection,
                    const struct store_device *device, uint32_t request) {
    bool is_renewal = connection->phase == PHASE_RENEWAL;
    struct wire_welcome message = {
        .server_time_ms = server->now.wall_ms,
        .name = device->name,
        .registration = (uint8_t)server->config.registration,
        .set_id = is_renewal ? 0 : device->set_id,
        .one_time_left = is_renewal ? 0 : device->one_time_left,
        .waiting = is_renewal ? device->messages : connection->mailbox->messages,
        .window_max = DELIVERY_WINDOW_MAX,
        .is_renewal = is_renewal,
        .has_next_key = server->has_next_key,
        .next_key_ms = server->next_key_ms,
    };
    memcpy(message.store_epoch, server->config.store_epoch, sizeof(message.store_epoch));
    memcpy(message.next_key, server->next_key, sizeof(message.next_key));
    connection->knows_next_key = server->has_next_key;
    connection_wrote(server, connection,
                     wire_write_welcome(&connection->output, request, &message));
}

bool login_enter(struct server *server, struct connection *connection,
                 const struct store_device *device) {
    struct mailbox *mailbox = mailbox_of_device(server, device);
    if (mailbox == NULL) {
        connection_starve(server, connection);
        return false;
    }
    login_fence(server, mailbox);
    if (connection->phase == PHASE_LOGIN) {
        connection_leave_login(server, connection);
    }
    connection->phase = PHASE_OPEN;
    connection->input.cap = INPUT_MAX_BYTES;
    connection->mailbox = mailbox;
    connection->generation = device->generation;
    memcpy(connection->cid, device->cid, sizeof(connection->cid));
    memcpy(connection->afp, device->afp, sizeof(connection->afp));
    memcpy(connection->signing, device->signing, sizeof(connection->signing));
    mailbox->owner = connection->number;
    mailbox->generation = device->generation;
    login_note_day(server, mailbox);
    server->logged_in++;
    server->logins++;
    return true;
}

void login_hold_place(struct server *server, struct connection *connection, bool hold) {
    if (hold && !connection->is_registering) {
        connection->is_registering = true;
        server->registering++;
    } else if (!hold && connection->is_registering) {
        connection->is_registering = false;
        server->registering--;
    }
}

void login_leave(struct server *server, struct connection *connection) {
    login_hold_place(server, connection, false);
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

bool login_may_enter(const struct server *server, const struct store_device *device) {
    const struct mailbox *mailbox = mailbox_find(server, &device->name);
    return !is_full(server) ||
           (mailbox != NULL && mailbox->owner != 0 && mailbox->device == device->device);
}

static struct connection *decided(struct server *server, struct store_op *op) {
    struct connection *connection = connection_answered(server, op);
    if (connection != NULL) {
        connection->is_login_pending = false;
        login_hold_place(server, connection, false);
    }
    return connection;
}

/* A key that belongs to nobody here: the proof of an unknown device is checked too, so that it
 * takes as long to be refused as a false one of a known device. RFC 8032 section 7.1, test 1. */
static const uint8_t NOBODY[ED25519_PUBLIC_BYTES] = {
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};

static bool is_proven(const struct connection *connection, const struct store_op *op) {
    const uint8_t *key = op->result == OK ? op->login->signing : NOBODY;
    enum error error = login_verify(key, connection->exporter, connection->cid, connection->proof);
    return op->result == OK && error == OK;
}

/* The first refusal leaves time for one more: after a renewal whose answer was lost, a device does
 * not know which of two certificates stands here (1.12). */
static void refuse_login(struct server *server, struct connection *connection, uint32_t request) {
    failures_note(server, connection->address);
    connection->logins++;
    if (connection->logins < LOGINS_MAX) {
        connection_refuse(server, connection, request, ERR_LOGIN_REFUSED, 0, "");
    } else {
        connection_fail(server, connection, request, ERR_LOGIN_REFUSED, 0, "");
    }
}

/* An administrator wants to see who does not come any more; the day is enough for that, and costs
 * a write a day. */
void login_note_day(struct server *server, struct mailbox *mailbox) {
    uint32_t today = (uint32_t)(server->now.wall_ms / DAY_MS);
    if (mailbox->seen_day == today || server->is_disk_low || server->is_disk_full ||
        queue_is_full(server)) {
        return;
    }
    struct store_op *op = store_op_new(STORE_SEEN);
    if (op != NULL) {
        mailbox->seen_day = today;
        op->seen->account = mailbox->account;
        op->seen->day = today;
        mailbox_keep(mailbox, op);
        queue_add(server, op);
    }
}

void seen_done(struct server *server, struct store_op *op) {
    (void)server;
    if (op->result != OK) {
        op->mailbox->seen_day = 0; /* tried again once there is space */
    }
}

void login_done(struct server *server, struct store_op *op) {
    const struct store_device *device = op->login;
    struct connection *connection = decided(server, op);
    if (connection == NULL) {
        return;
    }
    if (!is_proven(connection, op)) {
        refuse_login(server, connection, op->request);
    } else if (device->is_disabled) { /* told to nobody but its owner */
        connection_fail(server, connection, op->request, ERR_ACCOUNT_DISABLED, 0, "");
    } else if (!login_may_enter(server, device)) {
        connection_fail(server, connection, op->request, ERR_SERVER_FULL, SERVER_FULL_RETRY_S, "");
    } else if (login_enter(server, connection, device)) {
        welcome(server, connection, device, op->request);
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
    if (connection->registers++ >= REGISTERS_MAX) {
        connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0, "too many registrations");
        return;
    }
    if (is_held_back(server, connection, frame->request)) {
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
        failures_note(server, connection->address);
        connection_fail(server, connection, frame->request, ERR_CERTIFICATE_REFUSED, 0,
                        refusal_of(error));
        return;
    }
    struct store_op *op = register_op(server, &message, &certificate);
    if (op == NULL) {
        connection_starve(server, connection);
        return;
    }
    memcpy(connection->cid, certificate.cid, sizeof(connection->cid));
    login_hold_place(server, connection, true);
    queue_login(server, connection, op, frame->request);
}

/* A known account with a new certificate: the unit of it has to follow, and until that is stored
 * the old one stands and its device stays in. */
static void expect_renewal(struct server *server, struct connection *connection,
                           const struct store_device *device, uint32_t request) {
    login_hold_place(server, connection, true);
    connection_leave_login(server, connection);
    connection->phase = PHASE_RENEWAL;
    connection->opened_ms = server->now.monotonic_ms;
    connection->input.cap = INPUT_MAX_BYTES;
    connection->device = device->device;
    welcome(server, connection, device, request);
}

static void refuse_registration(struct server *server, struct connection *connection,
                                const struct store_op *op) {
    switch ((int)op->result) {
    case OK:
        connection_fail(server, connection, op->request, ERR_SERVER_FULL, SERVER_FULL_RETRY_S, "");
        break;
    case ERR_FULL:
        connection_fail(server, connection, op->request, ERR_SERVER_DISK_FULL, DISK_RETRY_S, "");
        break;
    case ERR_ACCOUNT_DISABLED:
        connection_fail(server, connection, op->request, op->result, 0, "");
        break;
    case ERR_CERTIFICATE_REFUSED:
        /* Not newer than the stored one: its owner takes the epoch from that and tries again. */
        connection_wrote(server, connection,
                         wire_write_certificate(&connection->output, op->request,
                                                bytes_of(op->registration->certificate)));
        break;
    default:
        failures_note(server, connection->address);
        connection_fail(server, connection, op->request, op->result, 0, "");
        break;
    }
}

void register_done(struct server *server, struct store_op *op) {
    const struct store_register *out = op->registration;
    struct connection *connection = decided(server, op);
    if (connection == NULL) {
        return;
    }
    if (op->result != OK || !login_may_enter(server, &out->device)) {
        refuse_registration(server, connection, op);
    } else if (out->is_renewal) {
        expect_renewal(server, connection, &out->device, op->request);
    } else if (login_enter(server, connection, &out->device)) {
        welcome(server, connection, &out->device, op->request);
    }
}
