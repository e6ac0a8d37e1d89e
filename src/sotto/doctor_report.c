/* SPDX-License-Identifier: ISC */
#include "sotto/doctor_view.h"

#include "sotto/when.h"

#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static must_check enum error put_versions(struct buffer *out) {
    struct sotto_versions versions;
    struct utsname system;
    sotto_versions(&versions);
    enum error error = buffer_print(
        out, "sotto     %s, %s\nlibraries OpenSSL %s, SQLCipher %s, SQLite %s\n", versions.sotto,
        versions.protocol, versions.openssl, versions.sqlcipher, versions.sqlite);
    if (error == OK && uname(&system) == 0) { /* not its node name */
        error = buffer_print(out, "system    %s %s %s\n", system.sysname, system.release,
                             system.machine);
    }
    return error;
}

static must_check enum error put_options(const struct app *app, struct buffer *out) {
    enum error error = buffer_print(out, "options  ");
    for (int i = 0; i < OPTIONS && error == OK; i++) {
        const struct option_row *row = option_row((enum option_id)i);
        if (app->request->given[i] > 0 && row->name != NULL) {
            error = buffer_print(out, " --%s", row->name);
        }
    }
    return error != OK ? error : buffer_print(out, "\n");
}

/* The names of our own variables that are set. */
static must_check enum error put_environment(struct buffer *out) {
    enum error error = buffer_print(out, "variables");
    for (char **one = environ; *one != NULL && error == OK; one++) {
        if (strncmp(*one, "SOTTO_", strlen("SOTTO_")) == 0) {
            size_t size = strcspn(*one, "=");
            error = buffer_print(out, " %.*s", (int)(size < 64 ? size : 64), *one);
        }
    }
    return error != OK ? error : buffer_print(out, "\n");
}

must_check enum error doctor_report_begin(const struct app *app, struct buffer *out) {
    char now[WHEN_BYTES];
    when_utc(app->clock.wall_ms(app->clock.context), now);
    enum error error = buffer_print(out, "sotto doctor, %s\n", now);
    if (error == OK) {
        error = put_versions(out);
    }
    if (error == OK) {
        error = put_options(app, out);
    }
    if (error == OK) {
        error = put_environment(out);
    }
    return error != OK ? error : buffer_print(out, "\n");
}

must_check enum error doctor_report_line(const struct sotto_check *check, struct buffer *out) {
    enum error error =
        buffer_print(out, "%-5s %-12s %s", doctor_word(check->state), check->name, check->found);
    if (error == OK && check->problem != NULL) {
        error = buffer_print(out, "%s[%s, exit %d]", check->found[0] == '\0' ? "" : " ",
                             check->problem->code, check->problem->exit);
    }
    return error != OK ? error : buffer_print(out, "\n");
}
