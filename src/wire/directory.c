/* SPDX-License-Identifier: ISC */
/* The directory, page by page: LIST_USERS and USERS. */
#include "wire/fields.h"

#include <string.h>

must_check enum error wire_read_list_users(struct bytes body, struct wire_list_users *message) {
    struct reader reader;
    reader_init(&reader, body);
    message->pattern = reader_name_part(&reader);
    message->after = reader_name_or_none(&reader);
    return reader_finish(&reader);
}

must_check enum error wire_write_list_users(struct buffer *out, uint32_t request,
                                            const struct wire_list_users *message) {
    struct writer writer;
    frame_begin(&writer, out, WIRE_LIST_USERS, request);
    writer_name_part(&writer, message->pattern);
    writer_name_or_none(&writer, message->after);
    return frame_end(&writer);
}

/* Strictly ascending, so that a page holds nobody twice and its last name leads on. */
static bool is_after_previous(const struct wire_users *message, size_t i) {
    return i == 0 || strcmp(message->users[i - 1].name.text, message->users[i].name.text) < 0;
}

/* An empty page that more pages follow would lead nowhere. */
static bool is_page_end(const struct wire_users *message) {
    return message->count > 0 || !message->more;
}

must_check enum error wire_read_users(struct bytes body, struct wire_users *message) {
    struct reader reader;
    reader_init(&reader, body);
    message->count = reader_u16_within(&reader, 0, USERS_PAGE_MAX);
    for (size_t i = 0; i < message->count; i++) {
        struct wire_user *user = &message->users[i];
        reader_name(&reader, &user->name);
        user->since_ms = reader_time(&reader);
        user->is_admin = reader_flag(&reader);
        if (!is_after_previous(message, i)) {
            reader_fail(&reader);
        }
    }
    message->more = reader_flag(&reader);
    if (!is_page_end(message)) {
        reader_fail(&reader);
    }
    return reader_finish(&reader);
}

must_check enum error wire_write_users(struct buffer *out, uint32_t request,
                                       const struct wire_users *message) {
    struct writer writer;
    frame_begin(&writer, out, WIRE_USERS, request);
    writer_u16_within(&writer, message->count, 0, USERS_PAGE_MAX);
    for (size_t i = 0; i < message->count && i < USERS_PAGE_MAX; i++) {
        const struct wire_user *user = &message->users[i];
        writer_name(&writer, &user->name);
        writer_u64(&writer, user->since_ms);
        writer_flag(&writer, user->is_admin);
        if (!is_after_previous(message, i)) {
            writer_fail(&writer);
        }
    }
    writer_flag(&writer, message->more);
    if (!is_page_end(message)) {
        writer_fail(&writer);
    }
    return frame_end(&writer);
}
