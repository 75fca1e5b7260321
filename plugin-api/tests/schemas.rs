//! `wit/schemas/` says what the documents' types say. `UPDATE=1 cargo test -p osc-plugin-api` writes it anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn schemas_are_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/schemas");
    let update = std::env::var_os("UPDATE").is_some();
    if update {
        fs::create_dir_all(&folder).unwrap();
    }
    let mut expected = BTreeSet::new();
    for (name, schema) in osc_plugin_api::documents::schemas() {
        let file = folder.join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if update {
            fs::write(&file, &text).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            committed == text,
            "wit/schemas/{name}.json is stale: run UPDATE=1 cargo test -p osc-plugin-api"
        );
        expected.insert(format!("{name}.json"));
    }
    let present =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(present.collect::<BTreeSet<_>>(), expected, "wit/schemas holds exactly the documents");
}
