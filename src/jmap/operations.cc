#include "jmap/operations.h"

#include "base/text.h"
#include "jmap/blobs.h"
#include "jmap/modules.h"

namespace pabal::jmap {

namespace {

std::string in_line(const auto& needs) {
  std::string out;
  for (const std::string_view need : needs) out += (out.empty() ? "" : " ") + std::string(need);
  return out;
}

// Whatever some method needs lets in.
std::string needs_of_methods() {
  Methods methods;
  add_modules(methods);
  return in_line(methods.needs());
}

}  // namespace

api::Described described() {
  constexpr const char* kTag = "JMAP";
  const std::string any = needs_of_methods();
  api::Described out;
  const auto add = [&](const char* method, const char* path, const char* en, const char* ko,
                       std::string needs) -> api::Operation& {
    out.operations.push_back({method, path, kTag, en, ko, std::move(needs)});
    return out.operations.back();
  };
  for (const char* path : {"/.well-known/jmap", "/jmap/session"})
    add("GET", path, "The session: accounts, capabilities, limits and addresses (RFC 8620 §2)",
        "세션: 계정, 기능, 한도, 주소 (RFC 8620 §2)", any)
        .gives = "JmapSession";
  api::Operation& api = add("POST", "/jmap", "Method calls, one after the other (RFC 8620 §3)",
                            "메서드 호출들을 차례로 (RFC 8620 §3)", any);
  api.takes = "JmapRequest!";
  api.gives = "JmapResponse";
  api::Operation& upload = add("POST", "/jmap/upload/{accountId}/", "Uploads octets (RFC 8620 §6.1)",
                               "파일 올리기 (RFC 8620 §6.1)", in_line(kUploadNeeds));
  upload.body = "application/octet-stream";
  upload.gives = "JmapBlob";
  api::Operation& download = add("GET", "/jmap/download/{accountId}/{blobId}/{name}",
                                 "Downloads a message, a part of one, or what was uploaded (RFC 8620 §6.2)",
                                 "메시지나 그 부분, 올린 파일 내려받기 (RFC 8620 §6.2)", "mail.read");
  download.query = "accept";
  download.answer = "application/octet-stream";
  api::Operation& events = add("GET", "/jmap/eventsource", "Tells of changes as they happen (RFC 8620 §7.3)",
                               "바뀌는 대로 알려 주는 EventSource (RFC 8620 §7.3)", "mail.metadata");
  events.query = "types closeafter ping:integer ticket";
  events.answer = "text/event-stream";
  api::Operation& socket = add("GET", "/jmap/ws", "Calls and changes over a WebSocket (RFC 8887)",
                               "WebSocket으로 호출하고 바뀐 것 듣기 (RFC 8887)", any);
  socket.query = "ticket";
  socket.answer = "websocket";
  out.schemas = {
      {"JmapSession",
       "capabilities:object accounts:object primaryAccounts:object username apiUrl downloadUrl uploadUrl "
       "eventSourceUrl state"},
      {"JmapRequest", "using!* methodCalls!:array* createdIds:object"},
      {"JmapResponse", "methodResponses:array* createdIds:object sessionState"},
      {"JmapBlob", "accountId blobId type size:integer"},
  };
  out.parameters = {
      {"accountId", "Of the session", "세션에 있는 것"},
      {"blobId", "Of a message, a part, or an upload", "메시지, 부분, 또는 올린 파일의 것"},
      {"name", "The name that the browser gives the file", "브라우저가 파일에 붙일 이름"},
      {"accept", "The media type that is answered", "응답할 미디어 타입"},
      {"types", "Which types to tell of: Email,Mailbox, or *", "알릴 종류: Email,Mailbox 또는 *"},
      {"closeafter", "Whether it ends after the first", "한 번 알리고 끝낼지", "no state"},
      {"ping", "Seconds between pings", "핑 간격(초)"},
      {"ticket", "Of /oauth/ticket, in place of the header field", "헤더 대신 쓰는 /oauth/ticket의 표"},
      {"using", "Capabilities that the calls use", "호출이 쓰는 기능들"},
      {"methodCalls", "Each: name, arguments, call id", "각각 이름, 인수, 호출 id"},
  };
  return out;
}

}  // namespace pabal::jmap
