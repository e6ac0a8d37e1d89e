/* SPDX-License-Identifier: ISC */
/* Whose key it is: cards, safety numbers, changed keys. docs/PROTOCOL.md 1.11. */
#include "base/weaken.h"
#include "libsotto/people.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char EFFECT[] = "Nothing was changed.";

/* One question about one person. */
struct asking {
    struct people people;
    struct certificate certificate; /**< that the server shows */
    bool is_changed;                /**< another key is pinned */
    char key[SOTTO_KEY_SIZE];
};

static int bad(const char *peer, const char *cause, const char *detail, struct sotto_error *error) {
    return report_error(error, ERR_USAGE,
                        &(struct report){.peer = peer, .cause = cause, .detail = detail});
}

static int parse_name(const struct sotto *client, const char *who, struct user_name *name,
                      struct sotto_error *error) {
    struct report report = profile_report(client, EFFECT);
    report.peer = who;
    if (user_name_parse(bytes_of_string(who), name) != OK) {
        return report_error(error, ERR_NAME_INVALID, &report);
    }
    return user_name_equal(name, &client->account.name)
               ? bad(who, "that is your own name", "Name somebody else.", error)
               : 0;
}

/* Connects and judges what the server shows for `name`. End with runner_clear. */
static int begin(struct asking *asking, struct sotto *client, const struct user_name *name,
                 struct sotto_error *error) {
    struct bytes data;
    int result = people_begin(&asking->people, client, error);
    asking->people.name = *name;
    if (result == 0) {
        result = people_certificate(&asking->people, &data, error);
    }
    if (result != 0) {
        return result;
    }
    enum error judged = trust_judge(asking->people.runner.engine, name, data, &asking->certificate);
    asking->is_changed = judged == ERR_PEER_KEY_CHANGED;
    if (judged != OK && !asking->is_changed) {
        return people_fail(&asking->people, judged, NULL, error);
    }
    explain_key(asking->certificate.afp, asking->key);
    return 0;
}

static enum error make_number(const struct sotto *client, const struct certificate *certificate,
                              char number[SOTTO_NUMBER_SIZE]) {
    struct device device;
    enum error error = device_load(client->store, client->account.cid, &device);
    if (error == OK) {
        error = safety_number(&device.parsed, certificate, number);
        device_clear(&device);
    }
    return error == ERR_NOT_FOUND ? ERR_STORE_BROKEN : error;
}

/* ---- comparing */

static int verified_now(struct asking *asking, enum trust_source how,
                        struct sotto_verified *verified, struct sotto_error *error) {
    enum error status = trust_verify(asking->people.runner.engine, &asking->certificate, how,
                                     &verified->was_changed, &verified->released);
    if (status != OK) {
        return people_fail(&asking->people, status, NULL, error);
    }
    memcpy(verified->name, asking->people.name.text, sizeof(verified->name));
    memcpy(verified->key, asking->key, sizeof(verified->key));
    verified->trust = SOTTO_VERIFIED;
    verified->how = explain_source(how);
    return report_error(error, OK, NULL);
}

/* Whether the card is of that person on this server. */
static bool is_of(const struct card *card, const struct people *people) {
    const struct server_address *server = &people->runner.client->account.server;
    return user_name_equal(&card->name, &people->name) && card->server.port == server->port &&
           strcmp(card->server.host, server->host) == 0;
}

static int card_differs(struct asking *asking, const struct card *card, struct sotto_error *error) {
    const struct people *people = &asking->people;
    char key[SOTTO_KEY_SIZE];
    char server[SOTTO_SERVER_SIZE];
    char on_card[SOTTO_KEY_SIZE + SOTTO_NAME_SIZE + SOTTO_SERVER_SIZE + 8];
    struct report report = profile_report(people->runner.client, EFFECT);
    pin_print(card->fingerprint, key, sizeof(key));
    server_address_print(&card->server, server, sizeof(server));
    if (is_of(card, people)) {
        snprintf(on_card, sizeof(on_card), "%s", key);
    } else {
        snprintf(on_card, sizeof(on_card), "%s  (%s@%s)", key, card->name.text, server);
    }
    report.peer = people->name.text;
    report.known = on_card;
    report.shown = asking->key;
    return report_error(error, ERR_CARD_DIFFERENT, &report);
}

int sotto_verify_card(struct sotto *client, const char *who, const char *text,
                      struct sotto_verified *verified, struct sotto_error *error) {
    struct asking asking;
    struct card card;
    struct user_name name;
    uint8_t pin[PIN_BYTES];
    memset(verified, 0, sizeof(*verified));
    int result = parse_name(client, who, &name, error);
    if (result != 0) {
        return result;
    }
    enum error status = card_parse(bytes_of_string(text), &card);
    if (status != OK) {
        struct report report = profile_report(client, EFFECT);
        report.peer = who;
        report.cause = "that card";
        return status == ERR_CARD_MISTYPED
                   ? report_error(error, status, &report)
                   : bad(who, "that is not a card",
                         "A card is the line that \"sotto card\" prints; it begins with "
                         "sotto-card:1:",
                         error);
    }
    result = begin(&asking, client, &name, error);
    if (result == 0) {
        pin_of_hash(asking.certificate.afp, pin);
        bool is_same = is_of(&card, &asking.people) &&
                       (memcmp(pin, card.fingerprint, PIN_BYTES) == 0 || weakened(WEAK_NO_CARD));
        result = is_same ? verified_now(&asking, TRUST_CARD, verified, error)
                         : card_differs(&asking, &card, error);
    }
    runner_clear(&asking.people.runner);
    return result;
}

/* The digits alone. False: it is not 60 of them. */
static bool read_number(const char *text, char number[SOTTO_NUMBER_SIZE]) {
    size_t count = 0;
    for (; *text != '\0'; text++) {
        if (isspace((unsigned char)*text)) {
            continue;
        }
        if (*text < '0' || *text > '9' || count == SOTTO_NUMBER_SIZE - 1) {
            return false;
        }
        number[count++] = *text;
    }
    number[count] = '\0';
    return count == SOTTO_NUMBER_SIZE - 1;
}

int sotto_verify_number(struct sotto *client, const char *who, const char *text,
                        struct sotto_verified *verified, struct sotto_error *error) {
    struct asking asking;
    struct user_name name;
    char told[SOTTO_NUMBER_SIZE];
    char number[SOTTO_NUMBER_SIZE];
    memset(verified, 0, sizeof(*verified));
    int result = parse_name(client, who, &name, error);
    if (result == 0 && !read_number(text, told)) {
        result = bad(who, "that is not a safety number",
                     "It has 60 digits, and all of them are compared. Nothing was changed.", error);
    }
    if (result != 0) {
        return result;
    }
    result = begin(&asking, client, &name, error);
    if (result == 0) {
        enum error status = make_number(client, &asking.certificate, number);
        if (status == OK && strcmp(told, number) != 0) {
            status = ERR_NUMBER_DIFFERENT;
        }
        result = status == OK ? verified_now(&asking, TRUST_NUMBER, verified, error)
                              : people_fail(&asking.people, status, NULL, error);
    }
    runner_clear(&asking.people.runner);
    return result;
}

/* ---- without a comparison */

/* What an administrator vouches for is not for this profile to decide. */
static int vouched_for(const char *name, struct sotto_error *error) {
    return bad(name, "a card in cards.d says which key it has to be",
               "Whoever put the card there has to replace it. Nothing was changed.", error);
}

/* What was compared, here or by an administrator, is not given up unseen. */
static int not_unseen(const struct asking *asking, struct sotto_error *error) {
    const char *name = asking->people.name.text;
    char help[192];
    if (cards_find(&asking->people.runner.client->cards, &asking->people.name) != NULL) {
        return vouched_for(name, error);
    }
    snprintf(help, sizeof(help),
             "Compare the new card:     sotto verify %s --card -\n"
             "Or give the old one up:   sotto verify %s --undo",
             name, name);
    return bad(name, "a key that was verified is not replaced unseen", help, error);
}

int sotto_accept_key(struct sotto *client, const char *who, struct sotto_verified *accepted,
                     struct sotto_error *error) {
    struct asking asking;
    struct user_name name;
    memset(accepted, 0, sizeof(*accepted));
    accepted->how = "";
    int result = parse_name(client, who, &name, error);
    if (result != 0) {
        return result;
    }
    result = begin(&asking, client, &name, error);
    if (result == 0) {
        bool has_card = cards_find(&client->cards, &name) != NULL;
        enum error status = has_card
                                ? ERR_WRONG_STATE
                                : trust_accept(asking.people.runner.engine, &asking.certificate,
                                               &accepted->was_changed, &accepted->released);
        result = status == OK                ? report_error(error, OK, NULL)
                 : status == ERR_WRONG_STATE ? not_unseen(&asking, error)
                                             : people_fail(&asking.people, status, NULL, error);
        memcpy(accepted->name, name.text, sizeof(accepted->name));
        memcpy(accepted->key, asking.key, sizeof(accepted->key));
    }
    runner_clear(&asking.people.runner);
    return result;
}

/* Inside the profile's lock. ERR_WRONG_STATE: there is a card, by which the person would be
 * verified again at once. */
static enum error undo(struct sotto *client, const struct user_name *name, bool *was_verified) {
    struct stored_peer peer;
    enum error error = cards_load(client);
    if (error == OK && cards_find(&client->cards, name) != NULL) {
        return ERR_WRONG_STATE;
    }
    if (error == OK) {
        error = client->store->peer_get(client->store->context, name, &peer);
    }
    if (error == OK && peer.verified_ms > 0) {
        *was_verified = true;
        error = trust_undo(client->store, name);
    }
    return error;
}

int sotto_unverify(struct sotto *client, const char *who, bool *was_verified,
                   struct sotto_error *error) {
    struct user_name name;
    bool was_owner = client->is_owner;
    *was_verified = false;
    client->cause[0] = '\0';
    int result = parse_name(client, who, &name, error);
    if (result != 0) {
        return result;
    }
    enum error status = profile_own(client);
    if (status == OK) {
        status = undo(client, &name, was_verified);
    }
    if (!was_owner) {
        profile_release(client);
    }
    if (status == ERR_WRONG_STATE) {
        return vouched_for(name.text, error);
    }
    return status == ERR_NOT_FOUND
               ? bad(who, "this profile does not know anybody of that name", EFFECT, error)
               : profile_fail(client, status, EFFECT, error);
}

/* ---- looking */

int sotto_person(struct sotto *client, const char *who, struct sotto_person *person,
                 struct sotto_error *error) {
    struct asking asking;
    struct user_name name;
    struct stored_peer peer;
    memset(person, 0, sizeof(*person));
    int result = parse_name(client, who, &name, error);
    if (result != 0) {
        return result;
    }
    result = begin(&asking, client, &name, error);
    if (result == 0) {
        enum error status = client->store->peer_get(client->store->context, &name, &peer);
        status = status == ERR_NOT_FOUND ? OK : status;
        if (status == OK) {
            status = make_number(client, &asking.certificate, person->number);
        }
        result = status == OK ? 0 : people_fail(&asking.people, status, NULL, error);
    }
    if (result == 0) {
        memcpy(person->name, name.text, sizeof(person->name));
        memcpy(person->shown, asking.key, sizeof(person->shown));
        explain_key(client->account.afp, person->own_key);
        if (peer.has_pin) {
            explain_key(peer.afp, person->pinned);
        }
        person->trust = asking.is_changed ? SOTTO_CHANGED : cards_trust(&client->cards, &peer);
        person->how = people_source(client, &peer);
        person->pinned_ms = peer.pinned_ms;
        person->verified_ms = peer.verified_ms;
        person->changed_ms = peer.changed_ms;
    }
    runner_clear(&asking.people.runner);
    return result;
}

int sotto_card(struct sotto *client, char card[SOTTO_CARD_SIZE], struct sotto_error *error) {
    struct card own = {.name = client->account.name, .server = client->account.server};
    pin_of_hash(client->account.afp, own.fingerprint);
    return profile_fail(client, card_print(&own, card, SOTTO_CARD_SIZE), "", error);
}
