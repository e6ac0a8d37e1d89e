/* SPDX-License-Identifier: ISC */
#include "sotto/json.h"

#include "sotto/when.h"

#include <stdlib.h>
#include <string.h>

enum { SCHEMA_VERSION = 1 };

static void set(struct json_line *line, json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value) != 0) {
        line->is_broken = true;
    }
}

static void append(struct json_line *line, json_t *list, json_t *value) {
    if (json_array_append_new(list, value) != 0) {
        line->is_broken = true;
    }
}

void json_begin(struct json_line *line, const char *type) {
    *line = (struct json_line){.root = json_object()};
    json_number(line, line->root, "v", SCHEMA_VERSION);
    json_text(line, line->root, "type", type);
}

void json_text(struct json_line *line, json_t *object, const char *key, const char *text) {
    set(line, object, key, json_string(text));
}

void json_bytes(struct json_line *line, json_t *object, const char *key, struct bytes text) {
    const char *data = text.size == 0 ? "" : (const char *)text.data;
    set(line, object, key, json_stringn(data, text.size));
}

void json_number(struct json_line *line, json_t *object, const char *key, uint64_t number) {
    json_int_t value = number > INT64_MAX ? INT64_MAX : (json_int_t)number;
    set(line, object, key, json_integer(value));
}

void json_flag(struct json_line *line, json_t *object, const char *key, bool flag) {
    set(line, object, key, json_boolean(flag));
}

void json_time(struct json_line *line, json_t *object, const char *key, uint64_t ms) {
    char text[WHEN_BYTES];
    when_utc(ms, text);
    if (text[0] != '\0') {
        json_text(line, object, key, text);
    }
}

json_t *json_list(struct json_line *line, json_t *object, const char *key) {
    set(line, object, key, json_array());
    return json_object_get(object, key);
}

json_t *json_member(struct json_line *line, json_t *object, const char *key) {
    set(line, object, key, json_object());
    return json_object_get(object, key);
}

void json_list_text(struct json_line *line, json_t *list, const char *text) {
    append(line, list, json_string(text));
}

json_t *json_list_object(struct json_line *line, json_t *list) {
    append(line, list, json_object());
    return json_array_get(list, json_array_size(list) - 1);
}

must_check enum error json_end(struct json_line *line, struct buffer *out) {
    size_t before = out->size;
    char *text = line->is_broken ? NULL : json_dumps(line->root, JSON_COMPACT | JSON_ENSURE_ASCII);
    enum error error = text == NULL ? ERR_MEMORY : buffer_append(out, bytes_of_string(text));
    if (error == OK) {
        error = buffer_append(out, bytes_of_string("\n"));
    }
    if (error != OK) {
        out->size = before;
    }
    if (text != NULL) {
        wipe(text, strlen(text));
    }
    free(text);
    json_decref(line->root);
    *line = (struct json_line){.root = NULL};
    return error;
}
