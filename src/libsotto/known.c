/* SPDX-License-Identifier: ISC */
/* The people whom the own store knows. */
#include "libsotto/people.h"

#include <string.h>

int sotto_known(struct sotto *client, const char *pattern, sotto_user_fn *each, void *context,
                struct sotto_error *error) {
    struct stored_peer peer;
    struct user_name after = {{0}};
    char folded[SOTTO_NAME_SIZE];
    client->cause[0] = '\0';
    if (people_pattern(pattern, folded) != OK) {
        struct report report = profile_report(client, "Nothing was asked.");
        report.peer = pattern;
        return report_error(error, ERR_NAME_INVALID, &report);
    }
    enum error status = cards_load(client);
    bool more = true;
    while (status == OK && more) {
        status = client->store->peer_next(client->store->context, &after, &peer);
        after = peer.name;
        if (status == OK && peer.has_pin && strstr(peer.name.text, folded) != NULL) {
            struct sotto_user user;
            people_describe(client, &peer, &user);
            more = each(context, &user);
        }
    }
    return profile_fail(client, status == ERR_NOT_FOUND ? OK : status, "", error);
}
