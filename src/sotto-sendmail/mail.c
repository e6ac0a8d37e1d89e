/* SPDX-License-Identifier: ISC */
#include "sotto-sendmail/mail.h"

#include "sotto-sendmail/body.h"

#include "base/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SUBJECT_MAX_BYTES = 1000,
    PEOPLE_MAX_BYTES = 64 * 1024,
    NOTE_BYTES = 80,
    TEXT_CAP_BYTES =
        4 * MAIL_KEPT_BYTES + 1024, /* a byte of Latin-1 becomes two, of others three */
};

void mail_init(struct mail *mail) {
    *mail = (struct mail){.size = 0};
    buffer_init(&mail->raw, MAIL_KEPT_BYTES + 1);
    buffer_init(&mail->people, PEOPLE_MAX_BYTES);
    buffer_init(&mail->text, TEXT_CAP_BYTES);
}

void mail_clear(struct mail *mail) {
    buffer_clear(&mail->raw);
    buffer_clear(&mail->people);
    buffer_clear(&mail->text);
}

/* Cuts the mail before the line with a single dot that ends it. */
static bool ends_at_dot(struct mail *mail, size_t before) {
    size_t at = before > 3 ? before - 3 : 0; /* it may have begun in the piece before */
    for (; at + 1 < mail->raw.size; at++) {
        const uint8_t *p = mail->raw.data + at;
        bool is_start = at == 0 || p[-1] == '\n';
        bool is_end = p[1] == '\n' || (p[1] == '\r' && at + 2 < mail->raw.size && p[2] == '\n');
        if (is_start && p[0] == '.' && is_end) {
            mail->raw.size = at;
            mail->size = at;
            return true;
        }
    }
    return false;
}

bool mail_feed(struct mail *mail, struct bytes more, bool dot_is_text, enum error *error) {
    size_t before = mail->raw.size;
    size_t room = MAIL_KEPT_BYTES - before;
    *error = buffer_append(&mail->raw, bytes_make(more.data, more.size < room ? more.size : room));
    mail->size += more.size;
    return *error == OK && (dot_is_text || !ends_at_dot(mail, before));
}

/* ---- the message */

static void take_id(struct bytes value, char out[MAIL_ID_BYTES + 1]) {
    size_t size = 0;
    for (size_t i = 0; i < value.size && size < MAIL_ID_BYTES; i++) {
        if (value.data[i] > ' ' && value.data[i] < 0x7f) {
            out[size++] = (char)value.data[i];
        }
    }
    out[size] = '\0';
}

/* Who is named on the command line gets the mail however long the list is. */
static must_check enum error take_people(struct mail *mail, struct bytes value) {
    enum error error = buffer_append(&mail->people, value);
    if (error == OK) {
        error = buffer_append(&mail->people, bytes_of_string(","));
    }
    mail->has_more_people = mail->has_more_people || error == ERR_LIMIT;
    return error == ERR_LIMIT ? OK : error;
}

/* The subject as the first line; one that is too long for a line is cut. */
static must_check enum error take_subject(struct mail *mail, struct bytes value) {
    struct buffer subject;
    buffer_init(&subject, 4 * value.size + 64);
    enum error error = header_text(value, &subject);
    size_t size = subject.size < SUBJECT_MAX_BYTES ? subject.size : (size_t)SUBJECT_MAX_BYTES;
    while (size > 0 && size < subject.size && (subject.data[size] & 0xc0) == 0x80) {
        size--;
    }
    buffer_reset(&mail->text); /* the last one counts */
    if (error == OK && size > 0) {
        error = buffer_append(&mail->text, bytes_make(subject.data, size));
    }
    buffer_clear(&subject);
    return error;
}

static must_check enum error take_head(struct mail *mail, struct bytes *rest,
                                       struct body_form *form) {
    struct field field;
    enum error error = OK;
    while (error == OK && header_next(rest, &field)) {
        body_field(&field, form);
        if (header_is(&field, "Subject")) {
            error = take_subject(mail, field.value);
        } else if (header_is(&field, "To") || header_is(&field, "Cc") || header_is(&field, "Bcc")) {
            error = take_people(mail, field.value);
        } else if (header_is(&field, "Message-ID")) {
            take_id(field.value, mail->id);
        }
    }
    return error;
}

static void trim_end(struct buffer *text, size_t begin) {
    while (text->size > begin &&
           (text->data[text->size - 1] == '\n' || text->data[text->size - 1] == ' ')) {
        text->size--;
    }
}

/* A message holds TEXT_MAX_BYTES; the rest of the mail is named. */
static must_check enum error cut(struct mail *mail) {
    char note[NOTE_BYTES];
    bool is_whole = mail->text.size <= TEXT_MAX_BYTES && mail->size <= MAIL_KEPT_BYTES;
    if (is_whole) {
        return OK;
    }
    size_t size = TEXT_MAX_BYTES - NOTE_BYTES;
    size = size < mail->text.size ? size : mail->text.size;
    while (size > 0 && size < mail->text.size && (mail->text.data[size] & 0xc0) == 0x80) {
        size--;
    }
    mail->text.size = size;
    snprintf(note, sizeof(note), "\n[cut here: the mail had %" PRIu64 " bytes]", mail->size);
    return buffer_append(&mail->text, bytes_of_string(note));
}

must_check enum error mail_parse(struct mail *mail) {
    struct bytes rest = buffer_view(&mail->raw);
    struct body_form form = {.type = ""};
    enum error error = take_head(mail, &rest, &form);
    size_t subject = mail->text.size;
    if (error == OK && subject > 0) {
        error = buffer_append(&mail->text, bytes_of_string("\n\n"));
    }
    size_t begin = mail->text.size;
    if (error == OK) {
        error = body_text(&form, rest, &mail->text);
    }
    if (error != OK) {
        return error;
    }
    trim_end(&mail->text, begin);
    if (mail->text.size == begin) {
        mail->text.size = subject;
    }
    return mail->text.size == 0 ? ERR_EMPTY_MESSAGE : cut(mail);
}
