#!/usr/bin/env python3
"""Makes enums.json: the values that texts of built-in kinds may have, and what their descriptions say of these.

    kubectl get --raw /openapi/v3/PATH > DIR/N.json    for each path of /openapi/v3 on a kube-apiserver of this version
    enums.py DIR

Each type becomes {field: [values, text]}. The packages that generate.py reads do not have them.
"""
import json
import pathlib
import sys


def main():
    found = {}
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
        schemas = json.loads(path.read_text()).get("components", {}).get("schemas", {})
        for name, schema in schemas.items():
            for field, value in schema.get("properties", {}).items():
                inner = value if "enum" in value else value.get("items", {})
                if "enum" in inner:
                    text = value.get("description", "").partition("\n\nPossible enum values:\n")[2]
                    found.setdefault(name, {})[field] = [inner["enum"], text]
    lines = [f"{json.dumps(name)}: {json.dumps(found[name], sort_keys=True)}" for name in sorted(found)]
    out = pathlib.Path(__file__).with_name("enums.json")
    out.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
