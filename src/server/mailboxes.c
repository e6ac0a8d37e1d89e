/* SPDX-License-Identifier: ISC */
/* The devices that matter now: those that are in and those that somebody writes to. A bounded
 * cache: the one that was used longest ago goes first. */
#include "server/state.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a from a random start: names are chosen by strangers. */
uint64_t mailbox_hash(const struct server *server, const struct user_name *name) {
    uint64_t hash = server->seed;
    for (const char *p = name->text; *p != '\0'; p++) {
        hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
    }
    return hash ^ (hash >> 32);
}

static size_t bucket_of(const struct server *server, const struct user_name *name) {
    return (size_t)(mailbox_hash(server, name) % MAILBOX_BUCKETS);
}

struct mailbox *mailbox_find(const struct server *server, const struct user_name *name) {
    for (struct mailbox *m = server->mailboxes[bucket_of(server, name)]; m != NULL;
         m = m->same_bucket) {
        if (user_name_equal(&m->name, name)) {
            return m;
        }
    }
    return NULL;
}

static void link_newest(struct server *server, struct mailbox *mailbox) {
    mailbox->newer = NULL;
    mailbox->older = server->newest;
    *(server->newest == NULL ? &server->oldest : &server->newest->newer) = mailbox;
    server->newest = mailbox;
}

static void unlink_used(struct server *server, struct mailbox *mailbox) {
    *(mailbox->newer == NULL ? &server->newest : &mailbox->newer->older) = mailbox->older;
    *(mailbox->older == NULL ? &server->oldest : &mailbox->older->newer) = mailbox->newer;
}

void mailbox_used(struct server *server, struct mailbox *mailbox) {
    if (!mailbox->is_gone && server->newest != mailbox) {
        unlink_used(server, mailbox);
        link_newest(server, mailbox);
    }
}

void mailbox_forget(struct server *server, struct mailbox *mailbox) {
    struct mailbox **at = &server->mailboxes[bucket_of(server, &mailbox->name)];
    while (*at != mailbox) {
        require(*at != NULL);
        at = &(*at)->same_bucket;
    }
    *at = mailbox->same_bucket;
    unlink_used(server, mailbox);
    server->mailbox_count--;
    mailbox->is_gone = true;
    if (mailbox->pending == 0 && mailbox->owner == 0) {
        free(mailbox);
    }
}

static void make_room(struct server *server) {
    size_t max = server->config.max_clients + MAILBOXES_SPARE;
    struct mailbox *candidate = server->oldest;
    while (candidate != NULL && server->mailbox_count >= max) {
        struct mailbox *next = candidate->newer;
        if (candidate->owner == 0 && candidate->pending == 0 && candidate->waiting == NULL) {
            mailbox_forget(server, candidate);
        }
        candidate = next;
    }
}

static struct mailbox *add(struct server *server, const struct user_name *name) {
    make_room(server);
    struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
    if (mailbox == NULL) {
        return NULL;
    }
    mailbox->name = *name;
    mailbox->waiting_end = &mailbox->waiting;
    mailbox->early_end = &mailbox->early;
    bucket_fill(&mailbox->send, server->config.send_burst, server->now.monotonic_ms);
    bucket_fill(&mailbox->bundle, server->config.bundle_burst, server->now.monotonic_ms);
    bucket_fill(&mailbox->publish, server->config.publish_burst, server->now.monotonic_ms);
    bucket_fill(&mailbox->renew, server->config.renew_burst, server->now.monotonic_ms);
    struct mailbox **bucket = &server->mailboxes[bucket_of(server, name)];
    mailbox->same_bucket = *bucket;
    *bucket = mailbox;
    link_newest(server, mailbox);
    server->mailbox_count++;
    return mailbox;
}

void mailbox_keep(struct mailbox *mailbox, struct store_op *op) {
    require(op->mailbox == NULL);
    op->mailbox = mailbox;
    mailbox->pending++;
}

void mailbox_release(struct server *server, struct store_op *op) {
    (void)server;
    struct mailbox *mailbox = op->mailbox;
    if (mailbox != NULL) {
        op->mailbox = NULL;
        require(mailbox->pending > 0);
        mailbox->pending--;
        if (mailbox->is_gone && mailbox->pending == 0 && mailbox->owner == 0) {
            free(mailbox);
        }
    }
}

static void load(struct mailbox *mailbox, const struct store_device *device) {
    mailbox->device = device->device;
    mailbox->account = device->account;
    mailbox->messages = device->messages;
    mailbox->bytes = device->bytes;
    mailbox->seen_day = device->seen_day;
    mailbox->last_order = device->last_order;
    mailbox->stored_order = device->last_order;
    mailbox->is_loaded = true;
}

struct mailbox *mailbox_get(struct server *server, const struct user_name *name) {
    struct mailbox *mailbox = mailbox_find(server, name);
    if (mailbox != NULL) {
        mailbox_used(server, mailbox);
        return mailbox;
    }
    struct store_op *op = store_op_new(STORE_MAILBOX);
    mailbox = op == NULL ? NULL : add(server, name);
    if (mailbox == NULL) {
        store_op_free(op);
        return NULL;
    }
    op->login->name = *name;
    mailbox_keep(mailbox, op);
    queue_add(server, op);
    return mailbox;
}

/* What came while it was being loaded, in the order in which it came. */
static void decide_waiting(struct server *server, struct mailbox *mailbox) {
    struct store_op *op = mailbox->waiting;
    mailbox->waiting = NULL;
    mailbox->waiting_end = &mailbox->waiting;
    while (op != NULL) {
        struct store_op *next = op->next;
        op->next = NULL;
        send_decide(server, mailbox, op);
        op = next;
    }
}

struct mailbox *mailbox_of_device(struct server *server, const struct store_device *device) {
    struct mailbox *mailbox = mailbox_find(server, &device->name);
    if (mailbox != NULL && mailbox->is_loaded && mailbox->device != device->device) {
        mailbox_forget(server, mailbox); /* the name was given to somebody else */
        mailbox = NULL;
    }
    if (mailbox == NULL) {
        mailbox = add(server, &device->name);
    }
    if (mailbox != NULL && !mailbox->is_loaded) {
        load(mailbox, device);
        decide_waiting(server, mailbox);
    }
    return mailbox;
}

void mailbox_done(struct server *server, struct store_op *op) {
    struct mailbox *mailbox = op->mailbox;
    if (mailbox->is_loaded || mailbox->is_gone) {
        return; /* its device logged in meanwhile */
    }
    if (op->result == OK) {
        load(mailbox, op->login);
        decide_waiting(server, mailbox);
    } else {
        /* Nobody of that name can be written to now. It is not remembered: the next message asks
         * again. */
        decide_waiting(server, mailbox);
        mailbox_forget(server, mailbox);
    }
}

void mailbox_less(struct mailbox *mailbox, size_t messages, uint64_t bytes) {
    mailbox->messages -= messages < mailbox->messages ? (uint32_t)messages : mailbox->messages;
    mailbox->bytes -= bytes < mailbox->bytes ? bytes : mailbox->bytes;
}

void mailboxes_free(struct server *server) {
    while (server->newest != NULL) {
        struct mailbox *mailbox = server->newest;
        struct store_op *op = mailbox->waiting;
        server->newest = mailbox->older;
        while (op != NULL) {
            struct store_op *next = op->next;
            store_op_free(op);
            op = next;
        }
        free(mailbox);
    }
}
