//! Tools of authors: a plugin of one's own from its template into a running server, and packages by `oscctl`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use osc_integration::charts::{chart, edit, fixtures, pack};
use osc_integration::osc::{Home, Server, program, run};

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is no text")
}

/// A command with cargo as this test has it; what it builds is kept, and nothing is downloaded.
fn with_cargo(mut command: Command) -> Command {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let value = std::env::var_os(name).map_or_else(|| home.join(folder), PathBuf::from);
        command.env(name, value);
    }
    command
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("authors"))
        .env("CARGO_NET_OFFLINE", "true")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
}

#[test]
fn a_plugin_from_the_template_works_in_a_server() -> Result<()> {
    let home = Home::new()?;
    let folder = home.path().join("hello");
    let made = home.osc(["plugin", "new", "acme.hello", "-o", "json"])?.json()?;
    ensure!(made["folder"] == text(&folder)?, "{made}");
    ensure!(home.osc(["plugin", "new", "acme.hello"])?.code == Some(5), "it was overwritten");
    ensure!(home.osc(["plugin", "build", "nothing"])?.code == Some(2), "a folder that is not there");
    // The versions of this workspace, which are at hand.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;

    run(with_cargo(home.command(["plugin", "test", text(&folder)?])?))?.ok()?;
    let file = home.path().join("hello.wasm");
    let build = ["plugin", "build", text(&folder)?, "--file", text(&file)?, "-o", "json"];
    let built = run(with_cargo(home.command(build)?))?.json()?;
    ensure!(built["id"] == "acme.hello" && built["roles"][0] == "scanner", "{built}");

    let server = Server::sandbox()?;
    let json = |line: &str| -> Result<serde_json::Value> {
        server.osc(line.split(' ').chain(["-o", "json"]))?.json().with_context(|| line.to_owned())
    };
    let installed = json(&format!("plugin install {}", text(&file)?))?;
    ensure!(installed["digest"] == built["digest"] && installed["state"] == "loaded", "{installed}");
    json("plugin enable acme.hello")?;
    let rebuilt = json("plugin rebuild acme.hello")?;
    ensure!(rebuilt["state"] == "enabled" && rebuilt["ready"] == true, "{rebuilt}");
    ensure!(server.osc(["plugin", "rebuild", "nobody.there"])?.code == Some(4), "an unknown plugin");

    let mut loose = chart("greeter")?;
    edit(&mut loose, "values.yaml", "tag: ", "tag: latest # ")?;
    let package = pack(home.path(), "loose", &loose)?;
    let pushed = json(&format!("package push {}", text(&package)?))?;
    ensure!(pushed.to_string().contains("images/version"), "{pushed}");
    Ok(())
}

#[test]
fn packages_are_started_packed_and_converted() -> Result<()> {
    let home = Home::new()?;
    let tool = home.path().join("oscctl");
    std::os::unix::fs::symlink(program()?, &tool)?;
    let oscctl = |line: &str| {
        let mut command = Command::new(&tool);
        command.args(line.split(' ')).current_dir(home.path()).env("HOME", home.path());
        run(command)
    };
    ensure!(oscctl("create -o etcd-operator")?.ok()?.contains("Successfully created"), "create");
    ensure!(oscctl("create -o etcd-operator")?.code == Some(5), "it was overwritten");
    for file in
        ["metadata.yaml", "lifecycle.yaml", "manifests/etcd_crd.yaml", "manifests/vendor/log_config.yaml"]
    {
        ensure!(home.path().join("etcd-operator").join(file).is_file(), "{file} is missing");
    }
    oscctl("package etcd-operator")?.ok()?;
    ensure!(home.path().join("etcd-operator-0.1.0.zip").is_file(), "no archive");

    let chart = fixtures().join("charts/greeter");
    let said = oscctl(&format!("convert -i {} -o greeter.zip", text(&chart)?))?.ok()?;
    ensure!(said.trim() == "Successfully converted original package to OSC package!", "{said}");
    oscctl("convert --input greeter.zip --output again.zip")
        .map(|ended| ended.code)?
        .filter(|code| *code == 3)
        .context("an OSC package was converted again")?;
    let converted = home.osc(["package", "convert", text(&chart)?, "--to", "plain", "-o", "json"])?.json()?;
    ensure!(converted["file"] == "plain", "{converted}");
    let metadata = std::fs::read_to_string(home.path().join("plain/metadata.yaml"))?;
    ensure!(metadata.contains("name: greeter") && metadata.contains("type: helm"), "{metadata}");
    ensure!(home.path().join("plain/raw/Chart.yaml").is_file(), "the chart is missing");
    Ok(())
}
