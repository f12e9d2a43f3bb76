<?php
// SPDX-License-Identifier: Apache-2.0
// php-curl on one handle (one keep-alive connection), or with "streams" PHP's own https:// wrapper.
$plan = json_decode($argv[1], true);

function report($status, $ns, $error)
{
    echo json_encode(["status" => $status, "ns" => $ns, "error" => $error]), "\n";
}

function by_stream($plan, $request)
{
    $http = ["method" => $request["method"], "ignore_errors" => true,
             "timeout" => $request["timeout"] ?? 30, "protocol_version" => 1.1,
             "header" => "Connection: close\r\n"];
    if (isset($request["body"])) {
        $http["content"] = str_repeat("b", $request["body"]);
        $http["header"] .= "Content-Type: application/json\r\n";
    }
    $context = stream_context_create(["http" => $http, "ssl" => ["cafile" => $plan["ca"]]]);
    $begin = hrtime(true);
    $body = @file_get_contents("https://{$plan['host']}{$request['path']}", false, $context);
    if ($body === false || empty($http_response_header)) {
        report(null, null, error_get_last()["message"] ?? "failed");
        return;
    }
    // A wrapper cannot tell when it was connected: this time is too long by the handshake.
    report((int)explode(" ", $http_response_header[0])[1], hrtime(true) - $begin, null);
}

function by_curl($handle, $plan, $request)
{
    curl_reset($handle);
    $options = [CURLOPT_URL => "https://{$plan['host']}{$request['path']}",
                CURLOPT_RETURNTRANSFER => true, CURLOPT_CUSTOMREQUEST => $request["method"],
                CURLOPT_TIMEOUT => $request["timeout"] ?? 30,
                CURLOPT_NOBODY => $request["method"] === "HEAD", CURLOPT_CAINFO => $plan["ca"],
                CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1];
    if (isset($request["body"]))
        $options[CURLOPT_POSTFIELDS] = str_repeat("b", $request["body"]);
    curl_setopt_array($handle, $options);
    if (curl_exec($handle) === false) {
        report(null, null, curl_error($handle));
        return;
    }
    $us = curl_getinfo($handle, CURLINFO_TOTAL_TIME_T);
    if (curl_getinfo($handle, CURLINFO_NUM_CONNECTS))
        $us -= curl_getinfo($handle, CURLINFO_APPCONNECT_TIME_T);
    report(curl_getinfo($handle, CURLINFO_RESPONSE_CODE), $us * 1000, null);
}

$handle = curl_init();
foreach ($plan["requests"] as $request)
    empty($plan["streams"]) ? by_curl($handle, $plan, $request) : by_stream($plan, $request);
