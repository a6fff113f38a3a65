//! English.

use super::{super::counted, AdminWords};

pub(super) const WORDS: AdminWords = AdminWords {
    sign_in: "Sign in",
    sign_in_why: "Only the operator can see and clear the cache.",
    user: "User",
    password: "Password",
    sign_out: "Sign out",
    signed_in_as: |user| format!("Signed in as {user}"),
    password_hint: "The first “cargo deploy up” prints the first password; “tidemark admin password” sets another.",
    wrong_password: "Incorrect user name or password.",
    too_many_guesses: |wait| format!("Too many incorrect passwords. Try again in {wait}."),
    no_password_stored: "No password was set yet: “tidemark admin password” sets one.",
    no_password_file: "No password was set yet: name a file with one in TIDEMARK_ADMIN_PASSWORD_FILE.",
    not_signed_in: "Your session has expired. Sign in again.",
    cross_origin: "The address in your browser is not the one that the server was asked for. If there is a reverse proxy, it has to pass the Host header on.",
    accounts_away: "The account database is unavailable. The password cannot be checked now.",
    log_away: "Redis, which stores the invalidation log, is unavailable.",
    busy: "Too many sign-ins at once. Try again in a moment.",
    unknown_clear: "This clear is no longer remembered.",
    failed: "The server cannot be reached.",
    parts: ["Category", "Prefix", "Tag", "Key"],
    unknown_category: |known| format!("there is no such category, only {known}"),
    no_category: |starts| format!("must begin with {starts}"),
    name_length: |most| format!("must have 1 to {most} bytes"),
    name_characters: "must not have spaces or control characters",

    title: "Cache",
    overview: "Cache overview",
    hit_ratio: "Hit ratio",
    hit_split: |l1, l2| format!("L1 {l1} · L2 {l2}"),
    saved: "Database reads avoided",
    saved_work: |time| format!("{time} of database time"),
    saved_unknown: "database time not measured yet",
    stale: "Served stale",
    loads_failed: |count| format!("{} failed", counted(count, "load", "loads")),
    memory: "Memory",
    of_limit: |limit| format!("of {limit}"),
    redis: "Redis",
    connected: "Connected",
    away: "Unavailable",
    no_redis: "None",
    for_time: |time| format!("for {time}"),
    no_redis_note: "this server caches for itself",
    since_start: "Since the start of this server",
    read_at: |time| format!("Read {time}"),

    needs_scripts: "Clearing needs JavaScript here. From a shell:",

    nodes: "Redis",
    cluster_note: |nodes, slots| {
        format!("{} · {slots} of 16384 slots served", counted(&nodes.to_string(), "node", "nodes"))
    },
    single_note: "one server",
    master: "master",
    replica: "replica",
    node_down: "not reached",
    node_load: |ops, memory| format!("{ops} ops/s · {memory}"),
    node_about: |release, keys, clients| {
        let (keys, clients) = (counted(keys, "key", "keys"), counted(clients, "client", "clients"));
        format!("{release} · {keys} · {clients}")
    },
    node_lag: |bytes| format!("lag {bytes}"),
    node_slots: |slots| counted(&slots.to_string(), "slot", "slots"),
    promoted: |from| format!("took the place of {from}"),

    categories: "Categories",
    col_category: "Category",
    col_keys: "Keys",
    col_memory: "Memory",
    col_answered: "Answered by",
    answered_by: ["memory", "Redis", "database"],
    col_reads: "Reads",
    col_hit: "Hit",
    col_loads: "Loads",
    col_evicted: "Evicted",
    col_skipped: "Redis skipped",
    timed_out: |count| format!("{count} timed out"),
    broken_off: |count| format!("{count} broken off"),
    refused: |count| format!("{count} refused"),
    connects_failed: |count| {
        format!("{} failed", counted(count, "connection attempt", "connection attempts"))
    },
    connections_lost: |count| format!("{} lost", counted(count, "connection", "connections")),
    memory_of: |bytes, limit, full| format!("{bytes} of {limit} ({full})"),
    memory_cleared: |bytes| format!("{bytes} cleared"),
    too_large: |count| format!("{count} too large"),
    messages_lost: |count| format!("{} lost", counted(count, "message", "messages")),
    col_saved: "Saved",
    col_actions: "Actions",
    bar_says: |l1, l2, source| format!("memory {l1}, Redis {l2}, database {source}"),

    hot_keys: "Hot keys",
    no_hot_keys: "No key is read often.",
    col_key: "Key",
    col_per_second: "Reads/s",
    clears: "Clears",
    no_clears: "Nothing was cleared yet.",
    col_scope: "What",
    col_when: "When",
    undone: "undone",
    undo_over: "expired",
    undo: |left| format!("Undo ({left})"),
    scope: str::to_owned,

    clear: "Clear…",
    clear_of: |category| format!("Clear {category}…"),
    clear_all: "Clear all…",
    clear_part: "Clear by prefix, key or tag…",
    clear_title: "Clear the cache",
    clear_what: "What",
    kinds: ["All", "Category", "Prefix", "Key", "Tag"],
    name: "Name",
    examples: ["charts:BTC/", "prices:recorded", "coin:BTC"],
    preview: "Preview",
    previewing: "Counting…",
    covers: |keys, bytes| format!("{} in Redis, {bytes}", counted(keys, "key", "keys")),
    covers_about: |keys, error, bytes| {
        format!("about {} in Redis (± {error}), {bytes}", counted(keys, "key", "keys"))
    },
    covers_at_least: |keys, bytes| format!("at least {} in Redis, {bytes}", counted(keys, "key", "keys")),
    covers_unknown: "Redis could not be looked at: its keys are not counted",
    covers_memory: |keys, bytes| {
        format!("{} in the memory of this server, {bytes}", counted(keys, "key", "keys"))
    },
    covers_nothing: "Nothing is there to clear.",
    sample: "Some of them",
    preview_errors: |nodes| match nodes {
        1 => "One node of Redis could not be looked at.".to_owned(),
        n => format!("{n} nodes of Redis could not be looked at."),
    },
    clear_note: "Cleared entries are loaded from Postgres on the next read. You can undo this until they expire.",
    type_word: |word| format!("Type “{word}” to clear everything"),
    word: "clear all",
    confirm: "Clear",
    clearing: "Clearing…",
    cancel: "Cancel",
    cleared: |what, keys, bytes| format!("Cleared {what}: {}, {bytes}.", counted(keys, "key", "keys")),
    cleared_unknown: |what| {
        format!("Cleared {what}. Redis could not be looked at: its keys are not counted.")
    },
    cost: |loads| format!("Expected cost: up to {} from Postgres.", counted(loads, "load", "loads")),
    undone_says: |revived, reloaded, complete| {
        let revived = counted(&revived.to_string(), "key", "keys");
        let at_least = if complete { "" } else { "at least " };
        format!("Undone: {at_least}{revived} restored, {reloaded} already loaded again.")
    },
    undone_still: |keys| match keys {
        1 => "1 key stays cleared by another clear.".to_owned(),
        keys => format!("{keys} keys stay cleared by another clear."),
    },
    close: "Close",
    scope_all: "everything",
};
