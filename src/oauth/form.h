// Parameters of a request to the provider, and answers in its shape.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "web/http.h"

namespace pabal::oauth {

constexpr size_t kMaxForm = 32 << 10;  // octets

using Pairs = std::vector<std::pair<std::string, std::string>>;

class Form {
 public:
  Form() = default;
  explicit Form(Pairs pairs) : pairs_(std::move(pairs)) {}
  // The body: application/x-www-form-urlencoded. Empty bodies are forms without parameters, whatever their type.
  static Result<Form> read(const web::Request& request);

  // RFC 6749 §3.1: without a value it counts as left out; "" then.
  const std::string& get(std::string_view name) const;
  bool has(std::string_view name) const { return !get(name).empty(); }
  // RFC 6749 §3.1: none may come twice. The first that does; "": none.
  std::string repeated() const;
  const Pairs& pairs() const { return pairs_; }

 private:
  Pairs pairs_;
};

// "Authorization: Basic": id and secret, form-encoded each (RFC 6749 §2.3.1). Nothing: it is malformed.
std::optional<std::pair<std::string, std::string>> parse_basic(std::string_view authorization);

std::vector<std::string> scope_list(std::string_view text);  // RFC 6749 §3.3: split at blanks, each once

web::Response json_answer(std::string body, int status = 200);
// RFC 6749 §5.2.
web::Response error_answer(int status, std::string_view error, std::string_view description);

}  // namespace pabal::oauth
