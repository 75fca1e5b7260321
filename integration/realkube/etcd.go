package main

import (
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
)

// newEtcdCommand is a single etcd member on loopback. It never syncs its files: a test cluster outlives no power cut.
func newEtcdCommand() *cobra.Command {
	var dataDir, client, peer string
	command := &cobra.Command{
		Use:           "etcd",
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error {
			config, err := etcdConfig(dataDir, client, peer)
			if err != nil {
				return err
			}
			etcd, err := embed.StartEtcd(config)
			if err != nil {
				return err
			}
			defer etcd.Close()
			stop := make(chan os.Signal, 1)
			signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
			select {
			case <-stop:
				return nil
			case err := <-etcd.Err():
				return err
			}
		},
	}
	command.Flags().StringVar(&dataDir, "data-dir", "etcd", "directory of the data")
	command.Flags().StringVar(&client, "client-url", "http://127.0.0.1:2379", "URL for clients")
	command.Flags().StringVar(&peer, "peer-url", "http://127.0.0.1:2380", "URL for peers")
	return command
}

func etcdConfig(dataDir, client, peer string) (*embed.Config, error) {
	clientURL, err := url.Parse(client)
	if err != nil {
		return nil, err
	}
	peerURL, err := url.Parse(peer)
	if err != nil {
		return nil, err
	}
	config := embed.NewConfig()
	config.Dir = dataDir
	config.UnsafeNoFsync = true
	config.LogLevel = "error"
	config.TickMs = 100
	config.ElectionMs = 500
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*clientURL}, []url.URL{*clientURL}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peerURL}, []url.URL{*peerURL}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.AutoCompactionMode = "periodic"
	config.AutoCompactionRetention = time.Hour.String()
	return config, nil
}
