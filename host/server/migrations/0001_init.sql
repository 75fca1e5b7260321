-- Times are UTC text (RFC 3339). Ids never come back (AUTOINCREMENT). What belongs to somebody has tenant_id.

CREATE TABLE tenant (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE user (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    password_hash TEXT,                       -- argon2id; none: signs in by link or single sign-on only
    platform_role TEXT CHECK (platform_role IN ('administrator', 'reviewer')),
    disabled INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE membership (
    tenant_id INTEGER NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'provider', 'consumer', 'viewer')),
    PRIMARY KEY (tenant_id, user_id)
) STRICT, WITHOUT ROWID;

-- Sessions of browsers, bearer tokens and one-time sign-in links; only a SHA-256 of the secret is kept.
CREATE TABLE token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('session', 'bearer', 'link')),
    name TEXT NOT NULL DEFAULT '',
    hash BLOB NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    last_used_at TEXT
) STRICT;

CREATE TABLE service (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenant (id),   -- the provider
    name TEXT NOT NULL,
    kind TEXT NOT NULL,                                  -- helm, operator, osc
    state TEXT NOT NULL DEFAULT 'private',               -- private, published, suspended, withdrawn, deleted
    created_at TEXT NOT NULL,
    UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE version (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenant (id),
    service_id INTEGER NOT NULL REFERENCES service (id),
    version TEXT NOT NULL,
    state TEXT NOT NULL,                                 -- uploaded, validating, scanning, ready, rejected, deleted
    state_reason TEXT,
    digest TEXT NOT NULL,                                -- sha256:... of the archive in the object store
    size INTEGER NOT NULL,
    plugin TEXT NOT NULL,                                -- deployer that claimed it
    facts TEXT NOT NULL,                                 -- osc.package/v1
    form TEXT,                                           -- osc.form/v1
    findings TEXT NOT NULL DEFAULT '[]',                 -- array of osc.finding/v1
    created_by INTEGER REFERENCES user (id),
    created_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX version_live ON version (service_id, version) WHERE state <> 'deleted';

CREATE TABLE subscription (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenant (id),
    service_id INTEGER NOT NULL REFERENCES service (id),
    state TEXT NOT NULL,                                 -- active, frozen, ending, ended
    created_at TEXT NOT NULL,
    UNIQUE (tenant_id, service_id)
) STRICT;

CREATE TABLE cluster (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER REFERENCES tenant (id),            -- none: owned by the platform
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'kubeconfig',             -- kubeconfig, sandbox
    kubeconfig BLOB NOT NULL,                            -- sealed; empty once the cluster is removed
    version TEXT,
    state TEXT NOT NULL DEFAULT 'unknown',               -- unknown, available, unreachable
    state_reason TEXT,
    checked_at TEXT,
    created_at TEXT NOT NULL,
    deleted_at TEXT
) STRICT;
CREATE UNIQUE INDEX cluster_name ON cluster (name) WHERE deleted_at IS NULL;

-- A namespace belongs to one tenant per cluster. Namespace '*' means any that no other tenant has.
CREATE TABLE cluster_grant (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cluster_id INTEGER NOT NULL REFERENCES cluster (id) ON DELETE CASCADE,
    tenant_id INTEGER NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    namespace TEXT NOT NULL,
    cluster_scoped INTEGER NOT NULL DEFAULT 0,
    rbac INTEGER NOT NULL DEFAULT 0,
    privileged INTEGER NOT NULL DEFAULT 0,
    UNIQUE (cluster_id, tenant_id, namespace)
) STRICT;

-- Namespaces that a tenant has taken into use in a cluster, and whether we made them.
CREATE TABLE cluster_namespace (
    cluster_id INTEGER NOT NULL REFERENCES cluster (id) ON DELETE CASCADE,
    namespace TEXT NOT NULL,
    tenant_id INTEGER NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    made_by_us INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (cluster_id, namespace)
) STRICT, WITHOUT ROWID;

CREATE TABLE instance (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenant (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    service_id INTEGER NOT NULL REFERENCES service (id),
    version_id INTEGER NOT NULL REFERENCES version (id),
    cluster_id INTEGER NOT NULL REFERENCES cluster (id),
    namespace TEXT NOT NULL,
    plugin TEXT NOT NULL,
    plugin_digest TEXT NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0,                 -- the one in force, 0 before the first
    health TEXT NOT NULL DEFAULT 'unknown',              -- last computed: running, progressing, degraded, failed, unknown
    health_reason TEXT,
    endpoints TEXT NOT NULL DEFAULT '[]',
    checked_at TEXT,
    created_at TEXT NOT NULL,
    deleted_at TEXT
) STRICT;
CREATE UNIQUE INDEX instance_name ON instance (tenant_id, name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX instance_place ON instance (cluster_id, namespace, name) WHERE deleted_at IS NULL;

CREATE TABLE plan (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenant (id),
    instance_id INTEGER REFERENCES instance (id),        -- none while an install is only planned
    verb TEXT NOT NULL,
    state TEXT NOT NULL,                                 -- open, used, stale, expired
    hash TEXT NOT NULL,                                  -- HMAC-SHA-256 over the canonical document
    wish BLOB NOT NULL,                                  -- sealed JSON: all that is needed to plan again and to execute
    document TEXT NOT NULL,                              -- key of the sealed, compressed plan in the object store
    preview TEXT NOT NULL,                               -- key of the sealed, compressed preview in the object store
    created_by INTEGER REFERENCES user (id),
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;

CREATE TABLE operation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenant (id),
    instance_id INTEGER REFERENCES instance (id),
    kind TEXT NOT NULL,                                  -- install, update, upgrade, rollback, uninstall, adopt, test
    state TEXT NOT NULL,                                 -- queued, planning, running, paused, succeeded, failed, cancelled
    reason TEXT,
    wish BLOB NOT NULL,                                  -- sealed JSON
    plan_id INTEGER REFERENCES plan (id),
    document TEXT,                                       -- key of the plan that runs; none until it is planned
    attempt INTEGER NOT NULL DEFAULT 1,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    created_by INTEGER REFERENCES user (id),
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT
) STRICT;
CREATE INDEX operation_open ON operation (state) WHERE state IN ('queued', 'planning', 'running', 'paused');
CREATE INDEX operation_instance ON operation (instance_id, id);

-- The journal. Position orders steps; those of on_failure come after 1,000,000.
CREATE TABLE step (
    operation_id INTEGER NOT NULL REFERENCES operation (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,                                 -- pending, started, done, failed, skipped
    message TEXT,
    detail TEXT,                                         -- JSON the executor needs to resume
    started_at TEXT,
    finished_at TEXT,
    PRIMARY KEY (operation_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE revision (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenant (id),
    instance_id INTEGER NOT NULL REFERENCES instance (id),
    number INTEGER NOT NULL,
    version_id INTEGER NOT NULL REFERENCES version (id),
    operation_id INTEGER REFERENCES operation (id),
    overrides BLOB NOT NULL,                             -- sealed JSON
    document TEXT NOT NULL,                              -- key of the executed plan
    notes TEXT,
    result TEXT NOT NULL,                                -- deployed, superseded, failed
    created_at TEXT NOT NULL,
    UNIQUE (instance_id, number)
) STRICT;

CREATE TABLE inventory (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenant (id),
    instance_id INTEGER NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
    part TEXT NOT NULL,
    api_version TEXT NOT NULL,
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL DEFAULT '',                  -- empty for cluster-scoped objects
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    policy TEXT NOT NULL,
    UNIQUE (instance_id, part, api_version, kind, namespace, name)
) STRICT;

CREATE TABLE plugin (
    id TEXT PRIMARY KEY,                                 -- helm, publisher.name
    version TEXT NOT NULL,
    digest TEXT NOT NULL,                                -- sha256:... of the component
    source TEXT NOT NULL,                                -- built-in, installed
    state TEXT NOT NULL,                                 -- loaded, enabled, disabled, faulted
    state_reason TEXT,
    granted TEXT NOT NULL DEFAULT '{}',                  -- what the administrator allows, as in plugin.toml
    settings TEXT NOT NULL DEFAULT '{}',
    priority INTEGER NOT NULL DEFAULT 0,                 -- higher wins a tie of detect
    faults INTEGER NOT NULL DEFAULT 0,
    installed_at TEXT NOT NULL
) STRICT;

CREATE TABLE plugin_kv (
    plugin_id TEXT NOT NULL,
    tenant_id INTEGER NOT NULL,                          -- 0 for calls that belong to no tenant
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (plugin_id, tenant_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER REFERENCES tenant (id),
    time TEXT NOT NULL,
    actor TEXT NOT NULL,
    operation TEXT NOT NULL,                             -- CreateInstance, SubscribeService, ...
    resource TEXT NOT NULL,
    name TEXT NOT NULL,
    result TEXT NOT NULL,                                -- ok, refused, failed
    request_id TEXT NOT NULL
) STRICT;
CREATE INDEX audit_tenant ON audit (tenant_id, id);
