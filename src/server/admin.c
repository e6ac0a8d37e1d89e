/* SPDX-License-Identifier: ISC */
/* What the administrator asks for, and what time takes away. */
#include "server/state.h"

#include <stdlib.h>
#include <string.h>

static struct store_op *admin_op(enum store_kind kind, struct admin_request request) {
    struct store_op *op = store_op_new(kind);
    struct admin_request *kept = op == NULL ? NULL : malloc(sizeof(*kept));
    if (kept == NULL) {
        store_op_free(op);
        return NULL;
    }
    *kept = request;
    op->admin = kept;
    return op;
}

static void answer(struct store_op *op) {
    struct admin_request *request = op->admin;
    request->done(request->context, op->result);
}

must_check enum error server_invite(struct server *server, const struct store_invite *invite,
                                    struct admin_request request) {
    struct store_op *op = admin_op(STORE_INVITE, request);
    if (op == NULL) {
        return ERR_MEMORY;
    }
    *op->invite = *invite;
    queue_add(server, op);
    return OK;
}

must_check enum error server_revoke(struct server *server, const struct store_revoke *invite,
                                    struct admin_request request) {
    struct store_op *op = admin_op(STORE_REVOKE, request);
    if (op == NULL) {
        return ERR_MEMORY;
    }
    *op->revoke = *invite;
    queue_add(server, op);
    return OK;
}

must_check enum error server_disable(struct server *server, const struct user_name *name,
                                     bool disable, struct admin_request request) {
    struct store_op *op = admin_op(STORE_STATE, request);
    if (op == NULL) {
        return ERR_MEMORY;
    }
    op->state->name = *name;
    op->state->is_disabled = disable;
    queue_add(server, op);
    return OK;
}

must_check enum error server_remove(struct server *server, const struct user_name *name,
                                    struct admin_request request) {
    struct store_op *op = admin_op(STORE_REMOVE, request);
    if (op == NULL) {
        return ERR_MEMORY;
    }
    op->remove->name = *name;
    queue_add(server, op);
    return OK;
}

void admin_done(struct server *server, struct store_op *op) {
    (void)server;
    answer(op);
}

static void end_owner(struct server *server, const struct mailbox *mailbox, enum error error) {
    struct connection *owner = mailbox == NULL ? NULL : connection_find(server, mailbox->owner);
    if (owner != NULL) {
        connection_fail(server, owner, 0, error, 0, "");
    }
}

/* Who registered to renew is not the owner yet. */
static void end_renewals(struct server *server, uint64_t device, enum error error) {
    for (size_t i = 0; i < server->connection_slots; i++) {
        struct connection *connection = server->connections[i];
        if (connection != NULL && connection->phase == PHASE_RENEWAL &&
            connection->device == device) {
            connection_fail(server, connection, 0, error, 0, "");
        }
    }
}

/* What is sent to it goes on being queued: the mailbox stays. */
void state_done(struct server *server, struct store_op *op) {
    if (op->result == OK && op->state->is_disabled) {
        end_owner(server, mailbox_find(server, &op->state->name), ERR_ACCOUNT_DISABLED);
        end_renewals(server, op->state->device, ERR_ACCOUNT_DISABLED);
    }
    answer(op);
}

void remove_done(struct server *server, struct store_op *op) {
    if (op->result == OK) {
        struct mailbox *mailbox = mailbox_find(server, &op->remove->name);
        end_owner(server, mailbox, ERR_LOGIN_REFUSED);
        if (mailbox != NULL && mailbox->is_loaded) {
            mailbox_forget(server, mailbox);
        }
        erase_begin(server);
    }
    answer(op);
}

/* --- erasing --- */

void erase_begin(struct server *server) {
    struct store_op *op = server->is_erasing ? NULL : store_op_new(STORE_ERASE);
    if (op != NULL) {
        server->is_erasing = true;
        queue_add(server, op);
    }
}

/* One step a batch, so that nobody waits for all of them. */
void erase_done(struct server *server, struct store_op *op) {
    server->is_erasing = false;
    if (op->result == OK && op->erase->more && !server->is_shutting_down) {
        erase_begin(server);
    }
}

/* --- expiry
 * ---------------------------------------------------------------------------------------------- */

/* After a jump of the wall clock nothing is thrown away for an hour: it may be the clock that is
 * wrong. */
static bool is_clock_trusted(struct server *server) {
    int64_t offset = (int64_t)(server->now.wall_ms - server->now.monotonic_ms);
    int64_t jump = offset - server->clock_offset;
    server->clock_offset = offset;
    if (jump > (int64_t)HOUR_MS || jump < -(int64_t)HOUR_MS) {
        server->expire_messages_from_ms = server->now.monotonic_ms + HOUR_MS;
        server_log(server, "the clock jumped: nothing expires for an hour");
    }
    return server->now.monotonic_ms >= server->expire_messages_from_ms;
}

void expire_tick(struct server *server) {
    bool trusted = is_clock_trusted(server);
    if (server->is_expiring || server->now.monotonic_ms < server->expire_ms ||
        queue_is_full(server)) {
        return;
    }
    server->expire_ms = server->now.monotonic_ms + EXPIRE_EVERY_MS;
    erase_begin(server); /* what a server that ended, or a full disk, left undone */
    struct store_op *op = store_op_new(STORE_EXPIRE);
    if (op != NULL) {
        op->expire->is_due = trusted;
        op->expire->keep_ms = server->config.keep_waiting_ms;
        server->is_expiring = true;
        queue_add(server, op);
    }
}

void expire_done(struct server *server, struct store_op *op) {
    server->is_expiring = false;
    if (op->result != OK) {
        return;
    }
    server->expired += op->expire->messages;
    for (struct mailbox *m = server->newest; m != NULL && op->expire->count > 0; m = m->older) {
        for (size_t i = 0; i < op->expire->count; i++) {
            if (op->expire->removed[i].device == m->device) {
                mailbox_less(m, op->expire->removed[i].messages, op->expire->removed[i].bytes);
            }
        }
    }
    if (op->expire->more) {
        server->expire_ms = server->now.monotonic_ms;
    }
}
