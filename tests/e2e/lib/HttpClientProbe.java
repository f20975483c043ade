// SPDX-License-Identifier: MIT
// HttpClientProbe - fetches URLs through a proxy and says what came: with HttpURLConnection, or
// with java.net.http's HttpClient where the property probe.client says so.
//
// usage: java HttpClientProbe PROXYHOST PROXYPORT URL...
//
// Reads the proxy's user and password from standard input, a line each; without a user
// nobody is asked, so that only a Kerberos ticket can answer. Prints for each URL a line
// "STATUS PROMPTS", then the body, or the message of the exception after "!". Certificates are
// verified where the property javax.net.ssl.trustStore names a store.

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.Authenticator;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.PasswordAuthentication;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

public final class HttpClientProbe {
    private static final int MILLISECONDS = 20000;
    private static final List<String> prompts = new ArrayList<>();

    /** Where certificates are no matter: every origin's is taken. */
    private static final class AnyCertificate implements X509TrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String kind) { }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String kind) { }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }

    private static final class Credentials extends Authenticator {
        private final String user;
        private final String password;

        Credentials(String user, String password) {
            this.user = user;
            this.password = password;
        }

        @Override
        protected PasswordAuthentication getPasswordAuthentication() {
            prompts.add(getRequestingScheme());
            boolean isProxy = getRequestorType() == RequestorType.PROXY;
            return isProxy ? new PasswordAuthentication(user, password.toCharArray()) : null;
        }
    }

    private static void fetch(Proxy proxy, String url) {
        prompts.clear();
        try {
            HttpURLConnection connection = (HttpURLConnection) new URL(url).openConnection(proxy);
            connection.setConnectTimeout(MILLISECONDS);
            connection.setReadTimeout(MILLISECONDS);
            int status = connection.getResponseCode();
            InputStream stream =
                status < 400 ? connection.getInputStream() : connection.getErrorStream();
            String body = stream == null ? ""
                : new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            System.out.println(status + " " + String.join(",", prompts));
            System.out.println(body);
        } catch (IOException | RuntimeException e) {
            System.out.println("! " + String.join(",", prompts));
            System.out.println(e);
        }
    }

    /** By the other client, which asks for HTTP/2 in ALPN; it verifies by the default store. */
    private static void fetchAnew(HttpClient client, String url) {
        try {
            HttpRequest request = HttpRequest.newBuilder(URI.create(url))
                .timeout(Duration.ofMillis(MILLISECONDS)).build();
            HttpResponse<String> response =
                client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(response.statusCode() + " ");
            System.out.println(response.body());
        } catch (IOException | InterruptedException | RuntimeException e) {
            System.out.println("! ");
            System.out.println(e);
        }
    }

    private static void takeAnyCertificate() throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new AnyCertificate()}, null);
        HttpsURLConnection.setDefaultSSLSocketFactory(context.getSocketFactory());
        HttpsURLConnection.setDefaultHostnameVerifier((name, session) -> true);
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader input =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String user = input.readLine();
        String password = input.readLine();
        if (user != null && !user.isEmpty()) {
            Authenticator.setDefault(new Credentials(user, password));
        }
        if (System.getProperty("javax.net.ssl.trustStore") == null) {
            takeAnyCertificate();
        }
        InetSocketAddress address =
            new InetSocketAddress(arguments[0], Integer.parseInt(arguments[1]));
        Proxy proxy = new Proxy(Proxy.Type.HTTP, address);
        HttpClient client = HttpClient.newBuilder().proxy(ProxySelector.of(address)).build();
        for (int i = 2; i < arguments.length; i++) {
            if (System.getProperty("probe.client", "").equals("HttpClient")) {
                fetchAnew(client, arguments[i]);
            } else {
                fetch(proxy, arguments[i]);
            }
        }
    }
}
