/* SPDX-License-Identifier: ISC */
/* One run of the program: what was asked, where it runs, and the streams. Handed to every command.
 */
#ifndef SOTTO_SOTTO_APP_H
#define SOTTO_SOTTO_APP_H

#include "sotto/output.h"
#include "sotto/parse.h"
#include "sotto/settings.h"

#include "base/env.h"
#include "platform/files.h"

struct app {
    const struct request *request;
    struct clock clock;
    struct output out;
    const char *home; /**< SOTTO_HOME or NULL */
    const char *profile;
    const char *passphrase_file;    /**< --passphrase-file or SOTTO_PASSPHRASE_FILE, or NULL */
    const char *credentials;        /**< CREDENTIALS_DIRECTORY or NULL */
    int passphrase_handle;          /**< --passphrase-fd, or -1 */
    struct buffer passphrase;       /**< as far as it was needed; wiped when that is over */
    const char *stdin_holds;        /**< what stdin is read for, or NULL: nothing yet */
    uint32_t timeout_ms;            /**< 0: the library's */
    char own_cards[PATH_MAX_BYTES]; /**< folder of cards.d of the user, or empty */
    const char *card_folders[2];    /**< those that there may be */
    size_t card_folder_count;
    struct settings *settings;     /**< sotto.conf; NULL when it was not read */
    struct sotto_error unreadable; /**< why not, for commands that run all the same; code empty: it
                                      was read */
    char own_config[PATH_MAX_BYTES]; /**< sotto.conf of the user, or empty */
    bool require_verified;           /**< --require-verified or sotto.conf */
    unsigned verbose;
    bool is_json;
    bool is_plain;
    bool is_quiet;
    bool may_ask;            /**< stdin and stderr are terminals and nobody said --no-input */
    bool is_terminal[3];     /**< stdin, stdout, stderr */
    sotto_notice_fn *notice; /**< told of notices; app_init sets one that tells them on stderr */
    void *notice_context;
    size_t columns; /**< of the terminal behind stdout, 0 when there is none */
};

/** Where an administrator's sotto.conf is. */
#define APP_SYSTEM_CONFIG "/etc/sotto/sotto.conf"

/** Reads global options, environment and sotto.conf. `*app` is filled (for errors: how they are
 * written) in any case. Returns the exit status of the usage error in `*error`, or 0. */
must_check int app_init(struct app *app, const struct request *request, struct sotto_error *error);
void app_clear(struct app *app);

/** The options for the library: profile, passphrase as far as it is known, where notices go. */
struct sotto_options app_options(struct app *app);

/** Looks whether there is a profile, and whether it has a passphrase. */
must_check int app_profile(struct app *app, struct sotto_profile *profile,
                           struct sotto_error *error);

/** Opens the profile; asks for its passphrase when it has one. Free `*client` with sotto_close. */
must_check int app_open(struct app *app, struct sotto **client, struct sotto_error *error);

/** Reserves stdin for `what` ("the passphrase"). A usage error when it is read for something else.
 */
must_check int app_take_stdin(struct app *app, const char *what, struct sotto_error *error);

/** Turns a failure of base/ (no memory, a line over its limit) into an error. 0 for OK. */
must_check int app_check(enum error status, struct sotto_error *error);

/** Writes to stdout. `effect` says what became of the work although stdout failed. Returns 0,
 * EXIT_ABANDONED (141, nothing to be said) when the reader has gone, or storage_failed. */
enum { EXIT_ABANDONED = 141 };
must_check int app_write(struct app *app, struct bytes bytes, const char *effect,
                         struct sotto_error *error);
/** Writes what was made, when making it went well (`made`), and clears it. */
must_check int app_write_made(struct app *app, enum error made, struct buffer *out,
                              const char *effect, struct sotto_error *error);
/** What came of a listing: a failure of stdout, as above; a failure of our own (`own`); and only
 * then what the library said (`status` and `*error`), which follows from them. */
must_check int app_outcome(const struct app *app, enum error own, const char *effect, int status,
                           struct sotto_error *error);
/** The failure of stdout so far, as above. */
must_check int app_written(const struct app *app, const char *effect, struct sotto_error *error);

#endif
