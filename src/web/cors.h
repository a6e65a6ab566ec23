// Cross-origin requests of browsers (the Fetch standard's CORS protocol), for routes that scripts of other sites may
// call: with a token they hold, never with a cookie of ours.
#pragma once

#include <string>
#include <vector>

#include "web/http.h"

namespace pabal::web {

struct CorsRules {
  std::vector<std::string> origins{"*"};  // "https://app.example.com", or "*": any
  std::vector<std::string> expose{};      // response fields that scripts may read beside the safe ones
};

// Answers preflights under the prefixes and opens the answers of `inner` to the origins. Elsewhere it changes nothing.
class Cors final : public Handler {
 public:
  Cors(Handler& inner, std::vector<std::string> prefixes, CorsRules rules)
      : inner_(inner), prefixes_(std::move(prefixes)), rules_(std::move(rules)) {}
  BodyRule body_rule(const Request& request) const override { return inner_.body_rule(request); }
  Task<Response> handle(Request request) override;

 private:
  void open(Response& response, const std::string& origin) const;

  Handler& inner_;
  const std::vector<std::string> prefixes_;  // of paths: "/gmail/"
  const CorsRules rules_;
};

}  // namespace pabal::web
