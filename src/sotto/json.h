/* SPDX-License-Identifier: ISC */
/* One line of JSON: an object with "v":1 and "type" first. A failure (no memory) is latched and
 * comes out at the end, so that the caller reads like the object. Everything outside of ASCII is
 * written as
 * \uXXXX: the text is carried exactly, and the line is harmless on any terminal. */
#ifndef SOTTO_SOTTO_JSON_H
#define SOTTO_SOTTO_JSON_H

#include "base/bytes.h"

#include <jansson.h>

enum { JSON_LINE_MAX_BYTES = 1 << 20 };

struct json_line {
    json_t *root;
    bool is_broken;
};

void json_begin(struct json_line *line, const char *type);

/** A member of `object`, which is `line->root` or came from json_list_object. */
void json_text(struct json_line *line, json_t *object, const char *key, const char *text);
/** Text that may hold any character but is UTF-8. */
void json_bytes(struct json_line *line, json_t *object, const char *key, struct bytes text);
void json_number(struct json_line *line, json_t *object, const char *key, uint64_t number);
void json_flag(struct json_line *line, json_t *object, const char *key, bool flag);
/** RFC 3339; an unknown time (0) is left out. */
void json_time(struct json_line *line, json_t *object, const char *key, uint64_t ms);
/** An empty list or object as a member; borrowed. */
json_t *json_list(struct json_line *line, json_t *object, const char *key);
json_t *json_member(struct json_line *line, json_t *object, const char *key);
/** Appends to a list. */
void json_list_text(struct json_line *line, json_t *list, const char *text);
json_t *json_list_object(struct json_line *line, json_t *list);

/** Appends the line and its end to `out` and frees the object. ERR_MEMORY, ERR_LIMIT. */
must_check enum error json_end(struct json_line *line, struct buffer *out);

#endif
