/* SPDX-License-Identifier: ISC */
/* `sottod check`. */
#include "server/store/inspect.h"
#include "sottod/commands.h"

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

static enum error look(struct data *data, const struct options *options) {
    struct inspection inspection;
    enum error error = data_load_key(data, false);
    if (error != OK) {
        return error;
    }
    error = inspect_database(data->database, options->is_deep, &inspection, data->cause,
                             sizeof(data->cause));
    data->path = data->database;
    if (error != OK) {
        return error == ERR_STORE_BROKEN ? error : ERR_STORAGE_FAILED;
    }
    if (!print(&inspection, options->is_deep)) {
        return command_stdout_failed(data);
    }
    return inspection.damaged > 0 || inspection.complaint[0] != '\0' ? ERR_STORE_BROKEN : OK;
}

int command_check(const struct options *options) {
    return command_on_data(options, look);
}
