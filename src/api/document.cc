#include "api/document.h"

#include <algorithm>
#include <iterator>

#include "api/json.h"
#include "base/text.h"
#include "identity/tokens.h"
#include "web/site.h"

namespace pabal::api {
namespace {

constexpr std::string_view kPrefixes[] = {
    "/gmail/",           "/upload/", "/batch", "/jmap", "/oauth/", "/push", "/.well-known/jmap", "/.well-known/openid",
    "/.well-known/oauth"};

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  for (const std::string_view part : text::split(text, ' '))
    if (!part.empty()) out.push_back(part);
  return out;
}

// "/a/{rest*}" is "/a/{rest}" in OpenAPI. And the names in braces.
std::string plain_path(std::string_view path, std::vector<std::string>& names) {
  std::string out;
  for (size_t at = 0; at < path.size();) {
    const size_t open = std::min(path.find('{', at), path.size()), close = path.find('}', open);
    out += path.substr(at, open - at);
    if (close == path.npos) break;
    std::string name(path.substr(open + 1, close - open - 1));
    if (name.ends_with('*')) name.pop_back();
    out += '{' + name + '}';
    names.push_back(std::move(name));
    at = close + 1;
  }
  return out;
}

json::object type_schema(const Field& field) {
  json::object out;
  if (field.type == "int64") {
    out["type"] = "string";
    out["format"] = "int64";
  } else if (field.type == "date-time") {
    out["type"] = "string";
    out["format"] = "date-time";
  } else if (field.type == "octets") {
    out["type"] = "string";
    out["contentEncoding"] = "base64url";
  } else if (!field.type.empty() && field.type[0] >= 'A' && field.type[0] <= 'Z') {
    out["$ref"] = "#/components/schemas/" + field.type;
  } else {
    out["type"] = field.type;
  }
  if (!field.several) return out;
  return {{"type", "array"}, {"items", out}};
}

json::object object_schema(std::string_view names) {
  json::object properties;
  json::array required;
  for (const Field& field : fields_of(names)) {
    properties[field.name] = type_schema(field);
    if (field.needed) required.emplace_back(field.name);
  }
  json::object out{{"type", "object"}};
  out["properties"] = properties;
  if (!required.empty()) out["required"] = required;
  return out;
}

json::object parameter(const Field& field, const char* in, const Described& described) {
  json::object out, schema = type_schema(field);
  out["name"] = field.name;
  out["in"] = in;
  if (field.needed) out["required"] = true;
  for (const Parameter& known : described.parameters) {
    if (known.name != field.name) continue;
    out["description"] = known.en;
    json::array values;
    for (const std::string_view value : words(known.values)) values.emplace_back(value);
    if (values.empty()) continue;
    json::object& one = field.several ? schema["items"].as_object() : schema;
    one["enum"] = values;
  }
  out["schema"] = schema;
  return out;
}

json::object content_of(std::string_view type, json::object schema) {
  json::object media, out;
  media["schema"] = std::move(schema);
  out[type] = std::move(media);
  return out;
}

json::object request_body(const Operation& operation) {
  json::object out;
  if (!operation.form.empty()) {
    out["content"] = content_of("application/x-www-form-urlencoded", object_schema(operation.form));
    out["required"] = operation.form.find('!') != std::string::npos;
  } else if (!operation.takes.empty()) {
    const Field field = fields_of(operation.takes).front();
    Field named = field;
    named.type = field.name;
    out["content"] = content_of("application/json", type_schema(named));
    out["required"] = field.needed;
  } else {
    out["content"] = content_of(operation.body, {});
    out["required"] = true;
  }
  return out;
}

json::object answers_of(const Operation& operation) {
  json::object good, out;
  good["description"] = operation.redirects ? "The browser is sent on" : "Done";
  if (operation.answer.empty() && !operation.gives.empty())
    good["content"] = content_of("application/json", type_schema({"", operation.gives}));
  else if (operation.answer.empty())
    good["content"] = content_of("application/json", {{"type", "object"}});
  else if (operation.answer != "none")
    good["content"] = content_of(operation.answer, {});
  const bool socket = operation.answer == "websocket";
  if (socket) good = {{"description", "A WebSocket begins"}};
  if (!operation.refuses)
    out[socket ? "101" : operation.redirects ? "3XX" : operation.answer == "none" ? "204" : "2XX"] = good;
  json::object refused;
  refused["description"] = operation.refuses ? "Always refused; the body says why" : "Refused; the body says why";
  out["4XX"] = refused;
  return out;
}

json::object operation_object(const Operation& operation, const std::vector<std::string>& names,
                              const Described& described) {
  json::object out;
  std::string id = text::lowered(operation.method);
  for (const char c : operation.path) id += text::is_alnum(c) ? c : '_';
  out["operationId"] = id;
  out["summary"] = operation.en;
  out["tags"] = json::array{json::value(operation.tag)};
  json::array parameters;
  for (const std::string& name : names) parameters.push_back(parameter({name, "string", true}, "path", described));
  for (const Field& field : fields_of(operation.query)) parameters.push_back(parameter(field, "query", described));
  if (!parameters.empty()) out["parameters"] = parameters;
  if (!operation.form.empty() || !operation.takes.empty() || !operation.body.empty())
    out["requestBody"] = request_body(operation);
  out["responses"] = answers_of(operation);
  json::array security;
  for (const std::string_view scope : scopes_for(operation.needs)) {
    json::object one;
    one["oauth"] = json::array{json::value(scope)};
    security.push_back(one);
  }
  out["security"] = security;  // empty: none is needed
  return out;
}

Task<web::Response> given(web::Response response) { co_return response; }

web::Response document_response(std::string type, std::string text) {
  web::Response out = web::with_body(std::move(type), std::move(text));
  out.compress = true;
  out.headers.set("Cache-Control", "no-cache");
  return web::with_etag(std::move(out));
}

web::Response page_response(std::string text, const char* language) {
  web::Response out = document_response("text/html; charset=utf-8", std::move(text));
  out.headers.set("Vary", "Accept-Language");
  out.headers.set("Content-Language", language);
  out.headers.set("Content-Security-Policy",
                  "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  return out;
}

}  // namespace

void Described::add(Described more) {
  const auto move_all = [](auto& from, auto& to) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  move_all(more.operations, operations);
  move_all(more.schemas, schemas);
  move_all(more.parameters, parameters);
}

// What answers for all the paths that are none is no call.
bool is_api_route(const web::Router::Listed& route) {
  return !route.path.ends_with("*}") &&
         std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                     [&](std::string_view prefix) { return route.path.starts_with(prefix); });
}

std::vector<Operation> operations_of(const std::vector<web::Router::Listed>& routes, const Described& described) {
  std::vector<Operation> out;
  for (const web::Router::Listed& route : routes) {
    if (!is_api_route(route)) continue;
    const auto known =
        std::find_if(described.operations.begin(), described.operations.end(),
                     [&](const Operation& one) { return one.method == route.method && one.path == route.path; });
    if (known != described.operations.end()) {
      out.push_back(*known);
      continue;
    }
    const std::string name = route.method + " " + route.path;
    out.push_back({route.method, route.path, std::string(text::split(route.path, '/')[1]), name, name});
  }
  return out;
}

std::vector<std::string_view> scopes_for(const Names& needs) {
  std::vector<std::string_view> out;
  for (const std::string_view scope : identity::known_scopes())
    for (const std::string_view need : words(needs))
      if (need == "*" || identity::covers(scope, need)) {
        out.push_back(scope);
        break;
      }
  return out;
}

std::vector<Field> fields_of(std::string_view names) {
  std::vector<Field> out;
  for (std::string_view word : words(names)) {
    Field field;
    if (word.ends_with('*')) {
      field.several = true;
      word.remove_suffix(1);
    }
    if (const size_t colon = word.find(':'); colon != word.npos) {
      field.type = word.substr(colon + 1);
      word = word.substr(0, colon);
    }
    if (word.ends_with('!')) {
      field.needed = true;
      word.remove_suffix(1);
    }
    field.name = word;
    out.push_back(std::move(field));
  }
  return out;
}

std::string openapi(const std::vector<Operation>& operations, const Described& described,
                    const DocumentOptions& options) {
  json::object paths, scopes, schemas;
  for (const Operation& operation : operations) {
    std::vector<std::string> names;
    const std::string path = plain_path(operation.path, names);
    json::value& item = paths[path];
    if (!item.is_object()) item = json::object();
    item.as_object()[text::lowered(operation.method)] = operation_object(operation, names, described);
  }
  for (const Schema& schema : described.schemas) schemas[schema.name] = object_schema(schema.fields);
  for (const std::string_view scope : identity::known_scopes()) scopes[scope] = "";
  json::object code, flows, scheme, schemes, components, out;
  code["authorizationUrl"] = options.origin + "/oauth/authorize";
  code["tokenUrl"] = options.origin + "/oauth/token";
  code["refreshUrl"] = options.origin + "/oauth/token";
  code["scopes"] = scopes;
  flows["authorizationCode"] = code;
  scheme["type"] = "oauth2";
  scheme["description"] =
      "Authorization: Bearer and a token, of this flow, of the device flow, or of pabal token create";
  scheme["flows"] = flows;
  schemes["oauth"] = scheme;
  components["securitySchemes"] = schemes;
  components["schemas"] = schemas;
  out["openapi"] = "3.1.0";
  out["info"] = json::object{{"title", "Pabal at " + options.hostname}, {"version", options.version}};
  out["servers"] = json::array{json::object{{"url", options.origin}}};
  out["paths"] = paths;
  out["components"] = components;
  return to_text(out);
}

void add_document(web::Router& router, const DocumentOptions& options, const Described& described) {
  const std::vector<Operation> operations = operations_of(router.routes(), described);
  web::Response document = document_response("application/json", openapi(operations, described, options));
  document.headers.set("Access-Control-Allow-Origin", "*");
  const web::Response style = document_response("text/css; charset=utf-8", std::string(kDocumentStyle));
  const web::Response english = page_response(document_page(operations, described, options, false), "en");
  const web::Response korean = page_response(document_page(operations, described, options, true), "ko");
  router.add("GET", "/api/openapi.json", [document](web::Request) { return given(document); });
  router.add("GET", "/api/style.css", [style](web::Request) { return given(style); });
  router.add("GET", "/api", [english, korean](web::Request request) {
    return given(web::prefers_korean(request.headers.joined("Accept-Language")) ? korean : english);
  });
}

}  // namespace pabal::api
