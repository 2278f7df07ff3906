// Shows openapi.json in Swagger UI. The bundled viewer knows OpenAPI up to 3.0, and our document is 3.1: for the viewer
// alone, the few words of JSON Schema that 3.0 lacks are respelled.

const respell = (node) => {
  if (Array.isArray(node)) return node.map(respell);
  if (node === null || typeof node !== "object") return node;
  const out = {};
  for (const [name, value] of Object.entries(node)) {
    out[name] = name === "example" || name === "examples" || name === "value" ? value : respell(value);
  }
  if ("const" in out) {
    out.enum = [out.const];
    delete out.const;
  }
  if (Array.isArray(out.type)) {
    out.nullable = out.type.includes("null");
    out.type = out.type.find((type) => type !== "null");
  }
  if (Array.isArray(out.anyOf) && out.anyOf.some((choice) => choice.type === "null")) {
    const choices = out.anyOf.filter((choice) => choice.type !== "null");
    delete out.anyOf;
    Object.assign(out, choices.length === 1 ? { ...choices[0], ...out } : { anyOf: choices }, { nullable: true });
  }
  return out;
};

fetch("openapi.json")
  .then((answer) => answer.json())
  .then((document) => {
    const spec = respell(document);
    spec.openapi = "3.0.3";
    for (const content of Object.values(spec.paths["/events"].post.requestBody.content)) {
      content.schema.example = Object.values(content.examples)[0].value; // what the form starts with
    }
    window.ui = SwaggerUIBundle({
      spec,
      dom_id: "#viewer",
      deepLinking: true,
      tryItOutEnabled: true,
      docExpansion: "full",
      defaultModelsExpandDepth: 0,
      validatorUrl: null,
    });
  });
