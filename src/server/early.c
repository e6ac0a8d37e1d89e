/* SPDX-License-Identifier: ISC */
/* Contract 9: an envelope that the recipient's device acknowledges before its commit is not
 * inserted, and ACCEPTED goes out then.
 *
 * A message for a device that is in and has been handed everything before it is handed over as soon
 * as it is accepted. If the device has shown that it acknowledges promptly, the insert waits for
 * that a moment (EARLY_WAIT_MS); if it does not come, the device is not waited for again until it
 * has shown it anew. Whatever waits for the same mailbox goes to the store in its order, before
 * anything that comes later. */
#include "server/state.h"

#include "base/require.h"

/* --- mailboxes with inserts that wait, by when the first of them has waited enough --- */

static void leave_list(struct server *server, struct mailbox *mailbox) {
    *(mailbox->early_before == NULL ? &server->early_first : &mailbox->early_before->early_after) =
        mailbox->early_after;
    *(mailbox->early_after == NULL ? &server->early_last : &mailbox->early_after->early_before) =
        mailbox->early_before;
    mailbox->early_before = NULL;
    mailbox->early_after = NULL;
}

/* Nearly always at the end: all wait equally long. */
static void enter_list(struct server *server, struct mailbox *mailbox) {
    struct mailbox *before = server->early_last;
    mailbox->early_until_ms = mailbox->early->insert->handed_ms + server->config.early_wait_ms;
    while (before != NULL && before->early_until_ms > mailbox->early_until_ms) {
        before = before->early_before;
    }
    mailbox->early_before = before;
    mailbox->early_after = before == NULL ? server->early_first : before->early_after;
    *(before == NULL ? &server->early_first : &before->early_after) = mailbox;
    *(mailbox->early_after == NULL ? &server->early_last : &mailbox->early_after->early_before) =
        mailbox;
}

static struct store_op *pop(struct server *server, struct mailbox *mailbox) {
    struct store_op *op = mailbox->early;
    mailbox->early = op->next;
    if (mailbox->early == NULL) {
        mailbox->early_end = &mailbox->early;
    }
    op->next = NULL;
    op->insert->place = INSERT_QUEUED;
    queue_forget(server, op);
    return op;
}

static void hold(struct server *server, struct mailbox *mailbox, struct store_op *op) {
    bool is_first = mailbox->early == NULL;
    op->next = NULL;
    op->insert->place = INSERT_EARLY;
    *mailbox->early_end = op;
    mailbox->early_end = &op->next;
    queue_count(server, op);
    if (is_first) {
        enter_list(server, mailbox);
    }
}

void early_release(struct server *server, struct mailbox *mailbox) {
    if (mailbox->early == NULL) {
        return;
    }
    leave_list(server, mailbox);
    while (mailbox->early != NULL) {
        queue_add(server, pop(server, mailbox));
    }
}

void early_accept(struct server *server, struct mailbox *mailbox, struct store_op *op) {
    if (delivery_early(server, mailbox, op) && mailbox->is_prompt) {
        hold(server, mailbox, op);
    } else {
        early_release(server, mailbox);
        queue_add(server, op);
    }
}

/* --- acknowledgements --- */

/* Those at the front that need no insert any more. */
static void drop_settled(struct server *server, struct mailbox *mailbox) {
    leave_list(server, mailbox);
    while (mailbox->early != NULL && mailbox->early->insert->is_settled) {
        queue_end(server, pop(server, mailbox));
    }
    if (mailbox->early != NULL) {
        enter_list(server, mailbox);
    }
}

void early_settle(struct server *server, struct store_op *op) {
    struct mailbox *mailbox = op->mailbox;
    require(op->insert->place != INSERT_RUNNING && !op->insert->is_settled);
    op->insert->is_settled = true;
    memory_settled(server, op->insert);
    send_settled(server, op);
    server->is_resume_due = server->stalled != NULL;
    if (op->insert->place == INSERT_EARLY && op == mailbox->early) {
        drop_settled(server, mailbox);
    }
}

/* A message leaves at the end of the round in which it was handed over, and its acknowledgement is
 * read somewhere in a later one: that the server has much to do is not the device's delay. */
static uint64_t own_delay(const struct server *server) {
    uint64_t rounds_ms = 2 * server->rounds_ms;
    return rounds_ms < SECOND_MS ? rounds_ms : SECOND_MS;
}

uint64_t early_wait(const struct server *server) {
    return server->config.early_wait_ms + own_delay(server);
}

/* Added here and not when one begins to wait: so the list keeps its order as the load changes. */
uint64_t early_deadline(const struct server *server) {
    const struct mailbox *first = server->early_first;
    return first == NULL ? UINT64_MAX : first->early_until_ms + own_delay(server);
}

void early_tick(struct server *server) {
    while (early_deadline(server) <= server->now.monotonic_ms) {
        struct mailbox *mailbox = server->early_first;
        mailbox->is_prompt = false;
        early_release(server, mailbox);
    }
}

void early_free(struct server *server) {
    while (server->early_first != NULL) {
        struct mailbox *mailbox = server->early_first;
        leave_list(server, mailbox);
        while (mailbox->early != NULL) {
            store_op_free(pop(server, mailbox));
        }
    }
}
