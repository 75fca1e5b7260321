//! Macros that make a component of a plugin. They export on wasm only: names with `:` and `#` do not link natively.

/// Exports a value as the role `deployer`, with the interfaces of the server that it uses:
/// `export_deployer!(Helm, uses: [package, cluster])`. Expands to a hidden `fn deployer()`, and on wasm to the exports.
#[macro_export]
macro_rules! export_deployer {
    ($plugin:expr, uses: [$($interface:ident),* $(,)?]) => {
        $crate::__export_role! {
            deployer, Deployer, $plugin, [$($interface),*],
            [detect(), inspect(), lint(), form(), render(request), plan(request), status(request)]
        }
    };
}

/// Exports a value as the role `scanner`, as [`export_deployer!`] does. Expands to a hidden `fn scanner()`, and on
/// wasm to the exports.
#[macro_export]
macro_rules! export_scanner {
    ($plugin:expr, uses: [$($interface:ident),* $(,)?]) => {
        $crate::__export_role! { scanner, Scanner, $plugin, [$($interface),*], [scan(rendering)] }
    };
}

/// What the macros of all roles expand to: module, trait, value, interfaces, and the functions that cross as JSON.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_role {
    (
        $role:ident, $trait:ident, $plugin:expr, [$($interface:ident),*],
        [$($function:ident($($document:ident)?)),*]
    ) => {
        #[doc(hidden)]
        pub fn $role() -> impl $crate::$role::$trait {
            $plugin
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::guest::{Component, Uses, WitError, calls};

            struct Guest;

            impl Component for Guest {
                const USES: Uses = Uses::NOTHING$(.$interface())*;
            }

            impl $crate::guest::$role::exports::osc::plugin::$role::Guest for Guest {
                $(fn $function($($document: String)?) -> Result<String, WitError> {
                    calls::$function::<Guest>(&$role() $(, &$document)?)
                })*
            }

    $crate::guest::$role::export!(Guest with_types_in $crate::guest::$role);
        };
    };
}
