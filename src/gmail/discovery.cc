#include "gmail/discovery.h"

#include "api/document.h"
#include "base/text.h"
#include "gmail/methods.h"

namespace pabal::gmail {

using api::json::array;
using api::json::object;
using api::json::value;

namespace {

constexpr std::string_view kScopeNames[] = {"compose",  "insert", "labels",         "metadata",        "modify",
                                            "readonly", "send",   "settings.basic", "settings.sharing"};
constexpr std::string_view kWholeScope = "https://mail.google.com/";

constexpr std::string_view kScopeStart = "https://www.googleapis.com/auth/gmail.";

std::string scope_of(std::string_view name) { return std::string(kScopeStart).append(name); }

std::vector<std::string_view> words(std::string_view text) {
  return text.empty() ? std::vector<std::string_view>() : text::split(text, ' ');
}

object typed(std::string_view type) {
  object out;
  if (type.starts_with('[')) {
    out["type"] = "array";
    out["items"] = typed(type.substr(1, type.size() - 2));
  } else if (!type.empty() && type[0] >= 'A' && type[0] <= 'Z') {
    out["$ref"] = type;
  } else if (type == "bool") {
    out["type"] = "boolean";
  } else if (type == "int32" || type == "uint32") {
    out["type"] = "integer";
    out["format"] = type;
  } else {
    out["type"] = "string";
    if (!type.empty() && type != "string") out["format"] = type;
  }
  return out;
}

// "name!:type" apart; no type is a string.
struct Member {
  std::string_view name, type;
  bool needed = false;
};
Member member_of(std::string_view word) {
  const size_t colon = word.find(':');
  Member out{word.substr(0, colon), colon == word.npos ? std::string_view() : word.substr(colon + 1)};
  out.needed = out.name.ends_with('!');
  if (out.needed) out.name.remove_suffix(1);
  return out;
}

object schema_of(const Schema& schema) {
  object properties;
  for (const std::string_view word : words(schema.members)) {
    const Member member = member_of(word);
    properties[member.name] = typed(member.type);
  }
  object out;
  out["id"] = schema.name;
  out["type"] = "object";
  out["properties"] = std::move(properties);
  return out;
}

object reference(std::string_view schema) {
  object out;
  out["$ref"] = schema;
  return out;
}

object method_of(const Method& method, uint64_t max_message_size) {
  const std::string path = "gmail/v1/users/{userId}" + std::string(method.path);
  object parameters, out;
  array order;
  for (size_t at = path.find('{'); at != path.npos; at = path.find('{', at + 1)) {
    const std::string name = path.substr(at + 1, path.find('}', at) - at - 1);
    object parameter = typed("");
    parameter["location"] = "path";
    parameter["required"] = true;
    if (name == "userId") parameter["default"] = "me";
    parameters[name] = std::move(parameter);
    order.emplace_back(name);
  }
  for (std::string_view word : words(method.query)) {
    const bool repeated = word.ends_with('*');
    if (repeated) word.remove_suffix(1);
    const Member member = member_of(word);
    object parameter = typed(member.type);
    parameter["location"] = "query";
    if (repeated) parameter["repeated"] = true;
    if (member.needed) parameter["required"] = true;
    parameters[member.name] = std::move(parameter);
  }
  out["id"] = "gmail.users." + std::string(method.id);
  out["path"] = path;
  out["flatPath"] = path;
  out["httpMethod"] = method.verb;
  out["parameters"] = std::move(parameters);
  out["parameterOrder"] = std::move(order);
  if (!method.takes.empty()) out["request"] = reference(method.takes);
  if (!method.gives.empty()) out["response"] = reference(method.gives);
  array scopes;
  scopes.emplace_back(kWholeScope);
  for (const std::string_view scope : api::scopes_for(std::string(method.needs)))
    if (scope.starts_with(kScopeStart)) scopes.emplace_back(scope);
  out["scopes"] = std::move(scopes);
  if (!method.upload) return out;
  object protocols, media;
  for (const char* protocol : {"simple", "resumable"}) {
    object how;
    how["multipart"] = true;
    how["path"] = "/upload/" + path;
    protocols[protocol] = std::move(how);
  }
  array accept;
  accept.emplace_back("message/*");
  media["accept"] = std::move(accept);
  media["maxSize"] = std::to_string(max_message_size);
  media["protocols"] = std::move(protocols);
  out["supportsMediaUpload"] = true;
  out["mediaUpload"] = std::move(media);
  return out;
}

// The member of that name, made an object when it is not there.
object& within(object& of, std::string_view name) {
  value& found = of[name];
  if (!found.is_object()) found = object();
  return found.get_object();
}

Task<web::Response> give(uint64_t max_message_size, web::Request request) {
  const object document = discovery_document(request.scheme + "://" + request.host, max_message_size);
  web::Response response = web::with_etag(web::with_body("application/json; charset=UTF-8", api::to_text(document)));
  response.compress = true;
  response.headers.set("Cache-Control", "public, max-age=3600");
  co_return response;
}

}  // namespace

object discovery_document(std::string_view origin, uint64_t max_message_size) {
  object out, scopes, auth, of_schemas, users;
  out["kind"] = "discovery#restDescription";
  out["discoveryVersion"] = "v1";
  out["id"] = "gmail:v1";
  out["name"] = "gmail";
  out["version"] = "v1";
  out["title"] = "Gmail API, as this server has it";
  out["protocol"] = "rest";
  out["rootUrl"] = std::string(origin) + "/";
  out["baseUrl"] = std::string(origin) + "/";
  out["basePath"] = "";
  out["servicePath"] = "";
  out["batchPath"] = "batch/gmail/v1";
  for (const std::string_view name : kScopeNames) within(scopes, scope_of(name))["description"] = scope_of(name);
  within(scopes, kWholeScope)["description"] = "All of the mail";
  within(auth, "oauth2")["scopes"] = std::move(scopes);
  out["auth"] = std::move(auth);
  object parameters;
  for (const std::string_view word : {"alt", "fields", "key", "access_token", "oauth_token", "quotaUser", "callback",
                                      "uploadType", "upload_protocol", "prettyPrint:bool"}) {
    const Member member = member_of(word);
    object parameter = typed(member.type);
    parameter["location"] = "query";
    parameters[member.name] = std::move(parameter);
  }
  out["parameters"] = std::move(parameters);
  for (const Schema& schema : schemas()) of_schemas[schema.name] = schema_of(schema);
  out["schemas"] = std::move(of_schemas);
  for (const Method& method : methods()) {
    object* resource = &users;
    const auto names = text::split(method.id, '.');
    for (size_t i = 0; i + 1 < names.size(); ++i) resource = &within(within(*resource, "resources"), names[i]);
    within(*resource, "methods")[names.back()] = method_of(method, max_message_size);
  }
  within(out, "resources")["users"] = std::move(users);
  return out;
}

void add_discovery(web::Router& router, uint64_t max_message_size) {
  for (const char* path : {"/$discovery/rest", "/discovery/v1/apis/gmail/v1/rest"})
    router.add("GET", path,
               [max_message_size](web::Request request) { return give(max_message_size, std::move(request)); });
}

}  // namespace pabal::gmail
