/* SPDX-License-Identifier: ISC */
/* Operations on their way to the store: gathered while a batch is under way, so that a commit
 * carries all that came during the one before it, and nobody waits for a timer when the disk is
 * idle. */
#include "server/state.h"

#include "base/require.h"

#include <stdlib.h>

enum { BATCH_MAX_BYTES = 8 * 1024 * 1024 };

void queue_count(struct server *server, const struct store_op *op) {
    server->queued++;
    server->queued_bytes += op->weight;
}

void queue_forget(struct server *server, const struct store_op *op) {
    server->queued--;
    server->queued_bytes -= op->weight;
}

void queue_add(struct server *server, struct store_op *op) {
    struct op_list *list = op->kind == STORE_READ ? &server->reads : &server->queue;
    op->next = NULL;
    *list->end = op;
    list->end = &op->next;
    queue_count(server, op);
}

void queue_end(struct server *server, struct store_op *op) {
    mailbox_release(server, op);
    store_op_free(op);
}

void queue_refuse_later(struct server *server, uint64_t connection, struct mailbox *mailbox) {
    for (struct store_op *op = server->queue.first; op != NULL; op = op->next) {
        if (op->kind == STORE_INSERT && op->connection == connection && op->mailbox == mailbox &&
            op->insert->reader == 0) {
            op->kind = STORE_RECALL;
            op->insert->refusal = ERR_EARLIER_REFUSED;
            mailbox_less(mailbox, 1, op->insert->envelope->size);
        }
    }
}

bool queue_is_full(const struct server *server) {
    return server->queued + server->held_count >= server->config.store_queue_max ||
           server->queued_bytes >= server->config.store_queue_max_bytes;
}

static struct store_op *take_first(struct server *server, struct op_list *list) {
    struct store_op *op = list->first;
    list->first = op->next;
    if (list->first == NULL) {
        list->end = &list->first;
    }
    queue_forget(server, op);
    op->next = NULL;
    return op;
}

/* The longest of late: a short round between long ones does not make it a quiet time. */
static void end_round(struct server *server) {
    uint64_t took_ms = server->now.monotonic_ms - server->round_ms;
    uint64_t faded_ms = server->rounds_ms * 7 / 8;
    server->is_in_round = false;
    server->rounds_ms = took_ms > faded_ms ? took_ms : faded_ms;
}

static void fill(struct server *server, struct store_batch *batch, struct op_list *list) {
    struct store_op **end = &batch->first;
    size_t bytes = 0;
    while (list->first != NULL && batch->count < STORE_BATCH_MAX && bytes < BATCH_MAX_BYTES) {
        struct store_op *op = take_first(server, list);
        if (op->kind == STORE_INSERT && op->insert->is_settled) {
            queue_end(server, op);
            continue;
        }
        if (op->kind == STORE_INSERT) {
            op->insert->place = INSERT_RUNNING;
            memory_note(server, op->insert);
        }
        bytes += op->weight;
        batch->count++;
        *end = op;
        end = &op->next;
    }
}

/* Reads and the rest in turn: who waits for what is in a mailbox does not wait for a sync, too. */
static void fill_in_turn(struct server *server, struct store_batch *batch) {
    if (server->is_after_reads || server->reads.first == NULL) {
        fill(server, batch, &server->queue);
    }
    server->is_after_reads = batch->count == 0;
    if (batch->count == 0) {
        fill(server, batch, &server->reads);
    }
}

static bool is_idle(const struct server *server) {
    return server->batch == NULL && server->queue.first == NULL && server->reads.first == NULL;
}

struct store_batch *server_take_batch(struct server *server, struct moment now) {
    server_set_now(server, now);
    end_round(server);
    if (server->batch != NULL || is_idle(server) || server->is_failed) {
        return NULL;
    }
    struct store_batch *batch = calloc(1, sizeof(*batch));
    if (batch == NULL) {
        return NULL; /* the next call finds the same operations */
    }
    batch->now_ms = now.wall_ms;
    fill_in_turn(server, batch);
    if (batch->count == 0) {
        free(batch);
        return NULL;
    }
    server->batch = batch;
    return batch;
}

static void free_list(struct store_op *op) {
    while (op != NULL) {
        struct store_op *next = op->next;
        store_op_free(op);
        op = next;
    }
}

void queue_free(struct server *server) {
    if (server->batch != NULL) {
        free_list(server->batch->first);
        free(server->batch);
    }
    free_list(server->queue.first);
    free_list(server->reads.first);
    free_list(server->held);
}

/* --- what comes back
 * ----------------------------------------------------------------------------------- */

static void (*const DONE[])(struct server *, struct store_op *) = {
    [STORE_LOGIN] = login_done,
    [STORE_REGISTER] = register_done,
    [STORE_RENEW] = renew_done,
    [STORE_PUBLISH] = publish_done,
    [STORE_CERTIFICATE] = certificate_done,
    [STORE_BUNDLE] = bundle_done,
    [STORE_USERS] = users_done,
    [STORE_MAILBOX] = mailbox_done,
    [STORE_INSERT] = insert_done,
    [STORE_RECALL] = recall_done,
    [STORE_IDS] = ids_done,
    [STORE_READ] = read_done,
    [STORE_DELETE] = delete_done,
    [STORE_EXPIRE] = expire_done,
    [STORE_INVITE] = admin_done,
    [STORE_REVOKE] = admin_done,
    [STORE_REMOVE] = remove_done,
    [STORE_STATE] = state_done,
    [STORE_LEAVE] = leave_done,
    [STORE_SEEN] = seen_done,
    [STORE_ERASE] = erase_done,
};

static void finish(struct server *server, struct store_op *op) {
    DONE[op->kind](server, op);
    queue_end(server, op);
}

/* What a full disk makes of an operation of a batch that was not applied. */
enum fate {
    FATE_REFUSED, /* needs space and can be refused */
    FATE_AGAIN,   /* reads */
    FATE_HELD,    /* was promised: waits for space */
};

static enum fate fate_of(const struct store_op *op) {
    switch (op->kind) {
    case STORE_REGISTER:
    case STORE_RENEW:
    case STORE_PUBLISH:
    case STORE_INVITE:
    case STORE_REVOKE:
    case STORE_REMOVE:
    case STORE_STATE:
    case STORE_LEAVE:
    case STORE_SEEN:
    case STORE_ERASE:
    case STORE_EXPIRE:
        return FATE_REFUSED;
    case STORE_BUNDLE:
        return FATE_REFUSED;
    case STORE_INSERT:
        /* One that was handed over is not refused afterwards. */
        return op->insert->reader == 0 ? FATE_REFUSED : FATE_HELD;
    case STORE_DELETE:
        return FATE_HELD;
    case STORE_LOGIN:
    case STORE_CERTIFICATE:
    case STORE_USERS:
    case STORE_MAILBOX:
    case STORE_RECALL:
    case STORE_IDS:
    case STORE_READ:
        return FATE_AGAIN;
    }
    return FATE_HELD;
}

static void hold(struct server *server, struct store_op *op) {
    struct store_op **end = &server->held;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    op->next = NULL;
    *end = op;
    server->held_count++;
    if (op->kind == STORE_INSERT) {
        op->insert->place = INSERT_QUEUED;
        if (op->insert->is_acknowledged) {
            early_settle(server, op);
        }
    }
}

void queue_retry_held(struct server *server) {
    struct store_op *op = server->held;
    server->held = NULL;
    server->held_count = 0;
    while (op != NULL) {
        struct store_op *next = op->next;
        queue_add(server, op);
        op = next;
    }
}

static void disk_full(struct server *server, struct store_op *op) {
    if (!server->is_disk_full) {
        server->is_disk_full = true;
        server_log(server,
                   "disk full: refusing new messages, delivering stored ones; none is lost");
    }
    while (op != NULL) {
        struct store_op *next = op->next;
        switch (fate_of(op)) {
        case FATE_REFUSED:
            op->result = ERR_FULL;
            finish(server, op);
            break;
        case FATE_AGAIN:
            queue_add(server, op);
            break;
        case FATE_HELD:
            hold(server, op);
            break;
        }
        op = next;
    }
}

void server_batch_done(struct server *server, struct store_batch *batch, enum error result,
                       struct moment now) {
    require(batch != NULL && batch == server->batch);
    server_set_now(server, now);
    server->batch = NULL;
    struct store_op *op = batch->first;
    free(batch);
    if (result == ERR_FULL) {
        disk_full(server, op);
    } else if (result != OK) {
        /* Nobody is told anything any more: what was asked may have happened or not. */
        server->is_failed = true;
        free_list(op);
        return;
    } else {
        while (op != NULL) {
            struct store_op *next = op->next;
            finish(server, op);
            op = next;
        }
    }
    connection_resume_stalled(server);
    if (server->is_shutting_down) {
        server_end_answered(server);
    }
}

bool server_is_failed(const struct server *server) {
    return server->is_failed;
}

bool server_has_work(const struct server *server) {
    const bool is_waiting = server->queue.first != NULL || server->reads.first != NULL;
    return server->dirty != NULL || (server->batch == NULL && is_waiting && !server->is_failed);
}

bool server_is_busy(const struct server *server) {
    return !is_idle(server) || server->early_first != NULL;
}
