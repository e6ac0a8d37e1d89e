/* SPDX-License-Identifier: ISC */
#include "forge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void forge_fail(const char *what, const char *detail) {
    fprintf(stderr, "forge: %s: %s\n", what, detail);
    exit(2);
}

void forge_check(enum error error, const char *what) {
    if (error != OK) {
        char number[16];
        (void)snprintf(number, sizeof(number), "error %d", (int)error);
        forge_fail(what, number);
    }
}

const char *request_string(const json_t *request, const char *name) {
    const char *text = json_string_value(json_object_get(request, name));
    if (text == NULL) {
        forge_fail("no such string in the request", name);
    }
    return text;
}

uint64_t request_number(const json_t *request, const char *name, uint64_t otherwise) {
    const json_t *value = json_object_get(request, name);
    return json_is_integer(value) ? (uint64_t)json_integer_value(value) : otherwise;
}

void hex_bytes(const char *hex, struct buffer *out) {
    size_t size = strlen(hex) / 2;
    uint8_t *at = NULL;
    forge_check(buffer_extend(out, size, &at), "room for bytes");
    forge_check(hex_decode(bytes_of_string(hex), at, size), "hex");
}

void request_bytes(const json_t *request, const char *name, struct buffer *out) {
    hex_bytes(request_string(request, name), out);
}

void request_fixed(const json_t *request, const char *name, uint8_t *out, size_t size) {
    forge_check(hex_decode(bytes_of_string(request_string(request, name)), out, size), name);
}

void answer_bytes(json_t *answer, const char *name, struct bytes bytes) {
    char *hex = malloc(2 * bytes.size + 1);
    if (hex == NULL) {
        forge_fail("memory", name);
    }
    hex_encode(bytes, hex);
    if (json_object_set_new(answer, name, json_string(hex)) != 0) {
        forge_fail("memory", name);
    }
    free(hex);
}

uint64_t request_now(const json_t *request) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        forge_fail("clock", "no time");
    }
    return request_number(request, "now_ms",
                          (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

static const struct field *find_field(const struct field *fields, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    forge_fail("no such field", name);
}

bool override_fields(const json_t *request, const struct field *fields, size_t count,
                     uint8_t *object, bool *sign) {
    bool changed = false;
    const char *name = NULL;
    const json_t *value = NULL;
    *sign = true;
    json_t *overrides = json_object_get(request, "fields");
    json_object_foreach(overrides, name, value) {
        if (strcmp(name, "sign") == 0) {
            *sign = json_is_true(value);
            continue;
        }
        const struct field *field = find_field(fields, count, name);
        uint8_t *at = object + field->offset;
        if (json_is_integer(value) && field->size == 8) {
            put_u64(at, (uint64_t)json_integer_value(value));
        } else if (json_is_integer(value) && field->size == 4) {
            put_u32(at, (uint32_t)json_integer_value(value));
        } else if (json_is_string(value)) {
            request_fixed(overrides, name, at, field->size);
        } else {
            forge_fail("a value of the wrong kind", name);
        }
        changed = true;
    }
    return changed;
}
