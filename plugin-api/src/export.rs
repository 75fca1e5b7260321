//! Macros that make a component of a plugin. They export on wasm only: names with `:` and `#` do not link natively.

/// Exports a value as the role `deployer`, with the interfaces of the server that it uses:
/// `export_deployer!(Helm, uses: [package, cluster])`. Expands to a hidden `fn deployer()`, and on wasm to the exports.
#[macro_export]
macro_rules! export_deployer {
    ($plugin:expr, uses: [$($interface:ident),* $(,)?]) => {
        #[doc(hidden)]
        pub fn deployer() -> impl $crate::deployer::Deployer {
            $plugin
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::guest::{Component, Uses, WitError, calls};

            struct Guest;

            impl Component for Guest {
                const USES: Uses = Uses::NOTHING$(.$interface())*;
            }

            impl $crate::guest::deployer::exports::osc::plugin::deployer::Guest for Guest {
                fn detect() -> Result<String, WitError> {
                    calls::detect::<Guest>(&deployer())
                }
                fn inspect() -> Result<String, WitError> {
                    calls::inspect::<Guest>(&deployer())
                }
                fn lint() -> Result<String, WitError> {
                    calls::lint::<Guest>(&deployer())
                }
                fn form() -> Result<String, WitError> {
                    calls::form::<Guest>(&deployer())
                }
                fn render(request: String) -> Result<String, WitError> {
                    calls::render::<Guest>(&deployer(), &request)
                }
                fn plan(request: String) -> Result<String, WitError> {
                    calls::plan::<Guest>(&deployer(), &request)
                }
                fn status(request: String) -> Result<String, WitError> {
                    calls::status::<Guest>(&deployer(), &request)
                }
            }

    $crate::guest::deployer::export!(Guest with_types_in $crate::guest::deployer);
        };
    };
}

/// Exports a value as the role `scanner`, as [`export_deployer!`] does. Expands to a hidden `fn scanner()`, and on
/// wasm to the exports.
#[macro_export]
macro_rules! export_scanner {
    ($plugin:expr, uses: [$($interface:ident),* $(,)?]) => {
        #[doc(hidden)]
        pub fn scanner() -> impl $crate::scanner::Scanner {
            $plugin
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::guest::{Component, Uses, WitError, calls};

            struct Guest;

            impl Component for Guest {
                const USES: Uses = Uses::NOTHING$(.$interface())*;
            }

            impl $crate::guest::scanner::exports::osc::plugin::scanner::Guest for Guest {
                fn scan(rendering: String) -> Result<String, WitError> {
                    calls::scan::<Guest>(&scanner(), &rendering)
                }
            }

    $crate::guest::scanner::export!(Guest with_types_in $crate::guest::scanner);
        };
    };
}
