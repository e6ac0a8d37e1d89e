/* SPDX-License-Identifier: ISC */
/* LEAVE: a device ends its own account (docs/PROTOCOL.md 4.3). When DONE is said, what it had is
 * gone or nobody's, and being erased; its name stays its account key's. */
#include "server/state.h"

#include <string.h>

void leave_receive(struct server *server, struct connection *connection,
                   const struct wire_frame *frame) {
    if (wire_read_empty(frame->body) != OK) {
        connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0, "malformed message");
        return;
    }
    struct store_op *op = store_op_new(STORE_LEAVE);
    if (op == NULL) {
        connection_starve(server, connection);
        return;
    }
    op->connection = connection->number;
    op->request = frame->request;
    op->leave->device = connection->mailbox->device;
    op->leave->account = connection->mailbox->account;
    memcpy(op->leave->cid, connection->cid, sizeof(op->leave->cid));
    mailbox_keep(connection->mailbox, op);
    connection->is_leaving = true;
    connection->in_flight++;
    queue_add(server, op);
}

/* The device may have come in again meanwhile, over another connection. */
static void end_other(struct server *server, const struct store_op *op) {
    struct connection *owner = connection_find(server, op->mailbox->owner);
    if (owner != NULL && owner->number != op->connection) {
        connection_fail(server, owner, 0, ERR_LOGIN_REFUSED, 0, "");
    }
}

void leave_done(struct server *server, struct store_op *op) {
    struct connection *connection = connection_answered(server, op);
    if (op->result == OK) {
        end_other(server, op);
    }
    if (connection != NULL && op->result == OK) {
        connection_wrote(server, connection,
                         wire_write_empty(&connection->output, WIRE_DONE, op->request));
        connection_end(server, connection);
    } else if (connection != NULL && op->result == ERR_FULL) {
        connection->is_leaving = false;
        connection_refuse(server, connection, op->request, ERR_SERVER_DISK_FULL, DISK_RETRY_S, "");
    } else if (connection != NULL) {
        connection_fail(server, connection, op->request,
                        op->result == ERR_NOT_FOUND ? ERR_LOGIN_REFUSED : op->result, 0, "");
    }
    if (op->result == OK) {
        if (!op->mailbox->is_gone) {
            mailbox_forget(server, op->mailbox);
        }
        erase_begin(server);
    }
}
