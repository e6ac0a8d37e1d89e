/* SPDX-License-Identifier: ISC */
#include "sotto/commands.h"
#include "sotto/json.h"

#include <stdio.h>

static must_check enum error put_json(const struct sotto_versions *versions, struct buffer *out) {
    struct json_line line;
    json_begin(&line, "version");
    json_text(&line, line.root, "sotto", versions->sotto);
    json_list_text(&line, json_list(&line, line.root, "protocols"), versions->protocol);
    json_text(&line, line.root, "openssl", versions->openssl);
    json_flag(&line, line.root, "openssl_private", versions->openssl_is_private);
    json_text(&line, line.root, "sqlcipher", versions->sqlcipher);
    json_text(&line, line.root, "sqlite", versions->sqlite);
    return json_end(&line, out);
}

static must_check enum error put_text(const struct sotto_versions *versions, struct buffer *out) {
    char text[512];
    snprintf(text, sizeof(text),
             "sotto %s\n"
             "protocol %s\n"
             "OpenSSL %s (%s)\n"
             "SQLCipher %s (SQLite %s)\n",
             versions->sotto, versions->protocol, versions->openssl,
             versions->openssl_is_private ? "private, linked statically" : "the system's",
             versions->sqlcipher, versions->sqlite);
    return buffer_append(out, bytes_of_string(text));
}

must_check int command_version(struct app *app, struct sotto_error *error) {
    struct sotto_versions versions;
    struct buffer out;
    buffer_init(&out, JSON_LINE_MAX_BYTES);
    sotto_versions(&versions);
    return app_write_made(app, app->is_json ? put_json(&versions, &out) : put_text(&versions, &out),
                          &out, "", error);
}
