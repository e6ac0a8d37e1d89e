/* SPDX-License-Identifier: ISC */
/* Envelopes that go out: FETCH, DELIVER, ACK. Each connection has a window of messages handed over
 * and not acknowledged; a handle means something on its connection only, and only while the device
 * has not logged in again. What is stored goes out in the order of the mailbox: from memory right
 * after its commit when all before it was handed over, else by reading the store. */
#include "server/state.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>

/* --- the window
 * ------------------------------------------------------------------------------------------ */

static bool has_room(const struct connection *connection) {
    return connection->in_window < connection->window &&
           connection->window_bytes < DELIVERY_WINDOW_BYTES &&
           connection->unsent + connection->output.size < OUTPUT_HIGH_BYTES;
}

enum { SLOTS_FIRST = 4 };

/* Memory for the window comes as messages do: most devices never have more than a few under way. */
static bool grow_slots(struct connection *connection) {
    size_t count = connection->slot_count == 0 ? SLOTS_FIRST : (size_t)2 * connection->slot_count;
    count = count < connection->window ? count : connection->window;
    struct slot *slots = realloc(connection->slots, count * sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    for (size_t i = connection->slot_count; i < count; i++) {
        slots[i] = (struct slot){.next_free = (uint16_t)(i + 1)};
    }
    connection->slots = slots;
    connection->slot_count = (uint16_t)count;
    return true;
}

/* NULL without memory; the caller has seen that the window has room. */
static struct slot *free_slot(struct connection *connection) {
    require(connection->in_window < connection->window);
    if (connection->free_slot == connection->slot_count && !grow_slots(connection)) {
        return NULL;
    }
    struct slot *slot = &connection->slots[connection->free_slot];
    connection->free_slot = slot->next_free;
    return slot;
}

static void give_back(struct connection *connection, struct slot *slot) {
    connection->in_window--;
    connection->window_bytes -= slot->size;
    *slot = (struct slot){.next_free = connection->free_slot};
    connection->free_slot = (uint16_t)(slot - connection->slots);
    if (connection->in_window == 0 && connection->slot_count > SLOTS_FIRST) {
        free(connection->slots);
        connection->slots = NULL;
        connection->slot_count = 0;
        connection->free_slot = 0;
    }
}

/* The base is random and the slot stands in the low bits: a handle of another connection names
 * nothing here. */
static uint64_t next_handle(struct connection *connection, const struct slot *slot) {
    uint64_t handle;
    do {
        handle = connection->handle_base + (++connection->handles * DELIVERY_WINDOW_MAX) +
                 (uint64_t)(slot - connection->slots);
    } while (handle == 0);
    return handle;
}

static struct slot *slot_of(struct connection *connection, uint64_t handle) {
    uint64_t at = (handle - connection->handle_base) % DELIVERY_WINDOW_MAX;
    if (handle == 0 || at >= connection->slot_count || connection->slots[at].handle != handle) {
        return NULL;
    }
    return &connection->slots[at];
}

static struct slot *hand_over(struct server *server, struct connection *connection, uint64_t order,
                              const struct envelope *envelope) {
    struct slot *slot = free_slot(connection);
    if (slot == NULL) {
        connection_starve(server, connection);
        return NULL;
    }
    struct wire_deliver message = {
        .handle = next_handle(connection, slot),
        .from = envelope->from,
        .accepted_ms = envelope->accepted_ms,
        .envelope = bytes_make(envelope->bytes, envelope->size),
    };
    memcpy(message.envelope_id, envelope->id, sizeof(message.envelope_id));
    enum error error = wire_write_deliver(&connection->output, &message);
    if (error != OK) {
        connection_wrote(server, connection, error);
        return NULL;
    }
    server->handed_over++;
    *slot = (struct slot){.handle = message.handle,
                          .order = order,
                          .size = envelope->size,
                          .handed_ms = server->now.monotonic_ms};
    connection->in_window++;
    connection->window_bytes += envelope->size;
    connection_mark_dirty(server, connection);
    return slot;
}

void delivery_end(struct server *server, struct connection *connection) {
    if (connection->is_fetching) {
        connection->mailbox->is_prompt = false;
        early_release(server, connection->mailbox);
    }
    free(connection->slots);
    connection->slots = NULL;
    connection->slot_count = 0;
    connection->free_slot = 0;
    connection->is_fetching = false;
}

/* --- FETCH
 * -----------------------------------------------------------------------------------------------
 */

void fetch_receive(struct server *server, struct connection *connection,
                   const struct wire_frame *frame) {
    uint16_t window;
    if (wire_read_fetch(frame->body, &window) != OK || window > DELIVERY_WINDOW_MAX ||
        connection->is_fetching) {
        connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0, "fetch not possible");
        return;
    }
    if (random_fill(&server->random, &connection->handle_base, sizeof(connection->handle_base)) !=
        OK) {
        connection_end(server, connection);
        return;
    }
    connection->window = window;
    connection->is_fetching = true;
    memory_ask(server, connection->mailbox);
    delivery_continue(server, connection);
}

static void tell_caught_up(struct server *server, struct connection *connection) {
    if (!connection->is_caught_up) {
        connection->is_caught_up = true;
        connection_wrote(server, connection,
                         wire_write_empty(&connection->output, WIRE_CAUGHT_UP, 0));
    }
}

void delivery_continue(struct server *server, struct connection *connection) {
    struct mailbox *mailbox = connection->mailbox;
    if (!connection->is_fetching || connection->is_reading) {
        return;
    }
    if (connection->cursor >= mailbox->stored_order) {
        tell_caught_up(server, connection);
        return;
    }
    if (!has_room(connection)) {
        return;
    }
    struct store_op *op = store_op_new(STORE_READ);
    if (op == NULL) {
        connection_starve(server, connection);
        return;
    }
    size_t room = (size_t)(connection->window - connection->in_window);
    uint64_t bytes = DELIVERY_WINDOW_BYTES - connection->window_bytes;
    op->connection = connection->number;
    op->read->device = mailbox->device;
    op->read->after = connection->cursor;
    op->read->until = mailbox->stored_order;
    op->read->max_messages = room < READ_MAX_MESSAGES ? room : READ_MAX_MESSAGES;
    op->read->max_bytes = bytes < READ_MAX_BYTES ? (size_t)bytes : READ_MAX_BYTES;
    connection->is_reading = true;
    mailbox_keep(mailbox, op);
    queue_add(server, op);
}

void read_done(struct server *server, struct store_op *op) {
    const struct store_read *read = op->read;
    struct connection *connection = connection_find(server, op->connection);
    if (connection == NULL || !connection->is_fetching) {
        return;
    }
    connection->is_reading = false;
    for (size_t i = 0; i < read->count; i++) {
        const struct store_message *message = &read->messages[i];
        if (message->order <= connection->cursor) {
            continue;
        }
        if (message->is_damaged) {
            server_log(server,
                       "a stored message is damaged: it is kept and not delivered (mailbox %llu, "
                       "place %llu)",
                       (unsigned long long)read->device, (unsigned long long)message->order);
        } else if (connection->in_window == connection->window ||
                   hand_over(server, connection, message->order, message->envelope) == NULL) {
            return;
        }
        connection->cursor = message->order;
    }
    if (read->is_exhausted && connection->cursor < read->until) {
        connection->cursor = read->until;
    }
    delivery_continue(server, connection);
}

/* --- from memory
 * ----------------------------------------------------------------------------------------- */

void delivery_stored(struct server *server, struct mailbox *mailbox, struct store_op *op) {
    const struct store_insert *insert = op->insert;
    struct connection *connection = connection_find(server, mailbox->owner);
    if (connection == NULL || !connection->is_fetching || connection->cursor >= insert->order) {
        return;
    }
    if (connection->cursor >= insert->previous && has_room(connection)) {
        if (hand_over(server, connection, insert->order, insert->envelope) != NULL) {
            connection->cursor = insert->order;
        }
        return;
    }
    delivery_continue(server, connection);
}

/* --- before its commit
 * ----------------------------------------------------------------------------------- */

bool delivery_early(struct server *server, struct mailbox *mailbox, struct store_op *op) {
    struct store_insert *insert = op->insert;
    struct connection *connection = connection_find(server, mailbox->owner);
    if (server->config.early_wait_ms == 0 || connection == NULL || !connection->is_fetching ||
        connection->is_reading || connection->cursor < insert->previous || !has_room(connection) ||
        !memory_is_new(server, mailbox, insert)) {
        return false;
    }
    struct slot *slot = hand_over(server, connection, insert->order, insert->envelope);
    if (slot == NULL) {
        return false;
    }
    slot->insert = op;
    insert->reader = connection->number;
    insert->handle = slot->handle;
    insert->handed_ms = slot->handed_ms;
    connection->cursor = insert->order;
    return true;
}

void delivery_forget(struct server *server, const struct store_op *op) {
    struct connection *connection = connection_find(server, op->insert->reader);
    if (connection != NULL && connection->is_fetching) {
        struct slot *slot = slot_of(connection, op->insert->handle);
        if (slot != NULL) {
            slot->insert = NULL;
        }
    }
}

/* --- ACK
 * -------------------------------------------------------------------------------------------------
 */

/* One that no batch has yet is never inserted; one that is on its way is deleted after it. */
static enum error take_acknowledgement(struct server *server, struct mailbox *mailbox,
                                       const struct slot *slot, struct store_op **removal) {
    struct store_op *insert = slot->insert;
    mailbox->is_prompt = server->now.monotonic_ms - slot->handed_ms < early_wait(server);
    if (insert != NULL && insert->insert->place != INSERT_RUNNING) {
        early_settle(server, insert);
        return OK;
    }
    if (*removal == NULL) {
        *removal = store_op_new(STORE_DELETE);
    }
    if (*removal == NULL) {
        return ERR_MEMORY;
    }
    if (insert != NULL) {
        insert->insert->is_acknowledged = true;
    }
    struct store_delete *orders = (*removal)->removal;
    orders->device = mailbox->device;
    orders->orders[orders->count++] = slot->order;
    return OK;
}

void ack_receive(struct server *server, struct connection *connection,
                 const struct wire_frame *frame) {
    struct wire_ack message;
    if (wire_read_ack(frame->body, &message) != OK) {
        connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0, "malformed message");
        return;
    }
    struct mailbox *mailbox = connection->mailbox;
    if (!connection->is_fetching || connection->generation != mailbox->generation) {
        return;
    }
    struct store_op *op = NULL;
    enum error error = OK;
    for (size_t i = 0; i < message.count && error == OK; i++) {
        struct slot *slot = slot_of(connection, message.handles[i]);
        if (slot != NULL) {
            error = take_acknowledgement(server, mailbox, slot, &op);
            give_back(connection, slot);
        }
    }
    if (op != NULL) {
        mailbox_keep(mailbox, op);
        queue_add(server, op);
    }
    if (error != OK) {
        connection_starve(server, connection);
        return;
    }
    delivery_continue(server, connection);
}

void delete_done(struct server *server, struct store_op *op) {
    server->figures.delivered += op->removal->removed_messages;
    mailbox_less(op->mailbox, op->removal->removed_messages, op->removal->removed_bytes);
}
