/* SPDX-License-Identifier: ISC */
#include "sotto-sendmail/body.h"

#include "sotto-sendmail/code.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 4, PARTS_MAX = 64 };

void body_field(const struct field *field, struct body_form *form) {
    if (header_is(field, "Content-Type")) {
        header_token(field->value, form->type, sizeof(form->type));
        header_parameter(field->value, "charset", form->charset, sizeof(form->charset));
        header_parameter(field->value, "boundary", form->boundary, sizeof(form->boundary));
    } else if (header_is(field, "Content-Transfer-Encoding")) {
        header_token(field->value, form->encoding, sizeof(form->encoding));
    }
}

static bool is_multipart(const struct body_form *form) {
    return strncmp(form->type, "multipart/", strlen("multipart/")) == 0 &&
           form->boundary[0] != '\0';
}

/* 0: the best. */
static int rank_of(const struct body_form *form) {
    if (form->type[0] == '\0' || strcmp(form->type, "text/plain") == 0) {
        return 0;
    }
    if (is_multipart(form)) {
        return 1;
    }
    return strncmp(form->type, "text/", strlen("text/")) == 0 ? 2 : 3;
}

/* Whether a line is "--BOUNDARY", or (`*last`) "--BOUNDARY--". */
static bool is_boundary(struct bytes line, const char *boundary, bool *last) {
    size_t size = strlen(boundary);
    bool is_one = line.size >= size + 2 && memcmp(line.data, "--", 2) == 0 &&
                  memcmp(line.data + 2, boundary, size) == 0;
    *last = is_one && line.size >= size + 4 && memcmp(line.data + 2 + size, "--", 2) == 0;
    return is_one;
}

/* Takes the next part off: what stands up to the next boundary. False: there is none. */
static bool next_part(struct bytes *rest, const char *boundary, struct bytes *part) {
    struct bytes begin = *rest;
    struct bytes line;
    while (header_line(rest, &line)) {
        bool is_last = false;
        if (is_boundary(line, boundary, &is_last)) {
            *part = bytes_make(begin.data, (size_t)(line.data - begin.data));
            *rest = is_last ? bytes_make(rest->data, 0) : *rest;
            return true;
        }
    }
    *part = begin; /* the last boundary was cut off */
    return begin.size > 0;
}

/* Puts the best of the parts in place of `*form` and `*body`. */
static void choose_part(struct body_form *form, struct bytes *body) {
    struct body_form best = {.type = "multipart with no text"};
    struct bytes best_body = bytes_make(body->data, 0);
    struct bytes rest = *body;
    struct bytes part;
    int rank = 3;
    bool is_preamble = true;
    for (int i = 0; i < PARTS_MAX && next_part(&rest, form->boundary, &part); i++) {
        struct body_form one = {.type = ""};
        struct field field;
        while (!is_preamble && header_next(&part, &field)) {
            body_field(&field, &one);
        }
        if (!is_preamble && rank_of(&one) < rank) {
            best = one;
            best_body = part;
            rank = rank_of(&one);
        }
        is_preamble = false;
    }
    *form = best;
    *body = best_body;
}

static must_check enum error put_no_text(const struct body_form *form, struct buffer *out) {
    char line[128];
    snprintf(line, sizeof(line), "[no text: %s]", form->type);
    return charset_append("", bytes_of_string(line), out);
}

must_check enum error body_text(const struct body_form *head, struct bytes body,
                                struct buffer *out) {
    struct body_form form = *head;
    struct buffer decoded;
    for (int depth = 0; depth < DEPTH_MAX && is_multipart(&form); depth++) {
        choose_part(&form, &body);
    }
    int rank = rank_of(&form);
    if (rank == 1 || rank == 3) {
        return put_no_text(&form, out);
    }
    bool is_base64 = strcmp(form.encoding, "base64") == 0;
    bool is_quoted = strcmp(form.encoding, "quoted-printable") == 0;
    if (!is_base64 && !is_quoted) {
        return charset_append(form.charset, body, out);
    }
    buffer_init(&decoded, body.size + 1);
    enum error error = is_base64 ? code_base64(body, &decoded) : code_quoted(body, false, &decoded);
    if (error == OK) {
        error = charset_append(form.charset, buffer_view(&decoded), out);
    }
    buffer_clear(&decoded);
    return error;
}
