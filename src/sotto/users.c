/* SPDX-License-Identifier: ISC */
#include "sotto/commands.h"
#include "sotto/fault.h"
#include "sotto/tell.h"
#include "sotto/user_view.h"

static const char EFFECT[] = "The list is not whole.";

struct listing {
    struct app *app;
    struct user_view view;
    bool is_begun;
    enum error status; /**< a failure of our own, not of stdout */
};

static bool on_user(void *context, const struct sotto_user *user) {
    struct listing *listing = context;
    struct app *app = listing->app;
    struct buffer out;
    buffer_init(&out, USER_VIEW_MAX_BYTES);
    if (app->is_json) {
        listing->status = user_view_json(user, &listing->view, &out);
    } else if (listing->view.is_for_people) {
        listing->status = listing->is_begun ? OK : user_view_header(&listing->view, &out);
        if (listing->status == OK) {
            listing->status = user_view_text(user, &listing->view, &out);
        }
    } else {
        listing->status = user_view_tabs(user, &listing->view, &out);
    }
    listing->is_begun = true;
    bool is_written = listing->status == OK && output_write(&app->out, buffer_view(&out));
    buffer_clear(&out);
    return is_written;
}

must_check int command_users(struct app *app, struct sotto_error *error) {
    const struct request *request = app->request;
    const char *pattern = request->word_count > 0 ? request->words[0] : NULL;
    struct sotto *client = NULL;
    bool pem = request->given[OPTION_PEM] > 0;
    bool keys = pem || request->given[OPTION_KEYS] > 0;
    bool known = request->given[OPTION_KNOWN] > 0;
    struct listing listing = {
        .app = app,
        .view = {.keys = keys,
                 .pem = pem,
                 .is_plain = app->is_plain,
                 .is_for_people = app->is_terminal[1] || app->is_plain},
    };
    if (known && keys) {
        return fault_usage(error, "Keys are fetched from the server:  sotto users --keys",
                           "'--known' and '--%s' exclude each other", pem ? "pem" : "keys");
    }
    int status = app_open(app, &client, error);
    if (status == 0) {
        status = known ? sotto_known(client, pattern, on_user, &listing, error)
                       : sotto_users(client, pattern, keys, on_user, &listing, error);
        status = app_outcome(app, listing.status, EFFECT, status, error);
    }
    sotto_close(client);
    if (status == 0 && !listing.is_begun) {
        tell(app, "Nobody by that name.");
    }
    return status;
}
