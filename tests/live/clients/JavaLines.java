// SPDX-License-Identifier: Apache-2.0
// Java's own clients over its own TLS (JSSE), a call a line; see lines.py. usage: java JavaLines 2|1 HOST CA
// 2: java.net.http.HttpClient over HTTP/2; 1: HttpsURLConnection, which says goodbye after each call.

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class JavaLines {
	interface Client {
		int status(String method, String url, byte[] body) throws Exception;
	}

	static SSLContext trusting(String file) throws Exception {
		KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
		store.load(null, null);
		try (InputStream in = new FileInputStream(file)) {
			store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
		}
		TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
		trust.init(store);
		SSLContext context = SSLContext.getInstance("TLS");
		context.init(null, trust.getTrustManagers(), null);
		return context;
	}

	static Client http2(SSLContext context) {
		HttpClient client = HttpClient.newBuilder().sslContext(context).build();
		return (method, url, body) -> {
			HttpRequest.BodyPublisher sent =
				body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofByteArray(body);
			HttpRequest request = HttpRequest.newBuilder(URI.create(url)).method(method, sent).build();
			HttpResponse<Void> answer = client.send(request, HttpResponse.BodyHandlers.discarding());
			if (answer.version() != HttpClient.Version.HTTP_2)
				throw new IllegalStateException("not over HTTP/2");
			return answer.statusCode();
		};
	}

	static Client http1(SSLContext context) {
		return (method, url, body) -> {
			HttpsURLConnection connection = (HttpsURLConnection) new URL(url).openConnection();
			connection.setSSLSocketFactory(context.getSocketFactory());
			connection.setRequestMethod(method);
			if (body != null) {
				connection.setDoOutput(true);
				connection.getOutputStream().write(body);
			}
			int status = connection.getResponseCode();
			connection.getInputStream().readAllBytes();
			connection.disconnect();
			return status;
		};
	}

	public static void main(String[] arguments) throws Exception {
		SSLContext context = trusting(arguments[2]);
		Client client = arguments[0].equals("2") ? http2(context) : http1(context);
		BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
		System.out.println("ready");
		for (String line = lines.readLine(); line != null; line = lines.readLine()) {
			String[] words = line.split(" ");
			byte[] body = new byte[Integer.parseInt(words[2])];
			Arrays.fill(body, (byte) 'b');
			long begin = System.nanoTime();
			int status = client.status(words[0], "https://" + arguments[1] + words[1], body.length == 0 ? null : body);
			System.out.printf("{\"status\": %d, \"ns\": %d, \"error\": null}%n", status, System.nanoTime() - begin);
		}
	}
}
