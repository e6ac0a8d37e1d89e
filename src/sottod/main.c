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

/* A file that was named may say where the data is; the file in the data folder is for the server.
 */
static bool needs_settings(const struct options *options) {
    const char *variable = getenv("SOTTOD_CONFIG");
    return options->command == COMMAND_SERVE || options->command == COMMAND_CONFIG ||
           options->config != NULL || (variable != NULL && variable[0] != '\0');
}

int main(int argc, char **argv) {
    struct options options;
    struct settings settings;
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
    if (needs_settings(&options)) {
        error = settings_load(&options, &settings, cause, detail);
        if (error != OK) {
            return say_failure(error, NULL, cause, detail, NULL);
        }
        if (options.command == COMMAND_SERVE) {
            return serve(&options, &settings);
        }
        options.data = settings.data;
    }
    switch (options.command) {
    case COMMAND_INVITE_CREATE:
        return command_invite_create(&options);
    case COMMAND_INVITE_LIST:
        return command_invite_list(&options);
    case COMMAND_KEY_ROTATE:
        return command_key_rotate(&options);
    case COMMAND_KEY:
        return command_key(&options);
    case COMMAND_INVITE_REVOKE:
        return command_invite_revoke(&options);
    case COMMAND_USER_REMOVE:
    case COMMAND_USER_DISABLE:
    case COMMAND_USER_ENABLE:
        return command_change_user(&options);
    case COMMAND_USER_SHOW:
        return command_user_show(&options);
    case COMMAND_USER_LIST:
        return command_user_list(&options);
    case COMMAND_BACKUP:
        return command_backup(&options);
    case COMMAND_RESTORE:
        return command_restore(&options);
    case COMMAND_CHECK:
        return command_check(&options);
    case COMMAND_STATS:
        return command_stats(&options);
    case COMMAND_CONFIG:
        return command_config(&settings, options.as_json);
    case COMMAND_SERVE:
    case COMMAND_COUNT:
        break;
    }
    return error_exit(ERR_INTERNAL);
}
