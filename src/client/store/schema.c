/* SPDX-License-Identifier: ISC */
#include "client/store/schema.h"

#include <stddef.h>

static const char *const VERSION_1[] = {
    "CREATE TABLE setting(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",

    "CREATE TABLE device(cid BLOB PRIMARY KEY, expires INTEGER NOT NULL, certificate BLOB NOT NULL,"
    " keys BLOB NOT NULL)",

    "CREATE TABLE prekey(cid BLOB NOT NULL, one_time INTEGER NOT NULL, id INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, secret BLOB NOT NULL, PRIMARY KEY(cid, one_time, id)) WITHOUT "
    "ROWID",

    "CREATE TABLE peer(name TEXT PRIMARY KEY, afp BLOB, pinned INTEGER NOT NULL,"
    " verified INTEGER NOT NULL, contact INTEGER NOT NULL, changed_afp BLOB,"
    " changed INTEGER NOT NULL) WITHOUT ROWID",

    "CREATE TABLE identity(afp BLOB PRIMARY KEY, name TEXT NOT NULL, epoch INTEGER NOT NULL,"
    " cid BLOB NOT NULL, set_id INTEGER NOT NULL, held INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX identity_by_name ON identity(name)",

    /* A session's row changes with every message; skipped keys and past chains have rows of their
     * own, so that one message writes only what it changed. */
    "CREATE TABLE session(row INTEGER PRIMARY KEY, peer TEXT NOT NULL, sid BLOB NOT NULL,"
    " afp BLOB NOT NULL, peer_cid BLOB NOT NULL, own INTEGER NOT NULL, confirmed INTEGER NOT NULL,"
    " active INTEGER NOT NULL, receive_only INTEGER NOT NULL, replaced INTEGER NOT NULL,"
    " created INTEGER NOT NULL, used INTEGER NOT NULL, newest_sent INTEGER NOT NULL,"
    " state BLOB NOT NULL, UNIQUE(peer, sid))",
    "CREATE TABLE skipped(row INTEGER PRIMARY KEY, session INTEGER NOT NULL, chain BLOB NOT NULL,"
    " number INTEGER NOT NULL, key BLOB NOT NULL, stored INTEGER NOT NULL,"
    " UNIQUE(session, chain, number))",
    "CREATE TABLE past(row INTEGER PRIMARY KEY, session INTEGER NOT NULL, chain BLOB NOT NULL,"
    " ended INTEGER NOT NULL)",
    "CREATE INDEX past_by_session ON past(session)",
    "CREATE TABLE tombstone(sid BLOB PRIMARY KEY, set_id INTEGER NOT NULL, made INTEGER NOT NULL,"
    " reported INTEGER NOT NULL) WITHOUT ROWID",

    "CREATE TABLE outgoing(row INTEGER PRIMARY KEY AUTOINCREMENT, peer TEXT NOT NULL,"
    " msg_id BLOB NOT NULL, key TEXT NOT NULL, sent INTEGER NOT NULL, state INTEGER NOT NULL,"
    " patient INTEGER NOT NULL, afp BLOB, sid BLOB, chain BLOB, number INTEGER NOT NULL,"
    " envelope_id BLOB, text BLOB NOT NULL, envelope BLOB)",
    "CREATE INDEX outgoing_by_key ON outgoing(peer, key)",
    "CREATE INDEX outgoing_open ON outgoing(row) WHERE state < 2",

    "CREATE TABLE incoming(row INTEGER PRIMARY KEY AUTOINCREMENT, peer TEXT NOT NULL,"
    " afp BLOB NOT NULL, msg_id BLOB NOT NULL, kind INTEGER NOT NULL, sent INTEGER NOT NULL,"
    " received INTEGER NOT NULL, sid BLOB NOT NULL, chain_number INTEGER NOT NULL,"
    " chain BLOB NOT NULL, number INTEGER NOT NULL, missing INTEGER NOT NULL,"
    " held INTEGER NOT NULL, confirmed INTEGER NOT NULL, place INTEGER, text BLOB NOT NULL)",
    "CREATE UNIQUE INDEX incoming_by_place ON incoming(place) WHERE place IS NOT NULL",
    "CREATE INDEX incoming_pending ON incoming(peer, row) WHERE place IS NULL",
    "CREATE INDEX incoming_by_chain ON incoming(sid, chain)",
    "CREATE TABLE seen(afp BLOB NOT NULL, msg_id BLOB NOT NULL, taken INTEGER NOT NULL,"
    " PRIMARY KEY(afp, msg_id)) WITHOUT ROWID",
    "CREATE INDEX seen_by_time ON seen(taken)",
    "CREATE TABLE waiting(row INTEGER PRIMARY KEY, peer TEXT NOT NULL, received INTEGER NOT NULL,"
    " envelope BLOB NOT NULL)",
    "CREATE INDEX waiting_by_peer ON waiting(peer, row)",
    "CREATE TABLE cursor(name TEXT PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID",

    "PRAGMA application_id=1936684143", /* "soto" */
    "PRAGMA user_version=1",
    NULL,
};

/* Delivery to the end: receipts, repair, and what is owed to people. */
static const char *const VERSION_2[] = {
    "ALTER TABLE peer ADD COLUMN how INTEGER NOT NULL DEFAULT 0",
    "UPDATE peer SET how=1 WHERE verified>0",
    "ALTER TABLE identity ADD COLUMN initial INTEGER NOT NULL DEFAULT 0",

    "ALTER TABLE session ADD COLUMN chain_begun INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE session ADD COLUMN expires INTEGER NOT NULL DEFAULT 0",
    "UPDATE session SET expires=created+7776000000", /* 90 days: no certificate lives longer */
    "CREATE INDEX session_by_age ON session(expires)",
    /* told: somebody has heard that it is missing, or it never comes. */
    "ALTER TABLE skipped ADD COLUMN told INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX skipped_untold ON skipped(stored) WHERE told=0",

    "ALTER TABLE outgoing ADD COLUMN kind INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE outgoing ADD COLUMN turn INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE outgoing ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE outgoing ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE outgoing ADD COLUMN offers INTEGER NOT NULL DEFAULT 0",
    "DROP INDEX outgoing_open",
    "CREATE INDEX outgoing_by_state ON outgoing(state, turn, row) WHERE state<>2 AND state<>3",
    "CREATE INDEX outgoing_by_id ON outgoing(msg_id)",
    "CREATE INDEX outgoing_sealed ON outgoing(peer, row) WHERE envelope IS NOT NULL",
    "CREATE INDEX outgoing_unproven ON outgoing(accepted) WHERE envelope NOTNULL AND delivered=0",
    "CREATE INDEX outgoing_by_session ON outgoing(sid, accepted) WHERE delivered=0",

    "DROP INDEX incoming_by_chain",
    "ALTER TABLE incoming DROP COLUMN missing",
    "ALTER TABLE incoming DROP COLUMN chain_number",
    "ALTER TABLE incoming ADD COLUMN from_gap INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE incoming ADD COLUMN late INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE incoming ADD COLUMN life INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE incoming ADD COLUMN passed INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX incoming_by_sender ON incoming(peer, afp, sent) WHERE place IS NOT NULL",
    "CREATE INDEX incoming_living ON incoming(received) WHERE life>0",
    "CREATE INDEX incoming_passed ON incoming(place) WHERE passed=1",

    ("CREATE TABLE receipt(row INTEGER PRIMARY KEY, peer TEXT NOT NULL, afp BLOB NOT NULL,"
     " msg_id BLOB NOT NULL, UNIQUE(peer, afp, msg_id))"),
    ("CREATE TABLE given_up(row INTEGER PRIMARY KEY, peer TEXT NOT NULL, afp BLOB NOT NULL,"
     " chain BLOB NOT NULL, number INTEGER NOT NULL, UNIQUE(peer, afp, chain, number))"),
    ("CREATE TABLE duty(peer TEXT NOT NULL, kind INTEGER NOT NULL, data BLOB NOT NULL,"
     " due INTEGER NOT NULL, PRIMARY KEY(peer, kind, data)) WITHOUT ROWID"),
    "CREATE INDEX duty_by_time ON duty(due, peer, kind, data)",
    ("CREATE TABLE forced(row INTEGER PRIMARY KEY, peer TEXT NOT NULL, kind INTEGER NOT NULL,"
     " made INTEGER NOT NULL)"),
    "CREATE INDEX forced_by_peer ON forced(peer, kind, made)",
    "CREATE TABLE asked(sid BLOB PRIMARY KEY, made INTEGER NOT NULL) WITHOUT ROWID",

    "PRAGMA user_version=2",
    NULL,
};

/* Several readers: each has its own bookmark, which began somewhere, and its own list of what it
 * passed over. */
static const char *const VERSION_3[] = {
    "ALTER TABLE cursor ADD COLUMN start INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE cursor ADD COLUMN used INTEGER NOT NULL DEFAULT 0",
    ("CREATE TABLE passed(cursor TEXT NOT NULL, place INTEGER NOT NULL, peer TEXT NOT NULL,"
     " PRIMARY KEY(cursor, place)) WITHOUT ROWID"),
    "CREATE INDEX passed_by_sender ON passed(cursor, peer, place)",
    ("INSERT INTO passed(cursor, place, peer) SELECT 'recv', place, peer FROM incoming"
     " WHERE passed=1"),
    "DROP INDEX incoming_passed",
    "ALTER TABLE incoming DROP COLUMN passed",
    "CREATE INDEX incoming_by_time ON incoming(received, place) WHERE place IS NOT NULL",
    "CREATE INDEX incoming_by_id ON incoming(msg_id)",

    "PRAGMA user_version=3",
    NULL,
};

/* Own messages with a life; reading back, from any place on, of everybody and of one person. */
static const char *const VERSION_4[] = {
    "ALTER TABLE outgoing ADD COLUMN life INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX outgoing_living ON outgoing(sent) WHERE life>0",
    "CREATE INDEX outgoing_written ON outgoing(sent) WHERE kind IN (1,7,8)",
    "CREATE INDEX outgoing_with ON outgoing(peer, sent) WHERE kind IN (1,7,8)",
    "CREATE INDEX incoming_with ON incoming(peer, place) WHERE place IS NOT NULL",

    "PRAGMA user_version=4",
    NULL,
};

const char *const *const SCHEMAS[DATABASE_SCHEMA] = {VERSION_1, VERSION_2, VERSION_3, VERSION_4};
