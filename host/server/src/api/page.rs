//! Paging: `limit` and `cursor` in, `{items, next_cursor}` out.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::HttpError;
use crate::error::Error;
use crate::store::scope::Page;

const DEFAULT: u32 = 100;
const MOST: u32 = 1_000;

/// Which part of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct PageQuery {
    /// At most so many items (100, at most 1000).
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
}

impl PageQuery {
    pub(super) fn new(limit: Option<u32>, cursor: Option<String>) -> PageQuery {
        PageQuery { limit, cursor }
    }

    pub(super) fn page(&self) -> Result<Page, HttpError> {
        let after = match &self.cursor {
            None => None,
            Some(text) => Some(text.parse::<i64>().map_err(|_| Error::Invalid {
                field: "cursor",
                reason: "must be the `next_cursor` of an answer".into(),
            })?),
        };
        Ok(Page { limit: self.limit.unwrap_or(DEFAULT).clamp(1, MOST), after })
    }
}

/// One part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
    /// Give it as `cursor` for the next part; null at the end.
    pub(super) next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A list that is whole.
    pub(super) fn whole(items: Vec<T>) -> List<T> {
        List { items, next_cursor: None }
    }

    /// A part of a list; `id` answers an item's place.
    pub(super) fn part<R>(
        rows: Vec<R>,
        page: Page,
        id: impl Fn(&R) -> i64,
        view: impl Fn(R) -> T,
    ) -> List<T> {
        let full = rows.len() >= page.limit as usize;
        let next_cursor = rows.last().filter(|_| full).map(|row| id(row).to_string());
        List { items: rows.into_iter().map(view).collect(), next_cursor }
    }
}
