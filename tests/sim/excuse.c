/* SPDX-License-Identifier: ISC */
/* Which refusals an application may see, and which notices a person, in which world. */
#include "sim.h"

/** What a world has been through. */
enum circumstance {
    ANY = 1,
    ROUGH = 2,   /**< a server that lies, a thief, or a database that was put back */
    CHANGED = 4, /**< an account was made anew */
    ABSENT = 8,  /**< somebody was away longer than keys or messages last */
    FAULTY = 16, /**< limits and full disks */
    RESTORED = 32,
    COMMITS = 64, /**< commits fail */
};

struct excuse {
    enum error error;
    unsigned needs; /**< one of these is enough */
};

static const struct excuse REFUSALS[] = {
    {ERR_SEND_UNKNOWN, ANY}, /* the link was cut: the world does that, and knows */
    {ERR_CONNECTION_LOST, ANY},
    {ERR_PEER_KEY_CHANGED, CHANGED},
    {ERR_NO_SUCH_USER, CHANGED | RESTORED},
    {ERR_WAITING_FOR_KEYS, ABSENT | RESTORED},
    {ERR_RATE_LIMITED, FAULTY},
    {ERR_MAILBOX_FULL, FAULTY},
    {ERR_SERVER_DISK_FULL, FAULTY},
    {ERR_EARLIER_REFUSED, FAULTY},
    {ERR_BUNDLE_INVALID, ROUGH},
    {ERR_ENVELOPE_CONFLICT, RESTORED},
    {ERR_IO, COMMITS},
};

static const struct excuse NOTICES[] = {
    {ERR_MESSAGE_LOST, ROUGH | CHANGED | ABSENT},
    {ERR_UNDECRYPTABLE, ROUGH | CHANGED | ABSENT},
    {ERR_SESSION_RESTARTED, ROUGH | CHANGED},
    {ERR_ONE_TIME_WITHHELD, ROUGH},
    {ERR_HELD, CHANGED},
    {ERR_GIVEN_UP, CHANGED},
    {ERR_PEER_KEY_CHANGED, CHANGED},
    {ERR_NO_SUCH_USER, CHANGED | RESTORED},
    {ERR_WAITING_FOR_KEYS, ABSENT},
    {ERR_RATE_LIMITED, FAULTY},
    {ERR_MAILBOX_FULL, FAULTY},
    {ERR_SERVER_DISK_FULL, FAULTY},
    {ERR_EARLIER_REFUSED, FAULTY},
    {ERR_BUNDLE_INVALID, ROUGH},
};

static unsigned circumstances(const struct sim *sim) {
    bool is_faulty = sim->kind == KIND_FAULT || sim->kind == KIND_MIXED;
    bool is_rough = sim->was_lied_to || sim->was_forged || sim->was_restored;
    return ANY | (is_rough ? ROUGH : 0U) | (sim->tally.key_changes > 0 ? CHANGED : 0U) |
           (sim->may_lose ? ABSENT : 0U) | (is_faulty ? FAULTY : 0U) |
           (sim->was_restored ? RESTORED : 0U) | (sim->has_failed_commits ? COMMITS : 0U);
}

static bool is_excused(const struct sim *sim, const struct excuse *excuses, size_t count,
                       enum error error) {
    unsigned has = circumstances(sim);
    for (size_t i = 0; i < count; i++) {
        if (excuses[i].error == error) {
            return (excuses[i].needs & has) != 0;
        }
    }
    return false;
}

bool excuse_refusal(const struct sim *sim, enum error error) {
    return is_excused(sim, REFUSALS, sizeof(REFUSALS) / sizeof(REFUSALS[0]), error);
}

bool excuse_notice(const struct sim *sim, enum error error) {
    return is_excused(sim, NOTICES, sizeof(NOTICES) / sizeof(NOTICES[0]), error);
}

/* A device whose messages had no answer for a week begins anew, and cannot know that the answer is
 * on its way at that moment; the reader, who has answered, sees a restart without a reason. */
bool excuse_restart(const struct sim *sim, uint8_t from, uint8_t to) {
    return sim->may_lose && ledger_was_begun_late(sim, from, to);
}
