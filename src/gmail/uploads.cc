#include "gmail/uploads.h"

#include "base/text.h"
#include "gmail/error.h"
#include "gmail/letters.h"
#include "gmail/multipart.h"
#include "gmail/respond.h"
#include "message/message.h"

namespace pabal::gmail {

using api::json::value;

namespace {

enum class Kind : uint8_t { kSend, kInsert, kImport, kCreateDraft, kUpdateDraft, kSendDraft };
struct Route {
  const char* method;
  const char* path;  // behind /upload/gmail/v1/users/{userId}
  Need need;
  Kind kind;
};
constexpr Route kRoutes[] = {{"POST", "/messages/send", Need::kSend, Kind::kSend},
                             {"POST", "/messages", Need::kInsert, Kind::kInsert},
                             {"POST", "/messages/import", Need::kInsert, Kind::kImport},
                             {"POST", "/drafts", Need::kDraft, Kind::kCreateDraft},
                             {"PUT", "/drafts/{id}", Need::kDraft, Kind::kUpdateDraft},
                             {"POST", "/drafts/send", Need::kSendDraft, Kind::kSendDraft}};
constexpr size_t kFraming = 16 << 10;  // octets of boundaries and headers around the parts
constexpr std::string_view kMessage = "message/";

web::Response failed(const Error& error) {
  return error.code == Code::kLimit ? failure(413, "uploadTooLarge", error.message) : failure(error);
}

Task<Result<std::string>> read_all(std::shared_ptr<web::BodyReader> stream) {
  std::string out;
  while (stream) {
    Task<Result<std::string>> reading = stream->next();
    auto piece = co_await reading;
    if (!piece) co_return piece.error();
    if (piece->empty()) break;
    out += *piece;
  }
  co_return out;
}

// What the call does, with the message that came beside its JSON.
Task<Result<value>> act(CallPtr call, Kind kind, value beside, std::string message) {
  const bool of_draft = kind == Kind::kCreateDraft || kind == Kind::kUpdateDraft || kind == Kind::kSendDraft;
  auto letter = of_draft ? letter_of_draft(beside, std::move(message)) : letter_of(beside, std::move(message));
  if (!letter) co_return letter.error();
  std::string draft;
  if (kind == Kind::kUpdateDraft) draft = call->path("id");
  if (const auto* id = kind == Kind::kSendDraft ? api::string_member(beside, "id") : nullptr) draft = std::string(*id);
  Task<Result<value>> acting = kind == Kind::kSend     ? send_letter(call, std::move(*letter))
                               : kind == Kind::kInsert ? insert_letter(call, std::move(*letter), DateSource::kReceived)
                               : kind == Kind::kImport ? insert_letter(call, std::move(*letter), DateSource::kHeader)
                               : kind == Kind::kSendDraft
                                   ? send_draft(call, std::move(draft), std::optional(std::move(*letter)))
                                   : save_draft(call, std::move(draft), std::move(*letter));
  co_return co_await acting;
}

struct Parts {
  std::string json, message;
};
Result<Parts> parts_of(std::string_view body, const web::Request& request) {
  const std::string* type = request.headers.get("Content-Type");
  const std::string boundary = boundary_of(type ? *type : "");
  if (boundary.empty()) return invalid("A multipart upload is multipart/related with a boundary");
  const auto pieces = split_multipart(body, boundary, 2);
  if (!pieces) return pieces.error();
  if (pieces->size() != 2) return invalid("A multipart upload has two parts: JSON, and the message");
  if (const std::string* first = (*pieces)[0].headers.get("Content-Type");
      first && !text::istarts_with(*first, "application/json"))
    return invalid("The first part of a multipart upload is application/json");
  if ((*pieces)[0].body.size() > kMaxUploadJson) return Error{Code::kLimit, "The JSON beside the message is too large"};
  const std::string* encoding = (*pieces)[1].headers.get("Content-Transfer-Encoding");
  return Parts{std::string((*pieces)[0].body),
               message::decode_body((*pieces)[1].body, text::lowered(encoding ? *encoding : "binary"))};
}

// All at once: "media" and "multipart".
Task<web::Response> take_whole(CallPtr call, const Route* route, std::string type, std::string body) {
  Parts parts{"", std::move(body)};
  if (type == "multipart") {
    auto split = parts_of(parts.message, call->request);
    if (!split) co_return failed(split.error());
    parts = std::move(*split);
  }
  Task<Result<value>> reading = read_json(&call->services, call->request.loop, std::move(parts.json));
  auto beside = co_await reading;
  if (!beside) co_return failure(beside.error());
  Task<Result<value>> acting = act(call, route->kind, std::move(*beside), std::move(parts.message));
  auto done = co_await acting;
  if (!done) co_return failed(done.error());
  co_return respond(call->request, std::move(*done));
}

Task<web::Response> begin(CallPtr call, Uploads* uploads, std::string body) {
  const web::Request& request = call->request;
  if (body.size() > kMaxUploadJson) co_return failure(413, "uploadTooLarge", "The JSON of an upload is too large");
  if (const std::string* type = request.headers.get("X-Upload-Content-Type");
      type && !text::istarts_with(*type, kMessage))
    co_return failure(400, "badContent", "Media type '" + *type + "' is not supported: message/rfc822 is");
  const std::string* length = request.headers.get("X-Upload-Content-Length");
  if (length && text::parse_u64(*length).value_or(UINT64_MAX) > call->services.max_message_size)
    co_return failure(413, "uploadTooLarge",
                      "The message is larger than " + std::to_string(call->services.max_message_size) + " octets");
  Task<Result<value>> reading = read_json(&call->services, request.loop, std::move(body));
  auto beside = co_await reading;
  if (!beside) co_return failure(beside.error());
  const auto id = uploads->begin(call->account(), request.path, std::move(*beside));
  if (!id) co_return failure(429, "rateLimitExceeded", id.error().message);
  web::Response response;
  response.headers.set("Location", request.scheme + "://" + request.host + request.target + "&upload_id=" + *id);
  response.headers.set("X-GUploader-UploadID", *id);
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

// A piece of a resumable upload, or the question how much is there.
Task<web::Response> go_on(CallPtr call, Uploads* uploads, const Route* route, std::string id, std::string piece) {
  const web::Request& request = call->request;
  ContentRange range;
  if (const std::string* text = request.headers.get("Content-Range")) {
    const auto parsed = parse_content_range(*text);
    if (!parsed) co_return failure(400, "badRequest", "The Content-Range cannot be read");
    range = *parsed;
  } else if (piece.empty()) {
    co_return failure(400, "badRequest", "The upload is empty");
  } else {  // all that is left, at once
    range = {0, piece.size() - 1, piece.size()};
  }
  auto progress =
      uploads->add(id, call->account(), request.path, range, std::move(piece), call->services.max_message_size);
  if (!progress) co_return failed(progress.error());
  if (progress->answer) co_return web::with_body("application/json; charset=UTF-8", std::move(*progress->answer));
  if (!progress->whole) {
    web::Response response;
    response.status = 308;
    if (progress->octets > 0) response.headers.set("Range", "bytes=0-" + std::to_string(progress->octets - 1));
    response.headers.set("Cache-Control", "no-store");
    co_return response;
  }
  Task<Result<value>> acting = act(call, route->kind, std::move(progress->beside), std::move(*progress->whole));
  auto done = co_await acting;
  if (!done) {
    uploads->finish(id, {});
    co_return failed(done.error());
  }
  web::Response response = respond(request, std::move(*done));
  uploads->finish(id, response.body);
  co_return response;
}

Task<web::Response> serve(Services* services, std::shared_ptr<Uploads> uploads, const Route* route,
                          web::Request request) {
  // Nothing of the body is read for those who may not send one.
  const std::shared_ptr<web::BodyReader> stream = std::exchange(request.stream, nullptr);
  Task<Admitted> admitting = admit(services, route->need, std::move(request));
  Admitted admitted = co_await admitting;
  if (!admitted.call) co_return std::move(admitted.refused);
  const CallPtr call = admitted.call;
  const std::string* type = call->query("uploadType");
  const std::string* id = call->query("upload_id");
  if (!id && call->request.method != route->method)
    co_return failure(405, "httpMethodNotAllowed", std::string(route->method) + " begins an upload here");
  if (!type || (*type != "media" && *type != "multipart" && *type != "resumable"))
    co_return failure(400, "badRequest", "uploadType: media, multipart or resumable");
  Task<Result<std::string>> reading = read_all(stream);
  auto body = co_await reading;
  if (!body) co_return failed(body.error());
  if (id) {
    Task<web::Response> going_on = go_on(call, uploads.get(), route, *id, std::move(*body));
    co_return co_await going_on;
  }
  if (*type == "resumable") {
    Task<web::Response> beginning = begin(call, uploads.get(), std::move(*body));
    co_return co_await beginning;
  }
  Task<web::Response> taking = take_whole(call, route, *type, std::move(*body));
  co_return co_await taking;
}

}  // namespace

void add_uploads(web::Router& router, Services& services) {
  const auto uploads = std::make_shared<Uploads>(services.clock, services.random);
  const size_t limit = services.max_message_size + kMaxUploadJson + kFraming;
  for (const Route& route : kRoutes)
    for (const char* method : {"POST", "PUT"})
      router.add(method, std::string("/upload/gmail/v1/users/{userId}") + route.path,
                 [&services, uploads, &route](web::Request request) {
                   return serve(&services, uploads, &route, std::move(request));
                 },
                 {limit, true});
}

}  // namespace pabal::gmail
