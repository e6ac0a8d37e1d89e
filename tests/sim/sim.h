/* SPDX-License-Identifier: ISC */
/* A simulated world: a server, two to four people, the links between them, and days that pass on a
 * virtual clock. One thread, no socket, no file. The cores are the real ones; what they have not
 * committed to their stores is gone when they are dropped. All that happens is decided by
 * choose(label, n) from one seed, so a seed is a world and a failing seed is a report.
 *
 *   sim.c     the world: clock, server, batches      link.c    bytes between the two ends
 *   person.c  people: visits, what they write, read  ledger.c  every message, and what became of it
 *   trusting.c  what they do about changed keys
 *   watch.c   rules that hold at every commit        judge.c   what has to be true at the end
 *   evil.c    a server that lies                     forger.c  a thief of keys
 *   excuse.c  which refusals and notices are right   plot.c    what kind of world it is
 *   reader.c  a reader on holiday */
#ifndef SOTTO_TESTS_SIM_SIM_H
#define SOTTO_TESTS_SIM_SIM_H

#include "chance.h"
#include "client/engine.h"
#include "client/store/sqlcipher.h"
#include "server/core.h"
#include "server/store/sqlite.h"

enum {
    CROWD_MAX = 4,
    LIVES_MAX = 4, /**< accounts that one person has had, one after the other */
    LINK_CAP_BYTES = 16 * 1024 * 1024,
    COMPLAINT_MAX_BYTES = 240,
};

enum sim_kind {
    KIND_HONEST,
    KIND_HOLIDAY,
    KIND_FAULT,
    KIND_HOSTILE,
    KIND_KEY_CHANGE,
    KIND_FORGER,
    KIND_MIXED,
    KIND_READER,
    KIND_COUNT,
};

struct sim;

/** What became of a message, as its writer's store says. */
enum fate {
    FATE_UNKNOWN,  /**< not handed in, or the store forgot it in a crash */
    FATE_REFUSED,  /**< the application was told no */
    FATE_STORED,   /**< in the outbox */
    FATE_ACCEPTED, /**< on the server's disk */
};

/** One message of an application. */
struct note {
    uint8_t from;
    uint8_t to;
    uint8_t from_life;
    uint8_t to_life;    /**< whose key it was last sealed to */
    bool is_probe;      /**< written after the world healed */
    bool is_delivered;  /**< the writer has a receipt */
    bool wants_receipt; /**< the reader had written to the writer when it was shown */
    bool is_repaired;   /**< sealed in more than one session */
    bool is_queued;     /**< refused, and put back to be sealed like a new one */
    enum fate fate;
    uint32_t shown;
    uint32_t tries; /**< how often it was handed in */
    uint32_t seals;
    uint8_t sid[SESSION_ID_BYTES];    /**< session of its newest ciphertext */
    uint8_t msg_id[MESSAGE_ID_BYTES]; /**< another one when the application hands it in anew */
    uint64_t written_ms;
    uint64_t accepted_ms;
    uint64_t shown_ms;
};

/** What a commit of a person's store will say of a note. */
struct news {
    uint32_t note;
    struct outgoing message;
    bool is_seal;
};

/** What somebody does about another one's changed key. */
enum habit { HABIT_ACCEPT, HABIT_VERIFY, HABIT_NEVER };

enum presence {
    AWAY,
    VISITING, /**< a command runs */
    WINDING,  /**< its own work is done */
    STAYING,  /**< always connected */
};

/** A message handed to the running engine. */
struct handed {
    uint32_t note;
    size_t number; /**< in the engine */
    bool is_done;
};

struct person {
    struct sim *sim;
    uint8_t index;
    uint8_t life;
    char name[8];
    struct sqlcipher_store *database;
    struct client_store real;  /**< as the store made it */
    struct client_store store; /**< the same with the watchers of watch.c in between */
    struct engine *engine;
    enum presence presence;
    bool is_always; /**< stays connected between visits */
    enum habit habit;
    bool is_silent; /**< reads and writes nothing */

    uint64_t connection; /**< 0: no link */
    bool is_closing;     /**< the server closes once what it wrote has come */
    bool is_paused;      /**< the server takes no more bytes now */
    struct buffer to_server;
    struct buffer to_client;

    struct handed *handed;
    size_t handed_count;
    size_t handed_capacity;
    uint32_t retry[16]; /**< refused notes that are tried again */
    size_t retry_count;
    uint64_t cursor;
    uint64_t newest_sent_ms[CROWD_MAX][LIVES_MAX]; /**< of what was shown */
    uint32_t newest_note[CROWD_MAX][LIVES_MAX];
    bool has_written_to[CROWD_MAX];
    uint64_t next_ms;      /**< next visit */
    uint64_t came_ms;      /**< this visit */
    uint64_t left_ms;      /**< end of the last one */
    uint64_t away_from_ms; /**< the longest absence so far */
    uint64_t away_until_ms;
    bool asks[CROWD_MAX]; /**< wants to look at a changed key in this visit */
    bool is_asking;       /**< a question is open */
    uint8_t asked;        /**< index + 1 of whose certificate it is about, 0: nobody's */

    uint32_t lost[CROWD_MAX];     /**< notices that a message was lost */
    uint32_t unopened[CROWD_MAX]; /**< notices that one could not be opened */
    uint32_t notices;

    struct news *news; /**< of the open transaction */
    size_t news_count;
    size_t news_capacity;
    int commit_fault; /**< 1: the next commit fails; 2: it fails and was carried out */
    bool is_muted;    /**< dies after the next commit, before anything leaves */
    bool is_dying;
};

/** A first flight as the server saw it. */
struct first_flight {
    uint8_t from;
    uint8_t to;
    uint8_t sid[SESSION_ID_BYTES];
    uint64_t ms;
};

/** An envelope that a lying server keeps. */
struct kept_envelope {
    uint8_t to;
    struct user_name from;
    uint8_t id[ENVELOPE_ID_BYTES];
    uint64_t accepted_ms;
    uint64_t release_ms; /**< 0: an old one, to be replayed */
    struct buffer bytes;
};

enum { KEPT_MAX = 48 };

/** How the server lies: one in so many, 0 never. */
struct evil {
    bool is_on;
    uint32_t drop;
    uint32_t delay;
    uint32_t replay;
    uint32_t twice;
    uint32_t withhold;
    struct kept_envelope delayed[KEPT_MAX];
    size_t delayed_count;
    struct kept_envelope archive[KEPT_MAX];
    size_t archive_next;
    struct kept_envelope forged[KEPT_MAX];
    size_t forged_count;
};

struct stolen; /* forger.c */

/** How often something breaks: one in so many rounds, 0 never. */
struct breakage {
    uint32_t link;
    uint32_t server;
    uint32_t client;
    uint32_t commit;
    uint32_t disk;
};

struct tally {
    uint64_t notes;
    uint64_t shown;
    uint64_t repaired;
    uint64_t late;
    uint64_t cuts;
    uint64_t server_drops;
    uint64_t client_drops;
    uint64_t restores;
    uint64_t lies;
    uint64_t forged;
    uint64_t key_changes;
    uint64_t first_flights;
    uint64_t restarts;
    uint64_t lost_notices;
    uint64_t false_lost; /**< notices of a loss though nothing was missing in the end */
    uint64_t lost;       /**< messages that never came */
    uint64_t named_lost; /**< of them, those of whose writer the reader was told a loss */
    uint64_t held;
    uint64_t heal_days;
};

struct sim {
    struct chance chance;
    enum sim_kind kind;
    uint64_t seed;
    bool is_verbose;
    uint64_t start_ms;
    uint64_t wall_ms;
    uint64_t monotonic_ms;

    struct sqlite_store *disk;
    struct server *server;
    struct server_config config;
    struct buffer snapshot; /**< an older copy of the server's database */
    uint64_t snapshot_ms;
    bool admin_is_done;

    struct person people[CROWD_MAX];
    uint8_t crowd;
    uint8_t afp[CROWD_MAX][LIVES_MAX][HASH_BYTES];

    struct note *notes;
    size_t note_count;
    size_t note_capacity;
    struct first_flight *flights;
    size_t flight_count;
    size_t flight_capacity;

    struct breakage breakage;
    struct evil evil;
    struct stolen *stolen;
    bool is_healing;
    bool was_restored; /**< the server's database was put back */
    bool was_lied_to;
    bool was_forged;
    bool has_failed_commits;
    bool may_lose; /**< somebody was away longer than the server keeps messages */
    struct tally tally;
    char complaint[COMPLAINT_MAX_BYTES]; /**< what went wrong; empty: nothing */
};

/* ---- sim.c */

void sim_init(struct sim *sim, enum sim_kind kind, uint64_t seed, bool is_verbose);
void sim_clear(struct sim *sim);
const char *sim_kind_name(enum sim_kind kind);

/** The first complaint is kept; the world stops at it. */
void sim_complain(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool sim_is_sound(const struct sim *sim);
/** A line of the log of a verbose world. */
void sim_say(const struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A step of the world itself that has to work. */
void sim_must(struct sim *sim, enum error error, const char *what);
/** One in `n`; never when n is 0. */
bool sim_happens(struct sim *sim, const char *label, uint32_t n);
struct moment sim_now(const struct sim *sim);

void sim_start_server(struct sim *sim);
/** What the core held in memory is gone; a batch under way may just have made it. */
void sim_drop_server(struct sim *sim);
/** The administrator raises limits that were too small for what is sent. */
void sim_end_limits(struct sim *sim);
/** Carries out the operations that wait; false when there are none. */
bool sim_run_batch(struct sim *sim);
/** Keeps a copy of the server's database. */
void sim_take_snapshot(struct sim *sim);
/** Puts the copy back; `is_silent`: under the same store epoch. */
void sim_put_back(struct sim *sim, bool is_silent);
/** Removes an account, as an administrator does. */
void sim_remove_account(struct sim *sim, const char *name);
void sim_invite(struct sim *sim, const uint8_t token[INVITE_TOKEN_BYTES]);

/** Moves everything that is under way until every command has ended. */
void sim_pump(struct sim *sim);
/** Lets time pass until `wall_ms`. */
void sim_advance(struct sim *sim, uint64_t wall_ms);

/* ---- link.c */

void link_open(struct person *person);
/** The link is gone, and with it a running command. */
void link_cut(struct person *person, enum error error, const char *cause);
bool link_move_to_server(struct person *person);
bool link_move_to_client(struct person *person);
void link_collect(struct sim *sim);
void link_write(void *context, struct bytes frames);

/* ---- person.c */

void person_make(struct sim *sim, size_t index);
void person_clear(struct person *person);
/** The account is given up and another one made under the same name. */
void person_reborn(struct person *person);
/** Connects, and hands in `count` new notes. */
void person_visit(struct person *person, uint32_t count);
void person_write(struct person *person, uint8_t to, bool is_probe);
/** What an engine asks for after each event: results, messages, the end. */
void person_attend(struct person *person);
void person_leave(struct person *person);
void person_notice(void *context, const struct engine_notice *notice);
struct user_name person_name(const struct person *person);
/** NULL: nobody has that name. */
struct person *person_named(struct sim *sim, const struct user_name *name);

/* ---- trusting.c */

/** Looks at the certificates of those whose key changed, and does what the person does then. */
void trusting_attend(struct person *person);
/** Whether the person is still busy with that. */
bool trusting_is_busy(const struct person *person);

/* ---- ledger.c */

uint32_t ledger_add(struct sim *sim, uint8_t from, uint8_t to, bool is_probe);
void ledger_print(const struct sim *sim, uint32_t note, char *out, size_t size);
/** Which note a text is; false: none of this world. */
bool ledger_find(const struct sim *sim, struct bytes text, uint32_t *note);
void ledger_key(uint32_t note, char *out, size_t size);
bool ledger_find_key(const struct sim *sim, const char *key, uint32_t *note);
/** A message was shown to `person`. */
void ledger_shown(struct person *person, const struct incoming *incoming, struct bytes text);
/** An envelope left for the server. */
void ledger_flight(struct sim *sim, const struct user_name *from, const struct user_name *to,
                   struct bytes envelope);
/** Whether `from` began the newest session with `to` a week or more after the one before: what was
 * sent in that one had no answer by then. */
bool ledger_was_begun_late(const struct sim *sim, uint8_t from, uint8_t to);

/* ---- watch.c */

/** Puts the watchers between engine and store. */
void watch_store(struct person *person);

/* ---- excuse.c */

/** Whether an application may be refused so, and a person told so, in such a world. */
bool excuse_refusal(const struct sim *sim, enum error error);
bool excuse_notice(const struct sim *sim, enum error error);
/** Whether a session of `from` with `to` may begin anew though nobody did wrong. */
bool excuse_restart(const struct sim *sim, uint8_t from, uint8_t to);

/* ---- judge.c */

/** Whether every message that has to be there is there. */
bool judge_is_done(struct sim *sim);
/** Whether somebody is still to be told of a loss. */
bool judge_waits_for_notices(const struct sim *sim);
void judge_end(struct sim *sim);
void judge_sessions(struct person *person);

/* ---- evil.c */

/** What the server wrote to `person`, as it arrives. */
void evil_pass(struct person *person, struct bytes frames);
void evil_batch(struct sim *sim, struct store_batch *batch);
void evil_end(struct sim *sim);
void evil_clear(struct sim *sim);
void evil_keep(struct kept_envelope *kept, uint8_t to, const struct user_name *from,
               struct bytes envelope, uint64_t accepted_ms);

/* ---- forger.c */

/** Somebody's keys are stolen; those of an earlier theft are forgotten. */
void forger_steal(struct sim *sim);
/** Puts forged messages among the reader's. */
void forger_forge(struct sim *sim);
void forger_clear(struct sim *sim);

/* ---- reader.c */

/** A reader who is on holiday for 40 days while 300 messages a day come. */
void reader_live(struct sim *sim);

/* ---- plot.c */

/** Everybody registers, with `crowd` people or as many as chance gives (0). */
void plot_begin(struct sim *sim, uint8_t crowd);
void plot_heal(struct sim *sim);
/** Lives through a world; complaints tell. */
void plot_run(struct sim *sim);

#endif
