// Command helmbench renders charts with the real Helm inside one process, for a fair comparison of speed.
//
// Each line of standard input is a JSON request, each line of standard output the answer: how long loading the
// archive and rendering it took, and the error if there was one.
package main

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/cli/values"
	"helm.sh/helm/v4/pkg/getter"
)

type request struct {
	Chart       string   `json:"chart"`
	Values      []string `json:"values"`
	Name        string   `json:"name"`
	Namespace   string   `json:"namespace"`
	KubeVersion string   `json:"kube_version"`
}

type answer struct {
	Nanoseconds int64  `json:"nanoseconds"`
	Error       string `json:"error,omitempty"`
}

func main() {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var wanted request
		var given answer
		if err := json.Unmarshal(lines.Bytes(), &wanted); err != nil {
			given.Error = err.Error()
		} else {
			start := time.Now()
			err := render(wanted)
			given.Nanoseconds = time.Since(start).Nanoseconds()
			if err != nil {
				given.Error = err.Error()
			}
		}
		if err := out.Encode(given); err != nil {
			os.Exit(1)
		}
	}
}

// render does what `helm template` does between parsing its flags and printing.
func render(wanted request) error {
	chart, err := loader.Load(wanted.Chart)
	if err != nil {
		return err
	}
	options := values.Options{ValueFiles: wanted.Values}
	user, err := options.MergeValues(getter.All(cli.New()))
	if err != nil {
		return err
	}
	version, err := common.ParseKubeVersion(wanted.KubeVersion)
	if err != nil {
		return err
	}
	install := action.NewInstall(&action.Configuration{})
	install.DryRunStrategy = action.DryRunClient
	install.ReleaseName = wanted.Name
	install.Namespace = wanted.Namespace
	install.KubeVersion = version
	install.Replace = true
	_, err = install.Run(chart, user)
	return err
}
