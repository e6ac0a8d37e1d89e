/* SPDX-License-Identifier: ISC */
/* sotto-sendmail: takes a mail as sendmail(8) does and sends it as a message. */
#include "sotto-sendmail/deliver.h"

#include "sotto/fault.h"
#include "sotto/streams.h"
#include "sotto/tell.h"

#include "platform/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char HELP[] =
    "sotto-sendmail [-t] [-i] [-f ADDRESS] [-F NAME] [--profile NAME] [ADDRESS...] < MAIL\n"
    "    send a mail as a message of sotto; for programs that call sendmail\n"
    "\n"
    "  -t              To, Cc and Bcc of the mail name the recipients too\n"
    "  -i, -oi         a line with a single dot does not end the mail\n"
    "  --profile NAME  account to use\n"
    "\n"
    "-f, -F, -o.., -B.. and other options about the way of mail are accepted and do nothing.\n"
    "Who gets which address stands under [mail] in sotto.conf.\n"
    "More: man sotto-sendmail\n";

static enum mail_exit print(struct app *app, const char *text) {
    struct sotto_error error;
    if (app_write(app, bytes_of_string(text), "", &error) != 0) {
        error.exit = MAIL_IO;
        tell_error(app, &error);
        return MAIL_IO;
    }
    return MAIL_OK;
}

static enum mail_exit refuse(struct app *app, enum mail_exit status, enum error which,
                             const char *cause) {
    struct sotto_error error;
    const struct error_value values[] = {{"cause", cause}, {"path", "stdin"}};
    fault_set(&error, which, values, 2);
    error.exit = (int)status;
    tell_error(app, &error);
    return status;
}

/* All of stdin is read, also what is not kept: the writer is to end as it began. */
static enum error read_mail(struct mail *mail, bool dot_is_text) {
    static uint8_t piece[64 * 1024];
    bool is_open = true;
    enum error error = OK;
    while (error == OK) {
        ssize_t size = read(STDIN_FILENO, piece, sizeof(piece));
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return size == 0 || errno == EBADF ? OK : ERR_STORAGE_FAILED;
        }
        if (is_open) {
            is_open = mail_feed(mail, bytes_make(piece, (size_t)size), dot_is_text, &error);
        }
    }
    return error;
}

static enum mail_exit run(struct app *app, const struct mail_options *options) {
    struct mail mail;
    mail_init(&mail);
    enum mail_exit status = MAIL_OK;
    enum error error = read_mail(&mail, options->dot_is_text);
    if (error == OK) {
        error = mail_parse(&mail);
    }
    if (error == OK) {
        status = mail_deliver(app, options, &mail);
    } else if (error == ERR_EMPTY_MESSAGE) {
        status = refuse(app, MAIL_DATA, error, "the mail");
    } else if (error == ERR_STORAGE_FAILED) {
        status = refuse(app, MAIL_IO, error, "it cannot be read");
    } else {
        status = refuse(app, MAIL_SOFTWARE, ERR_INTERNAL, "out of memory");
    }
    mail_clear(&mail);
    return status;
}

static enum mail_exit misused(struct app *app, const struct mail_options *options) {
    struct sotto_error error;
    fault_usage(&error, "It only sends:  sotto-sendmail --help", "'%.60s' is not understood",
                options->wrong);
    error.exit = MAIL_USAGE;
    tell_error(app, &error);
    return MAIL_USAGE;
}

int main(int argc, char **argv) {
    struct mail_options options;
    struct app app;
    struct sotto_error error = {.exit = 0};
    streams_prepare();
    enum error hardened = process_harden();
    enum error read = mail_options_read(argc, argv, &options);
    struct request request = {.command = COMMAND_SEND};
    request.given[OPTION_NO_INPUT] = 1;
    request.given[OPTION_PROFILE] = options.profile == NULL ? 0 : 1;
    request.value[OPTION_PROFILE] = options.profile;
    int begun = app_init(&app, &request, &error);
    enum mail_exit status = MAIL_OK;
    if (read != OK) {
        status = misused(&app, &options);
    } else if (options.wants_help) {
        status = print(&app, HELP);
    } else if (options.wants_version) {
        status = print(&app, "sotto-sendmail " SOTTO_VERSION "\n");
    } else if (hardened != OK) {
        status = refuse(&app, MAIL_SOFTWARE, ERR_INTERNAL, "the process cannot protect its memory");
    } else if (begun != 0) {
        error.exit = MAIL_CONFIG;
        tell_error(&app, &error);
        status = MAIL_CONFIG;
    } else {
        status = run(&app, &options);
    }
    app_clear(&app);
    return (int)status;
}
