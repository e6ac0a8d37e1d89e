/* SPDX-License-Identifier: ISC */
/* People: they come as commands or stay connected, write, read, and do something about changed
 * keys. */
#include "sim.h"

#include "base/require.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_ROOM = 8192, RETRIES_MAX = 30 };

static const char *const NAMES[CROWD_MAX] = {"ana", "bob", "cleo", "dan"};

struct user_name person_name(const struct person *person) {
    struct user_name name = {{0}};
    sim_must(person->sim, user_name_parse(bytes_of_string(person->name), &name), "a name");
    return name;
}

struct person *person_named(struct sim *sim, const struct user_name *name) {
    for (size_t i = 0; i < sim->crowd; i++) {
        if (strcmp(sim->people[i].name, name->text) == 0) {
            return &sim->people[i];
        }
    }
    return NULL;
}

/* ---- accounts
 * --------------------------------------------------------------------------------------- */

static void make_account(struct person *person) {
    struct sim *sim = person->sim;
    const struct secret_32 key = {{1}};
    const struct entropy entropy = chance_entropy(&sim->chance);
    struct account account = {.server = {.host = "simulation", .port = 1}, .server_bits = 256};
    sim_must(sim, sqlcipher_store_open(":memory:", &key, true, &person->database), "a store");
    require(person->database != NULL);
    person->real = *sqlcipher_store_functions(person->database);
    watch_store(person);
    account.name = person_name(person);
    if (sim->config.registration == WIRE_REGISTRATION_INVITE) {
        account.has_token = true;
        sim_must(sim, entropy.fill(entropy.context, account.token, sizeof(account.token)),
                 "a token");
        sim_invite(sim, account.token);
    }
    sim_must(sim, person->real.begin(person->real.context), "begin");
    sim_must(sim, account_create(&person->real, &entropy, sim->wall_ms, &account), "an account");
    sim_must(sim, person->real.commit(person->real.context), "commit");
    memcpy(sim->afp[person->index][person->life], account.afp, HASH_BYTES);
}

void person_make(struct sim *sim, size_t index) {
    struct person *person = &sim->people[index];
    person->sim = sim;
    person->index = (uint8_t)index;
    snprintf(person->name, sizeof(person->name), "%s", NAMES[index]);
    buffer_init(&person->to_server, LINK_CAP_BYTES);
    buffer_init(&person->to_client, LINK_CAP_BYTES);
    person->left_ms = sim->wall_ms;
    make_account(person);
}

void person_clear(struct person *person) {
    engine_free(person->engine);
    buffer_clear(&person->to_server);
    buffer_clear(&person->to_client);
    sqlcipher_store_close(person->database);
    free(person->handed);
    free(person->news);
}

void person_reborn(struct person *person) {
    struct sim *sim = person->sim;
    struct account account;
    if (person->life + 1 == LIVES_MAX || account_load(&person->real, &account) != OK ||
        !account.is_registered) {
        return;
    }
    if (person->presence != AWAY) {
        link_cut(person, ERR_CONNECTION_LOST, "gives the account up");
    }
    sim_say(sim, "%s starts over with a new account", person->name);
    buffer_reset(&sim->snapshot); /* an older copy would know the account that is gone */
    sim_remove_account(sim, person->name);
    sqlcipher_store_close(person->database);
    person->database = NULL;
    person->life++;
    person->cursor = 0;
    person->retry_count = 0;
    memset(person->newest_sent_ms, 0, sizeof(person->newest_sent_ms));
    memset(person->newest_note, 0, sizeof(person->newest_note));
    memset(person->has_written_to, 0, sizeof(person->has_written_to));
    sim->tally.key_changes++;
    make_account(person);
    person->left_ms = sim->wall_ms;
    person->next_ms = sim->wall_ms + 1 + choose(&sim->chance, "first visit", 3600000);
}

/* ---- writing
 * ---------------------------------------------------------------------------------------- */

static size_t choose_length(struct sim *sim) {
    switch (choose(&sim->chance, "length", 24)) {
    case 22:
        return 300 + choose(&sim->chance, "some text", 700);
    case 23:
        return 1000 + choose(&sim->chance, "much text", 6000);
    default:
        return 0;
    }
}

static void hand_in(struct person *person, uint32_t number) {
    struct sim *sim = person->sim;
    struct note *note = &sim->notes[number];
    struct submission submission = {.to = person_name(&sim->people[note->to])};
    char text[TEXT_ROOM];
    char key[32];
    size_t in_engine = 0;
    ledger_print(sim, number, text, sizeof(text));
    size_t length = strlen(text);
    size_t padded = length + choose_length(sim);
    memset(text + length, '.', padded - length);
    ledger_key(number, key, sizeof(key));
    submission.text = bytes_make(text, padded);
    submission.key = key;
    submission.is_patient = note->is_probe || person->index % 2 == 1;
    note->tries++;
    sim_say(sim, "%s writes note %u to %s%s", person->name, number, sim->people[note->to].name,
            submission.is_patient ? " (it may wait)" : "");
    enum error error = engine_submit(person->engine, sim->wall_ms, &submission, &in_engine);
    if (person->is_dying || engine_phase(person->engine) == ENGINE_OVER) {
        return;
    }
    sim_must(sim, error, "handing in a message");
    if (person->handed_count == person->handed_capacity) {
        person->handed_capacity = person->handed_capacity == 0 ? 16 : 2 * person->handed_capacity;
        struct handed *all = realloc(person->handed, person->handed_capacity * sizeof(*all));
        require(all != NULL);
        person->handed = all;
    }
    person->handed[person->handed_count++] = (struct handed){.note = number, .number = in_engine};
}

void person_write(struct person *person, uint8_t to, bool is_probe) {
    uint32_t number = ledger_add(person->sim, person->index, to, is_probe);
    if (person->engine != NULL && !person->is_dying) {
        hand_in(person, number);
    }
}

static uint8_t choose_other(struct person *person) {
    struct sim *sim = person->sim;
    uint8_t other = (uint8_t)choose(&sim->chance, "to whom", (uint32_t)sim->crowd - 1);
    return other >= person->index ? (uint8_t)(other + 1) : other;
}

static void write_again(struct person *person) {
    uint32_t again[16];
    size_t count = person->retry_count;
    memcpy(again, person->retry, sizeof(again));
    person->retry_count = 0;
    for (size_t i = 0; i < count && person->engine != NULL && !person->is_dying; i++) {
        hand_in(person, again[i]);
    }
}

void person_visit(struct person *person, uint32_t count) {
    struct sim *sim = person->sim;
    if (person->presence == AWAY) {
        if (sim->wall_ms - person->left_ms > person->away_until_ms - person->away_from_ms) {
            person->away_from_ms = person->left_ms;
            person->away_until_ms = sim->wall_ms;
        }
        sim_say(sim, "%s %s", person->name, person->is_always ? "connects to stay" : "connects");
        person->presence = person->is_always ? STAYING : VISITING;
        person->came_ms = sim->wall_ms;
        link_open(person);
    }
    write_again(person);
    uint8_t to = choose_other(person);
    for (uint32_t i = 0; i < count && sim_is_sound(sim); i++) {
        if (choose(&sim->chance, "somebody else", 6) == 5) {
            to = choose_other(person);
        }
        person_write(person, to, false);
    }
    person_attend(person);
}

/* ---- results
 * ---------------------------------------------------------------------------------------- */

static void take_refusal(struct person *person, struct handed *handed, enum error error) {
    struct sim *sim = person->sim;
    struct note *note = &sim->notes[handed->note];
    sim_say(sim, "%s: note %u is not sent (%s)", person->name, handed->note, error_code(error));
    if (!excuse_refusal(sim, error)) {
        sim_complain(sim, "%s: note %u is refused (%s)", person->name, handed->note,
                     error_code(error));
    }
    if (error == ERR_PEER_KEY_CHANGED) {
        person->asks[note->to] = true;
    }
    bool is_open = error != ERR_PEER_KEY_CHANGED && note->tries < RETRIES_MAX;
    if (is_open && person->retry_count < sizeof(person->retry) / sizeof(person->retry[0])) {
        person->retry[person->retry_count++] = handed->note;
    }
}

static void take_results(struct person *person) {
    for (size_t i = 0; i < person->handed_count; i++) {
        struct handed *handed = &person->handed[i];
        if (handed->is_done) {
            continue;
        }
        const struct send_result *result = engine_result(person->engine, handed->number);
        if (!result->is_done) {
            continue;
        }
        handed->is_done = true;
        struct note *note = &person->sim->notes[handed->note];
        if (result->failure.error == OK) {
            person->has_written_to[note->to] = true;
        } else if (!result->is_stored) {
            note->fate = note->fate == FATE_ACCEPTED ? FATE_ACCEPTED : FATE_REFUSED;
            take_refusal(person, handed, result->failure.error);
        }
    }
}

static bool has_all_results(const struct person *person) {
    for (size_t i = 0; i < person->handed_count; i++) {
        if (!person->handed[i].is_done) {
            return false;
        }
    }
    return true;
}

/* ---- reading
 * ---------------------------------------------------------------------------------------- */

static void read_messages(struct person *person) {
    struct incoming incoming;
    struct buffer text;
    buffer_init(&text, TEXT_MAX_BYTES);
    while (sim_is_sound(person->sim)) {
        buffer_reset(&text);
        enum error error =
            person->real.incoming_next(person->real.context, person->cursor, &incoming, &text);
        if (error == ERR_NOT_FOUND) {
            break;
        }
        sim_must(person->sim, error, "reading");
        person->cursor = incoming.place;
        ledger_shown(person, &incoming, buffer_view(&text));
    }
    buffer_clear(&text);
}

void person_notice(void *context, const struct engine_notice *notice) {
    struct person *person = context;
    struct sim *sim = person->sim;
    struct user_name about = notice->peer;
    const struct person *peer = person_named(sim, &about);
    if (person->is_dying) {
        return;
    }
    sim_say(sim, "%s is told: %s%s%s (%s)", person->name, error_code(notice->error),
            peer == NULL ? "" : " of ", peer == NULL ? "" : peer->name,
            notice->cause == NULL ? "" : notice->cause);
    chance_note(&sim->chance, error_code(notice->error), bytes_of_string(person->name));
    person->notices++;
    if (peer != NULL && notice->error == ERR_MESSAGE_LOST) {
        person->lost[peer->index]++;
        sim->tally.lost_notices++;
    } else if (peer != NULL && notice->error == ERR_UNDECRYPTABLE) {
        person->unopened[peer->index]++;
    } else if (peer != NULL &&
               (notice->error == ERR_PEER_KEY_CHANGED || notice->error == ERR_HELD)) {
        person->asks[peer->index] = true;
    } else if (notice->error == ERR_SESSION_RESTARTED) {
        sim->tally.restarts++;
    }
    bool is_crossing = notice->error == ERR_SESSION_RESTARTED && peer != NULL &&
                       excuse_restart(sim, peer->index, person->index);
    if (!is_crossing && !excuse_notice(sim, notice->error)) {
        sim_complain(sim, "%s is told %s in such a world", person->name, error_code(notice->error));
    }
}

/* ---- the end of a visit
 * ------------------------------------------------------------------------------ */

void person_leave(struct person *person) {
    struct sim *sim = person->sim;
    if (person->engine != NULL && !person->is_dying) {
        take_results(person);
    }
    engine_free(person->engine);
    person->engine = NULL;
    person->connection = 0;
    person->is_closing = false;
    person->is_paused = false;
    person->is_dying = false;
    person->is_muted = false;
    person->commit_fault = 0;
    person->is_asking = false;
    person->asked = 0;
    person->news_count = 0;
    person->handed_count = 0;
    person->left_ms = sim->wall_ms;
    buffer_reset(&person->to_server);
    buffer_reset(&person->to_client);
    if (person->presence != AWAY) {
        person->presence = AWAY;
        judge_sessions(person);
    }
}

static void take_end(struct person *person) {
    struct sim *sim = person->sim;
    const struct failure *failure = engine_failure(person->engine);
    bool is_fault = failure->error == ERR_IO && sim->has_failed_commits;
    bool is_closed = person->is_closing;
    if (!is_fault && !is_closed) {
        sim_complain(sim, "the engine of %s gives up: %s (%s)", person->name,
                     error_code(failure->error), failure->cause);
    }
    link_cut(person, ERR_CONNECTION_LOST, error_code(failure->error));
}

void person_attend(struct person *person) {
    struct sim *sim = person->sim;
    if (person->engine == NULL) {
        return;
    }
    if (person->is_dying) {
        link_cut(person, ERR_CONNECTION_LOST, "the client is gone");
        return;
    }
    read_messages(person);
    take_results(person);
    if (engine_phase(person->engine) == ENGINE_OVER) {
        take_end(person);
        return;
    }
    trusting_attend(person);
    if (person->presence == VISITING && has_all_results(person) &&
        engine_is_settled(person->engine) && !trusting_is_busy(person)) {
        person->presence = WINDING;
        engine_wind_up(person->engine, sim->wall_ms);
    }
    if (person->is_dying) {
        link_cut(person, ERR_CONNECTION_LOST, "the client is gone");
    } else if (person->presence == WINDING && engine_is_at_rest(person->engine)) {
        link_cut(person, OK, "done");
    }
}
