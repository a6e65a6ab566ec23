#include "web/answer.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "web/compress.h"
#include "web/target.h"

namespace pabal::web {
namespace {

// RFC 9110 §13.1.2, by weak comparison.
bool matches(std::string_view if_none_match, std::string_view etag) {
  const auto opaque = [](std::string_view tag) { return tag.starts_with("W/") ? tag.substr(2) : tag; };
  for (const std::string_view part : text::split(if_none_match, ',')) {
    const std::string_view tag = text::trim(part);
    if (tag == "*" || opaque(tag) == opaque(etag)) return true;
  }
  return false;
}

// Values come from handlers that may have put foreign text into them.
Fields cleaned(const Fields& fields) {
  Fields out;
  for (const Fields::Field& field : fields) {
    if (!is_token(field.name)) continue;
    std::string value = field.value;
    std::replace_if(
        value.begin(), value.end(), [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7F; }, ' ');
    out.add(field.name, std::string(text::trim(value)));
  }
  // They are about the connection, which is not the handler's (RFC 9110 §7.6.1, RFC 9113 §8.2.2).
  for (const char* name : {"Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Content-Length"})
    out.remove(name);
  return out;
}

void encode(Response& response, const Asked& asked) {
  const std::string* type = response.headers.get("Content-Type");
  if (!response.compress || response.source || response.body.size() < kMinCompressed ||
      response.body.size() > kMaxCompressed || response.headers.get("Content-Encoding") || !type ||
      !is_compressible(*type))
    return;
  response.headers.append("Vary", "Accept-Encoding");
  const Coding coding = choose_coding(asked.accept_encoding);
  if (coding == Coding::kIdentity) return;
  auto coded = compress(response.body, coding);
  if (!coded) return;
  response.body = std::move(*coded);
  response.headers.set("Content-Encoding", std::string(coding_name(coding)));
  // RFC 9110 §8.8.3.3: other octets, so no longer the same strong tag.
  if (const std::string* etag = response.headers.get("ETag"); etag && !etag->starts_with("W/"))
    response.headers.set("ETag", "W/" + *etag);
}

}  // namespace

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

Refusal complete(Request& request, net::Stream& stream, const Networks& trusted_proxies) {
  request.scheme = stream.tls() ? "https" : "http";
  request.client = stream.remote();
  request.loop = &stream.loop();
  believe(trusted_proxies, request);
  if (request.target == "*") {
    request.path = "*";
    return {};
  }
  Result<Target> target = parse_target(request.target);
  if (!target) return {target.code() == Code::kLimit ? 414 : 400, target.error().message};
  request.path = std::move(target->path);
  request.segments = std::move(target->segments);
  request.query = std::move(target->query);
  return {};
}

int status_of_body(Code code) {
  switch (code) {
    case Code::kLimit:
      return 413;
    case Code::kTimeout:
      return 408;
    case Code::kInvalid:
      return 400;
    default:
      return 0;
  }
}

Asked what_is_asked(const Request& request) {
  Asked out;
  out.head = request.method == "HEAD";
  out.if_none_match = request.headers.joined("If-None-Match");
  out.conditional = (out.head || request.method == "GET") && !out.if_none_match.empty();
  out.secure = request.secure();
  out.accept_encoding = request.headers.joined("Accept-Encoding");
  return out;
}

Task<Response> answer(Handler& handler, Request request) {
  const std::string what = request.method + " " + request.path;
  std::string fault;
  try {
    Task<Response> handling = handler.handle(std::move(request));
    co_return co_await handling;
  } catch (const std::exception& e) { fault = e.what(); } catch (...) {
    fault = "an exception of unknown kind";
  }
  log::error("web", what + " failed: " + fault);
  co_return problem(500, "the server failed; its log says why");
}

Response finished(Response response, const Asked& asked, Time now) {
  response.headers = cleaned(response.headers);
  Fields& fields = response.headers;
  if (const std::string* etag = fields.get("ETag");
      etag && asked.conditional && response.status == 200 && matches(asked.if_none_match, *etag)) {
    response.status = 304;
    if (response.compress) fields.append("Vary", "Accept-Encoding");
    for (const char* name : {"Content-Type", "Content-Encoding"}) fields.remove(name);
  }
  if (has_no_body(response.status)) {
    response.body.clear();
    response.source.reset();
  } else {
    encode(response, asked);
  }
  fields.set_default("Cache-Control", "no-store");
  fields.set_default("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
  fields.set_default("X-Content-Type-Options", "nosniff");
  fields.set_default("Referrer-Policy", "no-referrer");
  fields.set_default("Cross-Origin-Opener-Policy", "same-origin");
  fields.set_default("Cross-Origin-Resource-Policy", "same-origin");
  if (asked.secure) fields.set_default("Strict-Transport-Security", "max-age=31536000");  // RFC 6797
  fields.set("Date", http_date(now));
  fields.set("Server", "Pabal");
  return response;
}

}  // namespace pabal::web
