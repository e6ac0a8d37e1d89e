/* SPDX-License-Identifier: ISC */
/* The command line of sottod. Options may stand anywhere; of one given twice the last counts,
 * except --bind, which adds. No command is `serve`. Nothing is abbreviated and no guess is run. */
#ifndef SOTTO_SOTTOD_OPTIONS_H
#define SOTTO_SOTTOD_OPTIONS_H

#include "base/limits.h"
#include "base/text.h"
#include "server/store.h"

enum command {
    COMMAND_SERVE,
    COMMAND_INVITE_CREATE,
    COMMAND_INVITE_LIST,
    COMMAND_INVITE_REVOKE,
    COMMAND_KEY_ROTATE, /* before the noun alone */
    COMMAND_KEY,
    COMMAND_USER_REMOVE,
    COMMAND_USER_LIST,
    COMMAND_USER_SHOW,
    COMMAND_USER_DISABLE,
    COMMAND_USER_ENABLE,
    COMMAND_CONFIG,
    COMMAND_STATS,
    COMMAND_BACKUP,
    COMMAND_RESTORE,
    COMMAND_CHECK,
    COMMAND_COUNT,
};

enum { BINDS_MAX = 8, USAGE_MAX_BYTES = 256 };

struct options {
    enum command command;
    bool wants_help; /**< then only `command` and `is_overview` mean something */
    bool is_overview;
    bool wants_version;
    const char *config; /**< NULL: not given */
    bool as_json;       /**< of `config`, `stats` and the lists */
    bool as_prometheus; /**< of `stats` */
    bool is_watching;   /**< of `stats` */
    bool has_port;      /**< it was given, and likewise below */
    bool has_max_clients;
    bool has_registration;
    bool has_log;
    uint16_t port;
    const char *binds[BINDS_MAX]; /**< none: "::" */
    size_t bind_count;
    size_t max_clients;
    const char *data;        /**< NULL: not given */
    const char *public_host; /**< NULL: not given */
    enum wire_registration registration;
    bool log_json;
    bool is_quiet;
    bool is_verbose;
    uint64_t expires_ms;
    bool is_admin;
    bool is_deep;                    /**< of `check` */
    const char *at;                  /**< of `key rotate`, NULL: not given */
    struct user_name name;           /**< of `user remove`, `show`, `disable`, `enable` */
    uint8_t invite[INVITE_ID_BYTES]; /**< of `invite revoke` */
    const char *
        file; /**< of `backup` and `restore`: "-" is stdout, or stdin; of `stats`: NULL is stdout */
};

/** Reads the `argc` words of `argv`, of which the first is the program. Strings point into `argv`.
 * ERR_USAGE or ERR_NAME_INVALID with the reason in `cause` and the way out in `detail`
 * (USAGE_MAX_BYTES each). */
must_check enum error options_parse(int argc, char **argv, struct options *options, char *cause,
                                    char *detail);

/** What `command` is for, with its options. */
const char *help_of(enum command command);
const char *help_overview(void);

#endif
