// Sends one event with an API key and prints what came of it. Java 17 or newer; nothing to install.
//   INGEST=https://ingest.example PCARE_API_KEY=pcare_... java Example.java
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Set;
import java.util.UUID;

public class Example {
    static final String INGEST = System.getenv().getOrDefault("INGEST", "http://127.0.0.1:8080");
    static final String AUTHORIZATION = "Bearer " + System.getenv("PCARE_API_KEY");
    static final Set<Integer> AGAIN = Set.of(408, 429, 500, 502, 503, 504);
    static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(10)).build();

    public static void main(String[] arguments) throws InterruptedException, IOException {
        String id = UUID.randomUUID().toString(); // chosen once: it is what makes sending again safe
        HttpResponse<String> answer = send("""
                {
                  "specversion": "1.0",
                  "id": "%s",
                  "source": "https://fhir.nhs.uk/Id/ods-organization-code/RKE",
                  "type": "uk.nhs.ncl.personalised-care.care-plan-agreed.v1",
                  "subject": "nhs-number:9990000018",
                  "time": "2024-04-19T10:30:00+01:00",
                  "data": {"borough": "E09000019", "plan_ref": "PCSP-0c41", "plan_kind": "long_term_condition"}
                }""".formatted(id));
        System.out.println(answer.statusCode() + " " + answer.body());
        String receipt = answer.headers().firstValue("Location").orElse(null);
        if (receipt != null) {
            HttpRequest question = request(receipt).GET().build();
            System.out.println(CLIENT.send(question, HttpResponse.BodyHandlers.ofString()).body());
        }
        System.exit(answer.statusCode() < 300 ? 0 : 1);
    }

    /** Sends the event until there is an answer that sending again would not change. */
    static HttpResponse<String> send(String event) throws InterruptedException {
        HttpRequest request = request("/events")
                .header("Content-Type", "application/cloudevents+json")
                .POST(HttpRequest.BodyPublishers.ofString(event))
                .build();
        for (int attempt = 1; attempt <= 6; attempt++) {
            long wait = 1L << attempt;
            try {
                HttpResponse<String> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
                if (!AGAIN.contains(answer.statusCode())) return answer;
                wait = answer.headers().firstValueAsLong("Retry-After").orElse(wait);
            } catch (IOException error) {
                // no answer: it may have arrived, so the same event goes again
            }
            Thread.sleep(wait * 1000);
        }
        throw new IllegalStateException("not known whether it is stored: send it again later, with the same id");
    }

    static HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(INGEST + path))
                .timeout(Duration.ofSeconds(30))
                .header("Authorization", AUTHORIZATION);
    }
}
