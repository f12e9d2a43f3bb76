// SPDX-License-Identifier: Apache-2.0

// Go's pool of connections to one name, whose addresses it dials in turn: each may speak another version.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync"
	"sync/atomic"
)

type plan struct {
	Host      string
	Ca        string
	Addresses []string
	Requests  []struct{ Method, Path string }
	AtOnce    int
}

// One request; got is called when it has its connection.
func one(client *http.Client, url, method string, got func()) {
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { got() }}
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		panic(err)
	}
	answer, err := client.Do(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
	if err != nil {
		fmt.Printf("{\"status\": null, \"error\": %q}\n", err.Error())
		return
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	fmt.Printf("{\"status\": %d, \"ns\": null}\n", answer.StatusCode)
}

func main() {
	var p plan
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	if err := json.Unmarshal([]byte(os.Args[1]), &p); err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	if pem, err := os.ReadFile(p.Ca); err == nil {
		roots.AppendCertsFromPEM(pem)
	}
	var dialled int64
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: p.AtOnce,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			number := atomic.AddInt64(&dialled, 1) - 1
			address := p.Addresses[number%int64(len(p.Addresses))]
			return (&net.Dialer{}).DialContext(ctx, network, address+":443")
		},
	}}
	var all sync.WaitGroup
	room := make(chan bool, p.AtOnce)
	for _, r := range p.Requests {
		room <- true
		all.Add(1)
		connected := make(chan bool, 1)
		go func(method, path string) {
			one(client, "https://"+p.Host+path, method, func() {
				select {
				case connected <- true:
				default:
				}
			})
			<-room
			all.Done()
		}(r.Method, r.Path)
		<-connected // so no connection is dialled that nobody needs in the end
	}
	all.Wait()
}
