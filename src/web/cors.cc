#include "web/cors.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::web {
namespace {

constexpr const char* kPreflightSeconds = "7200";  // the most that browsers remember

}  // namespace

void Cors::open(Response& response, const std::string& origin) const {
  Fields& fields = response.headers;
  const bool any = std::find(rules_.origins.begin(), rules_.origins.end(), "*") != rules_.origins.end();
  if (!any) fields.append("Vary", "Origin");
  if (!any && std::find(rules_.origins.begin(), rules_.origins.end(), origin) == rules_.origins.end()) return;
  fields.set("Access-Control-Allow-Origin", any ? "*" : origin);
  fields.set("Cross-Origin-Resource-Policy", "cross-origin");
  if (!rules_.expose.empty()) fields.set("Access-Control-Expose-Headers", text::join(rules_.expose, ", "));
}

Task<Response> Cors::handle(Request request) {
  const std::string* from = request.headers.get("Origin");
  const std::string origin = from ? *from : "";
  const bool here = !origin.empty() && std::any_of(prefixes_.begin(), prefixes_.end(), [&](const std::string& prefix) {
    return request.path.starts_with(prefix);
  });
  const std::string* method = request.headers.get("Access-Control-Request-Method");
  if (here && method && request.method == "OPTIONS") {
    Response response;
    response.status = 204;
    open(response, origin);
    if (response.headers.get("Access-Control-Allow-Origin")) {
      response.headers.set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
      // "*" would not cover Authorization.
      const std::string wanted = request.headers.joined("Access-Control-Request-Headers");
      response.headers.set("Access-Control-Allow-Headers", wanted.empty() ? "Authorization, Content-Type" : wanted);
      response.headers.set("Access-Control-Max-Age", kPreflightSeconds);
      response.headers.append("Vary", "Access-Control-Request-Headers");
    }
    co_return response;
  }
  Task<Response> handling = inner_.handle(std::move(request));
  Response response = co_await handling;
  if (here) open(response, origin);
  co_return response;
}

}  // namespace pabal::web
