// Prints how the Go types of the Kubernetes API encode their fields: omitempty, pointer, protobuf tag.
// The OpenAPI definitions do not say this, and answers of a real server depend on it.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// field is flags (o omitempty, z omitzero, p pointer), protobuf tag, Go type, tag of the message it is inlined from.
type field [4]string

var structs = map[string]map[string]field{}

func walk(t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	switch t.Name() {
	case "Time", "MicroTime", "Quantity", "IntOrString", "RawExtension", "FieldsV1", "JSON":
		return
	}
	name := t.PkgPath() + "." + t.Name()
	if _, known := structs[name]; known || t.Kind() != reflect.Struct {
		return
	}
	structs[name] = map[string]field{}
	collect(t, structs[name], "")
}

func tag(f reflect.StructField) string {
	if parts := strings.Split(f.Tag.Get("protobuf"), ","); len(parts) > 1 {
		return parts[1]
	}
	return ""
}

func collect(t reflect.Type, fields map[string]field, outer string) {
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		parts := strings.Split(f.Tag.Get("json"), ",")
		if f.Anonymous && parts[0] == "" {
			inner := tag(f)
			if inner == "" {
				inner = "-" // TypeMeta: not in the message at all
			}
			if f.Type.Kind() == reflect.Struct {
				collect(f.Type, fields, inner)
			}
			continue
		}
		if parts[0] == "" || parts[0] == "-" || !f.IsExported() {
			continue
		}
		flags := ""
		for _, part := range parts[1:] {
			flags += map[string]string{"omitempty": "o", "omitzero": "z"}[part]
		}
		ft := f.Type
		if ft.Kind() == reflect.Pointer {
			flags += "p"
			ft = ft.Elem()
		}
		fields[parts[0]] = field{flags, tag(f), ft.String(), outer}
		walk(ft)
	}
}

func main() {
	_ = apiextensions.AddToScheme(scheme.Scheme)
	_ = apiregistration.AddToScheme(scheme.Scheme)
	for gvk, t := range scheme.Scheme.AllKnownTypes() {
		if gvk.Version == "v1" || gvk.Version == "v2" {
			walk(t)
		}
	}
	for _, v := range []any{meta.Status{}, meta.DeleteOptions{}} {
		walk(reflect.TypeOf(v))
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	_ = encoder.Encode(structs)
}
