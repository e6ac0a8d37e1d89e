/* SPDX-License-Identifier: ISC */
#include "sottod/options.h"

static const char OVERVIEW[] =
    "sottod - a server for end-to-end encrypted messages\n"
    "\n"
    "  sottod                                         serve, with everything at its default\n"
    "  sottod --port 8080 --max-clients 50\n"
    "  sottod invite create                           print a link that makes one account\n"
    "\n"
    "Commands:\n"
    "  serve (or none)        run the server, in the foreground\n"
    "  invite create          make an invite and print its link\n"
    "  invite list            print invites: open, used, expired\n"
    "  invite revoke ID       take back an invite that nobody has used\n"
    "  key                    print the key that people see when they join\n"
    "  key rotate             plan a change of that key\n"
    "  config                 print every setting, its value and where it comes from\n"
    "  stats                  print the figures of the running server\n"
    "  user list              print accounts, and how much waits for them\n"
    "  user show NAME         print what the server knows of one account\n"
    "  user disable NAME      keep somebody out; messages go on waiting\n"
    "  user enable NAME       let somebody in again\n"
    "  user remove NAME       delete an account and what waits for it\n"
    "  backup FILE            copy the whole server into one file, while it runs\n"
    "  restore FILE           make a server of such a file\n"
    "  check                  look whether the data is whole\n"
    "  help COMMAND           explain one command\n"
    "\n"
    "Every command takes:\n"
    "      --data DIR         where the server keeps its data (SOTTOD_DATA; default "
    "~/.local/share/sottod)\n"
    "      --config FILE      settings (SOTTOD_CONFIG; default: sottod.conf in the data folder)\n"
    "  -q, --quiet            say nothing but errors\n"
    "  -h, --help             this, or the help of a command\n"
    "  -V, --version          versions of sottod, OpenSSL and SQLite\n"
    "\n"
    "Exit: 0 done, 2 usage, 5 cannot listen, 6 not allowed, 7 not found, 9 storage.\n";

static const char SERVE[] =
    "sottod [serve] - run the server, in the foreground\n"
    "\n"
    "  sottod --port 8080 --max-clients 50\n"
    "  sottod --data /srv/sotto --public-host chat.example.org --bind 0.0.0.0\n"
    "\n"
    "  -p, --port N           port to listen on (default 8080; 0: any free one)\n"
    "      --bind ADDRESS     address to listen on; may be given several times (default ::, which "
    "takes IPv4 too)\n"
    "      --max-clients N    devices that may be logged in at once (default 1024)\n"
    "      --data DIR         where the server keeps its data (SOTTOD_DATA; default "
    "~/.local/share/sottod)\n"
    "      --public-host HOST[:PORT]\n"
    "                         what invite links name (default: an address of this machine)\n"
    "      --registration M   who may make an account: invite (default), open, closed\n"
    "      --log FORM         text (default) or json, on stderr\n"
    "      --config FILE      settings (SOTTOD_CONFIG; default: sottod.conf in the data folder)\n"
    "  -q, --quiet            say nothing but errors\n"
    "  -v, --verbose          also say figures: once a minute, and at the end\n"
    "\n"
    "SIGHUP reads the settings again: all that can change while the server runs, or nothing.\n"
    "The first start makes the key, the database and an invite. SIGTERM and Ctrl-C end it within 5 "
    "seconds.\n"
    "Exit: 0 ended as asked, 2 usage, 5 cannot listen, 9 storage.\n";

static const char INVITE_CREATE[] =
    "sottod invite create - make an invite and print its link, and nothing else, on stdout\n"
    "\n"
    "  sottod invite create\n"
    "  sottod invite create --expires 7d --admin\n"
    "\n"
    "      --expires TIME     how long it can be used: 30m, 24h (default), 7d\n"
    "      --admin            the account will be marked as an admin's\n"
    "      --public-host HOST[:PORT]\n"
    "                         what the link names (default: what the server names)\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "\n"
    "It works once. The server keeps a hash of it, so it cannot be shown again. Works with the "
    "server up or down.\n"
    "Exit: 0 done, 2 usage, 6 not allowed, 9 no server and no data there.\n";

static const char INVITE_LIST[] =
    "sottod invite list - print invites: open, used, expired\n"
    "\n"
    "      --json             one object a line\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "\n"
    "The first column is the id that 'sottod invite revoke' takes. The server keeps a hash of "
    "each,\n"
    "so the links themselves cannot be shown again. Invites are forgotten some time after they "
    "are\n"
    "over. Works with the server up or down.\n"
    "Exit: 0 done, 2 usage, 6 not allowed, 9 storage, or no data there.\n";

static const char INVITE_REVOKE[] =
    "sottod invite revoke ID - take back an invite that nobody has used\n"
    "\n"
    "  sottod invite revoke 7QK4V2TM\n"
    "\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "\n"
    "ID is what 'sottod invite list' prints. Whoever has the link is told that the server does "
    "not\n"
    "know it. Of one that was used, the account is what is left: sottod user disable. Works with "
    "the\n"
    "server up or down.\n"
    "Exit: 0 done, 2 usage, 6 not allowed, 7 no such invite, 9 storage, or no data there.\n";

static const char USER_LIST[] =
    "sottod user list - print accounts, and how much waits for them\n"
    "\n"
    "  sottod user list --json | jq -r 'select(.waiting > 1000) | .name'\n"
    "\n"
    "      --json             one object a line\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "\n"
    "Works with the server up or down.\n"
    "Exit: 0 done, 2 usage, 6 not allowed, 9 storage, or no data there.\n";

static const char USER_SHOW[] =
    "sottod user show NAME - print what the server knows of one account\n"
    "\n"
    "  sottod user show ana\n"
    "\n"
    "      --json             one line of JSON\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "\n"
    "When the account was made, the day on which it was last connected, whether it is disabled or "
    "has\n"
    "left, and how much waits for it. Works with the server up or down.\n"
    "Exit: 0 done, 2 usage, 6 not allowed, 7 no such user, 9 storage, or no data there.\n";

static const char USER_DISABLE[] =
    "sottod user disable NAME - keep somebody out\n"
    "\n"
    "  sottod user disable ana\n"
    "\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "\n"
    "Ends the connection that the account has, and refuses it from now on; it is told why. Others "
    "are\n"
    "not: they see it in the list of users and can write to it, and what they write waits as for\n"
    "somebody who is away. 'sottod user enable' undoes it. Works with the server up or down.\n"
    "Exit: 0 done, 2 usage, 6 not allowed, 7 no such user, 9 storage, or no data there.\n";

static const char USER_ENABLE[] =
    "sottod user enable NAME - let somebody in again\n"
    "\n"
    "  sottod user enable ana\n"
    "\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "\n"
    "What waits is delivered when the account connects. Works with the server up or down.\n"
    "Exit: 0 done, 2 usage, 6 not allowed, 7 no such user, 9 storage, or no data there.\n";

static const char KEY[] =
    "sottod key - print the server's key, to tell people by another way\n"
    "\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "\n"
    "When a change is planned (sottod key rotate), a second line has the next key and its time.\n"
    "Exit: 0 done, 6 not allowed, 9 no data there.\n";

static const char KEY_ROTATE[] =
    "sottod key rotate - plan a change of the server's key\n"
    "\n"
    "  sottod key rotate\n"
    "  sottod key rotate --at 2027-01-31T03:00:00Z\n"
    "\n"
    "      --at TIME          when: 14d (from now), or a date and time (default 30d)\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "\n"
    "Makes the next key and prints both, as 'sottod key' does. From now on the server tells it to\n"
    "every client that connects; at that time it changes by itself. A client that does not "
    "connect\n"
    "before refuses the new key until somebody confirms it. Invite links name the key of the day "
    "on\n"
    "which they were made. With a change planned already, prints that one and plans nothing.\n"
    "Works with the server up or down.\n"
    "Exit: 0 planned, 2 usage, 6 not allowed, 9 storage, or no data there.\n";

static const char STATS[] =
    "sottod stats - print the figures of the running server\n"
    "\n"
    "  sottod stats\n"
    "  sottod stats --watch --json\n"
    "  sottod stats --prometheus /var/lib/prometheus/node-exporter/sottod.prom\n"
    "\n"
    "      --json             one line of JSON\n"
    "      --prometheus [FILE]\n"
    "                         as a scraper's text-file collector reads it; FILE is written whole\n"
    "      --watch            again every two seconds, until Ctrl-C\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "\n"
    "Figures named _total grow from the start of the server. No name and no address is among "
    "them.\n"
    "Exit: 0 done, 2 usage, 5 no server runs, 6 not allowed, 9 no data there.\n";

static const char CONFIG[] =
    "sottod config - print every setting, its value and where it comes from\n"
    "\n"
    "  sottod config\n"
    "  sottod config --config /etc/sottod/sottod.conf --json\n"
    "\n"
    "      --config FILE      settings (SOTTOD_CONFIG; default: sottod.conf in the data folder)\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "      --json             one line of JSON\n"
    "\n"
    "It also takes the options of 'sottod serve', and says what would hold with them. A file with "
    "a\n"
    "mistake is refused as the server would refuse it. man sottod.conf explains each setting.\n"
    "Exit: 0 done, 2 usage, or a mistake in the file.\n";

static const char USER_REMOVE[] =
    "sottod user remove NAME --confirm NAME - delete an account and what waits for it\n"
    "\n"
    "      --confirm NAME     the name once more: this cannot be undone\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "\n"
    "The name becomes free, also that of an account that has left. Whoever takes it has another "
    "key,\n"
    "and contacts are told so.\n"
    "Exit: 0 done, 2 usage, 6 not allowed, 7 no such user, 9 no data there.\n";

static const char BACKUP[] =
    "sottod backup FILE - copy the whole server into one file, while it runs or not\n"
    "\n"
    "  sottod backup /var/backups/sotto-$(date +%F).backup\n"
    "  sottod backup - | ssh other-machine 'cat > sotto.backup'\n"
    "\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "\n"
    "FILE is new, and for you alone (0600); '-' is stdout. In it are accounts, public keys, "
    "sealed\n"
    "messages that wait, and the server's key: whoever has it can pose as the server, not read.\n"
    "sottod.conf is not in it.\n"
    "Exit: 0 done, 2 usage, 6 not allowed, 9 storage, or no data there.\n";

static const char RESTORE[] =
    "sottod restore FILE - make a server of a backup\n"
    "\n"
    "  sottod restore /var/backups/sotto-2026-11-01.backup --data /var/lib/sottod\n"
    "\n"
    "      --data DIR         a folder without a server's data (SOTTOD_DATA; default\n"
    "                         ~/.local/share/sottod)\n"
    "\n"
    "FILE may be '-', stdin. The server begins a new epoch: clients offer again what it does not\n"
    "have, and publish new prekeys. Nobody is shown a message twice. Who joined after the backup\n"
    "joins again with a fresh invite and keeps name and key.\n"
    "Exit: 0 done, 2 usage, or there is a server's data already, 9 storage, or no backup.\n";

static const char CHECK[] =
    "sottod check - look whether the data is whole, while the server runs or not\n"
    "\n"
    "  sottod check && sottod backup /var/backups/sotto.backup\n"
    "\n"
    "      --deep             also compare each waiting message with its checksum: reads "
    "everything\n"
    "      --data DIR         the server's data (SOTTOD_DATA; default ~/.local/share/sottod)\n"
    "\n"
    "Prints what it found. Nothing is changed.\n"
    "Exit: 0 whole, 2 usage, 6 not allowed, 9 damaged, or no data there.\n";

const char *help_overview(void) {
    return OVERVIEW;
}

const char *help_of(enum command command) {
    switch (command) {
    case COMMAND_SERVE:
        return SERVE;
    case COMMAND_INVITE_CREATE:
        return INVITE_CREATE;
    case COMMAND_INVITE_LIST:
        return INVITE_LIST;
    case COMMAND_INVITE_REVOKE:
        return INVITE_REVOKE;
    case COMMAND_USER_LIST:
        return USER_LIST;
    case COMMAND_USER_SHOW:
        return USER_SHOW;
    case COMMAND_USER_DISABLE:
        return USER_DISABLE;
    case COMMAND_USER_ENABLE:
        return USER_ENABLE;
    case COMMAND_KEY_ROTATE:
        return KEY_ROTATE;
    case COMMAND_KEY:
        return KEY;
    case COMMAND_USER_REMOVE:
        return USER_REMOVE;
    case COMMAND_STATS:
        return STATS;
    case COMMAND_CONFIG:
        return CONFIG;
    case COMMAND_BACKUP:
        return BACKUP;
    case COMMAND_RESTORE:
        return RESTORE;
    case COMMAND_CHECK:
        return CHECK;
    case COMMAND_COUNT:
        break;
    }
    return OVERVIEW;
}
