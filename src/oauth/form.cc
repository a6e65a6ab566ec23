#include "oauth/form.h"

#include <algorithm>

#include "api/json.h"
#include "base/text.h"
#include "web/target.h"

namespace pabal::oauth {

Result<Form> Form::read(const web::Request& request) {
  if (request.body.empty()) return Form();
  const std::string* type = request.headers.get("content-type");
  if (!type || !text::iequals(text::trim(type->substr(0, type->find(';'))), "application/x-www-form-urlencoded"))
    return Error{Code::kInvalid, "the body is to be application/x-www-form-urlencoded"};
  auto pairs = web::parse_query(request.body);
  if (!pairs) return pairs.error();
  return Form(std::move(*pairs));
}

const std::string& Form::get(std::string_view name) const {
  static const std::string none;
  const auto found = std::find_if(pairs_.begin(), pairs_.end(), [&](const auto& pair) { return pair.first == name; });
  return found == pairs_.end() ? none : found->second;
}

std::string Form::repeated() const {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : pairs_) names.push_back(name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  return twice == names.end() ? "" : std::string(*twice);
}

std::optional<std::pair<std::string, std::string>> parse_basic(std::string_view authorization) {
  if (!text::istarts_with(authorization, "basic ")) return {};
  const auto both = text::unbase64(text::trim(authorization.substr(6)));
  if (!both) return {};
  const size_t colon = both->find(':');
  if (colon == both->npos) return {};
  const auto decoded = [](std::string_view encoded) -> std::optional<std::string> {
    if (encoded.find_first_of("&=") != encoded.npos) return {};
    const auto pairs = web::parse_query("v=" + std::string(encoded));
    if (!pairs || pairs->size() != 1) return {};
    return pairs->front().second;
  };
  auto id = decoded(std::string_view(*both).substr(0, colon)),
       secret = decoded(std::string_view(*both).substr(colon + 1));
  if (!id || id->empty() || !secret) return {};
  return std::pair(std::move(*id), std::move(*secret));
}

std::vector<std::string> scope_list(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string_view part : text::split(text, ' '))
    if (!part.empty() && std::find(out.begin(), out.end(), part) == out.end()) out.emplace_back(part);
  return out;
}

web::Response json_answer(std::string body, int status) {
  web::Response out = web::with_body("application/json", std::move(body), status);
  out.headers.set("Cache-Control", "no-store");  // RFC 6749 §5.1
  out.headers.set("Pragma", "no-cache");
  return out;
}

web::Response error_answer(int status, std::string_view error, std::string_view description) {
  api::json::object body;
  body["error"] = error;
  body["error_description"] = description;
  return json_answer(api::to_text(body), status);
}

}  // namespace pabal::oauth
