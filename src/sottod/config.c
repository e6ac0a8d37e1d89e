/* SPDX-License-Identifier: ISC */
#include "sottod/commands.h"
#include "sottod/say.h"
#include "sottod/settings.h"

#include <jansson.h>

#include <stdio.h>

static int print_text(const struct settings *settings) {
    for (int i = 0; i < SETTING_COUNT; i++) {
        char value[SETTING_PRINTED_BYTES];
        char origin[SETTING_PRINTED_BYTES + 16];
        setting_print(settings, (enum setting)i, value, sizeof(value));
        setting_origin(settings, (enum setting)i, origin, sizeof(origin));
        printf("%-25s %-20s %s\n", setting_name((enum setting)i), value[0] == '\0' ? "-" : value,
               origin);
    }
    return fflush(stdout);
}

static int print_json(const struct settings *settings) {
    json_t *all = json_array();
    for (int i = 0; i < SETTING_COUNT; i++) {
        char value[SETTING_PRINTED_BYTES];
        char origin[SETTING_PRINTED_BYTES + 16];
        setting_print(settings, (enum setting)i, value, sizeof(value));
        setting_origin(settings, (enum setting)i, origin, sizeof(origin));
        json_t *one =
            json_pack("{s:s, s:s, s:s, s:b}", "name", setting_name((enum setting)i), "value", value,
                      "origin", origin, "live", setting_is_live((enum setting)i) ? 1 : 0);
        if (json_array_append_new(all, one) != 0) {
            json_decref(all);
            return EOF;
        }
    }
    json_t *whole = json_pack("{s:i, s:s, s:o}", "v", 1, "type", "config", "settings", all);
    int status = whole == NULL ? EOF : json_dumpf(whole, stdout, JSON_COMPACT);
    json_decref(whole);
    return status != 0 || putchar('\n') == EOF ? EOF : fflush(stdout);
}

int command_config(const struct settings *settings, bool as_json) {
    int status = as_json ? print_json(settings) : print_text(settings);
    return status == 0
               ? 0
               : say_failure(ERR_STORAGE_FAILED, "stdout", "it is closed or full", NULL, NULL);
}
