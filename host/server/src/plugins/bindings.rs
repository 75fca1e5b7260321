//! The host's side of `wit/`: import traits generated once, one world per role.

#![allow(unreachable_pub, missing_docs, reason = "generated code")]

pub(crate) mod imports {
    wasmtime::component::bindgen!({
        path: ["../../wit/types", "../../wit/host", "../../wit/plugin"],
        world: "osc:plugin/host-imports",
        imports: { default: async | trappable },
    });
}

pub(crate) mod deployer {
    wasmtime::component::bindgen!({
        path: ["../../wit/types", "../../wit/host", "../../wit/plugin"],
        world: "osc:plugin/deployer-plugin",
        with: {
            "osc:types": super::imports::osc::types,
            "osc:host": super::imports::osc::host,
        },
        exports: { default: async },
    });
}

pub(crate) mod scanner {
    wasmtime::component::bindgen!({
        path: ["../../wit/types", "../../wit/host", "../../wit/plugin"],
        world: "osc:plugin/scanner-plugin",
        with: {
            "osc:types": super::imports::osc::types,
            "osc:host": super::imports::osc::host,
        },
        exports: { default: async },
    });
}
