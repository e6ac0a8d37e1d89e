/* SPDX-License-Identifier: ISC */
/* Certificates, prekeys and the list of users. docs/PROTOCOL.md 1.4. */
#include "server/state.h"

#include "session/prekey.h"

#include <string.h>

static void malformed(struct server *server, struct connection *connection) {
    connection_fail(server, connection, 0, ERR_PROTOCOL_ERROR, 0, "malformed message");
}

static void queue_request(struct server *server, struct connection *connection, struct store_op *op,
                          uint32_t request) {
    if (op == NULL) {
        connection_starve(server, connection);
        return;
    }
    op->connection = connection->number;
    op->request = request;
    connection->in_flight++;
    queue_add(server, op);
}

/* --- PUBLISH
 * -------------------------------------------------------------------------------------------- */

/* Nobody relies on a server for it, but what cannot be used is told to its maker and not to his
 * peers. */
static bool are_signed(const struct server *server, const struct connection *connection,
                       const struct wire_publish *message) {
    struct certificate owner = {0};
    struct prekey prekey;
    memcpy(owner.cid, connection->cid, sizeof(owner.cid));
    memcpy(owner.signing, connection->signing, sizeof(owner.signing));
    if (message->has_set &&
        prekey_set_verify(message->set, &owner, server->now.wall_ms, &prekey) != OK) {
        return false;
    }
    for (size_t i = 0; i < message->one_time_count; i++) {
        struct bytes one =
            bytes_make(message->one_time.data + i * ONE_TIME_PREKEY_BYTES, ONE_TIME_PREKEY_BYTES);
        if (one_time_prekey_verify(one, &owner, server->now.wall_ms, &prekey) != OK) {
            return false;
        }
    }
    return true;
}

void publish_receive(struct server *server, struct connection *connection,
                     const struct wire_frame *frame) {
    struct wire_publish message;
    if (wire_read_publish(frame->body, &message) != OK) {
        malformed(server, connection);
        return;
    }
    /* Before its signatures are looked at, for those are what it costs. */
    uint32_t retry_s;
    if (!bucket_take(&connection->mailbox->publish, server->config.publish_rate_per_minute,
                     server->config.publish_burst, server->now.monotonic_ms, &retry_s)) {
        connection_refuse(server, connection, frame->request, ERR_RATE_LIMITED, retry_s, "");
        return;
    }
    if (!are_signed(server, connection, &message)) {
        connection_refuse(server, connection, frame->request, ERR_CERTIFICATE_REFUSED, 0,
                          "prekeys expired, or not this device's");
        return;
    }
    struct store_op *op = store_op_new(STORE_PUBLISH);
    if (op != NULL) {
        struct store_publish *in = op->publish;
        in->device = connection->mailbox->device;
        memcpy(in->cid, connection->cid, sizeof(in->cid));
        in->replace = message.replace;
        in->has_set = message.has_set;
        if (message.has_set) {
            memcpy(in->set, message.set.data, sizeof(in->set));
        }
        in->count = message.one_time_count;
        for (size_t i = 0; i < in->count; i++) {
            memcpy(in->one_time[i], message.one_time.data + i * ONE_TIME_PREKEY_BYTES,
                   ONE_TIME_PREKEY_BYTES);
        }
        connection->heavy++;
    }
    queue_request(server, connection, op, frame->request);
}

void publish_done(struct server *server, struct store_op *op) {
    struct connection *connection = connection_answered(server, op);
    if (connection == NULL) {
        return;
    }
    connection->heavy--;
    if (op->result == OK) {
        connection_wrote(server, connection,
                         wire_write_empty(&connection->output, WIRE_DONE, op->request));
    } else if (op->result == ERR_FULL) {
        connection_refuse(server, connection, op->request, ERR_SERVER_DISK_FULL, DISK_RETRY_S, "");
    } else {
        connection_refuse(server, connection, op->request, ERR_CERTIFICATE_REFUSED, 0,
                          "prekeys expired, too old, too many, or of another certificate");
    }
}

/* --- GET_CERTIFICATE and GET_BUNDLE
 * --------------------------------------------------------------------- */

static struct store_op *lookup(struct server *server, struct connection *connection,
                               enum store_kind kind, const struct wire_frame *frame) {
    struct user_name name;
    if (wire_read_name(frame->body, &name) != OK) {
        malformed(server, connection);
        return NULL;
    }
    struct store_op *op = store_op_new(kind);
    if (op == NULL) {
        connection_starve(server, connection);
        return NULL;
    }
    op->bundle->name = name;
    op->bundle->requester = connection->mailbox->account;
    return op;
}

void certificate_receive(struct server *server, struct connection *connection,
                         const struct wire_frame *frame) {
    struct store_op *op = lookup(server, connection, STORE_CERTIFICATE, frame);
    if (op != NULL) {
        connection->heavy++;
        queue_request(server, connection, op, frame->request);
    }
}

void bundle_receive(struct server *server, struct connection *connection,
                    const struct wire_frame *frame) {
    uint32_t retry_s;
    struct store_op *op = lookup(server, connection, STORE_BUNDLE, frame);
    if (op == NULL) {
        return;
    }
    if (!bucket_take(&connection->mailbox->bundle, server->config.bundle_rate_per_minute,
                     server->config.bundle_burst, server->now.monotonic_ms, &retry_s)) {
        connection_refuse(server, connection, frame->request, ERR_RATE_LIMITED, retry_s, "");
        store_op_free(op);
        return;
    }
    if (random_fill(&server->random, &op->bundle->choice, sizeof(op->bundle->choice)) != OK) {
        store_op_free(op);
        connection_end(server, connection);
        return;
    }
    connection->heavy++;
    queue_request(server, connection, op, frame->request);
}

static struct connection *looked_up(struct server *server, struct store_op *op) {
    struct connection *connection = connection_answered(server, op);
    if (connection == NULL) {
        return NULL;
    }
    connection->heavy--;
    if (op->result == ERR_FULL) {
        connection_refuse(server, connection, op->request, ERR_SERVER_DISK_FULL, DISK_RETRY_S, "");
    } else if (op->result != OK) {
        connection_refuse(server, connection, op->request, ERR_NO_SUCH_USER, 0, "");
    }
    return op->result == OK ? connection : NULL;
}

void certificate_done(struct server *server, struct store_op *op) {
    struct connection *connection = looked_up(server, op);
    if (connection != NULL) {
        connection_wrote(server, connection,
                         wire_write_certificate(&connection->output, op->request,
                                                bytes_of(op->bundle->certificate)));
    }
}

void bundle_done(struct server *server, struct store_op *op) {
    struct connection *connection = looked_up(server, op);
    if (connection != NULL) {
        struct bytes one_time = {0};
        if (op->bundle->has_one_time) {
            one_time = bytes_of(op->bundle->one_time);
        }
        connection_wrote(server, connection,
                         wire_write_bundle(&connection->output, op->request,
                                           bytes_of(op->bundle->certificate),
                                           bytes_of(op->bundle->set), one_time));
    }
}

/* --- LIST_USERS
 * ----------------------------------------------------------------------------------------- */

void users_receive(struct server *server, struct connection *connection,
                   const struct wire_frame *frame) {
    struct wire_list_users message;
    if (wire_read_list_users(frame->body, &message) != OK) {
        malformed(server, connection);
        return;
    }
    struct store_op *op = store_op_new(STORE_USERS);
    if (op != NULL) {
        op->users->pattern_size = message.pattern.size;
        if (message.pattern.size > 0) {
            memcpy(op->users->pattern, message.pattern.data, message.pattern.size);
        }
        if (message.after.size > 0) {
            memcpy(op->users->after.text, message.after.data, message.after.size);
        }
        connection->heavy++;
    }
    queue_request(server, connection, op, frame->request);
}

void users_done(struct server *server, struct store_op *op) {
    struct connection *connection = connection_answered(server, op);
    if (connection != NULL) {
        connection->heavy--;
        connection_wrote(server, connection,
                         wire_write_users(&connection->output, op->request, &op->users->page));
    }
}
