/* SPDX-License-Identifier: ISC */
#include "libsotto/cards.h"

#include "base/text.h"
#include "libsotto/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char SUFFIX[] = ".card";

void cards_clear(struct cards *cards) {
    free(cards->list);
    memset(cards, 0, sizeof(*cards));
}

static enum error add(struct cards *cards, const struct card *card) {
    if (cards->count == cards->capacity) {
        size_t capacity = cards->capacity == 0 ? 16 : 2 * cards->capacity;
        struct vouched *grown = realloc(cards->list, capacity * sizeof(*grown));
        if (grown == NULL) {
            return ERR_MEMORY;
        }
        cards->list = grown;
        cards->capacity = capacity;
    }
    struct vouched *added = &cards->list[cards->count++];
    added->name = card->name;
    memcpy(added->fingerprint, card->fingerprint, PIN_BYTES);
    return OK;
}

/* Whether the card is of somebody else on the account's server. */
static bool is_ours(const struct sotto *client, const struct card *card) {
    const struct server_address *server = &client->account.server;
    return card->server.port == server->port && strcmp(card->server.host, server->host) == 0 &&
           !user_name_equal(&card->name, &client->account.name);
}

static enum error wrong(struct sotto *client, enum error error, const char *before,
                        const char *after) {
    snprintf(client->cause, sizeof(client->cause), "%s%.250s%s", before, client->path, after);
    return error;
}

/* What the last step came to, with the words for it. */
static enum error judged(struct sotto *client, enum error error, unsigned mode) {
    int number = errno;
    switch ((int)error) {
    case ERR_STORE_PERMISSIONS:
        snprintf(client->detail, sizeof(client->detail), "%04o", mode);
        snprintf(client->cause, sizeof(client->cause), "go-w");
        break;
    case ERR_CARD_MISTYPED:
        return wrong(client, error, "the card in ", "");
    case ERR_MALFORMED:
    case ERR_LIMIT:
        return wrong(client, ERR_USAGE, "", " does not hold a card in its first line");
    case ERR_FULL:
        return wrong(client, ERR_USAGE, "", " is one card more than can be used");
    default:
        break;
    }
    errno = number;
    return error;
}

static enum error read_card(struct sotto *client, struct card *card, unsigned *mode) {
    struct buffer file;
    buffer_init(&file, CARD_FILE_MAX_BYTES);
    enum error error = file_read_shared(client->path, &file, mode);
    if (error == OK) {
        struct bytes rest = buffer_view(&file);
        struct bytes line = rest;
        (void)text_next_line(&rest, &line); /* without one the file is empty, and so is the line */
        error = card_parse(line, card);
    }
    buffer_clear(&file);
    return error;
}

struct walk {
    struct sotto *client;
    const char *folder;
};

static enum error take_file(void *context, const char *name) {
    const struct walk *walk = context;
    struct sotto *client = walk->client;
    struct card card;
    unsigned mode = 0;
    size_t size = strlen(name);
    if (size < sizeof(SUFFIX) || strcmp(name + size - strlen(SUFFIX), SUFFIX) != 0) {
        return OK;
    }
    if (path_join(walk->folder, name, client->path, sizeof(client->path)) != OK) {
        return ERR_STORAGE_FAILED;
    }
    enum error error = read_card(client, &card, &mode);
    if (error == ERR_NOT_FOUND) {
        return OK; /* it is being replaced */
    }
    if (error != OK || !is_ours(client, &card)) {
        return judged(client, error, mode);
    }
    return client->cards.count == CARDS_MAX ? judged(client, ERR_FULL, 0)
                                            : add(&client->cards, &card);
}

static enum error take_folder(struct sotto *client, const char *folder) {
    struct walk walk = {.client = client, .folder = folder};
    unsigned mode = 0;
    snprintf(client->path, sizeof(client->path), "%s", folder);
    errno = 0;
    enum error error = file_check_shared(folder, &mode);
    if (error == OK) {
        error = folder_walk(folder, take_file, &walk);
        return error == ERR_NOT_FOUND ? OK : error;
    }
    return error == ERR_NOT_FOUND ? OK : judged(client, error, mode);
}

static int compare(const void *a, const void *b) {
    const struct vouched *left = a;
    const struct vouched *right = b;
    return strcmp(left->name.text, right->name.text);
}

/* One card a person: the same card twice is fine, two different ones are not. */
static enum error sort(struct sotto *client) {
    struct cards *cards = &client->cards;
    size_t kept = 0;
    if (cards->count == 0) {
        return OK;
    }
    qsort(cards->list, cards->count, sizeof(*cards->list), compare);
    for (size_t i = 1; i < cards->count; i++) {
        const struct vouched *one = &cards->list[i];
        const struct vouched *last = &cards->list[kept];
        if (compare(one, last) != 0) {
            cards->list[++kept] = *one;
        } else if (memcmp(one->fingerprint, last->fingerprint, PIN_BYTES) != 0) {
            snprintf(client->cause, sizeof(client->cause), "two cards of %s differ",
                     one->name.text);
            return ERR_USAGE;
        }
    }
    cards->count = kept + 1;
    return OK;
}

must_check enum error cards_load(struct sotto *client) {
    char path[PATH_MAX_BYTES];
    enum error error = OK;
    memcpy(path, client->path, sizeof(path));
    cards_clear(&client->cards);
    client->cause[0] = '\0';
    for (size_t i = 0; error == OK && i < client->card_folder_count; i++) {
        error = take_folder(client, client->card_folders[i]);
    }
    if (error == OK) {
        memcpy(client->path, path, sizeof(path)); /* a later failure is one of the store again */
        error = sort(client);
    }
    return error;
}

const struct vouched *cards_find(const struct cards *cards, const struct user_name *name) {
    const struct vouched wanted = {.name = *name};
    return cards->count == 0
               ? NULL
               : bsearch(&wanted, cards->list, cards->count, sizeof(*cards->list), compare);
}

bool cards_vouch(const struct cards *cards, const struct user_name *name,
                 const uint8_t afp[HASH_BYTES]) {
    const struct vouched *card = cards_find(cards, name);
    uint8_t pin[PIN_BYTES];
    pin_of_hash(afp, pin);
    return card != NULL && memcmp(pin, card->fingerprint, PIN_BYTES) == 0;
}

enum sotto_trust cards_trust(const struct cards *cards, const struct stored_peer *peer) {
    if (peer->is_changed) {
        return SOTTO_CHANGED;
    }
    if (cards_find(cards, &peer->name) == NULL) {
        return peer->verified_ms > 0 ? SOTTO_VERIFIED : SOTTO_UNVERIFIED;
    }
    return !peer->has_pin || cards_vouch(cards, &peer->name, peer->afp) ? SOTTO_VERIFIED
                                                                        : SOTTO_CHANGED;
}
