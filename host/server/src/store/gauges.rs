//! Counts for `/metrics`.

use rusqlite::Connection;

/// One metric: how many things are in which state.
pub struct Gauge {
    pub name: &'static str,
    pub help: &'static str,
    pub values: Vec<(String, i64)>,
}

pub fn read(conn: &Connection) -> rusqlite::Result<Vec<Gauge>> {
    let queries = [
        ("operations", "Operations by state.", "SELECT state, count(*) FROM operation GROUP BY state"),
        (
            "clusters",
            "Registered clusters by state.",
            "SELECT state, count(*) FROM cluster WHERE deleted_at IS NULL GROUP BY state",
        ),
        (
            "instances",
            "Instances by health.",
            "SELECT health, count(*) FROM instance WHERE deleted_at IS NULL GROUP BY health",
        ),
        ("versions", "Versions of services by state.", "SELECT state, count(*) FROM version GROUP BY state"),
        ("plugins", "Plugins by state.", "SELECT state, count(*) FROM plugin GROUP BY state"),
    ];
    queries
        .into_iter()
        .map(|(name, help, sql)| {
            let values = conn
                .prepare_cached(sql)?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Gauge { name, help, values })
        })
        .collect()
}
