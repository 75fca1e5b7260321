//! Package tools without a server.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use osc_integration::charts::{chart, corpus, fixtures, pack};
use osc_integration::osc::{Home, run};
use osc_integration::{realkube, skip};
use serde_json::Value;

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is no text")
}

#[test]
fn renders_what_real_helm_renders() -> Result<()> {
    let Some(helm) = realkube::helm() else { return Ok(()) };
    let home = Home::new()?;
    let folder = tempfile::tempdir()?;
    let values = folder.path().join("values.yaml");
    std::fs::write(&values, "greeting: Hej\nreplicas: 3\nservice: {port: 1000000}\n")?;
    let archive = pack(folder.path(), "greeter", &chart("greeter")?)?;
    for name in ["greeter", "ledger"] {
        let chart = fixtures().join("charts").join(name);
        for flags in [
            vec![],
            vec!["--namespace", "web", "--kube-version", "v1.30.0", "--include-crds", "--set", "password=x"],
        ] {
            let ours = home
                .osc(
                    ["package", "render", text(&chart)?, "--name", "shop"]
                        .into_iter()
                        .chain(flags.iter().copied()),
                )?
                .ok()?;
            let mut theirs = std::process::Command::new(&helm);
            theirs.args(["template", "shop"]).arg(&chart).args(&flags);
            let theirs = run(theirs)?.ok()?;
            if name == "greeter" || !flags.is_empty() {
                ensure!(ours == theirs, "{name} {flags:?}:\n{ours}\n--- not\n{theirs}");
            }
        }
    }
    let set = [
        "--values",
        text(&values)?,
        "--set",
        "service.port=8080,replicas=4",
        "--set-string",
        "greeting=1",
        "--set-json",
        "resources={}",
    ];
    let ours = home.osc(["package", "render", text(&archive)?].into_iter().chain(set))?.ok()?;
    let mut theirs = std::process::Command::new(&helm);
    theirs.args(["template", "release-name"]).arg(&archive).args(set);
    ensure!(ours == run(theirs)?.ok()?, "{ours}");
    Ok(())
}

#[test]
fn inspects_lints_and_scans() -> Result<()> {
    let home = Home::new()?;
    let folder = fixtures().join("charts/greeter");
    let facts = home.osc(["package", "inspect", text(&folder)?, "-o", "json"])?.json()?;
    ensure!(facts["name"] == "greeter" && facts["version"] == "0.1.0" && facts["kind"] == "helm", "{facts}");
    ensure!(facts["crds"].to_string().contains("greetings.greeter.example.org"), "{facts}");
    ensure!(home.osc(["package", "inspect", text(&folder)?])?.ok()?.contains("name:"), "no table");
    let lint = home.osc(["package", "lint", text(&folder)?, "-o", "json"])?.json()?;
    ensure!(
        lint.as_array().is_some_and(|all| all.iter().all(|finding| finding["blocking"] == false)),
        "{lint}"
    );
    let scan = home.osc(["package", "scan", text(&folder)?, "-o", "json"])?.json()?;
    ensure!(scan.is_array(), "{scan}");
    let json =
        home.osc(["package", "render", text(&folder)?, "--output", "json", "--set", "replicas=3"])?.json()?;
    let objects = json.as_array().context("no list")?;
    ensure!(
        objects.iter().any(|object| object["kind"] == "Deployment" && object["spec"]["replicas"] == 3),
        "{json}"
    );
    let notes = home.osc(["package", "render", text(&folder)?, "--show-notes"])?.ok()?;
    ensure!(notes.contains("NOTES:\nHello from release-name-greeter.default, revision 1."), "{notes}");
    let tests = home.osc(["package", "render", text(&folder)?, "--skip-tests"])?.ok()?;
    ensure!(!tests.contains("-test"), "{tests}");
    Ok(())
}

#[test]
fn wrong_usage_is_exit_code_2() -> Result<()> {
    let home = Home::new()?;
    for line in [
        "",
        "frobnicate",
        "package render",
        "package render /nonexistent.tgz",
        "instance list",
        "package convert x",
        "completion tcsh",
    ] {
        let ended = home.osc(line.split(' ').filter(|word| !word.is_empty()))?;
        ensure!(ended.code == Some(2), "`{line}`: {ended:?}");
    }
    for shell in ["bash", "zsh", "fish"] {
        ensure!(home.osc(["completion", shell])?.ok()?.contains("sandbox-cluster"), "{shell}");
    }
    Ok(())
}

/// A few charts of the corpus through the binary; all of them are compared by `make conformance`.
#[test]
fn renders_charts_of_the_corpus() -> Result<()> {
    let Some(corpus) = corpus() else {
        skip("there is no corpus of recorded charts (OSC_SHARED)");
        return Ok(());
    };
    let home = Home::new()?;
    let index: Value = serde_json::from_str(&std::fs::read_to_string(corpus.join("index.json"))?)?;
    let charts = index["charts"].as_array().context("no charts")?;
    let mut compared = 0;
    for chart in charts.iter().step_by(charts.len() / 8 + 1) {
        for case in
            chart["cases"].as_array().context("no cases")?.iter().filter(|case| case["byte_stable"] == true)
        {
            let file = corpus.join(chart["chart"].as_str().context("no chart")?);
            let mut args = vec![
                "package",
                "render",
                text(&file)?,
                "--name",
                "my-release",
                "--namespace",
                "my-ns",
                "--kube-version",
                "v1.36.0",
            ];
            let values = case["values"].as_str().map(|values| corpus.join(values));
            if let Some(values) = &values {
                args.extend(["--values", text(values)?]);
            }
            let expected =
                std::fs::read_to_string(corpus.join(case["expected"].as_str().context("no expectation")?))?;
            let ours = home.osc(args)?.ok().with_context(|| case["case"].to_string())?;
            ensure!(ours == expected, "{} differs", case["case"]);
            compared += 1;
        }
    }
    ensure!(compared > 0, "nothing was compared");
    Ok(())
}
