/* SPDX-License-Identifier: ISC */
#include "sottod/admin.h"

#include "base/duration.h"
#include "platform/peer.h"
#include "sottod/invite.h"
#include "sottod/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct admin {
    uv_pipe_t pipe;
    struct admin_host host;
    struct visitor *visitors;
    size_t count;
    bool is_closing;
    bool is_closed; /* the listening handle is */
};

/* One who asks. Lives until its handles are closed and the server no longer works for it. */
struct visitor {
    uv_pipe_t pipe;
    uv_timer_t timer;
    uv_write_t write;
    struct admin *admin;
    struct visitor *next;
    char line[ADMIN_LINE_MAX_BYTES];
    size_t size;
    char answer[ADMIN_LINE_MAX_BYTES];
    char link[ADMIN_LINE_MAX_BYTES]; /* told once the invite is on the disk */
    enum error not_found;            /* what it is told when there is not what it named */
    bool is_asked;
    bool is_served; /* the server holds a pointer to it */
    bool is_closing;
    unsigned open_handles;
};

static void free_when_over(struct admin *admin) {
    if (admin->is_closed && admin->visitors == NULL) {
        free(admin);
    }
}

static void visitor_free_when_over(struct visitor *visitor) {
    struct admin *admin = visitor->admin;
    if (visitor->open_handles > 0 || visitor->is_served) {
        return;
    }
    for (struct visitor **at = &admin->visitors; *at != NULL; at = &(*at)->next) {
        if (*at == visitor) {
            *at = visitor->next;
            break;
        }
    }
    admin->count--;
    free(visitor);
    free_when_over(admin);
}

static void on_visitor_handle_closed(uv_handle_t *handle) {
    struct visitor *visitor = handle->data;
    visitor->open_handles--;
    visitor_free_when_over(visitor);
}

static void visitor_close(struct visitor *visitor) {
    if (!visitor->is_closing) {
        visitor->is_closing = true;
        uv_close((uv_handle_t *)&visitor->pipe, on_visitor_handle_closed);
        uv_close((uv_handle_t *)&visitor->timer, on_visitor_handle_closed);
    }
}

static void on_written(uv_write_t *write, int status) {
    (void)status;
    visitor_close(write->data);
}

static void reply(struct visitor *visitor, enum error error, const char *text) {
    if (visitor->is_closing) {
        return;
    }
    int size = error == OK ? snprintf(visitor->answer, sizeof(visitor->answer), "ok %s\n", text)
                           : snprintf(visitor->answer, sizeof(visitor->answer), "error %s\n",
                                      error_code(error));
    uv_buf_t buffer = uv_buf_init(visitor->answer, (unsigned)size);
    visitor->write.data = visitor;
    if (uv_write(&visitor->write, (uv_stream_t *)&visitor->pipe, &buffer, 1, on_written) != 0) {
        visitor_close(visitor);
    }
}

/* The server is done with what this visitor asked. */
static void on_served(void *context, enum error result) {
    struct visitor *visitor = context;
    visitor->is_served = false;
    reply(visitor,
          result == ERR_NOT_FOUND ? visitor->not_found
          : result == ERR_FULL    ? ERR_DISK_FULL
                                  : result,
          visitor->link);
    visitor_free_when_over(visitor);
}

static struct admin_request request_of(struct visitor *visitor) {
    return (struct admin_request){.context = visitor, .done = on_served};
}

static enum error serve_invite(struct visitor *visitor, char **words, size_t count) {
    const struct admin_host *host = &visitor->admin->host;
    struct store_invite invite;
    uint64_t life_ms = 0;
    uint64_t is_admin = 0;
    if (count != 4 || !number_parse(words[1], 1, DURATION_MAX_MS, &life_ms) ||
        !number_parse(words[2], 0, 1, &is_admin)) {
        return ERR_INTERNAL;
    }
    const char *address = strcmp(words[3], "-") == 0 ? host->address : words[3];
    uint64_t expires_ms = host->clock->wall_ms(host->clock->context) + life_ms;
    enum error error = invite_make(host->random, host->spki_hash, address, expires_ms,
                                   is_admin == 1, &invite, visitor->link);
    if (error == OK) {
        visitor->is_served = true;
        error = server_invite(host->server, &invite, request_of(visitor));
        visitor->is_served = error == OK;
    }
    return error;
}

static enum error serve_revoke(struct visitor *visitor, char **words, size_t count) {
    struct store_revoke invite;
    if (count != 2 ||
        base32_decode(bytes_of_string(words[1]), INVITE_ID_CHARACTERS, invite.id) != OK) {
        return ERR_INTERNAL;
    }
    visitor->not_found = ERR_NO_SUCH_INVITE;
    visitor->is_served = true;
    enum error error = server_revoke(visitor->admin->host.server, &invite, request_of(visitor));
    visitor->is_served = error == OK;
    return error;
}

/* remove, disable, enable. */
static enum error serve_user(struct visitor *visitor, char **words, size_t count) {
    struct server *server = visitor->admin->host.server;
    struct user_name name;
    if (count != 2 || user_name_parse(bytes_of_string(words[1]), &name) != OK) {
        return ERR_INTERNAL;
    }
    visitor->not_found = ERR_NO_SUCH_USER;
    visitor->is_served = true;
    enum error error =
        strcmp(words[0], "remove") == 0
            ? server_remove(server, &name, request_of(visitor))
            : server_disable(server, &name, strcmp(words[0], "disable") == 0, request_of(visitor));
    visitor->is_served = error == OK;
    return error;
}

static bool is_of_user(const char *word) {
    return strcmp(word, "remove") == 0 || strcmp(word, "disable") == 0 ||
           strcmp(word, "enable") == 0;
}

static enum error serve_rotate(struct visitor *visitor, char **words, size_t count) {
    const struct admin_host *host = &visitor->admin->host;
    uint64_t at_ms = 0;
    if (count != 2 || !number_parse(words[1], 1, UINT64_MAX, &at_ms)) {
        return ERR_INTERNAL;
    }
    enum error error = rotation_plan(host->rotation, at_ms);
    if (error == OK) {
        reply(visitor, OK, "");
    }
    return error;
}

static enum error serve_stats(struct visitor *visitor) {
    const struct admin_host *host = &visitor->admin->host;
    char line[ADMIN_LINE_MAX_BYTES - 8]; /* "ok " comes before it */
    uint64_t up_ms = host->clock->monotonic_ms(host->clock->context) - host->started_ms;
    enum error error = stats_line(host->server, host->settings, host->commits, up_ms / SECOND_MS,
                                  line, sizeof(line));
    if (error == OK) {
        reply(visitor, OK, line);
    }
    return error;
}

enum { WORDS_MAX = 4 };

static void serve_line(struct visitor *visitor) {
    char *words[WORDS_MAX] = {NULL};
    char *rest = NULL;
    size_t count = 0;
    for (char *word = strtok_r(visitor->line, " ", &rest); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest)) {
        words[count++] = word;
    }
    enum error error = ERR_INTERNAL;
    if (count > 0 && strcmp(words[0], "invite") == 0) {
        error = serve_invite(visitor, words, count);
    } else if (count > 0 && strcmp(words[0], "revoke") == 0) {
        error = serve_revoke(visitor, words, count);
    } else if (count > 0 && is_of_user(words[0])) {
        error = serve_user(visitor, words, count);
    } else if (count > 0 && strcmp(words[0], "rotate") == 0) {
        error = serve_rotate(visitor, words, count);
    } else if (count == 1 && strcmp(words[0], "stats") == 0) {
        error = serve_stats(visitor);
    }
    if (error != OK) {
        reply(visitor, error, "");
    }
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    struct visitor *visitor = handle->data;
    (void)suggested;
    /* One byte stays for the end of the string; an empty buffer makes libuv report UV_ENOBUFS. */
    *buffer = uv_buf_init(visitor->line + visitor->size,
                          (unsigned)(sizeof(visitor->line) - 1 - visitor->size));
}

static void on_bytes(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer) {
    struct visitor *visitor = stream->data;
    (void)buffer;
    if (got < 0) {
        visitor_close(visitor);
        return;
    }
    visitor->size += (size_t)got;
    char *end = memchr(visitor->line, '\n', visitor->size);
    if (end != NULL && !visitor->is_asked) {
        *end = '\0';
        visitor->is_asked = true;
        (void)uv_read_stop(stream);
        serve_line(visitor);
    }
}

static void on_late(uv_timer_t *timer) {
    visitor_close(timer->data);
}

static bool is_welcome(struct visitor *visitor) {
    uv_os_fd_t handle;
    return uv_fileno((uv_handle_t *)&visitor->pipe, &handle) == 0 && peer_is_trusted(handle) &&
           visitor->admin->count <= ADMIN_CLIENTS_MAX;
}

static void on_visitor(uv_stream_t *stream, int status) {
    struct admin *admin = stream->data;
    struct visitor *visitor = status == 0 ? calloc(1, sizeof(*visitor)) : NULL;
    if (visitor == NULL) {
        return;
    }
    visitor->admin = admin;
    visitor->next = admin->visitors;
    admin->visitors = visitor;
    admin->count++;
    visitor->open_handles = 2;
    (void)uv_pipe_init(stream->loop, &visitor->pipe, 0);
    (void)uv_timer_init(stream->loop, &visitor->timer);
    visitor->pipe.data = visitor;
    visitor->timer.data = visitor;
    if (uv_accept(stream, (uv_stream_t *)&visitor->pipe) != 0 || !is_welcome(visitor) ||
        uv_read_start((uv_stream_t *)&visitor->pipe, on_room, on_bytes) != 0 ||
        uv_timer_start(&visitor->timer, on_late, ADMIN_TIMEOUT_MS, 0) != 0) {
        visitor_close(visitor);
    }
}

static void on_admin_closed(uv_handle_t *handle) {
    struct admin *admin = handle->data;
    admin->is_closed = true;
    free_when_over(admin);
}

must_check enum error admin_open(uv_loop_t *loop, const char *path, const struct admin_host *host,
                                 struct admin **out) {
    struct admin *admin = calloc(1, sizeof(*admin));
    if (admin == NULL) {
        return ERR_MEMORY;
    }
    admin->host = *host;
    (void)uv_pipe_init(loop, &admin->pipe, 0);
    admin->pipe.data = admin;
    (void)unlink(path); /* ours: the lock of the folder is held */
    if (uv_pipe_bind(&admin->pipe, path) != 0 ||
        uv_listen((uv_stream_t *)&admin->pipe, ADMIN_CLIENTS_MAX, on_visitor) != 0) {
        uv_close((uv_handle_t *)&admin->pipe, on_admin_closed);
        return ERR_CANNOT_LISTEN;
    }
    *out = admin;
    return OK;
}

void admin_close(struct admin *admin) {
    if (admin == NULL || admin->is_closing) {
        return;
    }
    admin->is_closing = true;
    for (struct visitor *visitor = admin->visitors; visitor != NULL; visitor = visitor->next) {
        visitor->is_served = false; /* the server is gone when the loop comes to it */
        visitor_close(visitor);
    }
    uv_close((uv_handle_t *)&admin->pipe, on_admin_closed);
}

must_check enum error admin_ask(const char *path, const char *line, char *answer, size_t size) {
    struct buffer got;
    buffer_init(&got, ADMIN_LINE_MAX_BYTES);
    enum error error = local_ask(path, bytes_of_string(line), ADMIN_TIMEOUT_MS, &got);
    if (error == OK && (got.size < 4 || got.data[got.size - 1] != '\n')) {
        error = ERR_CLOSED;
    }
    if (error == OK) {
        got.data[got.size - 1] = '\0';
        const char *text = (const char *)got.data;
        if (strncmp(text, "ok ", 3) == 0) {
            snprintf(answer, size, "%s", text + 3);
        } else {
            error = error_from_code(strncmp(text, "error ", 6) == 0 ? text + 6 : "");
            error = error == OK ? ERR_INTERNAL : error;
        }
    }
    buffer_clear(&got);
    return error;
}
