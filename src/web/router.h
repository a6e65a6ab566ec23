// Routes by method and path. A path of a route has exact segments, `{name}` for any one segment, and as the last one
// perhaps `{name*}` for all that is left. Exact segments win over names, wherever both fit.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "web/http.h"

namespace pabal::web {

using Handle = std::function<Task<Response>(Request)>;  // a plain function or lambda that returns another's task

class Router final : public Handler {
 public:
  // Before the first request. The path begins with a slash; method and path together are new.
  void add(std::string method, std::string_view path, Handle handle, BodyRule body = {});

  // All of them, in the order in which they were added: for documents.
  struct Listed {
    std::string method, path;
  };
  const std::vector<Listed>& routes() const { return listed_; }

  BodyRule body_rule(const Request& request) const override;
  // 404; 405 with Allow; HEAD is answered by GET, OPTIONS with Allow.
  Task<Response> handle(Request request) override;

 private:
  struct Route {
    std::vector<std::string> names;  // of the {names}, in their order
    Handle handle;
    BodyRule body;
  };
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> exact;
    std::unique_ptr<Node> any, rest;
    std::map<std::string, Route, std::less<>> routes;  // by method
  };
  struct Found {
    const Node* node = nullptr;
    std::vector<std::string> values;
  };
  static bool find(const Node& node, const std::vector<std::string>& segments, size_t at, Found& found);
  static const Route* route_of(const Node& node, std::string_view method);

  Node root_;
  std::vector<Listed> listed_;
};

}  // namespace pabal::web
