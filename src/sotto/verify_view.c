/* SPDX-License-Identifier: ISC */
#include "sotto/verify_view.h"

#include "sotto/json.h"
#include "sotto/tell.h"
#include "sotto/when.h"

#include <stdio.h>
#include <string.h>

enum { NUMBER_ROWS = 3, NUMBER_GROUPS = 4, GROUP_DIGITS = 5, PERSON_MAX_BYTES = 4096 };

/* One row of the number: four groups of five digits. */
static void number_row(const char *number, size_t row, char out[32]) {
    size_t at = 0;
    const char *from = number + row * NUMBER_GROUPS * GROUP_DIGITS;
    for (size_t i = 0; i < NUMBER_GROUPS; i++) {
        at += (size_t)snprintf(out + at, 32 - at, "%s%.*s", i == 0 ? "" : " ", GROUP_DIGITS,
                               from + i * GROUP_DIGITS);
    }
}

void verify_view_ask(const struct sotto_person *person) {
    char row[32];
    if (person->trust == SOTTO_CHANGED) {
        tell_prompt("%s's key changed. The number below is with the new one:", person->name);
        tell_prompt("    trusted   %s", person->pinned);
        tell_prompt("    new       %s", person->shown);
    } else if (person->trust == SOTTO_VERIFIED) {
        tell_prompt("%s is verified already (%s).", person->name, person->how);
    }
    tell_prompt("Best: ask %s for the card (\"sotto card\") over a channel you trust, then",
                person->name);
    tell_prompt("    sotto verify %s --card -", person->name);
    tell_prompt("Or compare this number by voice or in person, not over sotto. Both of you see the "
                "same:");
    for (size_t i = 0; i < NUMBER_ROWS; i++) {
        number_row(person->number, i, row);
        tell_prompt("    %s", row);
    }
    tell_prompt("Type or paste the whole number as %s reads it; the program compares.",
                person->name);
}

/* "bob: verified 2026-03-02 (card)" */
static must_check enum error put_trust(const struct sotto_person *person, struct buffer *out) {
    char day[WHEN_BYTES];
    if (person->trust == SOTTO_CHANGED) {
        when_day(person->changed_ms, day);
        return buffer_print(out, "%s: CHANGED%s%s, nothing is sent\n", person->name,
                            day[0] == '\0' ? "" : " ", day);
    }
    if (person->trust == SOTTO_VERIFIED) {
        when_day(person->verified_ms, day);
        return buffer_print(out, "%s: verified%s%s (%s)\n", person->name, day[0] == '\0' ? "" : " ",
                            day, person->how);
    }
    return buffer_print(out, "%s: not verified\n", person->name);
}

static must_check enum error put_keys(const struct sotto_person *person, struct buffer *out) {
    char day[WHEN_BYTES];
    when_day(person->pinned_ms, day);
    enum error error = buffer_print(out, "  your key   %s\n", person->own_key);
    if (error == OK && person->pinned[0] != '\0') {
        error = buffer_print(out, "  trusted    %s   since %s\n", person->pinned, day);
    }
    if (error == OK && strcmp(person->pinned, person->shown) != 0) {
        error = buffer_print(out, "  shown now  %s\n", person->shown);
    }
    return error;
}

static must_check enum error put_text(const struct sotto_person *person, struct buffer *out) {
    char row[32];
    enum error error = put_trust(person, out);
    if (error == OK) {
        error = put_keys(person, out);
    }
    for (size_t i = 0; error == OK && i < NUMBER_ROWS; i++) {
        number_row(person->number, i, row);
        error = buffer_print(out, "  %-10s %s\n", i == 0 ? "number" : "", row);
    }
    return error;
}

static must_check enum error put_json(const struct sotto_person *person, struct buffer *out) {
    struct json_line line;
    json_begin(&line, "person");
    json_text(&line, line.root, "name", person->name);
    json_text(&line, line.root, "trust", sotto_trust_word(person->trust));
    if (person->how[0] != '\0') {
        json_text(&line, line.root, "how", person->how);
    }
    json_text(&line, line.root, "own_key", person->own_key);
    if (person->pinned[0] != '\0') {
        json_text(&line, line.root, "trusted_key", person->pinned);
    }
    json_text(&line, line.root, "shown_key", person->shown);
    json_time(&line, line.root, "first_seen", person->pinned_ms);
    json_time(&line, line.root, "trusted_at", person->verified_ms);
    json_time(&line, line.root, "changed_at", person->changed_ms);
    json_text(&line, line.root, "number", person->number);
    return json_end(&line, out);
}

must_check int verify_view_person(struct app *app, const struct sotto_person *person,
                                  struct sotto_error *error) {
    struct buffer out;
    buffer_init(&out, PERSON_MAX_BYTES);
    enum error made = app->is_json ? put_json(person, &out) : put_text(person, &out);
    return app_write_made(app, made, &out, "Nothing was changed.", error);
}

static void tell_verified(const struct app *app, const struct sotto_verified *verified) {
    const char *name = verified->name;
    uint32_t released = verified->released;
    if (verified->trust == SOTTO_VERIFIED) {
        tell_always(app, "%s is verified.", name);
    } else if (verified->was_changed) {
        tell_always(app, "%s's new key is taken. It was not compared: %s is not verified.", name,
                    name);
    } else {
        tell_always(app, "%s's key is trusted. It was not compared: %s is not verified.", name,
                    name);
    }
    if (released > 0) {
        tell_always(app, "  %u held message%s can be received now:  sotto recv", released,
                    released == 1 ? "" : "s");
    }
}

must_check int verify_view_report(struct app *app, const struct sotto_verified *verified,
                                  struct sotto_error *error) {
    struct json_line line;
    struct buffer out;
    if (!app->is_json) {
        tell_verified(app, verified);
        return 0;
    }
    buffer_init(&out, JSON_LINE_MAX_BYTES);
    json_begin(&line, verified->trust == SOTTO_VERIFIED ? "verified" : "accepted");
    json_text(&line, line.root, "name", verified->name);
    json_text(&line, line.root, "key", verified->key);
    json_text(&line, line.root, "trust", sotto_trust_word(verified->trust));
    if (verified->how[0] != '\0') {
        json_text(&line, line.root, "how", verified->how);
    }
    json_flag(&line, line.root, "was_changed", verified->was_changed);
    json_number(&line, line.root, "released", verified->released);
    return app_write_made(app, json_end(&line, &out), &out, "The trust was changed.", error);
}

must_check int verify_view_undone(struct app *app, const char *who, bool was_verified,
                                  struct sotto_error *error) {
    struct json_line line;
    struct buffer out;
    if (!app->is_json) {
        tell_always(app, was_verified ? "%s is not verified any more." : "%s was not verified.",
                    who);
        return 0;
    }
    buffer_init(&out, JSON_LINE_MAX_BYTES);
    json_begin(&line, "unverified");
    json_text(&line, line.root, "name", who);
    json_text(&line, line.root, "trust", sotto_trust_word(SOTTO_UNVERIFIED));
    json_flag(&line, line.root, "was_verified", was_verified);
    return app_write_made(app, json_end(&line, &out), &out, "The trust was changed.", error);
}
