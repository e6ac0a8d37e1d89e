/* SPDX-License-Identifier: ISC */
#include "sotto/account.h"
#include "sotto/commands.h"
#include "sotto/fault.h"
#include "sotto/json.h"
#include "sotto/tell.h"

#include "platform/files.h"

#include <errno.h>
#include <string.h>

static int not_a_card(const char *path, struct sotto_error *error) {
    return fault_usage(error, "Nothing was changed. A card is the line that \"sotto card\" prints.",
                       "'%.200s' does not hold a card", path);
}

static int read_file(const char *path, struct buffer *card, struct sotto_error *error) {
    enum error status = file_read(path, card);
    switch ((int)status) {
    case OK:
        break;
    case ERR_NOT_FOUND:
        return fault_storage(error, path, ENOENT, "Nothing was changed.");
    case ERR_LIMIT:
        return not_a_card(path, error);
    default:
        return fault_storage(error, path, errno, "Nothing was changed.");
    }
    if (card->size == 0 || memchr(card->data, 0, card->size) != NULL) {
        return not_a_card(path, error);
    }
    return app_check(buffer_append(card, bytes_make("", 1)), error);
}

/* From a file, from stdin, or pasted on the terminal: one line there is enough. */
static int take_card(struct app *app, const char *who, struct buffer *card,
                     struct sotto_error *error) {
    const char *path = app->request->value[OPTION_CARD];
    if (path == NULL) {
        return fault_usage(error,
                           "Usage:  sotto verify WHO --card FILE|-\nMore:   sotto help verify",
                           "'verify' needs --card");
    }
    if (strncmp(path, "sotto-card:", strlen("sotto-card:")) == 0) {
        return fault_usage(error,
                           "With the card at hand:  sotto verify WHO --card -   and paste it",
                           "--card takes a file, not the card itself");
    }
    if (strcmp(path, "-") != 0) {
        return read_file(path, card, error);
    }
    if (!app->is_terminal[0]) {
        int status = app_take_stdin(app, "the card", error);
        return status != 0 ? status : read_file(path, card, error);
    }
    tell_prompt("Paste the card of %s, then Enter:", who);
    return account_line(app, NULL, "", "the card", "--card FILE", card, error);
}

static int report(struct app *app, const struct sotto_verified *verified,
                  struct sotto_error *error) {
    struct json_line line;
    struct buffer out;
    if (!app->is_json) {
        tell_always(app, "%s is verified.", verified->name);
        if (verified->released > 0) {
            tell(app, "  %u held message(s) can be received now:  sotto recv", verified->released);
        }
        return 0;
    }
    buffer_init(&out, JSON_LINE_MAX_BYTES);
    json_begin(&line, "verified");
    json_text(&line, line.root, "name", verified->name);
    json_text(&line, line.root, "key", verified->key);
    json_text(&line, line.root, "trust", sotto_trust_word(SOTTO_VERIFIED));
    json_flag(&line, line.root, "was_changed", verified->was_changed);
    json_number(&line, line.root, "released", verified->released);
    int status = app_check(json_end(&line, &out), error);
    if (status == 0) {
        status = app_write(app, buffer_view(&out), "The person is verified.", error);
    }
    buffer_clear(&out);
    return status;
}

static int verify(struct app *app, const char *who, const char *card, struct sotto_error *error) {
    struct sotto *client = NULL;
    struct sotto_verified verified = {.was_changed = false};
    int status = app_open(app, &client, error);
    if (status == 0) {
        status = sotto_verify_card(client, who, card, &verified, error);
    }
    sotto_close(client);
    return status != 0 ? status : report(app, &verified, error);
}

must_check int command_verify(struct app *app, struct sotto_error *error) {
    char name[SOTTO_NAME_SIZE];
    struct buffer card;
    buffer_init(&card, LINE_MAX_BYTES);
    int status = sotto_name_check(app->request->words[0], name, error);
    if (status == 0) {
        status = take_card(app, name, &card, error);
    }
    if (status == 0) {
        status = verify(app, name, (const char *)card.data, error);
    }
    buffer_clear(&card);
    return status;
}
