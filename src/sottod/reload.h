/* SPDX-License-Identifier: ISC */
/* SIGHUP: sottod.conf is read again. All that can change while the server runs changes, or nothing
 * does; what can't change is named. */
#ifndef SOTTO_SOTTOD_RELOAD_H
#define SOTTO_SOTTOD_RELOAD_H

#include "sottod/say.h"
#include "sottod/settings.h"

struct reload {
    const struct options *given; /**< the command line, still stronger than the file */
    struct settings *settings;   /**< what holds now */
    struct server *server;
    struct logger *logger;
};

void reload_settings(struct reload *reload, struct moment now);

#endif
