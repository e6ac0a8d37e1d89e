/* SPDX-License-Identifier: ISC */
/* The directory with one's own trust, and certificates. */
#include "libsotto/people.h"

#include "crypto/pem.h"

#include <stdlib.h>
#include <string.h>

static bool is_ready(void *context) {
    const struct people *people = context;
    return engine_is_settled(people->runner.engine);
}

static bool is_answered(void *context) {
    const struct people *people = context;
    return engine_answer(people->runner.engine)->is_done;
}

int people_fail(struct people *people, enum error what, const struct failure *failure,
                struct sotto_error *error) {
    struct report report = profile_report(people->runner.client, "Nothing was changed.");
    report.peer = people->name.text;
    if (failure != NULL) {
        return explain_failure(&people->runner, failure, report, error);
    }
    return report_error(error, what, &report);
}

int people_begin(struct people *people, struct sotto *client, struct sotto_error *error) {
    memset(people, 0, sizeof(*people));
    enum error status = runner_init(&people->runner, client);
    if (status == OK) {
        status = runner_connect(&people->runner);
    }
    if (status != OK) {
        return profile_fail(client, status, "Nothing was changed.", error);
    }
    runner_run(&people->runner, is_ready, people, UINT64_MAX, false);
    return engine_phase(people->runner.engine) == ENGINE_OVER
               ? people_fail(people, OK, engine_failure(people->runner.engine), error)
               : 0;
}

/* Waits for the answer to the question that was just asked. */
static int wait_for_answer(struct people *people, struct sotto_error *error) {
    runner_run(&people->runner, is_answered, people, UINT64_MAX, false);
    const struct answer *answer = engine_answer(people->runner.engine);
    if (engine_phase(people->runner.engine) == ENGINE_OVER) {
        return people_fail(people, OK, engine_failure(people->runner.engine), error);
    }
    return answer->failure.error == OK ? 0 : people_fail(people, OK, &answer->failure, error);
}

int people_certificate(struct people *people, struct bytes *certificate,
                       struct sotto_error *error) {
    engine_ask_certificate(people->runner.engine, &people->name);
    int result = wait_for_answer(people, error);
    if (result == 0) {
        *certificate = engine_answer(people->runner.engine)->certificate;
    }
    return result;
}

enum { RSA_SPKI_BYTES = 33 + RSA_MODULUS_BYTES + 5 };
_Static_assert(PEM_PUBLIC_KEY_SIZE(RSA_SPKI_BYTES) <= SOTTO_PEM_SIZE, "a public key as text");

/* SubjectPublicKeyInfo of an RSA-2048 key with e = 65537 (RFC 8017 appendix A.1.1, RFC 5280
 * section 4.1), around its modulus. */
static void rsa_spki(const uint8_t modulus[RSA_MODULUS_BYTES], uint8_t spki[RSA_SPKI_BYTES]) {
    static const uint8_t BEFORE[] = {0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a,
                                     0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
                                     0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01,
                                     0x0a, 0x02, 0x82, 0x01, 0x01, 0x00};
    static const uint8_t AFTER[] = {0x02, 0x03, 0x01, 0x00, 0x01};
    memcpy(spki, BEFORE, sizeof(BEFORE));
    memcpy(spki + sizeof(BEFORE), modulus, RSA_MODULUS_BYTES);
    memcpy(spki + sizeof(BEFORE) + RSA_MODULUS_BYTES, AFTER, sizeof(AFTER));
}

/* Fetches and judges one certificate into the keys of `user`. */
static int add_keys(struct people *people, struct sotto_user *user, struct sotto_error *error) {
    struct sotto *client = people->runner.client;
    struct certificate certificate;
    struct bytes data;
    uint8_t spki[RSA_SPKI_BYTES];
    uint8_t hash[HASH_BYTES];
    uint8_t pin[PIN_BYTES];
    int result = people_certificate(people, &data, error);
    if (result != 0) {
        return result;
    }
    enum error judged = trust_judge(people->runner.engine, &people->name, data, &certificate);
    if (judged == ERR_WAITING_FOR_KEYS) {
        return 0; /* out of date: there are none that could be used now */
    }
    if (judged != OK && judged != ERR_PEER_KEY_CHANGED) {
        return people_fail(people, judged, NULL, error);
    }
    if (judged == ERR_PEER_KEY_CHANGED) {
        user->trust = SOTTO_CHANGED;
        user->changed_ms = user->changed_ms == 0 ? profile_now(client) : user->changed_ms;
    }
    rsa_spki(certificate.rsa, spki);
    enum error status = sha256(&(struct bytes){spki, sizeof(spki)}, 1, hash);
    if (status != OK) {
        return people_fail(people, status, NULL, error);
    }
    hex_encode(bytes_of(hash), user->rsa_sha256);
    pem_public_key(bytes_of(spki), user->rsa_pem, sizeof(user->rsa_pem));
    pin_of_hash(certificate.afp, pin);
    pin_print(pin, user->key, sizeof(user->key));
    user->keys_until_ms = certificate.expires_ms;
    user->has_keys = true;
    return 0;
}

const char *people_source(const struct sotto *client, const struct stored_peer *peer) {
    bool is_by_file = peer->verified_ms == 0 && cards_trust(&client->cards, peer) == SOTTO_VERIFIED;
    return peer->verified_ms > 0 ? explain_source(peer->how)
           : is_by_file          ? explain_source(TRUST_CARD_FILE)
                                 : "";
}

void people_describe(const struct sotto *client, const struct stored_peer *peer,
                     struct sotto_user *user) {
    *user = (struct sotto_user){
        .name = peer->name.text,
        .is_self = user_name_equal(&peer->name, &client->account.name),
        .is_known = peer->has_pin,
        .trust = cards_trust(&client->cards, peer),
        .first_seen_ms = peer->pinned_ms,
        .verified_ms = peer->verified_ms,
        .how = people_source(client, peer),
        .changed_ms = peer->changed_ms,
    };
}

static int show_user(struct people *people, const struct wire_user *listed, bool keys,
                     sotto_user_fn *each, void *context, bool *stop, struct sotto_error *error) {
    struct sotto *client = people->runner.client;
    struct stored_peer peer;
    people->name = listed->name;
    enum error status = client->store->peer_get(client->store->context, &listed->name, &peer);
    if (status != OK && status != ERR_NOT_FOUND) {
        return people_fail(people, status, NULL, error);
    }
    struct sotto_user user;
    people_describe(client, &peer, &user);
    user.since_ms = listed->since_ms;
    user.is_admin = listed->is_admin;
    int result = keys ? add_keys(people, &user, error) : 0;
    if (result == 0) {
        *stop = !each(context, &user);
    }
    return result;
}

/* Walks the directory page by page; `exact` shows the one user of that name only. */
static int walk(struct people *people, struct bytes pattern, bool exact, bool keys,
                sotto_user_fn *each, void *context, uint32_t *shown, struct sotto_error *error) {
    struct user_name after = {{0}};
    struct wire_users *page = malloc(sizeof(*page));
    bool more = true;
    int result = 0;
    if (page == NULL) {
        return people_fail(people, ERR_MEMORY, NULL, error);
    }
    while (result == 0 && more) {
        engine_ask_users(people->runner.engine, pattern, bytes_of_string(after.text));
        result = wait_for_answer(people, error);
        if (result != 0) {
            break;
        }
        *page = *engine_answer(people->runner.engine)->users;
        more = page->more && page->count > 0;
        for (uint16_t i = 0; result == 0 && i < page->count; i++) {
            bool stop = false;
            after = page->users[i].name;
            if (exact && !bytes_equal(bytes_of_string(after.text), pattern)) {
                continue;
            }
            (*shown)++;
            result = show_user(people, &page->users[i], keys, each, context, &stop, error);
            more = more && !stop;
            if (stop) {
                break;
            }
        }
    }
    free(page);
    return result;
}

must_check enum error people_pattern(const char *pattern, char out[SOTTO_NAME_SIZE]) {
    size_t size = pattern == NULL ? 0 : strlen(pattern);
    if (size > NAME_MAX_BYTES) {
        return ERR_NAME_INVALID;
    }
    for (size_t i = 0; i < size; i++) {
        char c = pattern[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out[size] = '\0';
    return strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789._-") == size ? OK : ERR_NAME_INVALID;
}

int sotto_users(struct sotto *client, const char *pattern, bool keys, sotto_user_fn *each,
                void *context, struct sotto_error *error) {
    struct people people;
    char folded[SOTTO_NAME_SIZE];
    uint32_t shown = 0;
    if (people_pattern(pattern, folded) != OK) {
        struct report report = profile_report(client, "Nothing was asked.");
        report.peer = pattern;
        return report_error(error, ERR_NAME_INVALID, &report);
    }
    struct bytes text = bytes_of_string(folded);
    int result = people_begin(&people, client, error);
    if (result == 0 && keys && text.size > 0) {
        result = walk(&people, text, true, keys, each, context, &shown, error);
    }
    if (result == 0 && shown == 0) {
        result = walk(&people, text, false, keys, each, context, &shown, error);
    }
    if (result == 0 && keys && shown == 0 && text.size > 0) {
        struct report report = profile_report(client, "");
        report.peer = pattern;
        result = report_error(error, ERR_NO_SUCH_USER, &report);
    }
    runner_clear(&people.runner);
    return result;
}
