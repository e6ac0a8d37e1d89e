/* SPDX-License-Identifier: ISC */
#include "libsotto/handover.h"

#include "platform/local.h"

void handover_init(struct handover *handover) {
    *handover = (struct handover){.handle = -1};
    buffer_init(&handover->in, 2 * (size_t)OWNER_FRAME_MAX_BYTES);
    buffer_init(&handover->out, OWNER_FRAME_MAX_BYTES);
}

void handover_close(struct handover *handover) {
    local_close(handover->handle);
    handover->handle = -1;
    handover->is_watching = false;
    handover->has_news = false;
    buffer_clear(&handover->in);
    buffer_clear(&handover->out);
}

/* Sends what was written into `out`. */
static enum error say(struct handover *handover, enum error written, uint64_t until_ms) {
    enum error error = written;
    if (error == OK) {
        error = local_write(handover->handle, buffer_view(&handover->out), until_ms);
    }
    buffer_reset(&handover->out);
    return error;
}

/* Reads until a frame is whole: a view, and how much of `in` it takes. What is no frame is nothing
 * that could be gone on with: ERR_CLOSED. */
static enum error hear(struct handover *handover, uint64_t until_ms, struct wire_frame *frame,
                       size_t *used) {
    for (;;) {
        enum error error =
            wire_frame_cut(buffer_view(&handover->in), OWNER_FRAME_MAX_BYTES, frame, used);
        if (error == ERR_WAIT) {
            error = local_read(handover->handle, &handover->in, until_ms);
        } else {
            return error == OK ? OK : ERR_CLOSED;
        }
        if (error != OK) {
            return error;
        }
    }
}

static enum error greet(struct handover *handover, uint64_t until_ms) {
    struct wire_frame frame;
    size_t used = 0;
    uint16_t version = 0;
    enum error error = say(handover, owner_write_hello(&handover->out, OWNER_VERSION), until_ms);
    if (error == OK) {
        error = hear(handover, until_ms, &frame, &used);
    }
    if (error != OK) {
        return error;
    }
    bool is_hello = frame.type == OWNER_HELLO && owner_read_hello(frame.body, &version) == OK;
    buffer_consume(&handover->in, used);
    return is_hello && version == OWNER_VERSION ? OK : ERR_NOT_FOUND;
}

must_check enum error handover_open(struct handover *handover, const char *folder,
                                    uint64_t until_ms) {
    enum error error = local_connect(folder, OWNER_SOCKET, &handover->handle);
    if (error == OK) {
        error = greet(handover, until_ms);
    } else {
        error = ERR_NOT_FOUND; /* nobody there, or no room at the moment */
    }
    if (error != OK) {
        handover_close(handover);
    }
    return error == OK || error == ERR_WAIT || error == ERR_MEMORY ? error : ERR_NOT_FOUND;
}

must_check enum error handover_send(struct handover *handover, const struct owner_send *message,
                                    uint64_t until_ms, uint32_t *number) {
    *number = ++handover->last_request;
    return say(handover, owner_write_send(&handover->out, *number, message), until_ms);
}

must_check enum error handover_sent(struct handover *handover, uint64_t until_ms, uint32_t *number,
                                    struct owner_sent *sent) {
    struct wire_frame frame;
    size_t used = 0;
    enum error error = hear(handover, until_ms, &frame, &used);
    if (error != OK) {
        return error;
    }
    bool is_answer = frame.type == OWNER_SENT && owner_read_sent(frame.body, sent) == OK;
    *number = frame.request;
    buffer_consume(&handover->in, used);
    return is_answer ? OK : ERR_CLOSED;
}

must_check enum error handover_borrow(struct handover *handover, uint64_t until_ms) {
    struct wire_frame frame;
    size_t used = 0;
    uint32_t number = ++handover->last_request;
    enum error error =
        say(handover, owner_write_empty(&handover->out, OWNER_LEND, number), until_ms);
    if (error == OK) {
        error = hear(handover, until_ms, &frame, &used);
    }
    if (error != OK) {
        return error;
    }
    bool is_answer =
        frame.type == OWNER_LENT && frame.request == number && owner_read_empty(frame.body) == OK;
    buffer_consume(&handover->in, used);
    return is_answer ? OK : ERR_CLOSED;
}

/* ---- watching */

static enum error take_news(struct handover *handover, const struct wire_frame *frame) {
    if (frame->type != OWNER_NEWS || !handover->is_watching ||
        owner_read_news(frame->body, &handover->news) != OK) {
        return ERR_CLOSED;
    }
    handover->is_watching = false;
    handover->has_news = true;
    return OK;
}

must_check enum error handover_watch(struct handover *handover, uint64_t until_ms,
                                     struct owner_news *news) {
    enum error error = OK;
    if (!handover->is_watching && !handover->has_news) {
        uint32_t number = ++handover->last_request;
        error =
            say(handover, owner_write_news(&handover->out, OWNER_WATCH, number, news), UINT64_MAX);
        handover->is_watching = error == OK;
    }
    if (error == OK && !handover->has_news) {
        struct wire_frame frame;
        size_t used = 0;
        error = hear(handover, until_ms, &frame, &used);
        if (error == OK) {
            error = take_news(handover, &frame);
            buffer_consume(&handover->in, used);
        }
    }
    if (error == OK) {
        handover->has_news = false;
        *news = handover->news;
    }
    return error;
}

must_check enum error handover_cursor(struct handover *handover, const struct owner_cursor *cursor,
                                      uint64_t *place) {
    struct owner_moved moved = {.is_full = false};
    bool is_answered = false;
    uint32_t number = ++handover->last_request;
    enum error error =
        say(handover, owner_write_cursor(&handover->out, number, cursor), UINT64_MAX);
    while (error == OK && !is_answered) {
        struct wire_frame frame;
        size_t used = 0;
        error = hear(handover, UINT64_MAX, &frame, &used);
        if (error != OK) {
            break;
        }
        is_answered = frame.type == OWNER_MOVED && frame.request == number &&
                      owner_read_moved(frame.body, &moved) == OK;
        error = is_answered ? OK : take_news(handover, &frame);
        buffer_consume(&handover->in, used);
    }
    *place = moved.place;
    return error == OK && moved.is_full ? ERR_LIMIT : error;
}
