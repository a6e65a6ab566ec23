#include "app/webmail.h"

#include "app/webmail_files.h"
#include "base/codec.h"
#include "base/text.h"
#include "identity/tokens.h"
#include "oauth/redirect.h"
#include "web/compress.h"

namespace pabal::app {
namespace {

constexpr size_t kMaxPicture = 10 << 20;  // octets

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; frame-src 'self' blob:; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'";
// What is in a letter can ask for nothing: pictures come as data from the page around it. `sandbox` gives the frame an
// origin of its own, also where somebody opens it by its address.
constexpr std::string_view kFramePolicy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src blob: data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox allow-scripts; script-src ";

const WebmailFile* find(std::string_view path) {
  for (const WebmailFile& file : webmail_files())
    if (file.path == path) return &file;
  return nullptr;
}

web::Response answer(const WebmailFile& file, const web::Request& request, std::string_view caching) {
  const bool brotli =
      web::choose_coding(request.headers.joined("Accept-Encoding")) == web::Coding::kBrotli && !file.brotli.empty();
  web::Response out = web::with_body(std::string(file.type), std::string(brotli ? file.brotli : file.plain));
  if (brotli) out.headers.set("Content-Encoding", "br");
  out.headers.set("Vary", "Accept-Encoding");
  out.headers.set("ETag", "\"" + std::string(file.tag) + (brotli ? "-br\"" : "\""));
  out.headers.set("Cache-Control", std::string(caching));
  return out;
}

web::Response index(const web::Request& request) {
  web::Response out = answer(*find("/index.html"), request, "private, no-cache");
  out.headers.set("Vary", "Accept-Encoding, Cookie");
  out.headers.set("Content-Security-Policy", std::string(kPolicy));
  out.headers.set("X-Frame-Options", "DENY");
  out.headers.set("Referrer-Policy",
                  "same-origin");  // with none, the form that signs out would not say that it is ours
  out.headers.set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
  return out;
}

// The hash by which a policy allows the one script of this page (CSP 3 §2.3.1).
std::string script_hash(std::string_view html) {
  constexpr std::string_view kOpen = "<script>", kClose = "</script>";
  const size_t begin = html.find(kOpen) + kOpen.size();
  return "'sha256-" + text::base64(sha256(html.substr(begin, html.find(kClose) - begin))) + "'";
}

Task<web::Response> page(web::Request request, const api::Callers& callers) {
  const auto caller = callers.signed_in(request);
  if (caller) co_return index(request);
  if (caller.code() != Code::kDenied)
    co_return web::problem(503, "the server cannot answer now; try again in a minute");
  web::Response out;
  out.status = 303;
  out.headers.set("Location", "/login?next=" + oauth::percent_encoded(request.target));
  co_return out;
}

// Types of pictures that browsers show and that hold no script.
bool is_picture(std::string_view type) {
  type = text::trim(type.substr(0, type.find(';')));
  for (const std::string_view known : {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"})
    if (text::iequals(type, known)) return true;
  return false;
}

Task<web::Response> picture(web::Request request, const api::Callers& callers, web::Fetcher& fetcher) {
  Task<api::Admission> admitting = callers.admit(request, identity::kMailRead);
  const api::Admission admission = co_await admitting;
  if (!admission.caller) co_return api::refusal(admission);
  const std::string* url = request.query_value("url");
  if (!url) co_return web::problem(400, "say which picture: ?url=https://...");
  Task<Result<web::Fetched>> fetching = fetcher.fetch(*request.loop, *url, kMaxPicture);
  const Result<web::Fetched> got = co_await fetching;
  if (!got) co_return web::problem(got.code() == Code::kDenied ? 403 : 502, got.error().message);
  if (got->status != 200 || !is_picture(got->content_type))
    co_return web::problem(502, "what is there is no picture that can be shown");
  web::Response out = web::with_body(got->content_type, got->body);
  out.headers.set("Cache-Control", "private, max-age=86400");
  co_return out;
}

Task<web::Response> asset(web::Request request) {
  const WebmailFile* file = find(request.path);
  if (!file) co_return web::problem(404, "there is no such part of the web mail; load the page again");
  co_return answer(*file, request, "public, max-age=31536000, immutable");
}

Task<web::Response> small(web::Request request) {
  co_return answer(*find(request.path), request, "public, max-age=86400");
}

Task<web::Response> frame(web::Request request, std::string policy) {
  web::Response out = answer(*find("/frame.html"), request, "public, no-cache");
  out.headers.set("Content-Security-Policy", std::move(policy));
  out.headers.set("X-DNS-Prefetch-Control", "off");
  co_return out;
}

}  // namespace

void add_webmail(web::Router& router, const api::Callers& callers, web::Fetcher& fetcher) {
  const web::Handle to_page = [&callers](web::Request request) { return page(std::move(request), callers); };
  router.add("GET", "/mail", to_page);
  router.add("GET", "/mail/{view*}", to_page);
  router.add("GET", "/mail/image",
             [&callers, &fetcher](web::Request request) { return picture(std::move(request), callers, fetcher); });
  router.add("GET", "/assets/{name}", asset);
  router.add("GET", "/icon.svg", small);
  router.add("GET", "/manifest.webmanifest", small);
  const std::string policy = std::string(kFramePolicy) + script_hash(find("/frame.html")->plain);
  router.add("GET", "/frame", [policy](web::Request request) { return frame(std::move(request), policy); });
}

std::optional<web::Response> webmail_home(const web::Request& request, const api::Callers& callers) {
  if (api::session_secret(request).empty() || !callers.signed_in(request)) return {};
  return index(request);
}

}  // namespace pabal::app
