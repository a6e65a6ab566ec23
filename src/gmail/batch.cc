#include "gmail/batch.h"

#include "base/random.h"
#include "base/text.h"
#include "gmail/error.h"
#include "gmail/multipart.h"
#include "web/target.h"

namespace pabal::gmail {
namespace {

// Hop by hop (RFC 9110 §7.6.1), or of the batch's own body and answer.
bool is_of_the_batch(std::string_view name) {
  constexpr std::string_view kNames[] = {"Accept-Encoding", "Connection", "Expect",  "Host",    "Keep-Alive",
                                         "If-None-Match",   "TE",         "Trailer", "Upgrade", "Transfer-Encoding"};
  return text::istarts_with(name, "Content-") ||
         std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view n) { return text::iequals(n, name); });
}

web::Request completed(web::Request part, const web::Request& batch) {
  for (const auto& field : batch.headers)
    if (!is_of_the_batch(field.name)) part.headers.set_default(field.name, field.value);
  part.scheme = batch.scheme;
  part.host = batch.host;
  part.client = batch.client;
  part.http2 = batch.http2;
  part.loop = batch.loop;
  return part;
}

Task<web::Response> answer_part(web::Router* router, std::string_view octets, const web::Request* batch) {
  auto part = read_http_request(octets);
  if (!part) co_return failure(part.error());
  if (part->segments.empty() || part->segments[0] == "batch" || part->segments[0] == "upload")
    co_return failure(400, "badRequest", "A part of a batch is a call under /gmail/v1/, without an upload");
  web::Request request = completed(std::move(*part), *batch);
  const web::BodyRule rule = router->body_rule(request);
  if (!rule.streamed && request.body.size() > rule.limit)
    co_return failure(413, "badRequest", "The body of a part is larger than " + std::to_string(rule.limit) + " octets");
  if (rule.streamed && rule.limit != SIZE_MAX)
    co_return failure(400, "badRequest", "That method cannot be called in a batch");
  Task<web::Response> handling = router->handle(std::move(request));
  web::Response response = co_await handling;
  if (response.source) co_return failure(400, "badRequest", "That method cannot be called in a batch");
  co_return response;
}

std::string response_id(const web::Fields& headers) {
  const std::string* id = headers.get("Content-ID");
  if (!id || id->empty()) return "";
  const bool bracketed = id->starts_with('<');
  return "Content-ID: " + (bracketed ? "<response-" + id->substr(1) : "response-" + *id) + "\r\n";
}

std::string as_text(const web::Response& response) {
  std::string out =
      "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(web::reason(response.status)) + "\r\n";
  for (const auto& field : response.headers)
    if (!text::iequals(field.name, "Content-Length")) out += field.name + ": " + field.value + "\r\n";
  return out + "Content-Length: " + std::to_string(response.body.size()) + "\r\n\r\n" + response.body;
}

Task<web::Response> answer(web::Router* router, web::Request request) {
  const std::string* type = request.headers.get("Content-Type");
  const std::string boundary = boundary_of(type ? *type : "");
  if (boundary.empty()) co_return failure(400, "badRequest", "A batch is multipart/mixed with a boundary");
  const std::string body = std::exchange(request.body, {});
  const auto pieces = split_multipart(body, boundary, kMaxBatchParts);
  if (!pieces) co_return failure(400, "badRequest", "The batch cannot be read: " + pieces.error().message);
  if (pieces->empty()) co_return failure(400, "badRequest", "The batch is empty");

  const std::string ours = "batch_" + text::hex(SystemRandom().bytes(16));
  std::string out;
  for (const Piece& piece : *pieces) {
    web::Response response;
    if (out.size() > kMaxBatchAnswer) {
      response = failure(403, "limitExceeded", "The answer of the batch is too large: ask for less at once");
    } else {
      Task<web::Response> answering = answer_part(router, piece.body, &request);
      response = co_await answering;
    }
    out += "--" + ours + "\r\nContent-Type: application/http\r\n" + response_id(piece.headers) + "\r\n" +
           as_text(response) + "\r\n";
  }
  out += "--" + ours + "--\r\n";
  web::Response response = web::with_body("multipart/mixed; boundary=" + ours, std::move(out));
  response.headers.set("Cache-Control", "private, no-store");
  co_return response;
}

}  // namespace

Result<web::Request> read_http_request(std::string_view octets) {
  while (octets.starts_with("\r\n") || octets.starts_with('\n')) octets.remove_prefix(octets[0] == '\r' ? 2 : 1);
  const size_t feed = std::min(octets.find('\n'), octets.size());
  std::string_view line = octets.substr(0, feed);
  octets.remove_prefix(std::min(feed + 1, octets.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  const auto words = text::split(line, ' ');
  if (words.size() < 2 || words.size() > 3 || line.size() > web::kMaxRequestLine ||
      (words.size() == 3 && !words[2].starts_with("HTTP/1.")))
    return invalid("A part of a batch begins with a request line: GET /gmail/v1/users/me/profile");
  if (!words[1].starts_with('/')) return invalid("The URL of a part of a batch is a path alone");
  auto target = web::parse_target(words[1]);
  if (!target) return invalid("The URL of a part is none: " + target.error().message);
  auto block = read_fields(octets);
  if (!block) return block.error();
  web::Request out;
  out.method = words[0];
  out.target = words[1];
  out.path = std::move(target->path);
  out.segments = std::move(target->segments);
  out.query = std::move(target->query);
  out.headers = std::move(block->headers);
  out.body = block->rest;
  if (const std::string* length = out.headers.get("Content-Length")) {
    const auto octets_of_body = text::parse_u64(*length);
    if (!octets_of_body || *octets_of_body > out.body.size())
      return invalid("The body of a part is shorter than its Content-Length");
    out.body.resize(*octets_of_body);
  }
  return out;
}

void add_batch(web::Router& router) {
  for (const char* path : {"/batch", "/batch/gmail/v1"})
    router.add("POST", path, [&router](web::Request request) { return answer(&router, std::move(request)); },
               {kMaxBatchBody, false});
}

}  // namespace pabal::gmail
