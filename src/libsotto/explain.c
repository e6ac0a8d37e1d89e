/* SPDX-License-Identifier: ISC */
#include "libsotto/explain.h"

#include "client/body.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_TEXT_BYTES = 24, LABEL_COLUMNS = 26 };

void explain_key(const uint8_t hash[HASH_BYTES], char out[SOTTO_KEY_SIZE]) {
    uint8_t pin[PIN_BYTES];
    pin_of_hash(hash, pin);
    pin_print(pin, out, SOTTO_KEY_SIZE);
}

void explain_duration(uint64_t ms, char *out, size_t size) {
    if (ms % SECOND_MS == 0) {
        snprintf(out, size, "%llu s", (unsigned long long)(ms / SECOND_MS));
    } else {
        snprintf(out, size, "%llu ms", (unsigned long long)ms);
    }
}

const char *explain_source(enum trust_source how) {
    switch (how) {
    case TRUST_CARD:
        return "card";
    case TRUST_NUMBER:
        return "number";
    case TRUST_CARD_FILE:
        return "card file";
    case TRUST_NONE:
        break;
    }
    return "";
}

enum time_form { LOCAL_DAY, LOCAL_TIME, UTC };

/* Empty when no calendar holds the time. */
static void print_time(uint64_t wall_ms, enum time_form form, char *out, size_t size) {
    time_t seconds = (time_t)(wall_ms / SECOND_MS);
    struct tm parts;
    size_t written = 0;
    const struct tm *done =
        form == UTC ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts);
    if (done != NULL) {
        written = form == LOCAL_DAY    ? strftime(out, size, "%Y-%m-%d", &parts)
                  : form == LOCAL_TIME ? strftime(out, size, "%H:%M", &parts)
                                       : strftime(out, size, "%Y-%m-%d %H:%M UTC", &parts);
    }
    if (written == 0) {
        out[0] = '\0';
    }
}

/* "you verified 2026-03-02   4E1F-9C20-...   (card)" */
static void print_line(const char *label, uint64_t since_ms, const char *key, const char *note,
                       char out[128]) {
    char day[DAY_TEXT_BYTES] = "";
    char left[64];
    if (since_ms > 0) {
        print_time(since_ms, LOCAL_DAY, day, sizeof(day));
    }
    snprintf(left, sizeof(left), "%s%s%s", label, day[0] == '\0' ? "" : " ", day);
    snprintf(out, 128, "%-*s %s%s%s%s", LABEL_COLUMNS, left, key, note[0] == '\0' ? "" : "   (",
             note, note[0] == '\0' ? "" : ")");
}

void explain_keys(const struct sotto *client, const struct stored_peer *peer,
                  struct explained_keys *keys) {
    const struct vouched *card = cards_find(&client->cards, &peer->name);
    char key[SOTTO_KEY_SIZE];
    char note[64] = "";
    bool is_by_card =
        card != NULL && !(peer->has_pin && cards_vouch(&client->cards, &peer->name, peer->afp));
    if (is_by_card) {
        pin_print(card->fingerprint, key, sizeof(key));
        print_line("on the card in cards.d", 0, key, "", keys->trusted);
    } else {
        bool is_verified = peer->verified_ms > 0;
        explain_key(peer->afp, key);
        print_line(is_verified ? "you verified" : "trusted since",
                   is_verified ? peer->verified_ms : peer->pinned_ms, key,
                   explain_source(peer->how), keys->trusted);
    }
    if (peer->is_changed) {
        char at[DAY_TEXT_BYTES];
        print_time(peer->changed_ms, LOCAL_TIME, at, sizeof(at));
        snprintf(note, sizeof(note), "from the server, %s", at);
        explain_key(peer->changed_afp, key);
        print_line("new since", peer->changed_ms, key, note, keys->shown);
    } else {
        explain_key(peer->afp, key);
        print_line("now", 0, peer->has_pin ? key : "another one", "from the server", keys->shown);
    }
}

/* ---- clocks */

static void print_distance(uint64_t ms, char *out, size_t size) {
    unsigned long long minutes = (unsigned long long)(ms / MINUTE_MS);
    unsigned long long hours = minutes / 60;
    if (hours >= 48) {
        snprintf(out, size, "%llu days %llu h", hours / 24, hours % 24);
    } else {
        snprintf(out, size, "%llu h %llu min", hours, minutes % 60);
    }
}

/* How far the own clock is from the server's: "3 h 12 min behind chat.example.org:8080". */
struct clock_words {
    char distance[360];
    char times[96];
};

static void explain_distance(const struct runner *runner, uint64_t here_ms, uint64_t there_ms,
                             struct clock_words *words) {
    char distance[48];
    char here[32];
    char there[32];
    uint64_t apart = here_ms > there_ms ? here_ms - there_ms : there_ms - here_ms;
    print_distance(apart, distance, sizeof(distance));
    if (apart >= CLOCK_NOTE_MS) {
        snprintf(words->distance, sizeof(words->distance), "%s %s %s", distance,
                 here_ms < there_ms ? "behind" : "ahead of", runner->client->server);
    } else {
        snprintf(words->distance, sizeof(words->distance),
                 "more than a day behind the time that it showed before");
    }
    print_time(here_ms, UTC, here, sizeof(here));
    print_time(there_ms, UTC, there, sizeof(there));
    snprintf(words->times, sizeof(words->times), "Here it is %s, there it is %s.", here, there);
}

static void tell(const struct sotto *client, enum error error, const struct report *report) {
    struct sotto_error told;
    report_notice(&told, error, report);
    client->notice(client->context, &told);
}

void explain_clock(struct runner *runner) {
    struct sotto *client = runner->client;
    uint64_t here = profile_now(client);
    uint64_t there = engine_welcome(runner->engine)->server_time_ms;
    uint64_t apart = here > there ? here - there : there - here;
    struct clock_words words;
    if (client->notice == NULL || apart < CLOCK_NOTE_MS || engine_clock_is_wrong(runner->engine)) {
        return;
    }
    struct report report = profile_report(
        client, "Connected anyway, but times shown may be wrong, and what expires may be kept.");
    explain_distance(runner, here, there, &words);
    report.cause = words.distance;
    report.detail = words.times;
    tell(client, ERR_CLOCK_SKEW, &report);
}

/* ---- notices and failures */

void explain_notice(struct runner *runner, const struct engine_notice *notice) {
    struct sotto *client = runner->client;
    struct report report = profile_report(client, "");
    struct clock_words words;
    char id[SOTTO_ID_SIZE] = "";
    char count[32];
    if (client->notice == NULL) {
        return;
    }
    if (notice->has_id) { /* of an earlier command's message, which was refused now */
        report.effect = SENT_NOTHING;
        body_id_text(notice->msg_id, id);
    }
    report.peer = notice->peer.text;
    report.cause = notice->cause;
    report.id = id;
    report.time_ms = notice->time_ms;
    if (notice->error == ERR_MESSAGE_LOST) {
        snprintf(count, sizeof(count), "%u message%s", notice->count,
                 notice->count == 1 ? "" : "s");
        report.cause = count;
    }
    if (notice->error == ERR_CLOCK_SKEW) {
        explain_distance(runner, profile_now(client), notice->time_ms, &words);
        report.cause = words.distance;
        report.detail = words.times;
        report.effect = "Nothing is begun, renewed or erased; running conversations go on.";
    }
    tell(client, notice->error, &report);
}

void explain_lost(const struct runner *runner, const struct failure *failure) {
    struct report report = profile_report(runner->client, "");
    report.cause = failure->cause[0] == '\0' ? error_code(failure->error) : failure->cause;
    if (runner->client->notice != NULL) {
        tell(runner->client, ERR_RECONNECTING, &report);
    }
}

void explain_connected(const struct runner *runner) {
    const struct report report = profile_report(runner->client, "");
    if (runner->client->notice != NULL) {
        tell(runner->client, ERR_RECONNECTED, &report);
    }
}

static const char *server_key_advice(const struct runner *runner) {
    return engine_account(runner->engine)->is_registered
               ? "If it is the key shown now:\n  sotto config server-key        (asks for the key "
                 "that the admin told you)"
               : "";
}

int explain_failure(struct runner *runner, const struct failure *failure, struct report report,
                    struct sotto_error *error) {
    char known[SOTTO_KEY_SIZE];
    char shown[SOTTO_KEY_SIZE];
    char store_it[128];
    struct clock_words words;
    if (failure->cause[0] != '\0') {
        report.cause = failure->cause;
    }
    report.retry_after_s = failure->retry_after_s;
    if (failure->error == ERR_SERVER_KEY_CHANGED) {
        explain_key(engine_account(runner->engine)->server_hash, known);
        explain_key(runner->shown_hash, shown);
        report.known = known;
        report.shown = shown;
        report.detail = server_key_advice(runner);
    }
    if (failure->error == ERR_CLOCK_SKEW) {
        explain_distance(runner, profile_now(runner->client),
                         engine_welcome(runner->engine)->server_time_ms, &words);
        report.cause = words.distance;
        report.detail = words.times;
    }
    if (failure->error == ERR_SERVER_UNREACHABLE && report.detail == NULL && report.peer != NULL &&
        report.peer[0] != '\0') {
        snprintf(store_it, sizeof(store_it), "Or store it:   sotto send --queue %s \"...\"",
                 report.peer);
        report.detail = store_it;
    }
    if (failure->error == ERR_NO_COMMON_VERSION) {
        report.detail = WIRE_ALPN;
    }
    if (failure->error == ERR_INPUT_REQUIRED) {
        report.cause = "the server's key";
        report.detail = "--key FINGERPRINT, or --accept-new-key";
    }
    enum error what = failure->error == OK ? ERR_CONNECTION_LOST : failure->error;
    return report_error(error, what, &report);
}
