/* SPDX-License-Identifier: ISC */
#include "libsotto/porch.h"

#include "base/require.h"
#include "libsotto/handover.h"
#include "platform/files.h"
#include "platform/local.h"
#include "platform/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_BYTES = 16 * 1024 };

struct porch {
    uv_pipe_t pipe;
    uv_loop_t *loop;
    char folder[PATH_MAX_BYTES];
    struct clock clock;
    struct porch_events events;
    struct guest *guests;
    size_t count;
    bool has_knock; /**< one more is there, and has no place yet */
    bool is_shut;
    bool is_deaf; /**< the listening handle is closed */
    bool is_closing;
    char input[INPUT_BYTES]; /**< of one read; what it says is taken at once */
};

struct guest {
    uv_pipe_t pipe;
    struct porch *porch;
    struct guest *next;
    struct buffer in;
    size_t unsent;
    unsigned expected;
    uint64_t heard_ms; /**< when it came, a frame was begun or ended, or it was answered */
    bool is_greeted;
    bool is_leaving;
};

/** A frame on its way out. */
struct parcel {
    uv_write_t write;
    struct guest *guest;
    size_t size;
    uint8_t data[];
};

static void admit(struct porch *porch);

static uint64_t time_of(const struct porch *porch) {
    return porch->clock.monotonic_ms(porch->clock.context);
}

/* ---- the end of a guest */

static void free_when_over(struct porch *porch) {
    if (porch->is_closing && porch->is_deaf && porch->guests == NULL) {
        free(porch);
    }
}

static void on_guest_gone(uv_handle_t *handle) {
    struct guest *guest = handle->data;
    struct porch *porch = guest->porch;
    struct guest **at = &porch->guests;
    while (*at != guest) {
        at = &(*at)->next;
    }
    *at = guest->next;
    porch->count--;
    buffer_clear(&guest->in);
    free(guest);
    admit(porch);
    free_when_over(porch);
}

void guest_show_out(struct guest *guest) {
    struct porch *porch = guest->porch;
    if (guest->is_leaving) {
        return;
    }
    guest->is_leaving = true;
    porch->events.left(porch->events.context, guest);
    uv_close((uv_handle_t *)&guest->pipe, on_guest_gone);
}

/* ---- what it is told */

static void on_told(uv_write_t *write, int status) {
    struct parcel *parcel = write->data;
    struct guest *guest = parcel->guest;
    guest->unsent -= parcel->size;
    free(parcel);
    if (status != 0) {
        guest_show_out(guest);
    }
}

void guest_tell(struct guest *guest, struct bytes frame) {
    if (guest->is_leaving) {
        return;
    }
    struct parcel *parcel = guest->unsent + frame.size > OWNER_UNSENT_MAX_BYTES
                                ? NULL
                                : malloc(sizeof(*parcel) + frame.size);
    if (parcel == NULL) {
        guest_show_out(guest);
        return;
    }
    parcel->guest = guest;
    parcel->size = frame.size;
    parcel->write.data = parcel;
    memcpy(parcel->data, frame.data, frame.size);
    uv_buf_t view = uv_buf_init((char *)parcel->data, (unsigned)frame.size);
    if (uv_write(&parcel->write, (uv_stream_t *)&guest->pipe, &view, 1, on_told) != 0) {
        free(parcel);
        guest_show_out(guest);
        return;
    }
    guest->unsent += frame.size;
}

void guest_expect(struct guest *guest, int more) {
    require(more == 1 || guest->expected > 0);
    guest->expected = more == 1 ? guest->expected + 1 : guest->expected - 1;
    guest->heard_ms = time_of(guest->porch);
}

unsigned guest_expects(const struct guest *guest) {
    return guest->expected;
}

/* ---- what it says */

static bool take_hello(struct guest *guest, const struct wire_frame *frame) {
    uint16_t version = 0;
    guest->is_greeted = frame->type == OWNER_HELLO &&
                        owner_read_hello(frame->body, &version) == OK && version == OWNER_VERSION;
    return guest->is_greeted;
}

static void take_frames(struct guest *guest) {
    struct porch *porch = guest->porch;
    while (!guest->is_leaving) {
        struct wire_frame frame;
        size_t used = 0;
        enum error error =
            wire_frame_cut(buffer_view(&guest->in), OWNER_FRAME_MAX_BYTES, &frame, &used);
        if (error == ERR_WAIT) {
            return;
        }
        bool is_fine =
            error == OK &&
            (guest->is_greeted ? porch->events.asked(porch->events.context, guest, &frame)
                               : take_hello(guest, &frame));
        if (!is_fine) {
            guest_show_out(guest);
            return;
        }
        buffer_consume(&guest->in, used);
        guest->heard_ms = time_of(porch);
    }
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room) {
    struct guest *guest = handle->data;
    (void)suggested;
    *room = uv_buf_init(guest->porch->input, sizeof(guest->porch->input));
}

/* What it says is handed on frame by frame. */
static void hear(struct guest *guest, struct bytes bytes) {
    if (guest->in.size == 0) {
        guest->heard_ms = time_of(guest->porch);
    }
    if (buffer_append(&guest->in, bytes) == OK) {
        take_frames(guest);
    } else {
        guest_show_out(guest);
    }
}

static void on_said(uv_stream_t *stream, ssize_t got, const uv_buf_t *part) {
    struct guest *guest = stream->data;
    if (got > 0) {
        hear(guest, bytes_make(part->base, (size_t)got));
        wipe(part->base, (size_t)got);
    } else if (got < 0) {
        guest_show_out(guest);
    }
}

/* ---- coming in */

static bool is_welcome(struct guest *guest) {
    uv_os_fd_t handle = -1;
    return uv_fileno((uv_handle_t *)&guest->pipe, &handle) == 0 && peer_is_trusted(handle);
}

static void greet(struct guest *guest) {
    struct buffer hello;
    buffer_init(&hello, OWNER_FRAME_MAX_BYTES);
    if (owner_write_hello(&hello, OWNER_VERSION) == OK) {
        guest_tell(guest, buffer_view(&hello));
    } else {
        guest_show_out(guest);
    }
    buffer_clear(&hello);
}

/* Lets the one in who has knocked, when there is a place. Until it is let in, libuv leaves the
 * others in the system's queue. */
static void admit(struct porch *porch) {
    if (!porch->has_knock || porch->is_shut || porch->count >= OWNER_CLIENTS_MAX) {
        return;
    }
    struct guest *guest = calloc(1, sizeof(*guest));
    if (guest == NULL) {
        return; /* it stays outside until somebody leaves */
    }
    porch->has_knock = false;
    guest->porch = porch;
    guest->next = porch->guests;
    porch->guests = guest;
    porch->count++;
    guest->heard_ms = time_of(porch);
    buffer_init(&guest->in, 2 * (size_t)OWNER_FRAME_MAX_BYTES);
    (void)uv_pipe_init(porch->loop, &guest->pipe, 0); /* has no way to fail */
    guest->pipe.data = guest;
    if (uv_accept((uv_stream_t *)&porch->pipe, (uv_stream_t *)&guest->pipe) != 0 ||
        !is_welcome(guest) || uv_read_start((uv_stream_t *)&guest->pipe, on_room, on_said) != 0) {
        guest_show_out(guest);
    } else {
        greet(guest);
    }
}

static void on_knock(uv_stream_t *stream, int status) {
    struct porch *porch = stream->data;
    if (status == 0) {
        porch->has_knock = true;
        admit(porch);
    }
}

/* ---- the porch */

must_check enum error porch_open(uv_loop_t *loop, const char *folder, const struct clock *clock,
                                 const struct porch_events *events, struct porch **porch) {
    int handle = -1;
    struct porch *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR_MEMORY;
    }
    enum error error = local_listen(folder, OWNER_SOCKET, OWNER_BACKLOG, &handle);
    if (error != OK) {
        free(made);
        return error;
    }
    made->loop = loop;
    made->clock = *clock;
    made->events = *events;
    snprintf(made->folder, sizeof(made->folder), "%s", folder);
    (void)uv_pipe_init(loop, &made->pipe, 0);
    made->pipe.data = made;
    if (uv_pipe_open(&made->pipe, handle) != 0) {
        local_close(handle);
        porch_close(made);
        return ERR_IO;
    }
    if (uv_listen((uv_stream_t *)&made->pipe, OWNER_BACKLOG, on_knock) != 0) {
        porch_close(made);
        return ERR_IO;
    }
    *porch = made;
    return OK;
}

static void on_deaf(uv_handle_t *handle) {
    struct porch *porch = handle->data;
    porch->is_deaf = true;
    free_when_over(porch);
}

void porch_shut(struct porch *porch) {
    if (!porch->is_shut) {
        porch->is_shut = true;
        local_remove(porch->folder, OWNER_SOCKET);
        uv_close((uv_handle_t *)&porch->pipe, on_deaf);
    }
}

/* A frame that was begun has to end soon, a hello to come; who waits for an answer may be silent.
 */
static uint64_t leave_at(const struct guest *guest) {
    if (!guest->is_greeted || guest->in.size > 0) {
        return guest->heard_ms + OWNER_HELLO_MS;
    }
    return guest->expected > 0 ? UINT64_MAX : guest->heard_ms + OWNER_IDLE_MS;
}

uint64_t porch_deadline(const struct porch *porch) {
    uint64_t first = UINT64_MAX;
    for (const struct guest *guest = porch->guests; guest != NULL; guest = guest->next) {
        uint64_t at = guest->is_leaving ? UINT64_MAX : leave_at(guest);
        first = at < first ? at : first;
    }
    return first;
}

void porch_tick(struct porch *porch) {
    uint64_t now = time_of(porch);
    for (struct guest *guest = porch->guests; guest != NULL; guest = guest->next) {
        if (!guest->is_leaving && now >= leave_at(guest)) {
            guest_show_out(guest); /* it leaves the list later, in the loop */
        }
    }
}

void porch_close(struct porch *porch) {
    if (porch == NULL || porch->is_closing) {
        return;
    }
    for (struct guest *guest = porch->guests; guest != NULL; guest = guest->next) {
        guest_show_out(guest);
    }
    porch_shut(porch);
    porch->is_closing = true;
    free_when_over(porch);
}
