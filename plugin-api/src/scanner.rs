//! The role `scanner`: looks for weaknesses in a package and its rendered objects.

use crate::Result;
use crate::documents::finding::Finding;
use crate::documents::rendering::Rendering;
use crate::host::Host;

/// Looks at the package that `host` offers and at what it renders to.
pub trait Scanner {
    /// What was found, passed checks too when they are worth showing.
    fn scan(&self, host: &dyn Host, rendering: Rendering) -> Result<Vec<Finding>>;
}
