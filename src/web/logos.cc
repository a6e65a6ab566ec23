#include "web/logos.h"

#include <algorithm>

#include "base/text.h"
#include "trust/bimi.h"
#include "web/svg.h"

namespace pabal::web {
namespace {

// Keys: `L` domain 0 selector: a version octet, then the logo; or nothing behind the version: there is none, with the
// reason. Both with expiry.
constexpr char kLogo = 'L', kSvg = 1, kNone = 2;
constexpr days kLogoLife{7};
constexpr hours kNoLogoLife{1};
constexpr seconds kDnsTime{5};
constexpr const char* kPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

std::string key_of(const std::string& domain, const std::string& selector) {
  std::string key(1, kLogo);
  return ((key += domain) += '\0') += selector;
}

bool is_label(std::string_view s) {
  return !s.empty() && s.size() <= 63 &&
         std::all_of(s.begin(), s.end(), [](char c) { return text::is_alnum(c) || c == '-' || c == '_'; });
}

Response show(std::string svg) {
  Response response = with_etag(with_body("image/svg+xml", std::move(svg)));
  response.compress = true;
  response.headers.set("Cache-Control", "private, max-age=86400");
  response.headers.set("Content-Security-Policy", kPolicy);
  response.headers.set("Content-Disposition", "inline; filename=\"logo.svg\"");
  return response;
}

Response none(std::string_view problem) {
  Response response = problem.empty() ? web::problem(404, "this domain has no logo") : web::problem(404, problem);
  response.headers.set("Cache-Control", "private, max-age=3600");
  return response;
}

}  // namespace

void Logos::add_to(Router& router) {
  router.add("GET", "/bimi/{domain}", [this](Request request) { return handle(std::move(request)); });
}

Task<Response> Logos::handle(Request request) {
  const auto domain = dns::to_ascii(request.params["domain"]);
  const std::string* named = request.query_value("selector");
  const std::string selector = named ? text::lowered(*named) : "default";
  if (!domain || domain->find('.') == std::string::npos || !is_label(selector))
    co_return web::problem(400, "the path is /bimi/ and a domain, such as example.com");
  const std::string key = key_of(*domain, selector);
  const auto kept = store_.get(key);
  if (kept && *kept && !(*kept)->empty()) {
    if ((*kept)->front() == kSvg) co_return show((*kept)->substr(1));
    if ((*kept)->front() == kNone) co_return none((*kept)->substr(1));
  }
  Task<Logo> finding = find(*request.loop, *domain, selector);
  Logo logo = co_await finding;
  if (logo.passing) {
    Response response = web::problem(503, logo.problem);
    response.headers.set("Retry-After", "60");
    co_return response;
  }
  const bool found = !logo.svg.empty();
  const std::string value = found ? kSvg + logo.svg : kNone + logo.problem;
  const Time expires = request.loop->now() + (found ? Duration(kLogoLife) : Duration(kNoLogoLife));
  // Nobody waits for it: whoever asks before it is kept looks again.
  store_.transact(
      [key, value, expires](store::Transaction& t) -> Result<void> {
        t.put_until(key, value, expires);
        return {};
      },
      [](Result<void>) {});
  co_return found ? show(std::move(logo.svg)) : none(logo.problem);
}

Task<Logos::Logo> Logos::find(net::Loop& loop, std::string domain, std::string selector) {
  using Record = std::optional<trust::BimiRecord>;
  const dns::Lookups lookups{loop, resolver_, loop.now() + kDnsTime};
  Task<Result<Record>> looking = trust::find_bimi_record(lookups, domain, selector);
  const Result<Record> record = co_await looking;
  if (!record) co_return Logo{"", "the DNS does not answer for " + domain, true};
  if (!*record) co_return Logo{"", "the domain publishes no BIMI record", false};
  if (!(*record)->problem.empty()) co_return Logo{"", "the BIMI record is broken: " + (*record)->problem, false};
  if ((*record)->location.empty()) co_return Logo{"", "the domain declines to have a logo", false};
  Task<Result<Fetched>> fetching = fetcher_.fetch(loop, (*record)->location, kMaxLogo);
  Result<Fetched> got = co_await fetching;
  // What other servers cause is kept as well, so that they are not asked again and again; only our own trouble is not.
  if (!got) co_return Logo{"", "the logo cannot be fetched: " + got.error().message, got.code() == Code::kLimit};
  if (got->status != 200)
    co_return Logo{"", "the logo cannot be fetched: its server says " + std::to_string(got->status), false};
  const std::string_view type = got->content_type;
  if (!text::iequals(text::trim(type.substr(0, type.find(';'))), "image/svg+xml"))
    co_return Logo{"", "the logo is not sent as image/svg+xml", false};
  if (const auto good = check_logo(got->body); !good)
    co_return Logo{"", "the logo is refused: " + good.error().message, false};
  co_return Logo{std::move(got->body), "", false};
}

}  // namespace pabal::web
