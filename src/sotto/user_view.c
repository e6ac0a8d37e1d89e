/* SPDX-License-Identifier: ISC */
#include "sotto/user_view.h"

#include "sotto/json.h"
#include "sotto/visible.h"
#include "sotto/when.h"

#include <stdio.h>
#include <string.h>

enum { NAME_COLUMNS = 16, TRUST_COLUMNS = 13, DAY_COLUMNS = 11, FIELD_BYTES = 4 * SOTTO_CARD_SIZE };

static const char *trust_shown(const struct sotto_user *user) {
    if (user->is_self) {
        return "you";
    }
    switch (user->trust) {
    case SOTTO_VERIFIED:
        return "verified";
    case SOTTO_CHANGED:
        return "CHANGED";
    case SOTTO_UNVERIFIED:
        break;
    }
    return "not verified";
}

/* What belongs beside the name, and what to do about it. */
static void remark(const struct sotto_user *user, const char *name, char *out, size_t size) {
    char day[WHEN_BYTES];
    out[0] = '\0';
    if (user->trust == SOTTO_CHANGED && !user->is_self) {
        when_day(user->changed_ms, day);
        snprintf(out, size, "key changed%s%s: sotto verify %s --card -", day[0] == '\0' ? "" : " ",
                 day, name);
    } else if (user->trust == SOTTO_VERIFIED) {
        when_day(user->verified_ms, day);
        snprintf(out, size, "verified%s%s%s%s%s", day[0] == '\0' ? "" : " ", day,
                 user->how[0] == '\0' ? "" : " (", user->how, user->how[0] == '\0' ? "" : ")");
    } else if (user->is_admin) {
        snprintf(out, size, "admin");
    }
}

must_check enum error user_view_header(const struct user_view *view, struct buffer *out) {
    if (view->is_plain) {
        return OK;
    }
    return buffer_print(out, "%-*s %-*s %s\n", NAME_COLUMNS, "NAME", TRUST_COLUMNS, "TRUST",
                        "SINCE");
}

static must_check enum error put_keys(const struct sotto_user *user, struct buffer *out) {
    char until[WHEN_BYTES];
    when_day(user->keys_until_ms, until);
    return buffer_print(out, "  account   %s\n  RSA-2048  SHA-256 %s, until %s\n", user->key,
                        user->rsa_sha256, until);
}

must_check enum error user_view_text(const struct sotto_user *user, const struct user_view *view,
                                     struct buffer *out) {
    char name[4 * SOTTO_NAME_SIZE];
    char note[FIELD_BYTES];
    char since[WHEN_BYTES];
    visible_line(user->name, name, sizeof(name));
    remark(user, name, note, sizeof(note));
    when_day(user->since_ms, since);
    enum error error = OK;
    if (view->is_plain) {
        error = buffer_print(out, "%s: %s%s%s%s%s\n", name, trust_shown(user),
                             since[0] == '\0' ? "" : ", since ", since, note[0] == '\0' ? "" : ", ",
                             note);
    } else if (note[0] == '\0') {
        error = buffer_print(out, "%-*s %-*s %s\n", NAME_COLUMNS, name, TRUST_COLUMNS,
                             trust_shown(user), since);
    } else {
        error = buffer_print(out, "%-*s %-*s %-*s %s\n", NAME_COLUMNS, name, TRUST_COLUMNS,
                             trust_shown(user), DAY_COLUMNS, since, note);
    }
    if (error == OK && view->keys && user->has_keys) {
        error = put_keys(user, out);
    }
    if (error == OK && view->pem) {
        error = buffer_print(out, "%s", user->rsa_pem);
    }
    return error;
}

must_check enum error user_view_tabs(const struct sotto_user *user, const struct user_view *view,
                                     struct buffer *out) {
    char name[4 * SOTTO_NAME_SIZE];
    char since[WHEN_BYTES];
    char until[WHEN_BYTES];
    visible_line(user->name, name, sizeof(name));
    when_utc(user->since_ms, since);
    when_utc(user->keys_until_ms, until);
    enum error error = buffer_print(out, "%s\t%s\t%s", name, sotto_trust_word(user->trust), since);
    if (error == OK && view->keys) {
        error = buffer_print(out, "\t%s\t%s\t%s\t%s", user->has_keys ? user->key : "",
                             user->has_keys ? "RSA-2048" : "",
                             user->has_keys ? user->rsa_sha256 : "", until);
    }
    if (error == OK) {
        error = buffer_print(out, "\n%s", view->pem ? user->rsa_pem : "");
    }
    return error;
}

must_check enum error user_view_json(const struct sotto_user *user, const struct user_view *view,
                                     struct buffer *out) {
    struct json_line line;
    json_begin(&line, "user");
    json_text(&line, line.root, "name", user->name);
    json_time(&line, line.root, "since", user->since_ms);
    json_text(&line, line.root, "trust", sotto_trust_word(user->trust));
    json_time(&line, line.root, "trusted_at", user->verified_ms);
    json_time(&line, line.root, "changed_at", user->changed_ms);
    if (user->how[0] != '\0') {
        json_text(&line, line.root, "how", user->how);
    }
    json_flag(&line, line.root, "known", user->is_known);
    json_flag(&line, line.root, "self", user->is_self);
    json_flag(&line, line.root, "admin", user->is_admin);
    if (user->has_keys) {
        json_text(&line, line.root, "account_key", user->key);
        json_t *key = json_list_object(&line, json_list(&line, line.root, "keys"));
        json_text(&line, key, "alg", "RSA-2048");
        json_text(&line, key, "sha256", user->rsa_sha256);
        json_time(&line, key, "first_seen", user->first_seen_ms);
        json_time(&line, key, "until", user->keys_until_ms);
        if (view->pem) {
            json_text(&line, key, "pem", user->rsa_pem);
        }
    }
    return json_end(&line, out);
}
