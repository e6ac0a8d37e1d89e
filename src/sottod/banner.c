/* SPDX-License-Identifier: ISC */
#include "sottod/banner.h"

#include "sottod/invite.h"

#include <stdio.h>

/* A journal keeps what it is given for long, so without a terminal no link is printed. */
static void print_first_steps(const struct options *options, const struct banner *banner) {
    if (banner->link == NULL) {
        fprintf(stderr, "No accounts yet: sottod invite create%s%s\n",
                options->data == NULL ? "" : " --data ",
                options->data == NULL ? "" : banner->folder);
        return;
    }
    fprintf(stderr,
            "\nNo accounts yet. On the machine of the first person, run:\n\n  sotto join %s\n\n"
            "It works once, for 24 hours, and makes that person an admin.\n"
            "More invites: sottod invite create%s\nStop: Ctrl-C\n",
            banner->link,
            options->public_host == NULL && is_private_address(banner->address)
                ? "      This address is private: set --public-host for the internet."
                : "");
}

void banner_print(const struct options *options, const struct banner *banner) {
    if (options->is_quiet) {
        return;
    }
    fprintf(stderr, "sottod " SOTTO_VERSION " is listening on %s, at most %zu clients\n",
            banner->listening, options->max_clients);
    fprintf(stderr, "  data        %s\n", banner->folder);
    fprintf(stderr, "  server key  %s        (people who join see this key)\n", banner->key);
    if (banner->next_key[0] != '\0') {
        fprintf(stderr, "  next key    %s\n", banner->next_key);
    }
    if (options->registration == WIRE_REGISTRATION_OPEN) {
        fprintf(stderr,
                "Anybody who reaches this server can make an account (--registration open).\n");
    }
    if (!banner->has_accounts) {
        print_first_steps(options, banner);
    }
    fflush(stderr);
}
