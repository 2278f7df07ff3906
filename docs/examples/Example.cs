// Sends one event with an API key and prints what came of it. .NET 8 or newer, as the Program.cs of a console project.
//   INGEST=https://ingest.example PCARE_API_KEY=pcare_... dotnet run
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

var ingest = Environment.GetEnvironmentVariable("INGEST") ?? "http://127.0.0.1:8080";
var again = new HashSet<int> { 408, 429, 500, 502, 503, 504 };
using var client = new HttpClient { BaseAddress = new Uri(ingest), Timeout = TimeSpan.FromSeconds(30) };
client.DefaultRequestHeaders.Authorization =
    new AuthenticationHeaderValue("Bearer", Environment.GetEnvironmentVariable("PCARE_API_KEY"));

var body = JsonSerializer.Serialize(new Dictionary<string, object>
{
    ["specversion"] = "1.0",
    ["id"] = Guid.NewGuid().ToString(), // chosen once: it is what makes sending again safe
    ["source"] = "https://fhir.nhs.uk/Id/ods-organization-code/RKE",
    ["type"] = "uk.nhs.ncl.personalised-care.care-plan-agreed.v1",
    ["subject"] = "nhs-number:9990000018",
    ["time"] = "2024-04-19T10:30:00+01:00",
    ["data"] = new { borough = "E09000019", plan_ref = "PCSP-0c41", plan_kind = "long_term_condition" },
});

var answer = await Send();
Console.WriteLine($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
if (answer.Headers.Location is { } receipt) Console.WriteLine(await client.GetStringAsync(receipt));
return answer.IsSuccessStatusCode ? 0 : 1;

// Sends the event until there is an answer that sending again would not change.
async Task<HttpResponseMessage> Send()
{
    for (var attempt = 1; attempt <= 6; attempt++)
    {
        var wait = TimeSpan.FromSeconds(Math.Pow(2, attempt));
        try
        {
            var content = new StringContent(body, Encoding.UTF8, "application/cloudevents+json");
            var reply = await client.PostAsync("/events", content);
            if (!again.Contains((int)reply.StatusCode)) return reply;
            wait = reply.Headers.RetryAfter?.Delta ?? wait;
        }
        catch (Exception error) when (error is HttpRequestException or TaskCanceledException)
        {
            // no answer: it may have arrived, so the same event goes again
        }
        await Task.Delay(wait);
    }
    throw new InvalidOperationException("not known whether it is stored: send it again later, with the same id");
}
