// Java's java.net.http.WebSocket, as a client. What a peer does is told in tests/interop.rs.

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.Scanner;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class JavaNet {
    /** What has come: a String, a byte[], a pong's payload, or the end. */
    record Pong(String payload) {}
    record End(int code, String reason) {}

    /** A connection for each line of input. */
    public static void main(String[] args) throws Exception {
        HttpClient client = HttpClient.newBuilder().sslContext(trusting(Path.of(args[1], "ca.pem"))).build();
        Scanner lines = new Scanner(System.in, StandardCharsets.UTF_8);
        while (lines.hasNextLine()) {
            String[] line = lines.nextLine().split(" ");
            WebSocket.Builder builder = client.newWebSocketBuilder();
            builder.header("X-Interop", "from the client").header("Cookie", "seat=12");
            if (line.length > 2) builder.subprotocols(line[2], Arrays.copyOfRange(line, 3, line.length));
            Events events = new Events();
            try {
                converse(builder.buildAsync(URI.create(line[0]), events).join(), events.queue);
            } catch (CompletionException e) {
                if (!(e.getCause() instanceof WebSocketHandshakeException refusal)) throw e;
                tell("{\"status\": " + refusal.getResponse().statusCode() + "}");
            }
        }
    }

    /** Echoes, does what it is told to, and reports when the connection has ended. */
    static void converse(WebSocket ws, BlockingQueue<Object> events) throws InterruptedException {
        while (true) {
            Object event = events.take();
            if (event instanceof byte[] data) {
                await(ws.sendBinary(ByteBuffer.wrap(data), true));
            } else if (event instanceof String text && text.startsWith("/")) {
                obey(ws, text.split(" "));
            } else if (event instanceof String text) {
                await(ws.sendText(text, true));
            } else if (event instanceof Pong pong) {
                await(ws.sendText("pong " + pong.payload, true));
            } else if (event instanceof End end) {
                tell("{\"protocol\": " + quoted(ws.getSubprotocol()) + ", \"code\": " + end.code
                        + ", \"reason\": " + quoted(end.reason) + "}");
                return;
            }
        }
    }

    static void obey(WebSocket ws, String[] words) {
        switch (words[0]) {
            case "/fragments" -> {
                for (int i = 1; i < words.length; i++) await(ws.sendText(words[i], i == words.length - 1));
            }
            case "/burst" -> {
                for (int i = 1; i <= Integer.parseInt(words[1]); i++) await(ws.sendText("" + i, true));
            }
            case "/ping" -> await(ws.sendPing(ByteBuffer.wrap(words[1].getBytes(StandardCharsets.UTF_8))));
            case "/close" -> {
                await(ws.sendText("closing", true));
                String reason = String.join(" ", Arrays.copyOfRange(words, 2, words.length));
                await(ws.sendClose(Integer.parseInt(words[1]), reason));
            }
        }
    }

    /** One message is sent after the other. If none can be sent any more, the end is an event, too. */
    static void await(CompletableFuture<WebSocket> sent) {
        sent.exceptionally(error -> null).join();
    }

    static class Events implements WebSocket.Listener {
        final BlockingQueue<Object> queue = new LinkedBlockingQueue<>();
        final StringBuilder text = new StringBuilder();
        final ByteArrayOutputStream binary = new ByteArrayOutputStream();

        @Override
        public CompletionStage<?> onText(WebSocket ws, CharSequence part, boolean last) {
            text.append(part);
            if (last) {
                queue.add(text.toString());
                text.setLength(0);
            }
            ws.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onBinary(WebSocket ws, ByteBuffer part, boolean last) {
            while (part.hasRemaining()) binary.write(part.get());
            if (last) {
                queue.add(binary.toByteArray());
                binary.reset();
            }
            ws.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onPong(WebSocket ws, ByteBuffer payload) {
            queue.add(new Pong(StandardCharsets.UTF_8.decode(payload).toString()));
            ws.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket ws, int code, String reason) {
            queue.add(new End(code, reason));
            return null;
        }

        @Override
        public void onError(WebSocket ws, Throwable error) {
            error.printStackTrace();
            queue.add(new End(1006, ""));
        }
    }

    static SSLContext trusting(Path authority) throws Exception {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (InputStream file = Files.newInputStream(authority)) {
            trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    /** JSON has a string for each of ours: what is no plain ASCII is escaped. */
    static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            boolean plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
            out.append(plain ? String.valueOf(c) : String.format("\\u%04x", (int) c));
        }
        return out.append('"').toString();
    }

    static void tell(String report) {
        System.out.println(report);
    }
}
