/* SPDX-License-Identifier: ISC */
/* Envelopes that come in. What can fail for one of them is decided here, before it is queued, or is
 * an outcome of its operation; ACCEPTED goes out when the operation is durable. */
#include "server/state.h"

#include "base/require.h"
#include "session/certificate.h"

#include <string.h>

enum { ENVELOPE_TYPE_AT = 1, TYPE_HELLO = 0x10, HELLO_CERTIFICATE_AT = 2 };

/* --- mailboxes that an earlier message did not reach
 * ---------------------------------------------------- */

static struct refused *find_refused(struct connection *connection, uint64_t name) {
    for (size_t i = 0; i < connection->refused_count; i++) {
        if (connection->refused[i].name == name) {
            return &connection->refused[i];
        }
    }
    return NULL;
}

/* NULL when there is no room: then every mailbox counts as refused. */
static struct refused *mark_refused(struct connection *connection, uint64_t name) {
    struct refused *refused = find_refused(connection, name);
    if (refused == NULL && connection->refused_count == REFUSED_MAX) {
        connection->is_all_refused = true;
    } else if (refused == NULL) {
        refused = &connection->refused[connection->refused_count++];
        *refused = (struct refused){.name = name};
    }
    return refused;
}

static void refused_for_good(struct connection *connection, uint64_t name) {
    struct refused *refused = mark_refused(connection, name);
    if (refused != NULL) {
        refused->is_final = true;
    }
}

static void decided_refused(struct connection *connection, uint64_t name, bool is_refused) {
    struct refused *refused = find_refused(connection, name);
    if (refused == NULL) {
        return;
    }
    refused->pending -= refused->pending > 0;
    refused->is_final = refused->is_final || is_refused;
    if (refused->pending == 0 && !refused->is_final) {
        *refused = connection->refused[--connection->refused_count];
    }
}

/* --- answers
 * ------------------------------------------------------------------------------------------- */

static void answer_accepted(struct server *server, const struct store_op *op) {
    struct connection *connection = connection_answered(server, op);
    if (connection != NULL) {
        connection_wrote(server, connection,
                         wire_write_empty(&connection->output, WIRE_ACCEPTED, op->request));
    }
}

static uint32_t retry_after(const struct store_op *op, enum error error) {
    switch ((int)error) {
    case ERR_RATE_LIMITED:
        return op->insert->retry_s;
    case ERR_SERVER_DISK_FULL:
    case ERR_MAILBOX_FULL:
        return DISK_RETRY_S;
    case ERR_EARLIER_REFUSED:
        return RETRY_SOON_S;
    default:
        return 0;
    }
}

static void answer_refused(struct server *server, const struct store_op *op, enum error error) {
    struct connection *connection = connection_answered(server, op);
    if (connection != NULL) {
        connection_refuse(server, connection, op->request, error, retry_after(op, error), "");
    }
}

/* --- a SEND
 * --------------------------------------------------------------------------------------------- */

/* A first message carries the sender's certificate in clear; the server lets nobody speak as
 * another. */
static bool is_own(const struct connection *connection, struct bytes envelope) {
    struct certificate certificate;
    if (envelope.data[ENVELOPE_TYPE_AT] != TYPE_HELLO) {
        return true;
    }
    struct bytes inside = bytes_make(envelope.data + HELLO_CERTIFICATE_AT, CERTIFICATE_BYTES);
    return envelope.size > HELLO_BYTES && certificate_parse(inside, &certificate) == OK &&
           user_name_equal(&certificate.name, &connection->mailbox->name) &&
           memcmp(certificate.afp, connection->afp, sizeof(connection->afp)) == 0;
}

static struct store_op *insert_op(struct server *server, struct connection *connection,
                                  const struct wire_send *message, uint32_t request) {
    struct store_op *op = store_op_new_insert(message->envelope);
    if (op == NULL) {
        return NULL;
    }
    struct envelope *envelope = op->insert->envelope;
    if (envelope_digest(envelope, op->insert->digest) != OK) {
        store_op_free(op);
        return NULL;
    }
    envelope->from = connection->mailbox->name;
    envelope->accepted_ms = server->now.wall_ms;
    memcpy(envelope->id, message->envelope_id, sizeof(envelope->id));
    op->insert->sender = connection->mailbox->device;
    op->connection = connection->number;
    op->request = request;
    return op;
}

void send_receive(struct server *server, struct connection *connection,
                  const struct wire_frame *frame) {
    struct wire_send message;
    if (wire_read_send(frame->body, &message) != OK) {
        connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0, "malformed message");
        return;
    }
    if (user_name_equal(&message.to, &connection->mailbox->name)) {
        connection_refuse(server, connection, frame->request, ERR_SELF_RECIPIENT, 0, "");
        return;
    }
    if (!is_own(connection, message.envelope)) {
        connection_refuse(server, connection, frame->request, ERR_PROTOCOL_ERROR, 0,
                          "the envelope names another sender");
        return;
    }
    struct store_op *op = insert_op(server, connection, &message, frame->request);
    struct mailbox *mailbox = op == NULL ? NULL : mailbox_get(server, &message.to);
    if (mailbox == NULL) {
        store_op_free(op);
        connection_starve(server, connection);
        return;
    }
    connection->in_flight++;
    if (!bucket_take(&connection->mailbox->send, UINT64_C(60) * server->config.send_rate_per_second,
                     server->config.send_burst, server->now.monotonic_ms, &op->insert->retry_s)) {
        op->insert->refusal = ERR_RATE_LIMITED;
    }
    if (mailbox->is_loaded) {
        send_decide(server, mailbox, op);
    } else {
        *mailbox->waiting_end = op;
        mailbox->waiting_end = &op->next;
    }
}

static enum error why_not(const struct server *server, struct connection *connection,
                          const struct mailbox *mailbox, const struct store_insert *insert) {
    if (connection->is_all_refused ||
        find_refused(connection, mailbox_hash(server, &mailbox->name)) != NULL) {
        return ERR_EARLIER_REFUSED;
    }
    if (insert->refusal != OK) {
        return insert->refusal;
    }
    if (server->is_disk_low || server->is_disk_full) {
        return ERR_SERVER_DISK_FULL;
    }
    if (mailbox->messages >= server->config.mailbox_max_messages ||
        mailbox->bytes + insert->envelope->size > server->config.mailbox_max_bytes) {
        return ERR_MAILBOX_FULL;
    }
    return OK;
}

static void accept(struct server *server, struct mailbox *mailbox, struct store_op *op) {
    op->insert->previous = mailbox->last_order;
    op->insert->order = ++mailbox->last_order;
    mailbox->messages++;
    mailbox->bytes += op->insert->envelope->size;
    early_accept(server, mailbox, op);
}

/* One that never reached the store is offered again: accepted again, or an error. Its outcome
 * stands here at once. */
static bool is_recalled(struct server *server, struct connection *connection,
                        const struct mailbox *mailbox, struct store_op *op) {
    enum error known = memory_recall(server, op->insert);
    if (known == ERR_DUPLICATE) {
        server->figures.repeated++;
        answer_accepted(server, op);
    } else if (known == ERR_CONFLICT) {
        refused_for_good(connection, mailbox_hash(server, &mailbox->name));
        answer_refused(server, op, ERR_ENVELOPE_CONFLICT);
    }
    return known != ERR_NOT_FOUND;
}

void send_decide(struct server *server, struct mailbox *mailbox, struct store_op *op) {
    struct connection *connection = connection_find(server, op->connection);
    if (connection == NULL || connection->phase != PHASE_OPEN) {
        store_op_free(op);
        return;
    }
    if (!mailbox->is_loaded) {
        connection_answered(server, op);
        connection_refuse(server, connection, op->request, ERR_NO_SUCH_USER, 0, "");
        store_op_free(op);
        return;
    }
    op->insert->recipient = mailbox->device;
    if (is_recalled(server, connection, mailbox, op)) {
        store_op_free(op);
        return;
    }
    op->insert->refusal = why_not(server, connection, mailbox, op->insert);
    mailbox_keep(mailbox, op);
    if (op->insert->refusal == OK) {
        accept(server, mailbox, op);
        return;
    }
    /* It may be one that is offered again and was accepted long ago: that stays accepted. */
    struct refused *refused = mark_refused(connection, mailbox_hash(server, &mailbox->name));
    if (refused != NULL) {
        refused->pending++;
    }
    op->kind = STORE_RECALL;
    queue_add(server, op);
}

/* --- outcomes
 * ------------------------------------------------------------------------------------------- */

/* It is not stored: neither is what the same connection sent after it. */
static void undo(struct server *server, struct store_op *op, enum error error) {
    struct mailbox *mailbox = op->mailbox;
    struct connection *connection = connection_find(server, op->connection);
    mailbox_less(mailbox, 1, op->insert->envelope->size);
    if (error != ERR_NO_SUCH_USER && connection != NULL && connection->phase == PHASE_OPEN) {
        refused_for_good(connection, mailbox_hash(server, &mailbox->name));
        queue_refuse_later(server, op->connection, mailbox);
    }
    answer_refused(server, op, error);
}

void send_settled(struct server *server, struct store_op *op) {
    server->figures.accepted++;
    server->figures.delivered++;
    server->figures.settled++;
    mailbox_less(op->mailbox, 1, op->insert->envelope->size);
    answer_accepted(server, op);
}

void insert_done(struct server *server, struct store_op *op) {
    struct mailbox *mailbox = op->mailbox;
    delivery_forget(server, op);
    switch ((int)op->result) {
    case OK:
        server->figures.accepted++;
        mailbox->stored_order = op->insert->order;
        answer_accepted(server, op);
        delivery_stored(server, mailbox, op);
        break;
    case ERR_DUPLICATE:
        server->figures.repeated++;
        mailbox_less(mailbox, 1, op->insert->envelope->size);
        answer_accepted(server, op);
        break;
    case ERR_CONFLICT:
        undo(server, op, ERR_ENVELOPE_CONFLICT);
        break;
    case ERR_FULL:
        undo(server, op, ERR_SERVER_DISK_FULL);
        break;
    case ERR_EARLIER_REFUSED:
    case ERR_MAILBOX_FULL:
        undo(server, op, op->result);
        break;
    default:
        undo(server, op, ERR_NO_SUCH_USER);
        break;
    }
}

void recall_done(struct server *server, struct store_op *op) {
    struct connection *connection = connection_find(server, op->connection);
    bool is_known = op->result == ERR_DUPLICATE;
    if (connection != NULL && connection->phase == PHASE_OPEN) {
        decided_refused(connection, mailbox_hash(server, &op->mailbox->name), !is_known);
    }
    if (is_known) {
        server->figures.repeated++;
        answer_accepted(server, op);
    } else {
        answer_refused(server, op,
                       op->result == ERR_CONFLICT ? ERR_ENVELOPE_CONFLICT : op->insert->refusal);
    }
}
