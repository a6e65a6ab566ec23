#include "gmail/operations.h"

namespace pabal::gmail {
namespace {

using api::Operation;

constexpr const char* kUsers = "/gmail/v1/users/{userId}";
constexpr const char* kAll = " fields prettyPrint:boolean";  // of every call

// Needs, as call.cc has them.
constexpr const char *kSeen = "mail.metadata", *kRead = "mail.read", *kModify = "mail.modify", *kInsert = "mail.insert",
                     *kDelete = "mail.delete", *kSend = "mail.send", *kReadDrafts = "mail.drafts mail.read",
                     *kDrafts = "mail.drafts", *kReadLabels = "mail.metadata mail.labels", *kLabels = "mail.labels",
                     *kReadSettings = "mail.settings.read", *kSettings = "mail.settings", *kSharing = "mail.sharing";

constexpr const char* kList = "q labelIds* label* maxResults:integer pageToken includeSpamTrash:boolean";
constexpr const char* kFormat = "format metadataHeaders*";
constexpr const char* kDates = "internalDateSource deleted:boolean";

struct Row {
  const char *method, *path, *needs, *en, *ko;
  const char *query = "", *takes = "", *gives = "";
};

constexpr Row kMessages[] = {
    {"GET", "/profile", "mail.metadata mail.drafts", "Whose mailbox it is, and how much is in it",
     "누구의 메일함이고 얼마나 들어 있는지", "", "", "Profile"},
    {"GET", "/messages", kSeen, "Lists messages, newest first", "메시지 목록, 최근 것부터", kList, "",
     "ListMessagesResponse"},
    {"GET", "/messages/{id}", kSeen, "One message", "메시지 하나", kFormat, "", "Message"},
    {"GET", "/messages/{messageId}/attachments/{id}", kRead, "An attached file", "첨부 파일", "", "",
     "MessagePartBody"},
    {"POST", "/messages/send", kSend, "Sends the message in raw", "raw에 담긴 메시지 보내기", "", "Message!",
     "Message"},
    {"POST", "/messages", kInsert, "Puts a message into the mailbox as it is", "메시지를 메일함에 그대로 넣기", kDates,
     "Message!", "Message"},
    {"POST", "/messages/import", kInsert, "Takes a message in as if it had just been delivered",
     "방금 배달된 것처럼 메시지를 받아 넣기", kDates, "Message!", "Message"},
    {"POST", "/messages/{id}/modify", kModify, "Puts labels on a message and takes labels off",
     "메시지에 라벨을 붙이고 떼기", "", "ModifyRequest!", "Message"},
    {"POST", "/messages/{id}/trash", kModify, "Moves a message to Trash", "메시지를 휴지통으로", "", "", "Message"},
    {"POST", "/messages/{id}/untrash", kModify, "Takes a message out of Trash", "메시지를 휴지통에서 꺼내기", "", "",
     "Message"},
    {"DELETE", "/messages/{id}", kDelete, "Removes a message for good", "메시지를 완전히 지우기"},
    {"POST", "/messages/batchModify", kModify, "Changes the labels of up to 1,000 messages",
     "메시지 1,000개까지 라벨 바꾸기", "", "BatchModifyRequest!"},
    {"POST", "/messages/batchDelete", kDelete, "Removes up to 1,000 messages for good",
     "메시지 1,000개까지 완전히 지우기", "", "BatchDeleteRequest!"},
};
constexpr Row kThreads[] = {
    {"GET", "/threads", kSeen, "Lists conversations, newest first", "대화 목록, 최근 것부터", kList, "",
     "ListThreadsResponse"},
    {"GET", "/threads/{id}", kSeen, "A conversation with its messages", "대화와 그 메시지들", kFormat, "", "Thread"},
    {"POST", "/threads/{id}/modify", kModify, "Changes the labels of all its messages", "모든 메시지의 라벨 바꾸기", "",
     "ModifyRequest!", "Thread"},
    {"POST", "/threads/{id}/trash", kModify, "Moves a conversation to Trash", "대화를 휴지통으로", "", "", "Thread"},
    {"POST", "/threads/{id}/untrash", kModify, "Takes a conversation out of Trash", "대화를 휴지통에서 꺼내기", "", "",
     "Thread"},
    {"DELETE", "/threads/{id}", kDelete, "Removes a conversation for good", "대화를 완전히 지우기"},
};
constexpr Row kDraftCalls[] = {
    {"GET", "/drafts", kReadDrafts, "Lists drafts", "초안 목록",
     "q maxResults:integer pageToken includeSpamTrash:boolean", "", "ListDraftsResponse"},
    {"GET", "/drafts/{id}", kReadDrafts, "One draft", "초안 하나", "format", "", "Draft"},
    {"POST", "/drafts", kDrafts, "Makes a draft", "초안 만들기", "", "Draft!", "Draft"},
    {"PUT", "/drafts/{id}", kDrafts, "Writes a draft anew", "초안을 새로 쓰기", "", "Draft!", "Draft"},
    {"POST", "/drafts/send", kSend, "Sends a draft; the token must cover drafts as well",
     "초안 보내기. 초안 권한도 있어야 함", "", "Draft!", "Message"},
    {"DELETE", "/drafts/{id}", kDrafts, "Removes a draft for good", "초안을 완전히 지우기"},
};
constexpr Row kLabelCalls[] = {
    {"GET", "/labels", kReadLabels, "Lists labels", "라벨 목록", "", "", "ListLabelsResponse"},
    {"GET", "/labels/{id}", kReadLabels, "A label, with counts", "라벨 하나와 개수", "", "", "Label"},
    {"POST", "/labels", kLabels, "Makes a label", "라벨 만들기", "", "Label!", "Label"},
    {"PUT", "/labels/{id}", kLabels, "Writes a label anew", "라벨을 새로 쓰기", "", "Label!", "Label"},
    {"PATCH", "/labels/{id}", kLabels, "Changes what is named of a label", "라벨에서 적은 것만 바꾸기", "", "Label!",
     "Label"},
    {"DELETE", "/labels/{id}", kLabels, "Removes a label, and it from all messages",
     "라벨을 지우고 모든 메시지에서 떼기"},
};
constexpr Row kHistoryCalls[] = {
    {"GET", "/history", kSeen, "What has changed since a historyId", "historyId 이후로 바뀐 것",
     "startHistoryId! historyTypes* labelId maxResults:integer pageToken", "", "ListHistoryResponse"},
    {"POST", "/watch", kSeen, "Tells a webhook of changes, for a week", "바뀌면 웹훅에 알리기, 일주일 동안", "",
     "WatchRequest!", "WatchResponse"},
    {"POST", "/stop", kSeen, "Tells it no more", "더는 알리지 않기"},
};
constexpr Row kSettingCalls[] = {
    {"GET", "/settings/vacation", kReadSettings, "The answer while away", "부재중 답장", "", "", "VacationSettings"},
    {"PUT", "/settings/vacation", kSettings, "Sets the answer while away", "부재중 답장 정하기", "",
     "VacationSettings!", "VacationSettings"},
    {"GET", "/settings/language", kReadSettings, "The language of pages", "화면 언어", "", "", "LanguageSettings"},
    {"PUT", "/settings/language", kSettings, "Sets the language of pages", "화면 언어 정하기", "", "LanguageSettings!",
     "LanguageSettings"},
    {"GET", "/settings/imap", kReadSettings, "How IMAP is set, which cannot be changed", "IMAP 설정. 바꿀 수 없음", "",
     "", "ImapSettings"},
    {"PUT", "/settings/imap", kSettings, "Takes the settings as they are", "지금과 같은 설정만 받음", "",
     "ImapSettings!", "ImapSettings"},
    {"GET", "/settings/pop", kReadSettings, "How POP3 is set, which cannot be changed", "POP3 설정. 바꿀 수 없음", "",
     "", "PopSettings"},
    {"PUT", "/settings/pop", kSettings, "Takes the settings as they are", "지금과 같은 설정만 받음", "", "PopSettings!",
     "PopSettings"},
    {"GET", "/settings/filters", kReadSettings, "Lists filters", "필터 목록", "", "", "ListFiltersResponse"},
    {"POST", "/settings/filters", kSettings, "Makes a filter, which Sieve runs", "필터 만들기. Sieve로 실행됨", "",
     "Filter!", "Filter"},
    {"GET", "/settings/filters/{id}", kReadSettings, "One filter", "필터 하나", "", "", "Filter"},
    {"DELETE", "/settings/filters/{id}", kSettings, "Removes a filter", "필터 지우기"},
    {"GET", "/settings/autoForwarding", kReadSettings, "Where all mail is forwarded to", "모든 메일을 전달하는 곳", "",
     "", "AutoForwarding"},
    {"PUT", "/settings/autoForwarding", kSharing, "Forwards all mail to an accepted address",
     "확인된 주소로 모든 메일 전달하기", "", "AutoForwarding!", "AutoForwarding"},
    {"GET", "/settings/forwardingAddresses", kReadSettings, "Addresses that mail may be forwarded to",
     "메일을 전달할 수 있는 주소들", "", "", "ListForwardingAddressesResponse"},
    {"POST", "/settings/forwardingAddresses", kSharing, "Asks an address, by a letter to it, whether it wants the mail",
     "주소로 편지를 보내 전달을 받을지 묻기", "", "ForwardingAddress!", "ForwardingAddress"},
    {"GET", "/settings/forwardingAddresses/{forwardingEmail}", kReadSettings, "One such address", "그런 주소 하나", "",
     "", "ForwardingAddress"},
    {"DELETE", "/settings/forwardingAddresses/{forwardingEmail}", kSharing, "Forwards to it no more",
     "그 주소로 더는 전달하지 않기"},
    {"GET", "/settings/sendAs", kReadSettings, "Addresses to send from", "보내는 주소들", "", "", "ListSendAsResponse"},
    {"POST", "/settings/sendAs", kSharing, "Adds an address to send from", "보내는 주소 더하기", "", "SendAs!",
     "SendAs"},
    {"GET", "/settings/sendAs/{sendAsEmail}", kReadSettings, "One address to send from", "보내는 주소 하나", "", "",
     "SendAs"},
    {"PUT", "/settings/sendAs/{sendAsEmail}", kSettings, "Writes it anew", "새로 쓰기", "", "SendAs!", "SendAs"},
    {"PATCH", "/settings/sendAs/{sendAsEmail}", kSettings, "Changes what is named of it", "적은 것만 바꾸기", "",
     "SendAs!", "SendAs"},
    {"DELETE", "/settings/sendAs/{sendAsEmail}", kSharing, "Removes it", "지우기"},
    {"POST", "/settings/sendAs/{sendAsEmail}/verify", kSharing,
     "Nothing is to be verified: only own addresses are taken", "확인할 것이 없음. 자기 주소만 받음"},
    {"GET", "/settings/delegates", kReadSettings, "Delegates; there are none, mailboxes are shared by JMAP and IMAP",
     "위임. 없음. 메일함은 JMAP과 IMAP으로 공유함"},
};

// Told of to clients that ask for what Google Workspace has.
constexpr Row kRefused[] = {
    {"POST", "/settings/delegates", kSharing, "Delegates are not here", "위임은 없음"},
    {"GET", "/settings/delegates/{delegateEmail}", kReadSettings, "Delegates are not here", "위임은 없음"},
    {"DELETE", "/settings/delegates/{delegateEmail}", kSharing, "Delegates are not here", "위임은 없음"},
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

constexpr Row kUploads[] = {
    {"POST", "/messages/send", kSend, "Sends a message", "메시지 보내기", "", "", "Message"},
    {"POST", "/messages", kInsert, "Puts a message into the mailbox", "메시지를 메일함에 넣기", kDates, "", "Message"},
    {"POST", "/messages/import", kInsert, "Takes a message in", "메시지를 받아 넣기", kDates, "", "Message"},
    {"POST", "/drafts", kDrafts, "Makes a draft", "초안 만들기", "", "", "Draft"},
    {"PUT", "/drafts/{id}", kDrafts, "Writes a draft anew", "초안을 새로 쓰기", "", "", "Draft"},
    {"POST", "/drafts/send", kSend, "Sends a draft", "초안 보내기", "", "", "Message"},
};

Operation operation(const Row& row, const char* tag) {
  Operation out{row.method, std::string(kUsers) + row.path, tag, row.en, row.ko, row.needs};
  out.query = row.query + std::string(kAll);
  out.takes = row.takes;
  out.gives = row.gives;
  if (out.gives.empty()) out.answer = "none";
  return out;
}

}  // namespace

api::Described described() {
  api::Described out;
  const auto add = [&](const auto& rows, const char* tag) {
    for (const Row& row : rows) out.operations.push_back(operation(row, tag));
  };
  add(kMessages, "Gmail: messages");
  add(kThreads, "Gmail: threads");
  add(kDraftCalls, "Gmail: drafts");
  add(kLabelCalls, "Gmail: labels");
  add(kHistoryCalls, "Gmail: history");
  add(kSettingCalls, "Gmail: settings");
  for (Operation& one : out.operations)
    if (one.path.ends_with("/settings/delegates")) one.answer = "";  // an empty object
  for (const Row& row : kRefused) {
    out.operations.push_back(operation(row, "Gmail: settings"));
    out.operations.back().refuses = true;
  }
  for (const Row& row : kUploads)
    for (const char* method : {"POST", "PUT"}) {
      Operation one = operation(row, "Gmail: uploads");
      one.method = method;
      one.path = "/upload" + one.path;
      one.query = "uploadType! upload_id " + one.query;
      one.body = "message/rfc822";
      const bool begins = one.method == row.method;
      one.en = begins ? one.en + std::string(", uploaded as media, multipart or resumable")
                      : "Goes on with a resumable upload that " + std::string(row.method) + " began";
      one.ko = begins ? one.ko + " (media, multipart, resumable 업로드)"
                      : std::string(row.method) + "로 시작한 resumable 업로드를 잇기";
      out.operations.push_back(std::move(one));
    }
  for (const char* path : {"/batch", "/batch/gmail/v1"}) {
    out.operations.push_back({"POST", path, "Gmail: batches", "Up to 100 calls in one, as multipart/mixed",
                              "호출 100개까지 한 번에, multipart/mixed로"});
    out.operations.back().body = out.operations.back().answer = "multipart/mixed";
  }
  out.schemas = {
      {"Profile", "emailAddress messagesTotal:integer threadsTotal:integer historyId:int64"},
      {"Message",
       "id threadId labelIds* snippet historyId:int64 internalDate:int64 payload:MessagePart "
       "sizeEstimate:integer raw:octets"},
      {"MessagePart", "partId mimeType filename headers:MessagePartHeader* body:MessagePartBody parts:MessagePart*"},
      {"MessagePartHeader", "name value"},
      {"MessagePartBody", "attachmentId size:integer data:octets"},
      {"ListMessagesResponse", "messages:Message* nextPageToken resultSizeEstimate:integer"},
      {"ModifyRequest", "addLabelIds* removeLabelIds*"},
      {"BatchModifyRequest", "ids!* addLabelIds* removeLabelIds*"},
      {"BatchDeleteRequest", "ids!*"},
      {"Thread", "id snippet historyId:int64 messages:Message*"},
      {"ListThreadsResponse", "threads:Thread* nextPageToken resultSizeEstimate:integer"},
      {"Draft", "id message:Message"},
      {"ListDraftsResponse", "drafts:Draft* nextPageToken resultSizeEstimate:integer"},
      {"Label",
       "id name type messageListVisibility labelListVisibility color:LabelColor messagesTotal:integer "
       "messagesUnread:integer threadsTotal:integer threadsUnread:integer"},
      {"LabelColor", "textColor backgroundColor"},
      {"ListLabelsResponse", "labels:Label*"},
      {"History",
       "id messages:Message* messagesAdded:HistoryMessage* messagesDeleted:HistoryMessage* "
       "labelsAdded:HistoryLabels* labelsRemoved:HistoryLabels*"},
      {"HistoryMessage", "message:Message"},
      {"HistoryLabels", "message:Message labelIds*"},
      {"ListHistoryResponse", "history:History* nextPageToken historyId:int64"},
      {"WatchRequest", "topicName! labelIds* labelFilterBehavior labelFilterAction"},
      {"WatchResponse", "historyId:int64 expiration:int64"},
      {"VacationSettings",
       "enableAutoReply:boolean responseSubject responseBodyPlainText responseBodyHtml "
       "restrictToContacts:boolean restrictToDomain:boolean startTime:int64 endTime:int64"},
      {"LanguageSettings", "displayLanguage"},
      {"ImapSettings", "enabled:boolean autoExpunge:boolean expungeBehavior maxFolderSize:integer"},
      {"PopSettings", "accessWindow disposition"},
      {"Filter", "id criteria:FilterCriteria action:FilterAction"},
      {"FilterCriteria",
       "from to subject query negatedQuery hasAttachment:boolean excludeChats:boolean size:integer "
       "sizeComparison"},
      {"FilterAction", "addLabelIds* removeLabelIds* forward"},
      {"ListFiltersResponse", "filter:Filter*"},
      {"AutoForwarding", "enabled:boolean emailAddress disposition"},
      {"ForwardingAddress", "forwardingEmail verificationStatus"},
      {"ListForwardingAddressesResponse", "forwardingAddresses:ForwardingAddress*"},
      {"SendAs",
       "sendAsEmail displayName replyToAddress signature isPrimary:boolean isDefault:boolean "
       "treatAsAlias:boolean verificationStatus"},
      {"ListSendAsResponse", "sendAs:SendAs*"},
  };
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
