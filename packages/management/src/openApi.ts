import type { JsonValue } from "./answer.ts";
import { hasFormats, type Route, type RouteMethod, type RouteParameter } from "./route.ts";

type Schema = { readonly [key: string]: JsonValue | undefined };

const SCHEMAS: Readonly<Record<NonNullable<RouteParameter["kind"]>, Schema>> = {
  text: { type: "string" },
  whole: { type: "integer", minimum: 0 },
  flag: { type: "string", enum: ["0", "1"] },
};

const FORMAT: RouteParameter = { name: "type", doc: "json or xml; the path may end in .json or .xml instead." };

const ENVELOPE = { $ref: "#/components/schemas/Envelope" };

const parametersOf = (route: Route): readonly RouteParameter[] => [
  ...(route.parameters ?? []),
  ...(hasFormats(route) ? [FORMAT] : []),
];

const describeParameter = ({ name, doc, isRequired, kind = "text" }: RouteParameter): Schema => ({
  name,
  in: "query",
  description: doc,
  required: isRequired === true,
  schema: SCHEMAS[kind],
});

const describeContent = (route: Route, method: RouteMethod): Schema => {
  if (method === "HEAD") return {};
  if (route.contentType !== undefined) {
    return { content: { [route.contentType]: { schema: { type: "string" } } } };
  }
  const json = { "text/plain; charset=utf-8": { schema: ENVELOPE }, "application/json": { schema: ENVELOPE } };
  const xml = hasFormats(route) ? { "text/xml; charset=utf-8": { schema: { type: "string" } } } : {};
  return { content: { ...json, ...xml } };
};

const describeBody = (route: Route): Schema => {
  if (route.upload !== undefined) {
    const form = {
      type: "object",
      properties: { confile: { type: "string", format: "binary" } },
      required: ["confile"],
    };
    const bytes = { schema: { type: "string", format: "binary" } };
    const content = { "multipart/form-data": { schema: form }, "text/xml": bytes, "application/octet-stream": bytes };
    return { requestBody: { required: true, content } };
  }
  const parameters = route.parameters ?? [];
  if (parameters.length === 0) return {};
  const properties = Object.fromEntries(
    parameters.map(({ name, doc, kind = "text" }) => [name, { ...SCHEMAS[kind], description: doc }]),
  );
  const content = { "application/x-www-form-urlencoded": { schema: { type: "object", properties } } };
  return { requestBody: { required: false, content } };
};

const describeOperation = (route: Route, method: RouteMethod, path: string): Schema => {
  const parameters = parametersOf(route).map((parameter) =>
    method === "POST" ? { ...describeParameter(parameter), required: false } : describeParameter(parameter),
  );
  const errors = Object.fromEntries(
    Object.entries({
      401: "The role of the caller's address is too low.",
      ...route.answers,
    }).map(([status, description]) => [status, { description }]),
  );
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^A-Za-z0-9]+(.)?/g, (_, next: string | undefined) => (next ?? "").toUpperCase())}`,
    summary: route.doc,
    description: `Role: ${route.role}.${route.changes === true ? " A change: it is written to the info log." : ""}`,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(method === "POST" ? describeBody(route) : {}),
    responses: { 200: { description: "Done.", ...describeContent(route, method) }, ...errors },
  };
};

const describePath = (route: Route, path: string): Schema =>
  Object.fromEntries(route.methods.map((method) => [method.toLowerCase(), describeOperation(route, method, path)]));

/** OpenAPI 3.1 of the routes; an alias is a path of its own. */
export const describeApi = (routes: readonly Route[], productVersion: string): JsonValue => ({
  openapi: "3.1.0",
  info: {
    title: "Basalt management API",
    version: productVersion,
    description:
      "Callers are admitted by address (<Manager><Allow>); the role of the address decides what they may ask. Others are disconnected without an answer.",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
  servers: [
    {
      url: "http://{host}:{port}",
      variables: { host: { default: "127.0.0.1" }, port: { default: "10040" } },
    },
  ],
  security: [{}],
  paths: Object.fromEntries(
    routes.flatMap((route) => [route.path, ...(route.aliases ?? [])].map((path) => [path, describePath(route, path)])),
  ),
  components: {
    schemas: {
      Envelope: {
        type: "object",
        required: ["version", "method", "status", "result"],
        properties: {
          version: { type: "string", description: "Version of the product." },
          method: { type: "string", description: "Name of the function." },
          status: { type: "string", enum: ["OK", "Fail", "NOT_CACHED"] },
          result: { description: "A value, an array or an object." },
          details: { description: "What a person wants to know where the result is only a code." },
          invalidation: {
            type: "object",
            description: "Of calls that invalidate: the job that they are.",
            properties: { id: { type: "string" }, state: { type: "string", enum: ["InProgress", "Completed"] } },
          },
        },
      },
    },
  },
});

export const renderOpenApi = (routes: readonly Route[], productVersion: string): string =>
  `${JSON.stringify(describeApi(routes, productVersion), null, 2)}\n`;
