//! Bad input through the binary: it is refused with exit code 2 or 3 and a message that names the place, the server
//! stays small, and nothing is left behind.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use osc_integration::charts::{chart, edit, one_template, pack};
use osc_integration::osc::{Ended, Home, Server};
use serde_json::json;

/// Paths and contents of a chart.
type Files = Vec<(String, Vec<u8>)>;

/// The server may not grow beyond this, whatever it is given.
const MEMORY: u64 = 600 << 20;

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is no text")
}

/// Refused, with words that a person finds in the message.
fn expect(ended: &Ended, words: &[&str]) -> Result<()> {
    ensure!(matches!(ended.code, Some(2 | 3)), "{ended:?}");
    for word in words {
        ensure!(ended.err.contains(word) || ended.out.contains(word), "no `{word}` in {ended:?}");
    }
    Ok(())
}

/// Nothing of what was refused can be deployed or lies around, and the server is as small as it should be.
fn expect_clean(server: &Server) -> Result<()> {
    let staged = server.data().join("objects/uploads");
    if staged.exists() {
        let left: Vec<_> = std::fs::read_dir(&staged)?.collect::<std::io::Result<_>>()?;
        ensure!(left.is_empty(), "uploads are left: {left:?}");
    }
    let instances = server.osc(["instance", "list", "-o", "json"])?.json()?;
    ensure!(instances == json!([]), "{instances}");
    let (_, highest) = server.memory()?;
    ensure!(highest < MEMORY, "the server took {} MiB", highest >> 20);
    Ok(())
}

/// An archive of entries that `tar` itself refuses to write.
fn raw_tar(folder: &Path, name: &str, entries: &[(&str, tar::EntryType, Option<&str>)]) -> Result<PathBuf> {
    let path = folder.join(format!("{name}.tgz"));
    let mut archive = GzEncoder::new(std::fs::File::create(&path)?, Compression::default());
    for (entry, kind, target) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        let body: &[u8] = if kind.is_file() { b"x: 1\n" } else { b"" };
        header.set_size(body.len() as u64);
        header.as_old_mut().name[..entry.len()].copy_from_slice(entry.as_bytes());
        if let Some(target) = target {
            header.set_link_name(target)?;
        }
        header.set_cksum();
        archive.write_all(header.as_bytes())?;
        archive.write_all(body)?;
        archive.write_all(&vec![0; body.len().next_multiple_of(512) - body.len()])?;
    }
    archive.write_all(&[0; 1024])?;
    archive.finish()?;
    Ok(path)
}

/// A few kilobytes that unpack to gigabytes.
fn bomb(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("bomb.tgz");
    let mut archive = GzEncoder::new(std::fs::File::create(&path)?, Compression::best());
    let mut header = tar::Header::new_gnu();
    header.set_path("bomb/values.yaml")?;
    header.set_size(2 << 30);
    header.set_mode(0o644);
    header.set_cksum();
    archive.write_all(header.as_bytes())?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..512 {
        archive.write_all(&zeros)?;
    }
    archive.finish()?;
    Ok(path)
}

/// More entries than anybody needs, each empty.
fn crowd(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("crowd.tgz");
    let mut archive = tar::Builder::new(GzEncoder::new(std::fs::File::create(&path)?, Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o644);
    for i in 0..200_000 {
        archive.append_data(&mut header, format!("crowd/files/{i}"), std::io::empty())?;
    }
    archive.into_inner()?.finish()?;
    Ok(path)
}

fn hostile_archives(folder: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    use tar::EntryType::{Char, Fifo, Link, Regular, Symlink};
    let plain = folder.join("plain.tgz");
    std::fs::write(&plain, "this is no archive")?;
    let cut = folder.join("cut.tgz");
    let whole = std::fs::read(pack(folder, "whole", &chart("greeter")?)?)?;
    std::fs::write(&cut, &whole[..whole.len() / 2])?;
    Ok(vec![
        (plain, "archive"),
        (cut, "cut"),
        (raw_tar(folder, "leaves", &[("x/../../etc/passwd", Regular, None)])?, "etc/passwd"),
        (raw_tar(folder, "absolute", &[("/etc/passwd", Regular, None)])?, "etc/passwd"),
        (raw_tar(folder, "symlink", &[("x/values.yaml", Symlink, Some("/etc/passwd"))])?, "x/values.yaml"),
        (raw_tar(folder, "hardlink", &[("x/values.yaml", Link, Some("/etc/passwd"))])?, "x/values.yaml"),
        (raw_tar(folder, "device", &[("x/values.yaml", Char, None)])?, "x/values.yaml"),
        (raw_tar(folder, "fifo", &[("x/values.yaml", Fifo, None)])?, "x/values.yaml"),
        (
            raw_tar(folder, "twice", &[("x/Chart.yaml", Regular, None), ("x/Chart.yaml", Regular, None)])?,
            "x/Chart.yaml",
        ),
        (bomb(folder)?, "bomb"),
        (crowd(folder)?, "entries"),
    ])
}

#[test]
fn archives() -> Result<()> {
    let server = Server::sandbox()?;
    let folder = tempfile::tempdir()?;
    for (archive, word) in hostile_archives(folder.path())? {
        let name = archive.file_name().context("no name")?.to_string_lossy().into_owned();
        let offline = server.osc(["package", "inspect", text(&archive)?])?;
        expect(&offline, &[&name]).with_context(|| format!("offline {name}"))?;
        let pushed = server.osc(["package", "push", text(&archive)?])?;
        expect(&pushed, &[]).with_context(|| format!("pushed {name}"))?;
        let words = [&offline.err, &pushed.err];
        ensure!(
            name == "cut.tgz" || words.iter().all(|text| text.contains(word)),
            "no `{word}` in {words:?}"
        );
    }
    let many: Vec<PathBuf> = (0..6)
        .map(|i| pack(folder.path(), &format!("many{i}"), &one_template(&format!("many{i}"), "")))
        .collect::<Result<_>>()?;
    let many = many.iter().map(|path| text(path)).collect::<Result<Vec<_>>>()?;
    expect(&server.osc(["package", "push"].iter().chain(&many))?, &["5 packages"])?;
    let mut large = one_template("large", "");
    let noise = |_| rand::random::<[u8; 1024]>();
    large.push(("large/files/noise.bin".into(), (0..6 << 10).flat_map(noise).collect()));
    let large = pack(folder.path(), "large", &large)?;
    expect(&server.osc(["package", "push", text(&large)?])?, &["large.tgz"])?;
    let services = server.osc(["service", "list", "-o", "json"])?.json()?;
    ensure!(services == json!([]), "{services}");
    expect_clean(&server)
}

/// Ten lists of ten aliases each: 10^10 values in a kilobyte.
fn aliases() -> String {
    let mut yaml = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..10 {
        let list = vec![format!("*a{}", i - 1); 10].join(", ");
        yaml.push_str(&format!("a{i}: &a{i} [{list}]\n"));
    }
    yaml
}

fn hostile_yaml() -> Vec<(&'static str, String)> {
    vec![
        ("broken", "a: 1\nb:\n  c: 2\n d: 3\n".into()),
        ("aliases", aliases()),
        ("deep", "[".repeat(100_000)),
        ("deeper", (0..2_000).map(|i| " ".repeat(i) + "a:\n").collect()),
        ("list", "- 1\n- 2\n".into()),
        ("text", "just text\n".into()),
    ]
}

#[test]
fn values() -> Result<()> {
    let server = Server::sandbox()?;
    let folder = tempfile::tempdir()?;
    let package = pack(folder.path(), "greeter", &chart("greeter")?)?;
    server.osc(["package", "push", text(&package)?])?.ok()?;
    let deploy =
        ["instance", "deploy", "greeter", "--name", "a", "--cluster", "sandbox", "--namespace", "web"];
    for (name, yaml) in hostile_yaml() {
        let file = folder.path().join(format!("{name}.yaml"));
        std::fs::write(&file, &yaml)?;
        let word = if name == "broken" { "line 3" } else { "" };
        for args in [vec!["package", "render", text(&package)?], deploy.to_vec()] {
            let ended = server.osc(args.into_iter().chain(["--values", text(&file)?]))?;
            expect(&ended, &[&format!("{name}.yaml"), word]).with_context(|| name.to_owned())?;
        }
        // The same text as the defaults of a chart.
        let mut files = one_template("bad", "a: {{ .Values.a }}");
        files[1].1 = yaml.into_bytes();
        let bad = pack(folder.path(), &format!("bad-{name}"), &files)?;
        let rendered = server.osc(["package", "render", text(&bad)?])?;
        expect(&rendered, &["values.yaml", word]).with_context(|| format!("defaults {name}"))?;
        let pushed = server.osc(["package", "push", text(&bad)?])?;
        expect(&pushed, &["values.yaml", word]).with_context(|| format!("pushed defaults {name}"))?;
    }
    for set in ["a[1000000000]=x", "a", "a.b[-1]=1"] {
        let ended = server.osc(["package", "render", text(&package)?, "--set", set])?;
        expect(&ended, &[]).with_context(|| set.to_owned())?;
    }
    let refused = server.osc(deploy.into_iter().chain(["--set", "replicas=-1"]))?;
    expect(&refused, &["replicas"])?;
    expect_clean(&server)
}

#[test]
fn charts() -> Result<()> {
    let server = Server::sandbox()?;
    let folder = tempfile::tempdir()?;
    let mut nameless = one_template("a", "");
    edit(&mut nameless, "Chart.yaml", "name: a\n", "")?;
    let mut version = one_template("b", "");
    edit(&mut version, "Chart.yaml", "0.1.0", "one")?;
    let mut broken = one_template("c", "");
    edit(&mut broken, "Chart.yaml", "apiVersion: v2", "apiVersion: v2\n  x: : y")?;
    let unparsed = one_template("d", "a: b\nc: {{ if }}\n");
    let cases: [(&str, Files, &[&str]); 4] = [
        ("nameless", nameless, &["nameless.tgz", "name"]),
        ("version", version, &["version.tgz", "version"]),
        ("broken", broken, &["Chart.yaml", "line"]),
        ("unparsed", unparsed, &["a.yaml:2"]),
    ];
    for (name, files, words) in cases {
        let package = pack(folder.path(), name, &files)?;
        expect(&server.osc(["package", "render", text(&package)?])?, words)
            .with_context(|| format!("rendered {name}"))?;
        expect(&server.osc(["package", "push", text(&package)?])?, words)
            .with_context(|| format!("pushed {name}"))?;
    }
    expect_clean(&server)
}

#[test]
fn templates_without_end() -> Result<()> {
    let server = Server::sandbox()?;
    let folder = tempfile::tempdir()?;
    let spin =
        "{{ range until 100000 }}{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}{{ end }}";
    let recursion = "{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}";
    let growth = "{{ range until 100000000 }}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{{ end }}";
    let doubling =
        "{{ $a := \"aaaaaaaaaaaaaaaa\" }}{{ range until 64 }}{{ $a = print $a $a }}{{ end }}{{ $a }}";
    for (name, template) in
        [("spin", spin), ("recursion", recursion), ("growth", growth), ("doubling", doubling)]
    {
        let package = pack(folder.path(), name, &one_template(name, template))?;
        let offline = server.osc(["package", "render", text(&package)?, "--timeout", "5s"])?;
        expect(&offline, &[name]).with_context(|| format!("rendered {name}"))?;
        // Lint looks at templates too; what passes it fails when it is planned.
        let pushed = server.osc(["package", "push", text(&package)?, "-o", "json"])?;
        if pushed.code == Some(0) {
            let deploy =
                format!("instance deploy {name} --name {name} --cluster sandbox --namespace web --dry-run");
            expect(&server.osc(deploy.split(' '))?, &[]).with_context(|| format!("planned {name}"))?;
        } else {
            expect(&pushed, &[]).with_context(|| format!("pushed {name}"))?;
        }
    }
    expect_clean(&server)?;
    // It still works for others.
    let package = pack(folder.path(), "greeter", &chart("greeter")?)?;
    server.osc(["package", "push", text(&package)?])?.ok()?;
    Ok(())
}

#[test]
fn kubeconfigs() -> Result<()> {
    let server = Server::serve()?;
    let folder = tempfile::tempdir()?;
    let config = |cluster: &str, user: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
             clusters: [{{name: k, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
        )
    };
    let good = "server: 'https://127.0.0.1:1'";
    let cases = [
        (
            "exec",
            config(
                good,
                "exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, args: [/tmp/x]}",
            ),
            "exec",
        ),
        ("provider", config(good, "auth-provider: {name: gcp}"), "auth-provider"),
        ("proxy", config(&format!("{good}, proxy-url: 'http://127.0.0.1:1'"), "token: x"), "proxy-url"),
        (
            "insecure",
            config(&format!("{good}, insecure-skip-tls-verify: true"), "token: x"),
            "insecure-skip-tls-verify",
        ),
        ("basic", config(good, "username: a, password: b"), "username"),
        (
            "ca",
            config(&format!("{good}, certificate-authority: /nonexistent/ca.crt"), "token: x"),
            "/nonexistent/ca.crt",
        ),
        (
            "key",
            config(good, "client-certificate-data: eA==, client-key: /nonexistent/key"),
            "/nonexistent/key",
        ),
        ("tokenfile", config(good, "tokenFile: /nonexistent/token"), "/nonexistent/token"),
        ("file", config("server: 'file:///etc/passwd'", "token: x"), "file"),
        ("http", config("server: 'http://127.0.0.1:1'", "token: x"), "http"),
        ("metadata", config("server: 'https://169.254.169.254'", "token: x"), "169.254.169.254"),
        ("broken", "a: 1\nb:\n  c: 2\n d: 3\n".into(), "line 3"),
        ("aliases", aliases(), "alias"),
        ("deep", "[".repeat(100_000), "depth"),
        ("empty", String::new(), "kubeconfig"),
        ("nocontext", "apiVersion: v1\nkind: Config\n".into(), "context"),
    ];
    for (name, yaml, word) in cases {
        let file = folder.path().join(format!("{name}.conf"));
        std::fs::write(&file, yaml)?;
        let ended =
            server.osc(["cluster", "add", "--kubeconfig", text(&file)?, "--name", name, "--region", "r"])?;
        expect(&ended, &[word]).with_context(|| name.to_owned())?;
    }
    let clusters = server.osc(["cluster", "list", "-o", "json"])?.json()?;
    ensure!(clusters == json!([]), "{clusters}");
    expect_clean(&server)
}

#[test]
fn names_and_flags() -> Result<()> {
    let server = Server::sandbox()?;
    for (line, code) in [
        ("instance show nothing", 4),
        ("service show nothing", 4),
        ("cluster show nothing", 4),
        ("operation show 999", 4),
        ("plan apply 999", 4),
        ("instance deploy nothing --name a --cluster sandbox", 4),
        ("instance deploy --name a", 2),
        ("instance list -o xml", 2),
        ("subscription create nothing", 4),
    ] {
        let ended = server.osc(line.split(' '))?;
        ensure!(ended.code == Some(code), "`{line}`: {ended:?}");
        ensure!(
            code == 2 || ended.err.contains("nothing") || ended.err.contains("999"),
            "`{line}`: {}",
            ended.err
        );
    }
    let nobody = Home::new()?.osc(["cluster", "list", "--server", "http://127.0.0.1:1"])?;
    ensure!(nobody.code == Some(1) && nobody.err.contains("osc sandbox"), "{nobody:?}");
    Ok(())
}
