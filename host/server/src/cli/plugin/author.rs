//! `osc plugin new|build|test`: making a plugin of one's own. Needs cargo, and no server.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::{Args, ValueEnum};
use osc_plugin_api::manifest::Manifest;
use serde_json::{Value, json};

use super::sdk;
use crate::cli::failure::{CONFLICT, Failure};
use crate::cli::output::table::{facts, scalar};
use crate::cli::output::{OutputArgs, Ui};
use crate::registry::blobs::bytes_text;

const TARGET: &str = "wasm32-wasip2";

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Id of the plugin: `publisher.name`
    #[arg(value_name = "ID")]
    id: String,
    /// What it does
    #[arg(long, value_enum, default_value = "scanner")]
    role: RoleName,
    /// The folder to make; the name in the id when left out
    #[arg(long, value_name = "FOLDER")]
    path: Option<PathBuf>,
    /// A folder or Git address of the SDK; a checkout around the new folder, else a copy that this program holds
    #[arg(long, value_name = "PATH|URL")]
    sdk: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    /// Turns packages of one kind into plans
    Deployer,
    /// Looks for weaknesses in packages
    Scanner,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Folder of the plugin
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,
    /// Where to write the plugin; `plugins/ID.wasm` in cargo's target folder when left out
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Folder of the plugin
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,
    /// What `cargo test` gets too
    #[arg(last = true, value_name = "ARGUMENTS")]
    rest: Vec<String>,
}

/// Writes a plugin that builds and passes its tests.
pub(crate) fn new(ui: &mut Ui, args: NewArgs) -> Result<(), Failure> {
    let name = match args.id.split_once('.') {
        Some((_, name)) => name.to_owned(),
        None => {
            return Err(Failure::usage(format!("the id `{}` has no publisher", args.id))
                .hint(format!("write `publisher.{}`", args.id)));
        }
    };
    let folder = std::path::absolute(args.path.unwrap_or_else(|| PathBuf::from(&name)))?;
    if std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
        return Err(Failure::new(CONFLICT, format!("`{}` is there already", folder.display()))
            .hint("name another folder with `--path`"));
    }
    let (dependency, copies) = dependency(args.sdk.as_deref(), &folder)?;
    let mut files = template(&args.id, &name, args.role, &dependency);
    read_manifest_text(&files[1].1).map_err(|failure| Failure::usage(failure.message))?;
    if copies {
        files.push(("sdk/README.md".into(), SDK_README.as_bytes().to_vec()));
        files.extend(sdk::files()?.into_iter().map(|(path, content)| (format!("sdk/{path}"), content)));
    }
    for (path, content) in &files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| cannot("make", parent, &error))?;
        }
        std::fs::write(&path, content).map_err(|error| cannot("write", &path, &error))?;
    }
    let made = json!({ "id": args.id, "folder": folder.display().to_string(), "sdk": dependency });
    ui.object(args.output.format, &made, |made, paint| {
        facts(&[("id", scalar(made.get("id"))), ("folder", scalar(made.get("folder")))], paint)
    })?;
    ui.note("test it with `osc plugin test`, build it with `osc plugin build`, in that folder");
    Ok(())
}

const SDK_README: &str = "# SDK\n\nThe SDK of the `osc` that made this plugin, as it was then. Another version: replace \
                          this folder by the one of `osc plugin new`.\n";

/// The files that every plugin begins with: path and content, `plugin.toml` second.
fn template(id: &str, name: &str, role: RoleName, sdk: &str) -> Vec<(String, Vec<u8>)> {
    let krate = format!("osc-plugin-{}", id.replace('.', "-"));
    let (role, description, grants, code) = match role {
        RoleName::Scanner => {
            ("scanner", "Finds images without a fixed version", "", include_str!("template/scanner.rs"))
        }
        RoleName::Deployer => (
            "deployer",
            "Deploys objects that a package holds as JSON",
            "package = true\ntransform = true",
            include_str!("template/deployer.rs"),
        ),
    };
    let file = format!("{name}.package");
    let fill = |text: &str| {
        let pairs = [
            ("@ID@", id),
            ("@CRATE@", &krate),
            ("@ROLE@", role),
            ("@DESCRIPTION@", description),
            ("@GRANTS@", grants),
            ("@FILE@", &file),
            ("@SDK@", sdk),
        ];
        let filled = pairs.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value));
        (filled.trim_end().to_owned() + "\n").into_bytes()
    };
    vec![
        ("Cargo.toml".into(), fill(include_str!("template/Cargo.toml"))),
        ("plugin.toml".into(), fill(include_str!("template/plugin.toml"))),
        ("README.md".into(), fill(include_str!("template/README.md"))),
        (".gitignore".into(), fill(include_str!("template/gitignore"))),
        ("src/lib.rs".into(), fill(code)),
    ]
}

/// How the new crate names the SDK, and whether a copy of it is written beside.
fn dependency(said: Option<&str>, folder: &Path) -> Result<(String, bool), Failure> {
    let path = |path: &Path| format!("{{ path = {} }}", toml::Value::from(path.display().to_string()));
    match said {
        Some(url) if url.contains("://") || url.starts_with("git@") => {
            Ok((format!("{{ git = {} }}", toml::Value::from(url)), false))
        }
        Some(said) => {
            let said = std::path::absolute(said)?;
            let found =
                [said.join("plugin-api"), said.clone()].into_iter().find(|folder| sdk::is_sdk(folder));
            match found {
                Some(found) => Ok((path(&found), false)),
                None => Err(Failure::usage(format!("`{}` holds no SDK", said.display()))
                    .hint("name the folder `plugin-api` of a checkout")),
            }
        }
        None => match sdk::checkout(folder) {
            Some(root) => {
                let up = folder.strip_prefix(root).map_or(0, |below| below.components().count());
                let mut relative: PathBuf = std::iter::repeat_n("..", up).collect();
                relative.push("plugin-api");
                Ok((path(&relative), false))
            }
            None => Ok((path(Path::new("sdk/plugin-api")), true)),
        },
    }
}

/// Builds the component, and appends what `plugin.toml` says.
pub(crate) fn build(ui: &mut Ui, args: BuildArgs) -> Result<(), Failure> {
    let manifest = read_manifest(&args.folder)?;
    check_target(&args.folder)?;
    let mut command = cargo(&args.folder, "build");
    command.args(["--release", "--lib", "--target", TARGET, "--message-format=json-render-diagnostics"]);
    // What is meant for the machine's own code does not fit components; where they were built is nobody's business.
    let folder = std::path::absolute(&args.folder)?;
    let mut flags = format!("--remap-path-prefix={}=/plugin", folder.display());
    if let Some(home) = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(cargo_home) {
        flags.push_str(&format!(" --remap-path-prefix={}=/cargo", home.display()));
    }
    command.env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CARGO_BUILD_TARGET").env("RUSTFLAGS", flags);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(no_cargo)?;
    if !output.status.success() {
        return Err(Failure::failed("the plugin does not build"));
    }
    let built = component_of(&String::from_utf8_lossy(&output.stdout), &folder).ok_or_else(|| {
        Failure::failed("cargo made no component: `Cargo.toml` needs `crate-type = [\"cdylib\"]`")
    })?;
    let component = std::fs::read(&built).map_err(|error| cannot("read", &built, &error))?;
    let packed = manifest.append_to(&component).map_err(|error| Failure::refused(error.message))?;
    crate::plugins::check_file(&packed)?;

    let file = match args.file {
        Some(file) => file,
        // `TARGET_FOLDER/wasm32-wasip2/release/NAME.wasm`
        None => {
            let target = built.ancestors().nth(3).unwrap_or(&folder);
            target.join("plugins").join(format!("{}.wasm", manifest.id))
        }
    };
    if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(|error| cannot("make", parent, &error))?;
    }
    std::fs::write(&file, &packed).map_err(|error| cannot("write", &file, &error))?;
    let made = json!({
        "id": manifest.id,
        "version": manifest.version,
        "roles": manifest.roles,
        "digest": crate::registry::archive::digest(&packed),
        "size": packed.len(),
        "file": file.display().to_string(),
    });
    ui.object(args.output.format, &made, |made, paint| {
        let text = |name: &str| scalar(made.get(name));
        let size = bytes_text(packed.len() as u64);
        let pairs =
            [("id", text("id")), ("version", text("version")), ("roles", text("roles")), ("size", size)];
        facts(&[&pairs[..], &[("file", text("file"))]].concat(), paint)
    })?;
    ui.note(&format!("install it with `osc plugin install {}`", file.display()));
    Ok(())
}

/// Runs the plugin's own tests.
pub(crate) fn test(args: TestArgs) -> Result<(), Failure> {
    read_manifest(&args.folder)?;
    let status = cargo(&args.folder, "test").args(&args.rest).status().map_err(no_cargo)?;
    if status.success() { Ok(()) } else { Err(Failure::failed("the tests of the plugin fail")) }
}

fn cargo(folder: &Path, command: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // In the folder, so that its `rust-toolchain.toml` counts.
    cargo.arg(command).current_dir(folder);
    cargo
}

fn cargo_home() -> Option<PathBuf> {
    Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"))
}

fn no_cargo(error: std::io::Error) -> Failure {
    Failure::failed(format!("cannot run cargo: {error}")).hint("install Rust: https://rustup.rs")
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot {what} `{}`: {error}", path.display()))
}

/// Says how to get the target when it is missing; cargo's own words are longer.
fn check_target(folder: &Path) -> Result<(), Failure> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--print", "target-libdir", "--target", TARGET]).current_dir(folder);
    let Ok(output) = command.output() else { return Ok(()) };
    let libraries = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || libraries.is_empty() || Path::new(&libraries).is_dir() {
        return Ok(());
    }
    Err(Failure::failed(format!("Rust's target `{TARGET}` is not installed"))
        .hint(format!("rustup target add {TARGET}")))
}

fn read_manifest(folder: &Path) -> Result<Manifest, Failure> {
    let path = folder.join("plugin.toml");
    let text = std::fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::usage(format!(
            "`{}` is no folder of a plugin: it has no `plugin.toml`",
            folder.display()
        ))
        .hint("start one with `osc plugin new publisher.name`"),
        _ => cannot("read", &path, &error),
    })?;
    read_manifest_text(&text).map_err(|failure| Failure {
        message: format!("`{}`: {}", path.display(), failure.message),
        ..failure
    })
}

fn read_manifest_text(text: &[u8]) -> Result<Manifest, Failure> {
    let manifest: Manifest =
        toml::from_slice(text).map_err(|error| Failure::refused(error.to_string().trim_end().to_owned()))?;
    manifest.check().map_err(|error| Failure::refused(error.message))?;
    Ok(manifest)
}

/// The component among cargo's messages: the last library of the package in this folder.
fn component_of(messages: &str, folder: &Path) -> Option<PathBuf> {
    let ours = folder.canonicalize().ok()?.join("Cargo.toml");
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut found = None;
    for message in artifacts.filter(|message| message["reason"] == "compiler-artifact") {
        let manifest = message["manifest_path"].as_str().map(Path::new);
        if manifest.and_then(|path| path.canonicalize().ok()).as_ref() != Some(&ours) {
            continue;
        }
        let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
        found =
            files.map(PathBuf::from).find(|file| file.extension().is_some_and(|ext| ext == "wasm")).or(found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(arguments: NewArgs) -> Result<(), Failure> {
        new(&mut Ui::captured(std::io::sink(), std::io::sink()), arguments)
    }

    fn arguments(id: &str, path: &Path, role: RoleName) -> NewArgs {
        NewArgs { id: id.into(), role, path: Some(path.into()), sdk: None, output: OutputArgs::default() }
    }

    #[test]
    fn a_new_plugin_is_whole_and_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for role in [RoleName::Scanner, RoleName::Deployer] {
            let path = folder.path().join(format!("{role:?}"));
            made(arguments("acme.hello", &path, role)).unwrap();
            let manifest = read_manifest(&path).unwrap();
            assert_eq!(manifest.id, "acme.hello");
            let cargo = std::fs::read_to_string(path.join("Cargo.toml")).unwrap();
            let cargo: toml::Table = cargo.parse().unwrap();
            assert_eq!(cargo["package"]["name"].as_str(), Some("osc-plugin-acme-hello"));
            assert!(sdk::is_sdk(&path.join("sdk/plugin-api")));
            let source = std::fs::read_to_string(path.join("src/lib.rs")).unwrap();
            assert!(!source.contains('@') || !source.contains("@FILE@"), "{source}");
            assert_eq!(made(arguments("acme.hello", &path, role)).unwrap_err().exit, 5);
        }
    }

    #[test]
    fn ids_are_checked_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        for id in ["hello", "Acme.Hello", "a.b.c", "acme.", "../x.y"] {
            let path = folder.path().join("x");
            assert_eq!(made(arguments(id, &path, RoleName::Scanner)).unwrap_err().exit, 2, "{id}");
            assert!(!path.exists(), "{id}");
        }
    }

    #[test]
    fn a_checkout_around_the_folder_is_used() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        let said = dependency(None, &root.join("target/mine")).unwrap();
        assert_eq!(said, (r#"{ path = "../../plugin-api" }"#.to_owned(), false));
        let said = dependency(Some("https://example.org/osc.git"), &root).unwrap();
        assert_eq!(said, (r#"{ git = "https://example.org/osc.git" }"#.to_owned(), false));
        assert_eq!(dependency(Some("/nowhere"), &root).unwrap_err().exit, 2);
    }
}
