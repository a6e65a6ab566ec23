#include "oauth/provider.h"

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "web/target.h"

namespace pabal::oauth {
namespace {

constexpr int kOften = 300, kSometimes = 60, kSeldom = 20;  // requests a minute of one address

// Passwords and tokens do not travel in clear, but within the machine (RFC 6749 §3.1).
bool is_private(const web::Request& request) { return request.secure() || request.client.loopback(); }

}  // namespace

Provider::Provider(Services services)
    : services_(std::move(services)),
      book_(services_.directory, services_.clock, services_.random),
      key_(services_.store, services_.pool),
      limiter_(services_.clock) {}

void Provider::add_to(web::Router& router) {
  struct Route {
    const char *method, *path;
    Handler handler;
    Kind kind;
    int per_minute;
  };
  const Route routes[] = {
      {"GET", "/login", &Provider::login_form, Kind::kPage, kSometimes},
      {"POST", "/login", &Provider::log_in, Kind::kPage, kSometimes},
      {"GET", "/logout", &Provider::logout_form, Kind::kPage, kSometimes},
      {"POST", "/logout", &Provider::log_out, Kind::kPage, kSometimes},
      {"GET", "/oauth/authorize", &Provider::authorize, Kind::kPage, kSometimes},
      {"POST", "/oauth/authorize", &Provider::authorize_by_form, Kind::kPage, kSometimes},
      {"POST", "/oauth/consent", &Provider::consent, Kind::kPage, kSometimes},
      {"GET", "/device", &Provider::device_form, Kind::kPage, kSometimes},
      {"POST", "/device", &Provider::device_answer, Kind::kPage, kSometimes},
      {"GET", "/oauth/style.css", &Provider::style, Kind::kPage, kOften},
      {"POST", "/oauth/token", &Provider::token, Kind::kProgram, kOften},
      {"POST", "/oauth/device_authorization", &Provider::device_authorization, Kind::kProgram, kSeldom},
      {"POST", "/oauth/revoke", &Provider::revoke, Kind::kProgram, kOften},
      {"POST", "/oauth/introspect", &Provider::introspect, Kind::kProgram, 10 * kOften},
      {"GET", "/oauth/tokeninfo", &Provider::tokeninfo, Kind::kProgram, kOften},
      {"POST", "/oauth/tokeninfo", &Provider::tokeninfo, Kind::kProgram, kOften},
      {"GET", "/oauth/userinfo", &Provider::userinfo, Kind::kProgram, kOften},
      {"POST", "/oauth/userinfo", &Provider::userinfo, Kind::kProgram, kOften},
      {"POST", "/oauth/register", &Provider::register_client, Kind::kProgram, kSeldom},
      {"POST", "/oauth/ticket", &Provider::ticket, Kind::kProgram, kOften},
      {"GET", "/oauth/jwks", &Provider::jwks, Kind::kProgram, kOften},
      {"GET", "/oauth/certs", &Provider::certs, Kind::kProgram, kOften},
      {"GET", "/.well-known/openid-configuration", &Provider::metadata, Kind::kProgram, kOften},
      {"GET", "/.well-known/oauth-authorization-server", &Provider::metadata, Kind::kProgram, kOften},
      {"GET", "/.well-known/oauth-protected-resource", &Provider::resource_metadata, Kind::kProgram, kOften},
  };
  for (const Route& route : routes)
    router.add(route.method, route.path,
               [this, route](web::Request request) {
                 return enter(std::move(request), route.handler, route.kind, route.per_minute);
               },
               {kMaxForm});
}

Task<web::Response> Provider::enter(web::Request request, Handler handler, Kind kind, int per_minute) {
  if (!is_private(request)) {
    if (kind == Kind::kPage) co_return page(view_of(request, services_.hostname), Notice::kInClear);
    co_return error_answer(400, "invalid_request", "this is not answered in clear; use https");
  }
  const std::string key = request.method + request.path + " " + request.client.ip;
  if (!limiter_.take(key, per_minute)) {
    web::Response busy = kind == Kind::kPage
                             ? page(view_of(request, services_.hostname), Notice::kBusy)
                             : error_answer(429, "temporarily_unavailable", "too many requests; try again in a minute");
    busy.headers.set("Retry-After", "60");
    co_return busy;
  }
  Task<web::Response> handling = (this->*handler)(std::move(request));
  co_return co_await handling;
}

Task<Result<void>> Provider::commit(net::Loop& loop, store::Work work) {
  std::function<void(std::function<void(Result<void>)>)> start = [this, work](std::function<void(Result<void>)> done) {
    services_.store.transact(work, done);
  };
  Task<Result<void>> committing = net::from_callback<Result<void>>(loop, start);
  co_return co_await committing;
}

Task<Result<Outcome>> Provider::decide(net::Loop& loop, Decide decide) {
  auto out = std::make_shared<Result<Outcome>>(Code::kInternal, "nothing was decided");
  store::Work work = [out, decide](store::Transaction& t) -> Result<void> {
    *out = decide(t);
    return *out ? Result<void>() : out->error();
  };
  Task<Result<void>> committing = commit(loop, work);
  const Result<void> done = co_await committing;
  if (!done) co_return done.error();
  co_return *out;
}

bool Pace::may_ask(const std::string& device, Time now) {
  std::lock_guard lock(mutex_);
  std::erase_if(asked_, [&](const auto& entry) { return now - entry.second.last > kDeviceLife; });
  const auto [entry, fresh] = asked_.try_emplace(device, Asked{now, kDeviceInterval});
  if (fresh) return true;
  Asked& asked = entry->second;
  const bool early = now - asked.last < asked.interval;
  if (early) asked.interval += kDeviceInterval;
  asked.last = now;
  return !early;
}

web::Response see_other(std::string location) {
  web::Response out;
  out.status = 303;
  out.headers.set("Location", std::move(location));
  out.headers.set("Cache-Control", "no-store");
  return out;
}

web::Response down_answer(const Error& error) {
  return error_answer(error.code == Code::kLimit ? 429 : 503, "temporarily_unavailable", error.message);
}

std::string csrf_of(const web::Request& request) {
  return text::base64url(sha256("form of " + api::session_secret(request)));
}

bool is_local_path(std::string_view path) {
  if (!path.starts_with('/') || path.starts_with("//") || path.size() > web::kMaxRequestLine) return false;
  // Browsers read a backslash as a slash, and drop tabs and line ends.
  const bool plain =
      std::all_of(path.begin(), path.end(), [](unsigned char c) { return c > ' ' && c < 0x7F && c != '\\'; });
  return plain && web::parse_target(path);
}

}  // namespace pabal::oauth
