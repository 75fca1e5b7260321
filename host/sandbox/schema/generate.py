#!/usr/bin/env python3
"""Makes table.json.z and descriptions.json.z, the schema of the built-in kinds.

    pip download --no-deps kubernetes-validate==1.37.0        OpenAPI definitions of Kubernetes 1.36
    (cd structs && go run . > structs.json)                   encoding of the Go types
    go mod download k8s.io/client-go                          defaults of list keys
    generate.py _definitions.json structs.json .../client-go/applyconfigurations/internal/internal.go

Each definition becomes {"g": [[group, version, kind]], "a": atomic, "f": {field: {...}}}; keys of a field:

    t  type: s text, i int32, l int64, n number, b boolean, q quantity, x int or text, t time, u micro time, y bytes,
       * anything, @NAME a definition, [T list, {T map
    o  Go encoding: o omitempty, z omitzero, p pointer         r  required        n  protobuf tag
    e  protobuf tag of the message it is inlined from          k  Go type of a scalar
    l  list: keys joined by commas, "=" a set, absent atomic   a  atomic (1) or granular (0), else as its definition
    m  strategic merge key ("" merges plain values)            R  retainKeys      d  default
"""
import json
import re
import sys
import zlib

GROUPS = re.compile(r"\.(v\d+)\.[A-Za-z]+$")
SCALARS = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "q",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "x",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "t",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "u",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "*",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "*",
}


def first(kind):
    return kind[0] if isinstance(kind, list) else kind


def go_name(name):
    """io.k8s.api.apps.v1.X -> k8s.io/api/apps/v1.X"""
    path, _, kind = name.rpartition(".")
    parts = path.split(".")
    return "k8s.io/" + "/".join(parts[2:]) + "." + kind


class Table:
    def __init__(self, definitions, structs, defaults):
        self.definitions, self.structs, self.defaults = definitions, structs, defaults
        self.done, self.texts = {}, {}

    def kind(self, schema):
        """The type letters of a schema."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            target = self.definitions[name]
            if name in SCALARS:
                return SCALARS[name]
            if "properties" not in target and first(target.get("type")) != "object":
                return "*"
            self.add(name)
            return "@" + name
        kind = first(schema.get("type"))
        if kind == "array":
            return "[" + self.kind(schema["items"])
        if kind == "object":
            inner = schema.get("additionalProperties")
            return "{" + (self.kind(inner) if isinstance(inner, dict) else "*")
        if kind == "string":
            return {"byte": "y"}.get(schema.get("format"), "s")
        if kind == "integer":
            return "l" if schema.get("format") == "int64" else "i"
        return {"boolean": "b", "number": "n"}.get(kind, "*")

    def add(self, name):
        if name in self.done:
            return
        source = self.definitions[name]
        entry = self.done[name] = {}
        texts = self.texts[name] = {"": source.get("description", "")}
        gvks = [[g["group"], g["version"], g["kind"]] for g in source.get("x-kubernetes-group-version-kind", ())]
        if gvks and len(gvks) < 5:  # DeleteOptions and WatchEvent are in every group
            entry["g"] = gvks
        if source.get("x-kubernetes-map-type") == "atomic":
            entry["a"] = 1
        struct = self.structs.get(go_name(name), {})
        fields = entry["f"] = {}
        for key, schema in source.get("properties", {}).items():
            texts[key] = schema.get("description", "")
            fields[key] = self.field(name, key, schema, struct.get(key), key in source.get("required", ()))

    def field(self, name, key, schema, go, required):
        field = {"t": self.kind(schema)}
        flags, tag, kind, outer = go or ("o", "", "", "")
        if flags:
            field["o"] = flags
        if required:
            field["r"] = 1
        if tag and outer != "-":
            field["n"] = int(tag)
        if outer and outer != "-":
            field["e"] = int(outer)
        if field["t"] in ("s", "i") and kind.rpartition(".")[2] not in ("string", "int32", ""):
            field["k"] = kind
        if schema.get("x-kubernetes-list-type") == "map":
            field["l"] = ",".join(schema["x-kubernetes-list-map-keys"])
        elif schema.get("x-kubernetes-list-type") == "set":
            field["l"] = "="
        if schema.get("x-kubernetes-map-type"):  # overrides that of the definition
            field["a"] = int(schema["x-kubernetes-map-type"] == "atomic")
        strategy = schema.get("x-kubernetes-patch-strategy", "").split(",")
        if "merge" in strategy:
            field["m"] = schema.get("x-kubernetes-patch-merge-key", "")
        if "retainKeys" in strategy:
            field["R"] = 1
        if self.defaults.get(name, {}).get(key) not in (None, "", 0, False):
            field["d"] = self.defaults[name][key]
        return field


def apply_defaults(path):
    """Defaults of scalars in the schema of client-go's apply configurations."""
    found, name, field = {}, "", ""
    for line in open(path, encoding="utf-8"):
        if match := re.match(r"- name: (\S+)", line):
            name = match[1]
        elif match := re.match(r"    - name: (\S+)", line):
            field = match[1]
        elif match := re.match(r"      default: (.+)", line):
            try:
                value = json.loads(match[1])
            except ValueError:
                value = match[1].strip()
            if not isinstance(value, dict):
                found.setdefault(name, {})[field] = value
    return found


def main():
    definitions, structs, internal = sys.argv[1:]
    with open(definitions, encoding="utf-8") as stream:
        definitions = json.load(stream)["$defs"]
    with open(structs, encoding="utf-8") as stream:
        table = Table(definitions, json.load(stream), apply_defaults(internal))
    for name, source in definitions.items():
        version = GROUPS.search(name)
        if version and source.get("x-kubernetes-group-version-kind") and not name.endswith("WatchEvent"):
            table.add(name)
    for path, content in (("table", table.done), ("descriptions", table.texts)):
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
        with open(path + ".json.z", "wb") as stream:
            stream.write(zlib.compress(text.encode(), 9))
        print(path, len(content), len(text), file=sys.stderr)


if __name__ == "__main__":
    main()
