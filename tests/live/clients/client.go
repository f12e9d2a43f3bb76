// SPDX-License-Identifier: Apache-2.0

// Go's net/http with its own TLS: a stack without OpenSSL. one connection, HTTP/1.1 unless told.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"time"
)

type request struct {
	Method  string
	Path    string
	Body    *int
	Timeout float64
}

type plan struct {
	Host     string
	Ca       string
	Requests []request
	Http     string
	Hold     bool // say "ready", live until the input ends
}

type result struct {
	Status int     `json:"status"`
	Ns     *int64  `json:"ns"`
	Error  *string `json:"error"`
}

func one(client *http.Client, host string, r request) (done result) {
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(bytes.Repeat([]byte("b"), *r.Body))
	}
	failed := func(err error) result {
		text := err.Error()
		return result{Error: &text}
	}
	req, err := http.NewRequest(r.Method, "https://"+host+r.Path, body)
	if err != nil {
		return failed(err)
	}
	var begin time.Time
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { begin = time.Now() }}
	client.Timeout = time.Duration(r.Timeout * float64(time.Second))
	answer, err := client.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		return failed(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return failed(err)
	}
	ns := time.Since(begin).Nanoseconds()
	return result{Status: answer.StatusCode, Ns: &ns}
}

func main() {
	var p plan
	if err := json.Unmarshal([]byte(os.Args[1]), &p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if p.Hold {
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
	}
	roots := x509.NewCertPool()
	if pem, err := os.ReadFile(p.Ca); err == nil {
		roots.AppendCertsFromPEM(pem)
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: p.Http == "2",
		MaxConnsPerHost:   1,
	}
	if p.Http != "2" { // an empty table is how HTTP/2 is switched off
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	client := &http.Client{Transport: transport}
	for _, r := range p.Requests {
		line, _ := json.Marshal(one(client, p.Host, r))
		fmt.Println(string(line))
	}
}
