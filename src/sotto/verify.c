/* SPDX-License-Identifier: ISC */
#include "sotto/account.h"
#include "sotto/commands.h"
#include "sotto/fault.h"
#include "sotto/tell.h"
#include "sotto/verify_view.h"

#include "platform/files.h"
#include "platform/terminal.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

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

static int by_card(struct app *app, const char *who, struct sotto_error *error) {
    struct sotto *client = NULL;
    struct sotto_verified verified;
    struct buffer card;
    buffer_init(&card, LINE_MAX_BYTES);
    int status = take_card(app, who, &card, error);
    if (status == 0) {
        status = app_open(app, &client, error);
    }
    if (status == 0) {
        status = sotto_verify_card(client, who, (const char *)card.data, &verified, error);
    }
    sotto_close(client);
    buffer_clear(&card);
    return status != 0 ? status : verify_view_report(app, &verified, error);
}

static int by_number(struct app *app, const char *who, struct sotto_error *error) {
    struct sotto *client = NULL;
    struct sotto_verified verified;
    int status = app_open(app, &client, error);
    if (status == 0) {
        status =
            sotto_verify_number(client, who, app->request->value[OPTION_NUMBER], &verified, error);
    }
    sotto_close(client);
    return status != 0 ? status : verify_view_report(app, &verified, error);
}

/* Shows the number and asks for the one that the other reads. Each of the two steps connects for
 * itself: to read sixty digits takes longer than a server waits. */
static int interactive(struct app *app, const char *who, struct sotto_error *error) {
    struct sotto *client = NULL;
    struct sotto_person person;
    struct sotto_verified verified;
    struct buffer typed;
    if (!app->may_ask) {
        return fault_input(error, "something to compare with",
                           "--card FILE|-, or --number \"...\"");
    }
    buffer_init(&typed, LINE_MAX_BYTES);
    int status = app_open(app, &client, error);
    if (status == 0) {
        status = sotto_person(client, who, &person, error);
    }
    if (status == 0) {
        verify_view_ask(&person);
        status = account_line(app, NULL, VERIFY_QUESTION, "the number",
                              "--number \"...\", or --card FILE|-", &typed, error);
    }
    if (status == 0 && typed.size <= 1) {
        sotto_close(client);
        buffer_clear(&typed);
        tell_prompt("Nothing was changed.");
        return 0;
    }
    if (status == 0) {
        status = sotto_verify_number(client, who, (const char *)typed.data, &verified, error);
    }
    sotto_close(client);
    buffer_clear(&typed);
    return status != 0 ? status : verify_view_report(app, &verified, error);
}

static int show(struct app *app, const char *who, struct sotto_error *error) {
    struct sotto *client = NULL;
    struct sotto_person person;
    int status = app_open(app, &client, error);
    if (status == 0) {
        status = sotto_person(client, who, &person, error);
    }
    sotto_close(client);
    return status != 0 ? status : verify_view_person(app, &person, error);
}

static int undo(struct app *app, const char *who, struct sotto_error *error) {
    struct sotto *client = NULL;
    bool was_verified = false;
    int status = app_open(app, &client, error);
    if (status == 0) {
        status = sotto_unverify(client, who, &was_verified, error);
    }
    sotto_close(client);
    return status != 0 ? status : verify_view_undone(app, who, was_verified, error);
}

static int accept(struct app *app, const char *who, struct sotto_error *error) {
    struct sotto *client = NULL;
    struct sotto_verified accepted;
    const char *repeated = app->request->value[OPTION_CONFIRM];
    if (repeated == NULL || strcasecmp(repeated, who) != 0) {
        return fault_usage(error,
                           "Nothing was changed. Better than this is to compare a card:\n"
                           "  sotto verify WHO --card -",
                           "--accept needs --confirm and the name once more");
    }
    int status = app_open(app, &client, error);
    if (status == 0) {
        status = sotto_accept_key(client, who, &accepted, error);
    }
    sotto_close(client);
    return status != 0 ? status : verify_view_report(app, &accepted, error);
}

typedef int verify_fn(struct app *app, const char *who, struct sotto_error *error);

must_check int command_verify(struct app *app, struct sotto_error *error) {
    static const struct {
        enum option_id option;
        verify_fn *run;
    } ways[] = {
        {OPTION_CARD, by_card}, {OPTION_NUMBER, by_number}, {OPTION_SHOW, show},
        {OPTION_UNDO, undo},    {OPTION_ACCEPT, accept},
    };
    const struct request *request = app->request;
    char name[SOTTO_NAME_SIZE];
    verify_fn *run = interactive;
    int given = 0;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (request->given[ways[i].option] > 0) {
            run = ways[i].run;
            given++;
        }
    }
    if (given > 1) {
        return fault_usage(error, "Nothing was changed.\nMore:   sotto help verify",
                           "only one of --card, --number, --show, --undo, --accept");
    }
    if (request->given[OPTION_CONFIRM] > 0 && run != accept) {
        return fault_usage(error, "Nothing was changed.\nMore:   sotto help verify",
                           "--confirm belongs to --accept");
    }
    int status = sotto_name_check(request->words[0], name, error);
    return status != 0 ? status : run(app, name, error);
}
