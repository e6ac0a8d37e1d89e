/* SPDX-License-Identifier: ISC */
/* sotto-vectors: replays recorded conversations of sotto/1 byte for byte, writes fresh ones, and
 * shows what opens for somebody who learns some of the secrets. Another implementation checks
 * itself, and this one, by them. */
#include "random.h"
#include "replay.h"
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_MESSAGES = 120, DEFAULT_CONVERSATIONS = 500, CONVERSATIONS_MAX = 1000000 };

static const char USAGE[] =
    "Usage: sotto-vectors replay FILE [--reveal KINDS]\n"
    "       sotto-vectors generate FILE [--messages N] [--last-resort]\n"
    "       sotto-vectors random [--conversations N] [--seed S]\n"
    "\n"
    "  replay        play both sides of the conversation in FILE with its randomness and compare\n"
    "                every byte and key; refuse its bad first messages\n"
    "  --reveal      then attack it with every secret of these kinds known (of rsa, x25519, kem;\n"
    "                separated by commas) and count the messages that open: none must, unless\n"
    "                all three are known\n"
    "  generate      write a fresh conversation to FILE\n"
    "  --messages    how many (1 to 10000; 120 unless said)\n"
    "  --last-resort without a one-time prekey\n"
    "  random        play random conversations between devices with several sessions, restarts,\n"
    "                renewed certificates, loss and reordering, each a second time out of the\n"
    "                first one's randomness, every session saved and loaded between two steps;\n"
    "                whatever the rules allow has to have happened at least once\n"
    "  --conversations  how many (500 unless said); the seeds are S, S + 1, … (S is 1 unless "
    "said)\n"
    "\n"
    "Exit: 0 all agrees, 1 something differs (the place is printed), 2 wrong usage.\n";

static int usage(void) {
    (void)fputs(USAGE, stderr);
    return 2;
}

/** "rsa,x25519" into bits; false for a word that is none. */
static bool parse_kinds(const char *text, unsigned *kinds) {
    static const struct {
        const char *word;
        unsigned kind;
    } WORDS[] = {{"rsa", REVEAL_RSA}, {"x25519", REVEAL_X25519}, {"kem", REVEAL_KEM}};
    *kinds = 0;
    while (true) {
        size_t size = strcspn(text, ",");
        unsigned found = 0;
        for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
            if (strlen(WORDS[i].word) == size && strncmp(text, WORDS[i].word, size) == 0) {
                found = WORDS[i].kind;
            }
        }
        if (found == 0) {
            return false;
        }
        *kinds |= found;
        if (text[size] == '\0') {
            return true;
        }
        text += size + 1;
    }
}

static int attack(const char *file, const struct conversation *conversation, const char *words,
                  unsigned kinds) {
    size_t opened = reveal_messages(file, conversation, kinds);
    size_t expected = kinds == REVEAL_ALL ? conversation->message_count : 0;
    (void)printf("%s: with %s revealed, %zu of %zu messages open\n", file, words, opened,
                 conversation->message_count);
    if (opened != expected) {
        (void)fprintf(stderr, "%s: %zu were expected to open\n", file, expected);
        return 1;
    }
    return 0;
}

static int replay(int count, char **words) {
    const char *file = words[0];
    unsigned kinds = 0;
    bool is_attack = count == 3 && strcmp(words[1], "--reveal") == 0;
    if ((count != 1 && !is_attack) || (is_attack && !parse_kinds(words[2], &kinds))) {
        return usage();
    }
    struct conversation *conversation = conversation_read(file);
    replay_devices(file, conversation);
    replay_messages(file, conversation);
    replay_refusals(file, conversation);
    (void)printf("%s: %zu messages agree on both sides, %zu bad first messages are refused\n", file,
                 conversation->message_count, conversation->refusal_count);
    int status = is_attack ? attack(file, conversation, words[2], kinds) : 0;
    conversation_free(conversation);
    return status;
}

/** A number from 1 to `most`; false for anything else. */
static bool parse_number(const char *text, unsigned long most, unsigned long *number) {
    char *end = NULL;
    errno = 0;
    *number = strtoul(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *number >= 1 && *number <= most;
}

static int generate(int count, char **words) {
    size_t messages = DEFAULT_MESSAGES;
    bool is_last_resort = false;
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--last-resort") == 0) {
            is_last_resort = true;
        } else if (strcmp(words[i], "--messages") == 0 && i + 1 < count) {
            unsigned long number = 0;
            if (!parse_number(words[++i], MESSAGES_MAX, &number)) {
                return usage();
            }
            messages = number;
        } else {
            return usage();
        }
    }
    struct conversation *conversation = generate_conversation(messages, is_last_resort);
    conversation_write(conversation, words[0]);
    (void)printf("%s: %zu messages\n", words[0], messages);
    conversation_free(conversation);
    return 0;
}

static int print_coverage(const struct coverage *coverage) {
    static const char *const WORDS[] = {
#define X(name, words) [RANDOM_##name] = (words),
        RANDOM_FEATURES(X)
#undef X
    };
    int status = 0;
    for (size_t i = 0; i < RANDOM_FEATURE_COUNT; i++) {
        (void)printf("%10" PRIu64 "  %s\n", coverage->count[i], WORDS[i]);
        if (coverage->count[i] == 0) {
            (void)fprintf(stderr, "never happened: %s\n", WORDS[i]);
            status = 1;
        }
    }
    return status;
}

static int play_random(int count, char **words) {
    const struct place place = {.file = "random conversations", .at = "keys"};
    static struct pool pool;
    static struct coverage coverage;
    unsigned long conversations = DEFAULT_CONVERSATIONS;
    unsigned long seed = 1;
    for (int i = 0; i < count; i += 2) {
        bool is_count = strcmp(words[i], "--conversations") == 0;
        if ((!is_count && strcmp(words[i], "--seed") != 0) || i + 1 == count ||
            !parse_number(words[i + 1], is_count ? CONVERSATIONS_MAX : ULONG_MAX / 2,
                          is_count ? &conversations : &seed)) {
            return usage();
        }
    }
    pool_make(&place, &pool);
    for (unsigned long i = 0; i < conversations; i++) {
        random_conversation(&pool, seed + i, &coverage);
    }
    pool_clear(&pool);
    (void)printf("%lu random conversations, each played twice:\n", conversations);
    return print_coverage(&coverage);
}

int main(int argc, char **argv) {
    if (argc >= 2 && strcmp(argv[1], "random") == 0) {
        return play_random(argc - 2, argv + 2);
    }
    if (argc >= 3 && strcmp(argv[1], "replay") == 0) {
        return replay(argc - 2, argv + 2);
    }
    if (argc >= 3 && strcmp(argv[1], "generate") == 0) {
        return generate(argc - 2, argv + 2);
    }
    return usage();
}
