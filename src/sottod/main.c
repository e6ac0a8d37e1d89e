/* SPDX-License-Identifier: ISC */
#include "base/weaken.h"
#include "crypto/entropy.h"
#include "platform/process.h"
#include "server/store/sqlite.h"
#include "sottod/commands.h"
#include "sottod/say.h"
#include "sottod/serve.h"

#include <stdio.h>
#include <stdlib.h>

static int print_version(void) {
    printf("sottod " SOTTO_VERSION "\nprotocol %s\nOpenSSL %s%s\nSQLite %s\n", WIRE_ALPN,
           crypto_library_version(), crypto_library_is_private() ? " (private build)" : "",
           sqlite_store_version());
    return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    struct options options;
    char cause[USAGE_MAX_BYTES] = "";
    char detail[USAGE_MAX_BYTES] = "";
    weaken_by(getenv);
    if (process_harden() != OK) {
        return say_failure(ERR_INTERNAL, NULL, "the process cannot be closed to others", NULL,
                           NULL);
    }
    enum error error = options_parse(argc, argv, &options, cause, detail);
    if (error != OK) {
        return say_failure(error, NULL, cause, detail, NULL);
    }
    if (options.wants_version) {
        return print_version();
    }
    if (options.wants_help) {
        fputs(options.is_overview ? help_overview() : help_of(options.command), stdout);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    switch (options.command) {
    case COMMAND_INVITE_CREATE:
        return command_invite_create(&options);
    case COMMAND_KEY_ROTATE:
        return command_key_rotate(&options);
    case COMMAND_KEY:
        return command_key(&options);
    case COMMAND_USER_REMOVE:
        return command_user_remove(&options);
    case COMMAND_BACKUP:
        return command_backup(&options);
    case COMMAND_RESTORE:
        return command_restore(&options);
    case COMMAND_SERVE:
    case COMMAND_COUNT:
        break;
    }
    return serve(&options);
}
