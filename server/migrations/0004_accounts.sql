-- Who may see and clear the cache from a browser. Times are Unix ms.

CREATE TABLE accounts (
    name text PRIMARY KEY,
    password_hash text NOT NULL, -- argon2id, in PHC format
    changed_at bigint NOT NULL
);

-- Sessions by the SHA-256 of their id: who reads this table cannot sign in with it.
CREATE TABLE sessions (
    id_hash bytea PRIMARY KEY CHECK (octet_length(id_hash) = 32),
    account text NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    address text NOT NULL, -- where it was made from
    agent text NOT NULL    -- the browser, shortened
);

CREATE INDEX sessions_seen_at ON sessions (seen_at);

-- What was done, and by whom. Bounded by age and by number.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at bigint NOT NULL,
    action text NOT NULL,
    account text NOT NULL,
    address text NOT NULL,
    detail text NOT NULL
);

CREATE INDEX audit_at ON audit (at);
