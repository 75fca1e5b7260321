//! Tests of the grammar.

use super::*;

fn shown(result: Result<(), String>, map: Map<String, Value>) -> String {
    match result {
        Ok(()) => Value::Object(map).to_string(),
        Err(error) => format!("error: {error}"),
    }
}

fn all(texts: &[&str], parse: fn(&str, &mut Map<String, Value>) -> Result<(), String>) -> String {
    let results = texts.iter().map(|text| {
        let base = serde_json::json!({"s": "x", "l": [{"k": 1.5}, null, [1.5]], "m": {"n": null}});
        let Value::Object(mut map) = base else { unreachable!() };
        let before = map.clone();
        let result = parse(text, &mut map);
        map.retain(|key, value| before.get(key) != Some(value));
        format!("{text:?} {}", shown(result, map))
    });
    results.collect::<Vec<_>>().join("\n")
}

#[test]
fn set_finds_types() {
    let texts = [
        "a=1,b=true,c=null,d=0,e=01,f=-5,g=1.5,h=TRUE",
        "a.b.c=x",
        "a\\.b=x\\,y",
        "a={1,x,},b=2",
        "a={}",
        "a[2]=x",
        "a[1].b=1,a[0].b=2",
        "a[0].b=",
        "l[0].k=2",
        "l[0].z=",
        "l[2][1]=7",
        "l[1].z=1",
        "a[0][1]=x",
        "a=",
        "a",
        "a,b=1",
        "a.=1",
        "a..b=1",
        "s.t=1",
        "s[0]=1",
        "m.n.o=1",
        "a[x]=1",
        "a[-1]=1",
        "a[70000]=1",
        "a[0]b=1",
        "a[0",
        "a[0]",
        "a={1",
        "=x",
        "a=b=c",
    ];
    insta::assert_snapshot!(all(&texts, parse), @r#"
    "a=1,b=true,c=null,d=0,e=01,f=-5,g=1.5,h=TRUE" {"a":1,"b":true,"c":null,"d":0,"e":"01","f":-5,"g":"1.5","h":true}
    "a.b.c=x" {"a":{"b":{"c":"x"}}}
    "a\\.b=x\\,y" {"a.b":"x,y"}
    "a={1,x,},b=2" {"a":[1,"x",""],"b":2}
    "a={}" {"a":[""]}
    "a[2]=x" {"a":[null,null,"x"]}
    "a[1].b=1,a[0].b=2" {"a":[{"b":2},{"b":1}]}
    "a[0].b=" {"a":[]}
    "l[0].k=2" {"l":[{"k":2},null,[1.5]]}
    "l[0].z=" {"l":[{"k":1.5,"z":""},null,[1.5]]}
    "l[2][1]=7" {"l":[{"k":1.5},null,[1.5,7]]}
    "l[1].z=1" {"l":[{"k":1.5},{"z":1},[1.5]]}
    "a[0][1]=x" {"a":[[null,"x"]]}
    "a=" {"a":""}
    "a" error: key "a" has no value
    "a,b=1" error: key "a" has no value (cannot end with ,)
    "a.=1" error: key map "a" has no value
    "a..b=1" error: key map "a" has no value
    "s.t=1" error: unable to parse key: interface conversion: interface {} is string, not map[string]interface {}
    "s[0]=1" error: unable to parse key: interface conversion: interface {} is string, not []interface {}
    "m.n.o=1" error: unable to parse key: interface conversion: interface {} is nil, not map[string]interface {}
    "a[x]=1" error: error parsing index: strconv.Atoi: parsing "x": invalid syntax
    "a[-1]=1" error: negative -1 index not allowed
    "a[70000]=1" error: index of 70000 is greater than maximum supported index of 65536
    "a[0]b=1" error: unexpected data at end of array index: ['b']
    "a[0" {}
    "a[0]" {"a":[]}
    "a={1" error: list must terminate with '}'
    "=x" {}
    "a=b=c" {"a":"b=c"}
    "#);
}

#[test]
fn other_forms_keep_text() {
    insta::assert_snapshot!(all(&["a=1,b={1,2}", "a[0]=true"], parse_string), @r#"
    "a=1,b={1,2}" {"a":"1","b":["1","2"]}
    "a[0]=true" {"a":["true"]}
    "#);
    insta::assert_snapshot!(
        all(&["a={\"b\":[1,2]},c=[true], d=", "a[1]=1 , b=\"x\"", "a=", "a=x", "a.b=null"], parse_json), @r#"
    "a={\"b\":[1,2]},c=[true], d=" {" d":null,"a":{"b":[1.0,2.0]},"c":[true]}
    "a[1]=1 , b=\"x\"" {" b":"x","a":[null,1.0]}
    "a=" {"a":null}
    "a=x" error: expected value at line 1 column 1
    "a.b=null" {"a":{"b":null}}
    "#);
    insta::assert_snapshot!(all(&["a.b=x,y={z}\\", "a[1]=q=r", "a"], parse_literal), @r#"
    "a.b=x,y={z}\\" {"a":{"b":"x,y={z}\\"}}
    "a[1]=q=r" {"a":[null,"q=r"]}
    "a" error: key "a" has no value
    "#);
}
