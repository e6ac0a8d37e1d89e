/* SPDX-License-Identifier: ISC */
/* `sottod check`. */
#include "server/store/inspect.h"
#include "sottod/commands.h"
#include "sottod/say.h"

#include <inttypes.h>
#include <stdio.h>

static bool print(const struct inspection *inspection, bool deep) {
    bool done = printf("accounts          %" PRIu64 "\nwaiting messages  %" PRIu64 "\n",
                       inspection->accounts, inspection->messages) > 0;
    if (deep) {
        done = printf("damaged           %" PRIu64 "\n", inspection->damaged) > 0 && done;
    }
    const char *verdict = inspection->complaint[0] == '\0' ? "whole" : inspection->complaint;
    return printf("database          %s\n", verdict) > 0 && done && fflush(stdout) == 0;
}

int command_check(const struct options *options) {
    struct data data;
    struct inspection inspection;
    enum error error = data_init(&data, options->data);
    if (error == OK) {
        error = data_find(&data);
    }
    if (error == OK) {
        error = data_load_key(&data, false);
    }
    if (error == OK) {
        error = inspect_database(data.database, options->is_deep, &inspection, data.cause,
                                 sizeof(data.cause));
        data.path = data.database;
        bool is_store = error == OK || error == ERR_STORE_BROKEN;
        error = is_store ? error : ERR_STORAGE_FAILED;
    }
    int status = 0;
    if (error == OK && !print(&inspection, options->is_deep)) {
        status = say_failure(ERR_STORAGE_FAILED, "stdout", "it is closed or full", NULL, NULL);
    } else if (error == OK && (inspection.damaged > 0 || inspection.complaint[0] != '\0')) {
        error = ERR_STORE_BROKEN;
    }
    if (error != OK) {
        status = command_failed(&data, error);
    }
    data_close(&data);
    return status;
}
