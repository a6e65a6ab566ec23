// Fetches small things from other people's web servers, and tells them of things, without becoming a way into our own
// network: names are looked up here, the connection goes to the addresses that were checked, and each redirect of a
// fetch is checked anew.
#pragma once

#include <memory>
#include <string>
#include <vector>

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

struct Post {
  std::string url;
  std::vector<std::string> fields;  // "Name: value"
  std::string body;
  // An administrator's own URL: http, any port and private addresses as well.
  bool anywhere = false;
};
struct Posted {
  int status = 0;
  std::string retry_after;  // that field, as it came
};

class Poster {
 public:
  virtual ~Poster() = default;
  // POST to an https URL. Any status is a result; what else is answered is dropped, and redirects are not followed.
  // Errors as of Fetcher::fetch.
  virtual Task<Result<Posted>> post(net::Loop& loop, Post post) = 0;
};
// Before anything is sent: kInvalid, with what is wrong. `anywhere` as in Post. Gives the origin
// (RFC 6454 §6.2: "https://push.example", with the port where it is not the usual one).
Result<std::string> check_post_url(const std::string& url, bool anywhere);

struct FetchOptions {
  // For tests: private addresses, any port, and certificates of any maker.
  bool private_network = false;
};
// By libcurl, on threads of its own. `resolver` outlives it.
std::unique_ptr<Fetcher> make_fetcher(dns::Resolver& resolver, FetchOptions options);
std::unique_ptr<Poster> make_poster(dns::Resolver& resolver, FetchOptions options);

}  // namespace pabal::web
