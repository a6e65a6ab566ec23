// Fetches small things from other people's web servers, without becoming a way into our own network: names are looked
// up here, the connection goes to the addresses that were checked, and each redirect is checked anew.
#pragma once

#include <memory>
#include <string>

#include "dns/lookup.h"

namespace pabal::web {

struct Fetched {
  int status = 0;
  std::string content_type, body;
};

class Fetcher {
 public:
  virtual ~Fetcher() = default;
  // GET of an https URL, at most `limit` octets. Any status is a result. kDenied: the URL leads where nothing is
  // fetched from; kInvalid: it is too large; kLimit: too much is being fetched here; kTimeout; kUnavailable: everything
  // else that fails.
  virtual Task<Result<Fetched>> fetch(net::Loop& loop, std::string url, size_t limit) = 0;
};

struct FetchOptions {
  // For tests: private addresses, any port, and certificates of any maker.
  bool private_network = false;
};
// By libcurl, on threads of its own. `resolver` outlives it.
std::unique_ptr<Fetcher> make_fetcher(dns::Resolver& resolver, FetchOptions options);

}  // namespace pabal::web
