//! SQLite: the only place with SQL. Functions over `&Connection`, one file per resource; no rules here.

pub mod db;
pub mod inventory;
mod migrate;
pub mod operations;
pub mod plans;
pub mod revisions;

/// An enum whose cases are words in a TEXT column.
macro_rules! text_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($case:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($case,)+
        }

        impl $name {
            /// As in the database and the API.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$case => $text,)+
                }
            }
        }

        impl rusqlite::types::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<$name> {
                match value.as_str()? {
                    $($text => Ok($name::$case),)+
                    other => Err(rusqlite::types::FromSqlError::Other(
                        format!("unknown {} `{other}`", stringify!($name)).into(),
                    )),
                }
            }
        }
    };
}
pub(crate) use text_enum;
