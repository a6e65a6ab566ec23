#include "gmail/discovery.h"

#include "base/text.h"

namespace pabal::gmail {

using api::json::array;
using api::json::object;
using api::json::value;

namespace {

constexpr std::string_view kRead = "modify readonly", kMeta = "modify readonly metadata", kModify = "modify",
                           kInsert = "modify insert", kSend = "modify compose send",
                           kReadDrafts = "modify compose readonly", kDraft = "modify compose",
                           kReadLabels = "modify readonly labels metadata", kLabels = "modify labels", kAll = "",
                           kReadSettings = "modify readonly settings.basic", kSettings = "settings.basic",
                           kShare = "settings.sharing";
constexpr std::string_view kListing = "q labelIds* maxResults:uint32 pageToken includeSpamTrash:bool";

constexpr Method kMethods[] = {
    {"getProfile", "GET", "/profile", "", "", "Profile", kMeta},
    {"history.list", "GET", "/history", "startHistoryId:uint64 historyTypes* labelId maxResults:uint32 pageToken", "",
     "ListHistoryResponse", kMeta},
    {"watch", "POST", "/watch", "", "WatchRequest", "WatchResponse", kMeta},
    {"stop", "POST", "/stop", "", "", "", kMeta},
    {"messages.list", "GET", "/messages", kListing, "", "ListMessagesResponse", kMeta},
    {"messages.get", "GET", "/messages/{id}", "format metadataHeaders*", "", "Message", kMeta},
    {"messages.send", "POST", "/messages/send", "", "Message", "Message", kSend, true},
    {"messages.insert", "POST", "/messages", "internalDateSource deleted:bool", "Message", "Message", kInsert, true},
    {"messages.import", "POST", "/messages/import",
     "internalDateSource deleted:bool neverMarkSpam:bool processForCalendar:bool", "Message", "Message", kInsert, true},
    {"messages.modify", "POST", "/messages/{id}/modify", "", "ModifyMessageRequest", "Message", kModify},
    {"messages.batchModify", "POST", "/messages/batchModify", "", "BatchModifyMessagesRequest", "", kModify},
    {"messages.batchDelete", "POST", "/messages/batchDelete", "", "BatchDeleteMessagesRequest", "", kAll},
    {"messages.trash", "POST", "/messages/{id}/trash", "", "", "Message", kModify},
    {"messages.untrash", "POST", "/messages/{id}/untrash", "", "", "Message", kModify},
    {"messages.delete", "DELETE", "/messages/{id}", "", "", "", kAll},
    {"messages.attachments.get", "GET", "/messages/{messageId}/attachments/{id}", "", "", "MessagePartBody", kRead},
    {"threads.list", "GET", "/threads", kListing, "", "ListThreadsResponse", kMeta},
    {"threads.get", "GET", "/threads/{id}", "format metadataHeaders*", "", "Thread", kMeta},
    {"threads.modify", "POST", "/threads/{id}/modify", "", "ModifyThreadRequest", "Thread", kModify},
    {"threads.trash", "POST", "/threads/{id}/trash", "", "", "Thread", kModify},
    {"threads.untrash", "POST", "/threads/{id}/untrash", "", "", "Thread", kModify},
    {"threads.delete", "DELETE", "/threads/{id}", "", "", "", kAll},
    {"labels.list", "GET", "/labels", "", "", "ListLabelsResponse", kReadLabels},
    {"labels.get", "GET", "/labels/{id}", "", "", "Label", kReadLabels},
    {"labels.create", "POST", "/labels", "", "Label", "Label", kLabels},
    {"labels.update", "PUT", "/labels/{id}", "", "Label", "Label", kLabels},
    {"labels.patch", "PATCH", "/labels/{id}", "", "Label", "Label", kLabels},
    {"labels.delete", "DELETE", "/labels/{id}", "", "", "", kLabels},
    {"drafts.list", "GET", "/drafts", "q maxResults:uint32 pageToken includeSpamTrash:bool", "", "ListDraftsResponse",
     kReadDrafts},
    {"drafts.get", "GET", "/drafts/{id}", "format", "", "Draft", kReadDrafts},
    {"drafts.create", "POST", "/drafts", "", "Draft", "Draft", kDraft, true},
    {"drafts.update", "PUT", "/drafts/{id}", "", "Draft", "Draft", kDraft, true},
    {"drafts.delete", "DELETE", "/drafts/{id}", "", "", "", kDraft},
    {"drafts.send", "POST", "/drafts/send", "", "Draft", "Message", kDraft, true},
    {"settings.getVacation", "GET", "/settings/vacation", "", "", "VacationSettings", kReadSettings},
    {"settings.updateVacation", "PUT", "/settings/vacation", "", "VacationSettings", "VacationSettings", kSettings},
    {"settings.getLanguage", "GET", "/settings/language", "", "", "LanguageSettings", kReadSettings},
    {"settings.updateLanguage", "PUT", "/settings/language", "", "LanguageSettings", "LanguageSettings", kSettings},
    {"settings.getImap", "GET", "/settings/imap", "", "", "ImapSettings", kReadSettings},
    {"settings.updateImap", "PUT", "/settings/imap", "", "ImapSettings", "ImapSettings", kSettings},
    {"settings.getPop", "GET", "/settings/pop", "", "", "PopSettings", kReadSettings},
    {"settings.updatePop", "PUT", "/settings/pop", "", "PopSettings", "PopSettings", kSettings},
    {"settings.getAutoForwarding", "GET", "/settings/autoForwarding", "", "", "AutoForwarding", kReadSettings},
    {"settings.updateAutoForwarding", "PUT", "/settings/autoForwarding", "", "AutoForwarding", "AutoForwarding",
     kShare},
    {"settings.filters.list", "GET", "/settings/filters", "", "", "ListFiltersResponse", kReadSettings},
    {"settings.filters.get", "GET", "/settings/filters/{id}", "", "", "Filter", kReadSettings},
    {"settings.filters.create", "POST", "/settings/filters", "", "Filter", "Filter", kSettings},
    {"settings.filters.delete", "DELETE", "/settings/filters/{id}", "", "", "", kSettings},
    {"settings.forwardingAddresses.list", "GET", "/settings/forwardingAddresses", "", "",
     "ListForwardingAddressesResponse", kReadSettings},
    {"settings.forwardingAddresses.get", "GET", "/settings/forwardingAddresses/{forwardingEmail}", "", "",
     "ForwardingAddress", kReadSettings},
    {"settings.forwardingAddresses.create", "POST", "/settings/forwardingAddresses", "", "ForwardingAddress",
     "ForwardingAddress", kShare},
    {"settings.forwardingAddresses.delete", "DELETE", "/settings/forwardingAddresses/{forwardingEmail}", "", "", "",
     kShare},
    {"settings.sendAs.list", "GET", "/settings/sendAs", "", "", "ListSendAsResponse", kReadSettings},
    {"settings.sendAs.get", "GET", "/settings/sendAs/{sendAsEmail}", "", "", "SendAs", kReadSettings},
    {"settings.sendAs.create", "POST", "/settings/sendAs", "", "SendAs", "SendAs", kShare},
    {"settings.sendAs.update", "PUT", "/settings/sendAs/{sendAsEmail}", "", "SendAs", "SendAs", kSettings},
    {"settings.sendAs.patch", "PATCH", "/settings/sendAs/{sendAsEmail}", "", "SendAs", "SendAs", kSettings},
    {"settings.sendAs.delete", "DELETE", "/settings/sendAs/{sendAsEmail}", "", "", "", kShare},
    {"settings.sendAs.verify", "POST", "/settings/sendAs/{sendAsEmail}/verify", "", "", "", kShare},
    {"settings.delegates.list", "GET", "/settings/delegates", "", "", "ListDelegatesResponse", kReadSettings},
    {"settings.delegates.get", "GET", "/settings/delegates/{delegateEmail}", "", "", "Delegate", kReadSettings},
    {"settings.delegates.create", "POST", "/settings/delegates", "", "Delegate", "Delegate", kShare},
    {"settings.delegates.delete", "DELETE", "/settings/delegates/{delegateEmail}", "", "", "", kShare},
};

struct Schema {
  std::string_view name, members;  // "name:type"; "[type]" is a list
};
constexpr Schema kSchemas[] = {
    {"AutoForwarding", "enabled:bool emailAddress disposition"},
    {"BatchDeleteMessagesRequest", "ids:[string]"},
    {"BatchModifyMessagesRequest", "ids:[string] addLabelIds:[string] removeLabelIds:[string]"},
    {"Delegate", "delegateEmail verificationStatus"},
    {"Draft", "id message:Message"},
    {"Filter", "id criteria:FilterCriteria action:FilterAction"},
    {"FilterAction", "addLabelIds:[string] removeLabelIds:[string] forward"},
    {"FilterCriteria",
     "from to subject query negatedQuery hasAttachment:bool excludeChats:bool size:int32 sizeComparison"},
    {"ForwardingAddress", "forwardingEmail verificationStatus"},
    {"History",
     "id:uint64 messages:[Message] messagesAdded:[HistoryMessageAdded] messagesDeleted:[HistoryMessageDeleted] "
     "labelsAdded:[HistoryLabelAdded] labelsRemoved:[HistoryLabelRemoved]"},
    {"HistoryLabelAdded", "message:Message labelIds:[string]"},
    {"HistoryLabelRemoved", "message:Message labelIds:[string]"},
    {"HistoryMessageAdded", "message:Message"},
    {"HistoryMessageDeleted", "message:Message"},
    {"ImapSettings", "enabled:bool autoExpunge:bool expungeBehavior maxFolderSize:int32"},
    {"Label",
     "id name messageListVisibility labelListVisibility type messagesTotal:int32 messagesUnread:int32 "
     "threadsTotal:int32 threadsUnread:int32 color:LabelColor"},
    {"LabelColor", "textColor backgroundColor"},
    {"LanguageSettings", "displayLanguage"},
    {"ListDelegatesResponse", "delegates:[Delegate]"},
    {"ListDraftsResponse", "drafts:[Draft] nextPageToken resultSizeEstimate:uint32"},
    {"ListFiltersResponse", "filter:[Filter]"},
    {"ListForwardingAddressesResponse", "forwardingAddresses:[ForwardingAddress]"},
    {"ListHistoryResponse", "history:[History] nextPageToken historyId:uint64"},
    {"ListLabelsResponse", "labels:[Label]"},
    {"ListMessagesResponse", "messages:[Message] nextPageToken resultSizeEstimate:uint32"},
    {"ListSendAsResponse", "sendAs:[SendAs]"},
    {"ListThreadsResponse", "threads:[Thread] nextPageToken resultSizeEstimate:uint32"},
    {"Message",
     "id threadId labelIds:[string] snippet historyId:uint64 internalDate:int64 payload:MessagePart sizeEstimate:int32 "
     "raw:byte"},
    {"MessagePart", "partId mimeType filename headers:[MessagePartHeader] body:MessagePartBody parts:[MessagePart]"},
    {"MessagePartBody", "attachmentId size:int32 data:byte"},
    {"MessagePartHeader", "name value"},
    {"ModifyMessageRequest", "addLabelIds:[string] removeLabelIds:[string]"},
    {"ModifyThreadRequest", "addLabelIds:[string] removeLabelIds:[string]"},
    {"PopSettings", "accessWindow disposition"},
    {"Profile", "emailAddress messagesTotal:int32 threadsTotal:int32 historyId:uint64"},
    {"SendAs",
     "sendAsEmail displayName replyToAddress signature isPrimary:bool isDefault:bool treatAsAlias:bool "
     "verificationStatus"},
    {"Thread", "id snippet historyId:uint64 messages:[Message]"},
    {"VacationSettings",
     "enableAutoReply:bool responseSubject responseBodyPlainText responseBodyHtml restrictToContacts:bool "
     "restrictToDomain:bool startTime:int64 endTime:int64"},
    {"WatchRequest", "topicName labelIds:[string] labelFilterBehavior labelFilterAction"},
    {"WatchResponse", "historyId:uint64 expiration:int64"},
};

constexpr std::string_view kScopeNames[] = {"compose",  "insert", "labels",         "metadata",        "modify",
                                            "readonly", "send",   "settings.basic", "settings.sharing"};
constexpr std::string_view kWholeScope = "https://mail.google.com/";

std::string scope_of(std::string_view name) { return "https://www.googleapis.com/auth/gmail." + std::string(name); }

std::vector<std::string_view> words(std::string_view text) {
  return text.empty() ? std::vector<std::string_view>() : text::split(text, ' ');
}

object typed(std::string_view type) {
  object out;
  if (type.starts_with('[')) {
    out["type"] = "array";
    out["items"] = typed(type.substr(1, type.size() - 2));
  } else if (!type.empty() && type[0] >= 'A' && type[0] <= 'Z') {
    out["$ref"] = type;
  } else if (type == "bool") {
    out["type"] = "boolean";
  } else if (type == "int32" || type == "uint32") {
    out["type"] = "integer";
    out["format"] = type;
  } else {
    out["type"] = "string";
    if (!type.empty() && type != "string") out["format"] = type;
  }
  return out;
}

// "name:type" apart; no type is a string.
std::pair<std::string_view, std::string_view> member_of(std::string_view word) {
  const size_t colon = word.find(':');
  return {word.substr(0, colon), colon == word.npos ? std::string_view() : word.substr(colon + 1)};
}

object schema_of(const Schema& schema) {
  object properties;
  for (const std::string_view word : words(schema.members)) {
    const auto [name, type] = member_of(word);
    properties[name] = typed(type);
  }
  object out;
  out["id"] = schema.name;
  out["type"] = "object";
  out["properties"] = std::move(properties);
  return out;
}

object reference(std::string_view schema) {
  object out;
  out["$ref"] = schema;
  return out;
}

object method_of(const Method& method, uint64_t max_message_size) {
  const std::string path = "gmail/v1/users/{userId}" + std::string(method.path);
  object parameters, out;
  array order;
  for (size_t at = path.find('{'); at != path.npos; at = path.find('{', at + 1)) {
    const std::string name = path.substr(at + 1, path.find('}', at) - at - 1);
    object parameter = typed("");
    parameter["location"] = "path";
    parameter["required"] = true;
    if (name == "userId") parameter["default"] = "me";
    parameters[name] = std::move(parameter);
    order.emplace_back(name);
  }
  for (std::string_view word : words(method.query)) {
    const bool repeated = word.ends_with('*');
    if (repeated) word.remove_suffix(1);
    const auto [name, type] = member_of(word);
    object parameter = typed(type);
    parameter["location"] = "query";
    if (repeated) parameter["repeated"] = true;
    parameters[name] = std::move(parameter);
  }
  out["id"] = "gmail.users." + std::string(method.id);
  out["path"] = path;
  out["flatPath"] = path;
  out["httpMethod"] = method.verb;
  out["parameters"] = std::move(parameters);
  out["parameterOrder"] = std::move(order);
  if (!method.takes.empty()) out["request"] = reference(method.takes);
  if (!method.gives.empty()) out["response"] = reference(method.gives);
  array scopes;
  scopes.emplace_back(kWholeScope);
  for (const std::string_view scope : words(method.scopes)) scopes.emplace_back(scope_of(scope));
  out["scopes"] = std::move(scopes);
  if (!method.upload) return out;
  object protocols, media;
  for (const char* protocol : {"simple", "resumable"}) {
    object how;
    how["multipart"] = true;
    how["path"] = "/upload/" + path;
    protocols[protocol] = std::move(how);
  }
  array accept;
  accept.emplace_back("message/*");
  media["accept"] = std::move(accept);
  media["maxSize"] = std::to_string(max_message_size);
  media["protocols"] = std::move(protocols);
  out["supportsMediaUpload"] = true;
  out["mediaUpload"] = std::move(media);
  return out;
}

// The member of that name, made an object when it is not there.
object& within(object& of, std::string_view name) {
  value& found = of[name];
  if (!found.is_object()) found = object();
  return found.get_object();
}

Task<web::Response> give(uint64_t max_message_size, web::Request request) {
  const object document = discovery_document(request.scheme + "://" + request.host, max_message_size);
  web::Response response = web::with_etag(web::with_body("application/json; charset=UTF-8", api::to_text(document)));
  response.compress = true;
  response.headers.set("Cache-Control", "public, max-age=3600");
  co_return response;
}

}  // namespace

std::span<const Method> methods() { return kMethods; }

object discovery_document(std::string_view origin, uint64_t max_message_size) {
  object out, scopes, auth, schemas, users;
  out["kind"] = "discovery#restDescription";
  out["discoveryVersion"] = "v1";
  out["id"] = "gmail:v1";
  out["name"] = "gmail";
  out["version"] = "v1";
  out["title"] = "Gmail API, as this server has it";
  out["protocol"] = "rest";
  out["rootUrl"] = std::string(origin) + "/";
  out["baseUrl"] = std::string(origin) + "/";
  out["basePath"] = "";
  out["servicePath"] = "";
  out["batchPath"] = "batch/gmail/v1";
  for (const std::string_view name : kScopeNames) within(scopes, scope_of(name))["description"] = scope_of(name);
  within(scopes, kWholeScope)["description"] = "All of the mail";
  within(auth, "oauth2")["scopes"] = std::move(scopes);
  out["auth"] = std::move(auth);
  object parameters;
  for (const std::string_view word : {"alt", "fields", "key", "access_token", "oauth_token", "quotaUser", "callback",
                                      "uploadType", "upload_protocol", "prettyPrint:bool"}) {
    const auto [name, type] = member_of(word);
    object parameter = typed(type);
    parameter["location"] = "query";
    parameters[name] = std::move(parameter);
  }
  out["parameters"] = std::move(parameters);
  for (const Schema& schema : kSchemas) schemas[schema.name] = schema_of(schema);
  out["schemas"] = std::move(schemas);
  for (const Method& method : kMethods) {
    object* resource = &users;
    const auto names = text::split(method.id, '.');
    for (size_t i = 0; i + 1 < names.size(); ++i) resource = &within(within(*resource, "resources"), names[i]);
    within(*resource, "methods")[names.back()] = method_of(method, max_message_size);
  }
  within(out, "resources")["users"] = std::move(users);
  return out;
}

void add_discovery(web::Router& router, uint64_t max_message_size) {
  for (const char* path : {"/$discovery/rest", "/discovery/v1/apis/gmail/v1/rest"})
    router.add("GET", path,
               [max_message_size](web::Request request) { return give(max_message_size, std::move(request)); });
}

}  // namespace pabal::gmail
