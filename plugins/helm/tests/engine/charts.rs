//! What templates see of their chart and its subcharts, and what stops a rendering.

use osc_plugin_helm::gotemplate::exec::Limits;
use osc_plugin_helm::render::{Options, Release, render as render_chart};
use osc_plugin_helm::value::Capabilities;
use osc_plugin_helm::{chart::File, load};
use serde_json::{Value, json};

use crate::shared::with_stack;
use crate::snippets::{render, render_files};

/// A chart with a subchart and a library; the parent's template is given.
fn with_subcharts<'a>(parent: &'a str, sub: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("Chart.yaml", "apiVersion: v2\nname: top\nversion: 1.0.0\n"),
        ("values.yaml", "sub: {x: from-parent}\nglobal: {g: 1}\n"),
        ("templates/t.txt", parent),
        ("templates/_h.tpl", "{{ define \"both\" }}top{{ end }}"),
        ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 2.0.0\n"),
        ("charts/sub/values.yaml", "x: own\nz: sub-z\n"),
        ("charts/sub/templates/s.txt", sub),
        (
            "charts/sub/templates/_h.tpl",
            "{{ define \"both\" }}sub{{ end }}{{ define \"subs\" }}{{ .Values.x }}{{ end }}",
        ),
        ("charts/lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n"),
        ("charts/lib/templates/_l.tpl", "{{ define \"lib\" }}lib {{ .Chart.Name }}{{ end }}"),
        ("charts/lib/templates/l.txt", "{{ fail \"never rendered\" }}"),
    ]
}

fn parent(template: &str) -> String {
    render_files(&with_subcharts(template, ""), "top/templates/t.txt")
}

fn child(template: &str) -> String {
    render_files(&with_subcharts("", template), "top/charts/sub/templates/s.txt")
}

#[test]
fn a_chart_overrides_what_its_subcharts_define() {
    assert_eq!(parent("{{ include \"both\" . }}"), "top");
    assert_eq!(child("{{ include \"both\" . }}"), "top");
}

#[test]
fn subcharts_see_their_own_scope() {
    assert_eq!(
        child("{{ .Values.x }} {{ .Values.z }} {{ .Values.global.g }} {{ .Chart.Name }} {{ .Chart.IsRoot }}"),
        "from-parent sub-z 1 sub false"
    );
    assert_eq!(
        child("{{ .Template.Name }} {{ .Template.BasePath }}"),
        "top/charts/sub/templates/s.txt top/charts/sub/templates"
    );
}

#[test]
fn parents_reach_into_subcharts() {
    assert_eq!(
        parent("{{ include \"subs\" .Subcharts.sub }} {{ .Subcharts.sub.Values.z }}"),
        "from-parent sub-z"
    );
    assert_eq!(parent("{{ include \"lib\" . }}"), "lib top");
    assert_eq!(parent("{{ include \"lib\" .Subcharts.lib }}"), "lib lib");
}

#[test]
fn changes_of_values_are_seen_by_all_templates() {
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: top\nversion: 1.0.0\n"),
        ("templates/a.txt", "{{ .Values.late }}"),
        ("templates/z.txt", "{{ $_ := set .Values \"late\" \"seen\" }}"),
    ];
    assert_eq!(render_files(&files, "top/templates/a.txt"), "seen");
}

#[test]
fn recursion_ends_with_helms_words() {
    let error = with_stack(|| render("{{ include \"inf\" . }}"));
    assert!(error.starts_with("ERR template: fn/templates/t.txt:1:3: executing \"fn/templates/t.txt\""));
    assert!(error.ends_with(
        "error calling include: rendering template has a nested reference name: inf: unable to execute template"
    ));
}

#[test]
fn a_chart_without_annotations_has_none() {
    let template = "{{ toJson .Chart.Annotations }} {{ toYaml .Chart.Annotations }} {{ .Chart.Annotations }} \
                    {{ .Chart.Annotations.x | quote }} {{ typeOf .Chart.Annotations }} {{ empty .Chart.Annotations }}";
    assert_eq!(parent(template), "null null map[] \"\" map[string]string true");
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: top\nversion: 1.0.0\nannotations: {}\n"),
        ("templates/t.txt", template),
    ];
    let empty = render_files(&files, "top/templates/t.txt");
    assert_eq!(empty, "{} {} map[] \"\" map[string]string true");
}

#[test]
fn binary_files_survive_templates() {
    let chart = load::load_files([
        File::new("Chart.yaml", "apiVersion: v2\nname: top\nversion: 1.0.0\n"),
        File::new("logo.bin", vec![0xFF, 0x00, 0x80, b'a']),
        File::new(
            "templates/t.txt",
            "{{ .Files.Get \"logo.bin\" | b64enc }} {{ (.Files.Glob \"*.bin\").AsSecrets }}",
        ),
    ])
    .unwrap();
    let rendered = limited(&chart, Limits::default()).unwrap();
    assert_eq!(rendered["top/templates/t.txt"], "/wCAYQ== logo.bin: /wCAYQ==");
}

fn limited(
    chart: &osc_plugin_helm::chart::Chart,
    limits: Limits,
) -> Result<std::collections::BTreeMap<String, String>, String> {
    let lookup = |_: &str, kind: &str, _: &str, name: &str| -> Result<Value, String> {
        match kind {
            "Secret" => Ok(json!({ "metadata": { "name": name }, "data": { "n": 5 } })),
            "Denied" => Err("forbidden".to_owned()),
            _ => Ok(Value::Null),
        }
    };
    let options = Options {
        release: Release {
            name: "rel".to_owned(),
            namespace: "ns".to_owned(),
            revision: 3,
            is_install: false,
            is_upgrade: true,
        },
        capabilities: Capabilities {
            kube_version: "v1.30.2-gke.1".to_owned(),
            api_versions: vec!["v1".to_owned(), "apps/v1/Deployment".to_owned()],
            helm_version: "v4.3.1".to_owned(),
        },
        lookup: &lookup,
        lint: false,
        limits,
    };
    render_chart(chart, &json!({ "n": 5, "f": 5.0 }), &options)
}

fn one(template: &str, limits: Limits) -> String {
    let chart = load::load_files([
        File::new("Chart.yaml", "apiVersion: v2\nname: top\nversion: 1.0.0\n"),
        File::new("templates/t.txt", template.to_owned()),
    ])
    .unwrap();
    match limited(&chart, limits) {
        Ok(mut files) => files.remove("top/templates/t.txt").unwrap(),
        Err(error) => format!("ERR {error}"),
    }
}

#[test]
fn templates_learn_about_release_cluster_and_objects() {
    let render = |template: &str| one(template, Limits::default());
    assert_eq!(
        render("{{ .Release.Revision }} {{ .Release.IsUpgrade }} {{ .Release.IsInstall }}"),
        "3 true false"
    );
    assert_eq!(
        render(
            "{{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.KubeVersion.Minor }}"
        ),
        "v1.30.2 v1.30.2-gke.1 30"
    );
    assert_eq!(render("{{ .Capabilities.APIVersions.Has \"apps/v1/Deployment\" }}"), "true");
    assert_eq!(render("{{ .Capabilities.HelmVersion.Version }}"), "v4.3.1");
    assert_eq!(render("{{ (lookup \"v1\" \"Secret\" \"ns\" \"x\").data.n | typeOf }}"), "int64");
    assert_eq!(render("{{ lookup \"v1\" \"Pod\" \"\" \"\" }}"), "map[]");
    assert!(render("{{ lookup \"v1\" \"Denied\" \"\" \"\" }}").ends_with("error calling lookup: forbidden"));
    // Integers of `--set` are integers, numbers of files are not.
    assert_eq!(render("{{ typeOf .Values.n }} {{ typeOf .Values.f }}"), "int64 float64");
}

#[test]
fn work_and_output_are_bounded() {
    let few = Limits { steps: 1000, ..Limits::default() };
    let small = Limits { output: 1000, ..Limits::default() };
    let flat = Limits { depth: 5, ..Limits::default() };
    let messages = [
        one("{{ range 1000000000000 }}{{ end }}", Limits { steps: 100_000, ..few }),
        one("{{ range 2000 }}x{{ end }}", few),
        one("{{ until 1000000000 }}", small),
        one("{{ repeat 1000000 \"xxxx\" }}", small),
        one("{{ range 2000 }}x{{ end }}", small),
        one("{{ printf \"%1000000d\" 1 }}", small),
        one("{{ define \"r\" }}{{ template \"r\" }}{{ end }}{{ template \"r\" }}", flat),
        one(
            "{{ regexMatch \"((a{1000}){1000}){1000}\" \"a\" }} {{ mustRegexMatch \"((a{1000}){1000}){1000}\" \"a\" }}",
            flat,
        ),
    ];
    insta::assert_snapshot!(messages.join("\n\n"));
}

/// Values that double with every turn: none of these may take more than moments and a few megabytes.
#[test]
fn values_that_grow_are_refused() {
    let nested = "{{ $d := dict \"a\" 1 }}{{ range 60 }}{{ $d = dict \"a\" $d \"b\" $d }}{{ end }}";
    let deep =
        ["toYaml", "toYamlPretty", "mustToJson", "toToml", "deepCopy", "deepEqual (dict)", "merge (dict)"];
    let mut messages: Vec<String> = deep
        .iter()
        .map(|function| one(&format!("{nested}{{{{ {function} $d }}}}"), Limits::default()))
        .collect();
    let small = || Limits { output: 100_000, ..Limits::default() };
    let grown = [
        "{{ $l := list 1 }}{{ range 60 }}{{ $l = concat $l $l }}{{ end }}",
        "{{ $s := \"x\" }}{{ range 60 }}{{ $s = cat $s $s }}{{ end }}",
        "{{ $s := \"x\" }}{{ range 90 }}{{ $s = b64enc $s }}{{ end }}",
        "{{ $l := list }}{{ range 100000 }}{{ $l = append $l . }}{{ end }}",
        "{{ wrapWith 1 (repeat 10000 \"x\") (repeat 1000 \"ab \") }}",
    ];
    messages.extend(grown.iter().map(|template| one(template, small())));
    messages
        .push(one("{{ range 100 }}{{ genPrivateKey \"rsa\" }}{{ end }}", Limits { steps: 1000, ..small() }));
    insta::assert_snapshot!(messages.join("\n\n"));
}

/// Matching takes as long as the text times the expression; so does compiling without end.
#[test]
fn regular_expressions_are_bounded() {
    let long = "{{ $_ := regexFind \"(a{1,1000}|[a-z]{1,900}){1,5}b\" (repeat 100000 \"a\") }}";
    let many = "{{ range 100000 }}{{ $_ := regexMatch (printf \"(.*)(.*)[^%d]$\" .) \"\" }}{{ end }}";
    let replaced =
        "{{ range 1000 }}{{ $_ := regexReplaceAll \"(.*)(.*)(.*)c$\" (repeat 100000 \"a\") \"\" }}{{ end }}";
    let few = || Limits { steps: 1_000_000, ..Limits::default() };
    for template in [long, many, replaced] {
        let message = one(template, few());
        assert!(message.ends_with("rendering stopped after 1000000 steps"), "{message}");
    }
    let usual =
        "{{ range 100 }}{{ $_ := regexReplaceAll \"[^-A-Za-z0-9_.]+\" (repeat 60 \"a/\") \"-\" }}{{ end }}ok";
    assert_eq!(one(usual, few()), "ok");
}

#[test]
fn maps_that_contain_themselves_do_not_hang() {
    with_stack(maps_that_contain_themselves);
}

fn maps_that_contain_themselves() {
    let template = "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toYaml $d }}|{{ toJson $d }}|{{ $_ := merge (dict) $d }}x";
    assert_eq!(render(template), "||x");
    assert!(render("{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ deepCopy $d }}").contains("nested deeper"));
    assert!(render("{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ $d }}").starts_with("map[d:map[d:"));
}

#[test]
fn certificates_are_signed_by_their_authority() {
    let template = "{{ $ca := genCAWithKey \"ca\" 30 (genPrivateKey \"ecdsa\") }}\
                    {{ $c := genSignedCertWithKey \"cn\" (list \"127.0.0.1\") (list \"a.b\") 30 $ca (genPrivateKey \"ed25519\") }}\
                    {{ $s := genSelfSignedCertWithKey \"self\" nil nil 1 $ca.Key }}\
                    {{ hasPrefix \"-----BEGIN CERTIFICATE-----\" $c.Cert }} {{ hasPrefix \"-----BEGIN PRIVATE KEY-----\" $c.Key }} \
                    {{ hasPrefix \"-----BEGIN EC PRIVATE KEY-----\" $s.Key }} {{ ne $s.Cert $ca.Cert }} \
                    {{ (buildCustomCert (b64enc $c.Cert) (b64enc $c.Key)).Cert | eq $c.Cert }}";
    assert_eq!(render(template), "true true true true true");
}

/// Charts include the template of a Secret once more for its checksum.
#[test]
fn a_template_included_again_holds_the_same_certificates() {
    let template = "{{ define \"t\" }}{{ range until 2 }}{{ (genSelfSignedCert \"cn\" nil nil 1).Cert | sha256sum }} {{ end }}{{ end }}\
                    {{ $first := include \"t\" . }}{{ eq $first (include \"t\" .) }} {{ splitList \" \" $first | uniq | len }}";
    assert_eq!(render(template), "true 3");
}
