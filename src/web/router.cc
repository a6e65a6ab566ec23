#include "web/router.h"

#include "base/check.h"
#include "base/text.h"

namespace pabal::web {
namespace {

std::string allowed(const auto& routes) {
  std::string out = "OPTIONS";
  for (const auto& [method, route] : routes) {
    (out += ", ") += method;
    if (method == "GET" && !routes.contains("HEAD")) out += ", HEAD";
  }
  return out;
}

}  // namespace

void Router::add(std::string method, std::string_view path, Handle handle, BodyRule body) {
  PABAL_CHECK(path.starts_with('/'));
  Route route{{}, std::move(handle), body};
  Node* node = &root_;
  for (const std::string_view part : text::split(path.substr(1), '/')) {
    const bool named = part.starts_with('{') && part.ends_with('}');
    const bool all = named && part.ends_with("*}");
    if (named) route.names.emplace_back(part.substr(1, part.size() - (all ? 3 : 2)));
    std::unique_ptr<Node>& next = all ? node->rest : named ? node->any : node->exact[std::string(part)];
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  listed_.push_back({method, std::string(path)});
  PABAL_CHECK(node->routes.emplace(std::move(method), std::move(route)).second);
}

bool Router::find(const Node& node, const std::vector<std::string>& segments, size_t at, Found& found) {
  if (at == segments.size()) {
    if (node.routes.empty()) return false;
    found.node = &node;
    return true;
  }
  if (const auto exact = node.exact.find(segments[at]); exact != node.exact.end())
    if (find(*exact->second, segments, at + 1, found)) return true;
  if (node.any && !segments[at].empty()) {
    found.values.push_back(segments[at]);
    if (find(*node.any, segments, at + 1, found)) return true;
    found.values.pop_back();
  }
  if (!node.rest) return false;
  std::string rest = segments[at];
  for (size_t i = at + 1; i < segments.size(); ++i) (rest += '/') += segments[i];
  found.values.push_back(std::move(rest));
  found.node = node.rest.get();
  return true;
}

const Router::Route* Router::route_of(const Node& node, std::string_view method) {
  auto route = node.routes.find(method);
  if (route == node.routes.end() && method == "HEAD") route = node.routes.find("GET");
  return route == node.routes.end() ? nullptr : &route->second;
}

BodyRule Router::body_rule(const Request& request) const {
  Found found;
  if (!find(root_, request.segments, 0, found)) return {SIZE_MAX, true};  // not read: the answer is 404
  const Route* route = route_of(*found.node, request.method);
  return route ? route->body : BodyRule{SIZE_MAX, true};
}

Task<Response> Router::handle(Request request) {
  Found found;
  if (!find(root_, request.segments, 0, found)) co_return problem(404, "nothing is served under this path");
  const Route* route = route_of(*found.node, request.method);
  if (!route) {
    Response response;
    if (request.method == "OPTIONS")
      response.status = 204;
    else
      response = problem(405, request.method + " is not served under this path");
    response.headers.set("Allow", allowed(found.node->routes));  // RFC 9110 §15.5.6
    co_return response;
  }
  for (size_t i = 0; i < route->names.size(); ++i) request.params[route->names[i]] = std::move(found.values[i]);
  Task<Response> handling = route->handle(std::move(request));
  co_return co_await handling;
}

}  // namespace pabal::web
