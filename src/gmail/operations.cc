#include "gmail/operations.h"

#include "base/text.h"
#include "gmail/methods.h"

namespace pabal::gmail {
namespace {

using api::Operation;

constexpr const char* kUsers = "/gmail/v1/users/{userId}";
constexpr const char* kAll = " fields prettyPrint:boolean";  // of every call

constexpr const char *kReadSettings = "mail.settings.read", *kSettings = "mail.settings";

struct Row {
  const char *method, *path, *needs, *en, *ko;
};

// Told of to clients that ask for what Google Workspace has.
constexpr Row kRefused[] = {
    {"GET", "/settings/sendAs/{sendAsEmail}/smimeInfo", kReadSettings, "No S/MIME keys are kept",
     "S/MIME 키는 두지 않음"},
    {"POST", "/settings/sendAs/{sendAsEmail}/smimeInfo", kSettings, "No S/MIME keys are kept", "S/MIME 키는 두지 않음"},
    {"GET", "/settings/sendAs/{sendAsEmail}/smimeInfo/{id}", kReadSettings, "No S/MIME keys are kept",
     "S/MIME 키는 두지 않음"},
    {"DELETE", "/settings/sendAs/{sendAsEmail}/smimeInfo/{id}", kSettings, "No S/MIME keys are kept",
     "S/MIME 키는 두지 않음"},
    {"POST", "/settings/sendAs/{sendAsEmail}/smimeInfo/{id}/setDefault", kSettings, "No S/MIME keys are kept",
     "S/MIME 키는 두지 않음"},
    {"GET", "/settings/cse/identities", kReadSettings, "No client-side encryption", "클라이언트 측 암호화 없음"},
    {"POST", "/settings/cse/identities", kSettings, "No client-side encryption", "클라이언트 측 암호화 없음"},
    {"GET", "/settings/cse/identities/{id}", kReadSettings, "No client-side encryption", "클라이언트 측 암호화 없음"},
    {"POST", "/settings/cse/identities/{id}", kSettings, "No client-side encryption", "클라이언트 측 암호화 없음"},
    {"PATCH", "/settings/cse/identities/{id}", kSettings, "No client-side encryption", "클라이언트 측 암호화 없음"},
    {"DELETE", "/settings/cse/identities/{id}", kSettings, "No client-side encryption", "클라이언트 측 암호화 없음"},
    {"GET", "/settings/cse/keypairs", kReadSettings, "No client-side encryption", "클라이언트 측 암호화 없음"},
    {"POST", "/settings/cse/keypairs", kSettings, "No client-side encryption", "클라이언트 측 암호화 없음"},
    {"GET", "/settings/cse/keypairs/{id}", kReadSettings, "No client-side encryption", "클라이언트 측 암호화 없음"},
    {"POST", "/settings/cse/keypairs/{id}", kSettings, "No client-side encryption", "클라이언트 측 암호화 없음"},
};

// The names of a table in the notation of api/document.h.
api::Names names_of(std::string_view table) {
  api::Names out;
  if (table.empty()) return out;
  for (std::string_view word : text::split(table, ' ')) {
    bool several = word.ends_with('*');
    if (several) word.remove_suffix(1);
    const size_t colon = word.find(':');
    std::string_view type = colon == word.npos ? "" : word.substr(colon + 1);
    if (type.starts_with('[')) {
      several = true;
      type = type.substr(1, type.size() - 2);
    }
    if (type == "bool")
      type = "boolean";
    else if (type == "int32" || type == "uint32")
      type = "integer";
    else if (type == "uint64")
      type = "int64";
    else if (type == "byte")
      type = "octets";
    else if (type == "string")
      type = "";
    out.append(out.empty() ? "" : " ").append(word.substr(0, colon));
    if (!type.empty()) out.append(":").append(type);
    if (several) out += '*';
  }
  return out;
}

Operation operation(const Method& method) {
  const size_t dot = method.id.find('.');
  const std::string_view tag = dot == method.id.npos ? "mailbox" : method.id.substr(0, dot);
  Operation out{std::string(method.verb),     std::string(kUsers).append(method.path),
                "Gmail: " + std::string(tag), std::string(method.en),
                std::string(method.ko),       std::string(method.needs)};
  out.query = names_of(method.query) + kAll;
  if (!method.takes.empty()) out.takes = std::string(method.takes) + "!";
  out.gives = method.gives;
  if (out.gives.empty()) out.answer = "none";
  out.refuses = method.refused;
  return out;
}

// Both ways to an upload: what begins it, and what goes on with a resumable one.
void add_uploads(const Method& method, std::vector<Operation>& to) {
  for (const char* verb : {"POST", "PUT"}) {
    Operation one = operation(method);
    one.method = verb;
    one.path = "/upload" + one.path;
    one.tag = "Gmail: uploads";
    one.query = "uploadType! upload_id " + one.query;
    one.takes = "";
    one.body = "message/rfc822";
    const bool begins = verb == method.verb;
    one.en = begins ? one.en + ", uploaded as media, multipart or resumable"
                    : "Goes on with a resumable upload that " + std::string(method.verb) + " began";
    one.ko = begins ? one.ko + " (media, multipart, resumable 업로드)"
                    : std::string(method.verb) + "로 시작한 resumable 업로드를 잇기";
    to.push_back(std::move(one));
  }
}

}  // namespace

api::Described described() {
  api::Described out;
  for (const Method& method : methods()) out.operations.push_back(operation(method));
  for (const Row& row : kRefused) {
    Operation& one = out.operations.emplace_back(
        Operation{row.method, std::string(kUsers) + row.path, "Gmail: settings", row.en, row.ko, row.needs});
    one.query = kAll;
    one.answer = "none";
    one.refuses = true;
  }
  for (const Method& method : methods())
    if (method.upload) add_uploads(method, out.operations);
  for (const char* path : {"/batch", "/batch/gmail/v1"}) {
    out.operations.push_back({"POST", path, "Gmail: batches", "Up to 100 calls in one, as multipart/mixed",
                              "호출 100개까지 한 번에, multipart/mixed로"});
    out.operations.back().body = out.operations.back().answer = "multipart/mixed";
  }
  for (const Schema& schema : schemas()) out.schemas.push_back({std::string(schema.name), names_of(schema.members)});
  out.parameters = {
      {"userId", "me, or the address of the account", "me, 또는 계정의 주소"},
      {"q", "A search as people type it: from:carol has:attachment newer_than:7d",
       "사람이 쓰는 검색어: from:carol has:attachment newer_than:7d"},
      {"labelIds", "Only what has all of these labels", "이 라벨이 모두 붙은 것만"},
      {"label", "Likewise, by name", "같은 뜻, 이름으로"},
      {"maxResults", "At most so many on a page, up to 500", "한 쪽에 이만큼까지, 최대 500"},
      {"pageToken", "nextPageToken of the page before", "앞 쪽의 nextPageToken"},
      {"includeSpamTrash", "From Spam and Trash as well", "스팸과 휴지통도"},
      {"format", "How much of a message", "메시지를 얼마나", "minimal full raw metadata"},
      {"metadataHeaders", "Only these header fields, with format=metadata", "format=metadata일 때 이 헤더만"},
      {"internalDateSource", "Which date it gets", "날짜를 어디서 얻을지", "receivedTime dateHeader"},
      {"startHistoryId", "historyId of what the client knows", "클라이언트가 아는 historyId"},
      {"historyTypes", "Only these kinds of changes", "이런 변화만",
       "messageAdded messageDeleted labelAdded labelRemoved"},
      {"fields", "Which members the answer is to have: messages(id,snippet)", "응답에 담을 것: messages(id,snippet)"},
      {"prettyPrint", "Whether the answer is indented", "응답을 들여쓸지"},
      {"uploadType", "How the message is uploaded", "메시지를 올리는 방법", "media multipart resumable"},
      {"upload_id", "Which resumable upload goes on", "이어 올릴 업로드"},
      {"raw", "The message as it is, by RFC 5322", "메시지 원문 (RFC 5322)"},
  };
  return out;
}

}  // namespace pabal::gmail
