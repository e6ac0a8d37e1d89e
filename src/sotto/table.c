/* SPDX-License-Identifier: ISC */
#include "sotto/table.h"

#include "base/require.h"

#include <string.h>

static const struct option_row option_table[OPTIONS] = {
    [OPTION_PROFILE] = {"profile", 0, TAKES_VALUE, "NAME",
                        "account to use (SOTTO_PROFILE; else 'default')"},
    [OPTION_JSON] = {"json", 0, TAKES_NOTHING, NULL,
                     "JSON Lines on stdout, errors as one JSON line on stderr"},
    [OPTION_PLAIN] = {"plain", 0, TAKES_NOTHING, NULL,
                      "for screen readers: no columns, times last (SOTTO_PLAIN=1)"},
    [OPTION_NO_INPUT] = {"no-input", 0, TAKES_NOTHING, NULL, "never ask (SOTTO_NO_INPUT=1)"},
    [OPTION_TIMEOUT] = {"timeout", 0, TAKES_VALUE, "DUR",
                        "for the connection and each answer: 15s, 5m, 2h, 7d (15s)"},
    [OPTION_QUIET] = {"quiet", 'q', TAKES_NOTHING, NULL, "only errors on stderr"},
    [OPTION_VERBOSE] = {"verbose", 'v', TAKES_NOTHING, NULL, "more on stderr, also raw causes"},
    [OPTION_PASSPHRASE_FILE] = {"passphrase-file", 0, TAKES_VALUE, "FILE",
                                "first line is the store's passphrase, '-' is stdin "
                                "(SOTTO_PASSPHRASE_FILE)"},
    [OPTION_PASSPHRASE_FD] = {"passphrase-fd", 0, TAKES_VALUE, "N",
                              "the same from an open file descriptor"},
    [OPTION_CONFIG] = {"config", 0, TAKES_VALUE, "FILE", "read this file, and no other sotto.conf"},
    [OPTION_HELP] = {"help", 'h', TAKES_NOTHING, NULL, "show help and do nothing else"},
    [OPTION_VERSION] = {"version", 'V', TAKES_NOTHING, NULL, "show versions and do nothing else"},
    [OPTION_NAME] = {"name", 0, TAKES_VALUE, "NAME", "your name on the server"},
    [OPTION_SERVER] = {"server", 0, TAKES_VALUE, "HOST[:PORT]", "the server (port 8080)"},
    [OPTION_KEY] = {"key", 0, TAKES_VALUE, "FP", "the server's key, as \"sottod key\" prints it"},
    [OPTION_ACCEPT_NEW_KEY] = {"accept-new-key", 0, TAKES_NOTHING, NULL,
                               "trust the key that the server shows this first time"},
    [OPTION_INVITE] = {"invite", 0, TAKES_VALUE, "CODE", "invite code, '-' is stdin"},
    [OPTION_ID] = {"id", 0, TAKES_VALUE, "KEY",
                   "repeat-safe: the same KEY is never delivered twice"},
    [OPTION_QUEUE] = {"queue", 0, TAKES_NOTHING, NULL,
                      "the same as --wait=queued: a later command sends it"},
    [OPTION_EXPIRE] = {"expire", 0, TAKES_VALUE, "DUR",
                       "the recipient erases it so long after it came, once it was shown"},
    [OPTION_WAIT] = {"wait", 0, TAKES_MAYBE, "DUR",
                     "wait for at least one message; without DUR for ever"},
    [OPTION_WAIT_STATE] = {"wait", 0, TAKES_VALUE, "STATE",
                           "return when the message is queued, accepted (default) or delivered"},
    [OPTION_REQUIRE_VERIFIED] = {"require-verified", 0, TAKES_NOTHING, NULL,
                                 "only to and from people who are verified"},
    [OPTION_COUNT] = {NULL, 'n', TAKES_VALUE, "COUNT", "at most so many messages"},
    [OPTION_FOLLOW] = {"follow", 0, TAKES_NOTHING, NULL, "go on printing what comes"},
    [OPTION_AS] = {"as", 0, TAKES_VALUE, "CURSOR",
                   "a bookmark of its own, so that readers do not take from each other ('recv')"},
    [OPTION_FROM] = {"from", 0, TAKES_VALUE, "WHO[,WHO]",
                     "only from them (or an alias); the rest stays unread"},
    [OPTION_SINCE] = {"since", 0, TAKES_VALUE, "TIME|ID",
                      "read again what came since then, or after that message"},
    [OPTION_SINCE_TIME] = {"since", 0, TAKES_VALUE, "TIME",
                           "only what came or was sent since then"},
    [OPTION_UNTIL] = {"until", 0, TAKES_VALUE, "TIME", "only what came or was sent before then"},
    [OPTION_EXEC] = {"exec", 0, TAKES_VALUE, "PROGRAM",
                     "run it once for each message, the text on its stdin"},
    [OPTION_SKIP_FAILED] = {"skip-failed", 0, TAKES_NOTHING, NULL,
                            "with --exec: go on with the next message when it failed"},
    [OPTION_FORGET] = {"forget", 0, TAKES_NOTHING, NULL, "with --as: forget that bookmark"},
    [OPTION_UNREAD] = {"unread", 0, TAKES_NOTHING, NULL,
                       "print how many messages are unread, and no more; asks and connects nobody"},
    [OPTION_KEYS] = {"keys", 0, TAKES_NOTHING, NULL, "fetch and check their public keys"},
    [OPTION_PEM] = {"pem", 0, TAKES_NOTHING, NULL,
                    "also their RSA-2048 keys as PEM, for 'openssl pkey -pubin'"},
    [OPTION_KNOWN] = {"known", 0, TAKES_NOTHING, NULL,
                      "the people whose keys this profile has; needs no connection"},
    [OPTION_REPORT] = {"report", 0, TAKES_VALUE, "FILE",
                       "also write a report without names, texts, keys and addresses"},
    [OPTION_CARD] = {"card", 0, TAKES_VALUE, "FILE", "file with the card, '-' is stdin"},
    [OPTION_NUMBER] = {"number", 0, TAKES_VALUE, "NUMBER",
                       "the safety number as the other one reads it: 60 digits, spaces may stand"},
    [OPTION_SHOW] = {"show", 0, TAKES_NOTHING, NULL,
                     "print both keys, the trust, and the safety number; change nothing"},
    [OPTION_UNDO] = {"undo", 0, TAKES_NOTHING, NULL, "not verified any more; needs no connection"},
    [OPTION_ACCEPT] = {"accept", 0, TAKES_NOTHING, NULL,
                       "take a changed key without comparing; not for a verified person"},
    [OPTION_CONFIRM] = {"confirm", 0, TAKES_VALUE, "WHO", "repeats the name, for --accept"},
    [OPTION_CONFIRM_NAME] = {"confirm", 0, TAKES_VALUE, "NAME", "repeats your name, to be sure"},
    [OPTION_KEEP_DATA] = {"keep-data", 0, TAKES_NOTHING, NULL,
                          "erase nothing on this device: its history can still be read"},
};

static const struct command_row command_table[COMMANDS] = {
    [COMMAND_JOIN] =
        {
            .name = "join",
            .group = "Start",
            .brief = "join LINK",
            .arguments = "[LINK|-]",
            .purpose = "make an account with an invite link",
            .notes =
                "Without LINK it is asked for; '-' reads it from stdin. On a terminal the name "
                "and a\npassphrase are asked for; the passphrase may be empty. Repeating the "
                "same link is safe.",
            .words_max = 1,
            .option_count = 1,
            .options = {OPTION_NAME},
            .examples = {{"sotto join sotto://chat.example.org/7QK4V2TM...", NULL},
                         {"sotto join LINK --name alerts --passphrase-file FILE --no-input",
                          "in a script"}},
            .exits = {2, 4, 5, 6, 8, 9, 11},
        },
    [COMMAND_REGISTER] =
        {
            .name = "register",
            .group = "Start",
            .brief = "register NAME --server H",
            .arguments = "NAME --server HOST[:PORT]",
            .purpose = "make an account without a link",
            .notes =
                "A link names the server's key; here it is shown once and asked about, or given "
                "with --key.",
            .words_min = 1,
            .words_max = 1,
            .option_count = 4,
            .options = {OPTION_SERVER, OPTION_KEY, OPTION_ACCEPT_NEW_KEY, OPTION_INVITE},
            .examples =
                {{"sotto register ana --server chat.example.org", NULL},
                 {"sotto register ops --server 192.0.2.7:8080 --key 7QK4-V2TM-... --no-input",
                  "in a script"}},
            .exits = {2, 4, 5, 6, 8, 9, 11},
        },
    [COMMAND_LEAVE] =
        {
            .name = "leave",
            .group = "Start",
            .brief = "leave",
            .arguments = "",
            .purpose = "end the account, on the server and here",
            .notes =
                "The server deletes the account and what waits for it, and keeps the name for its "
                "key alone;\nthen the profile is erased. There is no way back. On a terminal the "
                "name is asked for.",
            .option_count = 2,
            .options = {OPTION_CONFIRM_NAME, OPTION_KEEP_DATA},
            .examples = {{"sotto leave", NULL},
                         {"sotto leave --confirm alerts --no-input", "in a script"}},
            .exits = {2, 4, 5, 6, 8, 9, 11},
        },
    [COMMAND_SEND] =
        {
            .name = "send",
            .group = "Talk",
            .brief = "send WHO [TEXT]",
            .arguments = "WHO[,WHO...] [TEXT...]",
            .purpose = "send a message and return when the server has it on disk",
            .notes =
                "TEXT given: stdin is never read. TEXT is '-', or absent and stdin is no terminal: "
                "the text is\nstdin to its end, without one last line end. Absent on a terminal: "
                "it "
                "is asked for.\nText that begins with '-' goes after '--'. A message holds 65,000 "
                "bytes of UTF-8.\nWith --wait=delivered the other device has to confirm within "
                "--timeout, else exit 3; the\nmessage stays sent. With the --id of an earlier "
                "message that one is waited for.\nSeveral people are told over one connection; WHO "
                "may be an alias of sotto.conf. When only some\nfailed: exit 10 and a line for "
                "each of them.",
            .words_min = 1,
            .words_max = WORDS_ANY,
            .option_count = 5,
            .options = {OPTION_WAIT_STATE, OPTION_QUEUE, OPTION_ID, OPTION_EXPIRE,
                        OPTION_REQUIRE_VERIFIED},
            .examples = {{"sotto send bob \"deploy finished\"", NULL},
                         {"df -h | sotto send bob", NULL},
                         {"make || sotto send ana \"build broke on $(hostname)\"", NULL},
                         {"sotto send bob --id \"disk-$(date +%F)\" \"disk 91 %\"",
                          "delivered once, however often it runs"},
                         {"sotto send bob,carol --expire 10m \"the code is 4711\"", NULL},
                         {"sotto send ops --wait=delivered --require-verified \"restored\"",
                          "an alarm that has to arrive, at the right people"}},
            .exits = {2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
        },
    [COMMAND_RECV] =
        {
            .name = "recv",
            .group = "Talk",
            .brief = "recv",
            .arguments = "[-- ARG...]",
            .purpose = "fetch and print new messages",
            .notes =
                "Each message is printed once for each CURSOR; a new one begins now. One that "
                "could not be\nwritten to stdout comes again. What --from, --since and "
                "--require-verified leave out stays\nunread: a later 'sotto recv' without them "
                "prints it first.\n--exec runs PROGRAM with the ARGs, without a shell; in its "
                "environment are SOTTO_ID, SOTTO_FROM,\nSOTTO_CHAT, SOTTO_TIME, SOTTO_KIND and "
                "SOTTO_TRUST. When it ends with 0 the message is done with;\nelse recv ends, and "
                "the message comes again. At least once, in order, one at a time.\nTIME: 2h "
                "(ago), 09:14, 2026-11-23, \"2026-11-23 09:14\", 2026-11-23T09:14:00Z.",
            .words_max = WORDS_ANY,
            .option_count = 10,
            .options = {OPTION_FOLLOW, OPTION_WAIT, OPTION_COUNT, OPTION_FROM, OPTION_AS,
                        OPTION_SINCE, OPTION_REQUIRE_VERIFIED, OPTION_EXEC, OPTION_SKIP_FAILED,
                        OPTION_FORGET},
            .examples = {{"sotto recv", NULL},
                         {"sotto recv --wait=5m -n 1 --json | jq -r .text",
                          "one answer, in a script"},
                         {"sotto recv --follow --json | jq -r '\"\\(.from): \\(.text)\"'", NULL},
                         {"sotto recv --follow --as pager --from ops --exec /usr/local/bin/page-me",
                          "each message of ops to a program"},
                         {"sotto recv --since 2h", "once more what came in the last two hours"}},
            .exits = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 126, 127},
        },
    [COMMAND_USERS] =
        {
            .name = "users",
            .group = "People",
            .brief = "users [PATTERN]",
            .arguments = "[PATTERN]",
            .purpose = "list who is on the server, and how much you trust their keys",
            .notes = "PATTERN: names that contain it. Into a pipe: columns separated by tabs, no "
                     "header: "
                     "name, trust,\nsince; with --keys also fingerprint, algorithm, SHA-256, "
                     "expiry; with --pem "
                     "the key follows.",
            .words_max = 1,
            .option_count = 3,
            .options = {OPTION_KEYS, OPTION_PEM, OPTION_KNOWN},
            .examples = {{"sotto users", NULL},
                         {"sotto users bob --keys", "one user's public key"},
                         {"sotto users bob --pem | openssl pkey -pubin -text -noout",
                          "that key as other programs see it"},
                         {"sotto users --known", "from this device's store alone"}},
            .exits = {2, 4, 5, 6, 7, 9, 11},
        },
    [COMMAND_VERIFY] =
        {
            .name = "verify",
            .group = "People",
            .brief = "verify WHO",
            .arguments = "WHO",
            .purpose = "make sure that a person's key is that person's",
            .notes =
                "Get the card (\"sotto card\" prints it) or the safety number over a channel that "
                "you trust, not\nover sotto: the program compares, with all of it. Without an "
                "option, on a terminal, it shows\nthe number and asks for the other one's. Exit "
                "0: the same, and from now on a changed key\nstops sending until it is compared "
                "too; 4: different.",
            .words_min = 1,
            .words_max = 1,
            .option_count = 6,
            .options = {OPTION_CARD, OPTION_NUMBER, OPTION_SHOW, OPTION_UNDO, OPTION_ACCEPT,
                        OPTION_CONFIRM},
            .examples = {{"sotto verify bob --card bob.card", NULL},
                         {"sotto verify bob --card -", "paste it"},
                         {"sotto verify bob --number \"30135 92847 ...\"", "what bob reads to you"},
                         {"sotto verify bob --show", "both keys and the number"}},
            .exits = {2, 4, 5, 6, 7, 9, 11},
        },
    [COMMAND_CARD] =
        {
            .name = "card",
            .group = "People",
            .brief = "card",
            .arguments = "",
            .purpose = "print your card: one line with your name, server and key",
            .notes = "Put it on a web page, into a wiki, or into a configuration: it is no secret.",
            .examples = {{"sotto card", NULL}},
            .exits = {2, 6, 9},
        },
    [COMMAND_HISTORY] =
        {
            .name = "history",
            .group = "Past",
            .brief = "history [WHO]",
            .arguments = "[WHO]",
            .purpose = "read messages again, received and sent",
            .notes =
                "From this device's store alone; no connection, and nothing counts as read by it. "
                "The last 50, or\nas many as -n says; -n all is everything, so that "
                "'history -n all --json' is the export.\nTIME: 2h (ago), 09:14, 2026-11-23, "
                "\"2026-11-23 09:14\", 2026-11-23T09:14:00Z.",
            .words_max = 1,
            .option_count = 3,
            .options = {OPTION_COUNT, OPTION_SINCE_TIME, OPTION_UNTIL},
            .examples = {{"sotto history", NULL},
                         {"sotto history bob -n 10", NULL},
                         {"sotto history --since 2h", NULL},
                         {"sotto history bob -n all --json > bob.jsonl", "the export"}},
            .exits = {2, 6, 9},
        },
    [COMMAND_OUTBOX] =
        {
            .name = "outbox",
            .group = "Past",
            .brief = "outbox",
            .arguments = "[list | drop ID]",
            .purpose = "show what waits to be sent, or take a message back",
            .notes =
                "Every command that connects sends what waits. drop needs no connection; a message "
                "that was\noffered to the server before may be there, and arrive.",
            .words_max = 2,
            .examples = {{"sotto outbox", NULL},
                         {"sotto outbox drop 6YZ2J3T8QK5M9V0N4B7CRH1WXD", NULL}},
            .exits = {2, 6, 7, 9},
        },
    [COMMAND_STATUS] =
        {
            .name = "status",
            .group = "Machine",
            .brief = "status",
            .arguments = "",
            .purpose = "show the account, the connection, and what waits",
            .notes =
                "The own state is shown also without a connection; the exit status then says why.\n"
                "--unread is for prompts and status bars: it counts what was fetched, for example "
                "by a\n'sotto recv --follow --as bell'.",
            .option_count = 1,
            .options = {OPTION_UNREAD},
            .examples = {{"sotto status", NULL},
                         {"sotto status --json | jq .unread", NULL},
                         {"sotto status --unread", "in a prompt"}},
            .exits = {2, 4, 5, 6, 9, 11},
        },
    [COMMAND_DOCTOR] =
        {
            .name = "doctor",
            .group = "Machine",
            .brief = "doctor",
            .arguments = "",
            .purpose = "check everything from the configuration to the server, and say what to do",
            .notes =
                "One line for each check: ok, warn, FAIL, or skip (one before it failed). The "
                "exit status is that\nof the worst failure, in the order 4, 9, 6, 11, 5, 8, 2, "
                "1; warnings alone are 0. Nothing is\nrepaired, and nothing is sent but what "
                "every login sends.",
            .option_count = 1,
            .options = {OPTION_REPORT},
            .examples = {{"sotto doctor", NULL},
                         {"sotto doctor --json | jq -r 'select(.state == \"fail\").fix'",
                          "what is to be done"},
                         {"sotto doctor --report sotto-report.txt", "to attach to a question"}},
            .exits = {1, 2, 4, 5, 6, 8, 9, 11},
        },
    [COMMAND_CONFIG] =
        {
            .name = "config",
            .group = "Machine",
            .brief = "config",
            .arguments = "[server-key | KEY]",
            .purpose = "show what is set, and where; pin another key of the server",
            .notes =
                "Options are stronger than variables, these than ~/.config/sotto/sotto.conf, and "
                "that than\n/etc/sotto/sotto.conf. Into a pipe: name, value, origin, separated by "
                "tabs.\nserver-key is for a server that was set up anew: ask its admin, not by "
                "sotto, what \"sottod key\"\nprints, and give it here or with --key. Its 26 "
                "characters are compared with the key that the\nserver shows now; only when they "
                "are the same it is trusted from then on, else exit 4.",
            .words_max = 1,
            .option_count = 1,
            .options = {OPTION_KEY},
            .examples = {{"sotto config", NULL},
                         {"sotto config timeout", NULL},
                         {"sotto config server-key", "after the server was set up anew"},
                         {"sotto config server-key --key 7QK4-V2TM-... --no-input", "in a script"}},
            .exits = {2, 4, 5, 6, 9, 11},
        },
    [COMMAND_COMPLETION] =
        {
            .name = "completion",
            .group = "Machine",
            .brief = "completion SHELL",
            .arguments = "bash|zsh",
            .purpose = "print what makes a shell complete commands, options and names",
            .notes =
                "Packages install it. Else, for bash, a line in ~/.bashrc; for zsh, in ~/.zshrc "
                "after compinit.\nNames come from this device's store, never from the server; "
                "none while a passphrase is needed.",
            .words_min = 1,
            .words_max = 1,
            .examples = {{"source <(sotto completion bash)", NULL},
                         {"sotto completion zsh > ~/.zfunc/_sotto", "into a folder of fpath"}},
            .exits = {2},
        },
    [COMMAND_VERSION] =
        {
            .name = "version",
            .group = "Machine",
            .brief = "version",
            .arguments = "",
            .purpose = "show the versions of sotto and its libraries",
            .examples = {{"sotto version", NULL}, {"sotto --version --json", NULL}},
            .exits = {2},
        },
    [COMMAND_HELP] =
        {
            .name = "help",
            .group = "Machine",
            .brief = "help [COMMAND]",
            .arguments = "[COMMAND]",
            .purpose = "explain sotto, or one command",
            .words_max = 1,
            .examples = {{"sotto help send", NULL}},
            .exits = {2},
        },
    [COMMAND_GROUP] = {.name = "group", .words_max = WORDS_ANY, .is_reserved = true},
    [COMMAND_DEVICE] = {.name = "device", .words_max = WORDS_ANY, .is_reserved = true},
};

static const struct exit_row exit_table[] = {
    {0, "ok", "done; an empty list is done too"},
    {1, "failed", "anything without its own number"},
    {2, "usage", "wrong option, argument or input"},
    {3, "nothing", "no message, or no confirmation, came in the time given"},
    {4, "trust", "a key is not the one trusted: a person must look; nothing was sent"},
    {5, "network", "server unreachable, or gone before it confirmed"},
    {6, "account", "no account here, wrong passphrase, signed out"},
    {7, "notfound", "no such user or message"},
    {8, "refused", "the server said no: full, rate, too large, name taken, invites only"},
    {9, "storage", "disk full, store damaged, in use, or open to others"},
    {10, "partial", "some recipients failed; a line for each of them says why"},
    {11, "version", "client and server share no protocol version"},
    {70, "bug", "internal error"},
    {126, "exec", "the program of --exec cannot be run"},
    {127, "exec", "the program of --exec is not there"},
    {130, "signal", "ended by Ctrl-C"},
    {141, "pipe", "the reader of stdout went away; nothing is said"},
    {143, "signal", "ended by SIGTERM"},
};

const struct option_row *option_row(enum option_id id) {
    require(id < OPTIONS);
    return &option_table[id];
}

const char *option_choices(enum option_id id) {
    return id == OPTION_WAIT_STATE ? "queued|accepted|delivered" : NULL;
}

const struct command_row *command_row(enum command_id id) {
    require(id < COMMANDS);
    return &command_table[id];
}

const struct exit_row *exit_rows(size_t *count) {
    *count = sizeof(exit_table) / sizeof(exit_table[0]);
    return exit_table;
}

enum command_id command_find(const char *name) {
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(command_table[i].name, name) == 0) {
            return (enum command_id)i;
        }
    }
    return COMMAND_NONE;
}

enum option_id option_find(enum command_id command, const char *name, size_t size) {
    enum option_id found = OPTIONS;
    for (int i = 0; i < OPTIONS; i++) {
        const char *known = option_table[i].name;
        if (known == NULL || strlen(known) != size || memcmp(known, name, size) != 0) {
            continue;
        }
        if (found == OPTIONS || command_takes(command, (enum option_id)i)) {
            found = (enum option_id)i;
        }
    }
    return found;
}

enum option_id option_find_letter(char letter) {
    for (int i = 0; i < OPTIONS; i++) {
        if (letter != 0 && option_table[i].letter == letter) {
            return (enum option_id)i;
        }
    }
    return OPTIONS;
}

bool command_takes(enum command_id command, enum option_id option) {
    if (option < OPTIONS_GLOBAL) {
        return true;
    }
    if (command == COMMAND_NONE) {
        return false;
    }
    const struct command_row *row = command_row(command);
    for (int i = 0; i < row->option_count; i++) {
        if (row->options[i] == option) {
            return true;
        }
    }
    return false;
}
