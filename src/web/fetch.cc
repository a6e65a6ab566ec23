#include "web/fetch.h"

#include <curl/curl.h>

#include <mutex>
#include <optional>

#include "base/text.h"
#include "trust/ip.h"

namespace pabal::web {
namespace {

constexpr size_t kThreads = 2, kWaiting = 20;            // fetches at once, and those that wait for them
constexpr size_t kPostThreads = 4, kPostsWaiting = 200;  // likewise
constexpr size_t kMaxPostAnswer = 64 << 10;              // octets, which are dropped
constexpr int kMaxRedirects = 3;
constexpr seconds kDnsTime{5};
constexpr long kFetchMilliseconds = 10'000;
constexpr size_t kMaxUrl = 2'000;
constexpr const char* kHttpsPort = "443";

struct Place {  // a URL as libcurl reads it: there is no second reader that could read it otherwise
  std::string url, scheme, host, port;
};

std::optional<Place> parse_url(const std::string& url, bool plain_too = false) {
  if (url.size() > kMaxUrl) return {};
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK) return {};
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    std::string out;
    if (curl_url_get(parsed.get(), which, &text, CURLU_DEFAULT_PORT) == CURLUE_OK) out = text;
    curl_free(text);
    return out;
  };
  Place place{part(CURLUPART_URL), part(CURLUPART_SCHEME), part(CURLUPART_HOST), part(CURLUPART_PORT)};
  if (place.host.empty()) return {};
  if (place.scheme != "https" && !(plain_too && place.scheme == "http")) return {};
  return place;
}

struct Got {
  Fetched fetched;
  std::string redirect;  // where it wants us to go, or empty
  std::string retry_after;
};

struct Sink {
  std::string body;
  size_t limit;
  static size_t take(char* data, size_t, size_t size, void* me) {
    Sink& sink = *static_cast<Sink*>(me);
    if (sink.body.size() + size > sink.limit) return 0;
    sink.body.append(data, size);
    return size;
  }
};

size_t hear_field(char* data, size_t, size_t size, void* me) {
  constexpr std::string_view kName = "retry-after:";
  const std::string_view line(data, size);
  if (text::istarts_with(line, kName)) *static_cast<std::string*>(me) = text::trim(line.substr(kName.size()));
  return size;
}

// Blocks. `addresses` are pinned: libcurl asks no resolver. `post` null: a GET.
Result<Got> run(const Place& place, const std::string& addresses, size_t limit, bool any_certificate,
                const Post* post) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) return Error{Code::kUnavailable, "libcurl cannot start"};
  const std::string pin = place.host + ":" + place.port + ":" + addresses;
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> pins(curl_slist_append(nullptr, pin.c_str()),
                                                                         curl_slist_free_all);
  Sink sink{"", limit};
  CURL* c = curl.get();
  curl_easy_setopt(c, CURLOPT_URL, place.url.c_str());
  curl_easy_setopt(c, CURLOPT_RESOLVE, pins.get());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, place.scheme.c_str());
  curl_easy_setopt(c, CURLOPT_PROXY, "");  // whatever the environment says
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, kFetchMilliseconds);
  curl_easy_setopt(c, CURLOPT_MAXFILESIZE, static_cast<long>(limit));
  curl_easy_setopt(c, CURLOPT_USERAGENT, "Pabal");
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, &Sink::take);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &sink);
  if (any_certificate) {
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  Got got;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> fields(nullptr, curl_slist_free_all);
  if (post) {
    curl_easy_setopt(c, CURLOPT_POST, 1L);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, post->body.data());
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post->body.size()));
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, &hear_field);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &got.retry_after);
    curl_slist* list = curl_slist_append(nullptr, "Expect:");
    for (const std::string& field : post->fields) list = curl_slist_append(list, field.c_str());
    fields.reset(list);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, fields.get());
  }
  const CURLcode done = curl_easy_perform(c);
  if (done == CURLE_WRITE_ERROR || done == CURLE_FILESIZE_EXCEEDED)
    return Error{Code::kInvalid, "it is larger than " + std::to_string(limit) + " octets"};
  if (done == CURLE_OPERATION_TIMEDOUT) return Error{Code::kTimeout, place.host + " did not answer in time"};
  if (done != CURLE_OK) return Error{Code::kUnavailable, place.host + ": " + curl_easy_strerror(done)};
  long status = 0;
  char *type = nullptr, *redirect = nullptr;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
  curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &redirect);
  got.fetched = {static_cast<int>(status), type ? type : "", std::move(sink.body)};
  if (redirect) got.redirect = redirect;
  return got;
}

// What fetching and posting share.
class Curl {
 public:
  Curl(dns::Resolver& resolver, FetchOptions options, size_t threads, size_t waiting)
      : resolver_(resolver), options_(options), pool_(net::make_pool(threads, waiting)) {}

  bool tests() const { return options_.private_network; }

  Task<Result<Got>> run_at(net::Loop& loop, Place place, size_t limit, std::shared_ptr<const Post> post) {
    const bool anywhere = tests() || (post && post->anywhere);
    Task<Result<std::string>> resolving = addresses_of(loop, place.host, anywhere);
    const Result<std::string> addresses = co_await resolving;
    if (!addresses) co_return addresses.error();
    const std::function<Result<Got>()> work = [place, ips = *addresses, limit, any = tests(), post] {
      return run(place, ips, limit, any, post.get());
    };
    Task<Result<Got>> running = net::run_on<Got>(*pool_, loop, work);
    co_return co_await running;
  }

 private:
  // In the form of CURLOPT_RESOLVE: "192.0.2.1,[2001:db8::1]". One address that is not to be reached spoils them all.
  Task<Result<std::string>> addresses_of(net::Loop& loop, std::string host, bool anywhere) {
    std::vector<std::string> found;
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    if (trust::parse_ip(host)) {
      found.push_back(host);
    } else if (anywhere && host == "localhost") {  // RFC 6761 §6.3
      found.push_back("127.0.0.1");
    } else {
      for (const dns::Type type : kAddressTypes) {
        Task<Result<dns::Answer>> asking = dns::ask({loop, resolver_, loop.now() + kDnsTime}, host, type);
        const Result<dns::Answer> answer = co_await asking;
        if (!answer) continue;
        for (const dns::Record& record : answer->records) found.push_back(record.data);
      }
    }
    std::string out;
    for (const std::string& ip : found) {
      const auto parsed = trust::parse_ip(ip);
      if (!parsed || (!trust::is_public(*parsed) && !anywhere))
        co_return Error{Code::kDenied, host + " is not an Internet host"};
      (out += out.empty() ? "" : ",") += parsed->v6 ? "[" + ip + "]" : ip;
    }
    if (out.empty()) co_return Error{Code::kUnavailable, host + " has no address"};
    co_return out;
  }
  static constexpr dns::Type kAddressTypes[] = {dns::Type::kA, dns::Type::kAaaa};

  dns::Resolver& resolver_;
  const FetchOptions options_;
  std::unique_ptr<net::Pool> pool_;
};

class CurlFetcher final : public Fetcher {
 public:
  CurlFetcher(dns::Resolver& resolver, FetchOptions options) : curl_(resolver, options, kThreads, kWaiting) {}

  Task<Result<Fetched>> fetch(net::Loop& loop, std::string url, size_t limit) override {
    for (int i = 0; i <= kMaxRedirects; ++i) {
      const std::optional<Place> place = parse_url(url);
      if (!place || (place->port != kHttpsPort && !curl_.tests()))
        co_return Error{Code::kDenied, "only https URLs with the usual port are fetched"};
      Task<Result<Got>> running = curl_.run_at(loop, *place, limit, nullptr);
      Result<Got> got = co_await running;
      if (!got) co_return got.error();
      if (got->redirect.empty()) co_return std::move(got->fetched);
      url = got->redirect;
    }
    co_return Error{Code::kDenied, "it redirects too often"};
  }

 private:
  Curl curl_;
};

class CurlPoster final : public Poster {
 public:
  CurlPoster(dns::Resolver& resolver, FetchOptions options) : curl_(resolver, options, kPostThreads, kPostsWaiting) {}

  Task<Result<Posted>> post(net::Loop& loop, Post post) override {
    const std::optional<Place> place = parse_url(post.url, post.anywhere);
    if (!place) co_return Error{Code::kDenied, "only https URLs are posted to"};
    const auto held = std::make_shared<const Post>(std::move(post));
    Task<Result<Got>> running = curl_.run_at(loop, *place, kMaxPostAnswer, held);
    Result<Got> got = co_await running;
    if (!got) co_return got.error();
    co_return Posted{got->fetched.status, std::move(got->retry_after)};
  }

 private:
  Curl curl_;
};

}  // namespace

std::unique_ptr<Fetcher> make_fetcher(dns::Resolver& resolver, FetchOptions options) {
  return std::make_unique<CurlFetcher>(resolver, options);
}

std::unique_ptr<Poster> make_poster(dns::Resolver& resolver, FetchOptions options) {
  return std::make_unique<CurlPoster>(resolver, options);
}

Result<std::string> check_post_url(const std::string& url, bool anywhere) {
  const std::optional<Place> place = parse_url(url, anywhere);
  if (!place)
    return Error{Code::kInvalid, std::string("the URL is to begin with https://") + (anywhere ? " or http://" : "") +
                                     ", and to have at most " + std::to_string(kMaxUrl) + " octets and no user name"};
  const std::string host = place->host.starts_with('[') ? place->host.substr(1, place->host.size() - 2) : place->host;
  const auto ip = trust::parse_ip(host);
  if (!anywhere && (host == "localhost" || (ip && !trust::is_public(*ip))))
    return Error{Code::kInvalid, host + " is not an Internet host"};
  const bool usual = place->port == (place->scheme == "https" ? kHttpsPort : "80");
  return place->scheme + "://" + place->host + (usual ? "" : ":" + place->port);
}

}  // namespace pabal::web
