// MDN/send and /parse (RFC 9007): message disposition notifications (RFC 8098), which tell that a letter was read. They
// go out only when a client asks for one.
#include <algorithm>

#include "base/text.h"
#include "jmap/blobs.h"
#include "jmap/email.h"
#include "jmap/identities.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "message/build.h"
#include "message/compose.h"

namespace pabal::jmap {
namespace {

using Outgoing = mailbox::Outgoing;

constexpr std::string_view kMdn = "urn:ietf:params:jmap:mdn";
constexpr std::string_view kMdnSent = "$mdnsent";
constexpr size_t kMaxExtensionFields = 50;
constexpr std::string_view kActions[] = {"manual-action", "automatic-action"};
constexpr std::string_view kSendings[] = {"mdn-sent-manually", "mdn-sent-automatically"};
constexpr std::string_view kTypes[] = {"deleted", "dispatched", "displayed", "processed"};

template <size_t N>
bool is_one_of(const std::string& word, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

// Of a field of the notification: text on one line, which it folds nowhere.
bool is_line(std::string_view s) {
  return !s.empty() && s.size() <= 900 && std::all_of(s.begin(), s.end(), [](char c) { return c >= ' ' && c < 0x7F; });
}

// --- MDN/send -------------------------------------------------------------------------------------------------------

struct Notice {
  std::string email;  // the id it is about
  Outgoing::Letter letter;
  json::object told;  // what the server has set
};

struct Wanted {
  std::string email, subject, text, agent, final_recipient, action, sending, type;
  bool include_original = false;
  std::vector<std::pair<std::string, std::string>> extensions;
};

Or<Wanted> read_wanted(Call& call, const json::object& given) {
  static const std::set<std::string> known = {"forEmailId",  "subject",        "textBody",    "includeOriginalMessage",
                                              "reportingUA", "finalRecipient", "disposition", "extensionFields"};
  Fields in(given);
  for (const auto& [name, value] : given)
    if (!known.contains(std::string(name)) && !value.is_null()) in.note(name);
  Wanted out;
  const auto email = in.string("forEmailId");
  if (!email) in.note("forEmailId");
  out.email = call.id_of(email.value_or(""));
  out.subject = in.string("subject").value_or("");
  out.text = in.string("textBody").value_or("");
  out.agent = in.string("reportingUA").value_or("");
  out.final_recipient = in.string("finalRecipient").value_or("");
  out.include_original = in.boolean("includeOriginalMessage", false);
  if (!out.agent.empty() && !is_line(out.agent)) in.note("reportingUA");
  if (!out.final_recipient.empty() &&
      (!is_line(out.final_recipient) || out.final_recipient.find(';') == std::string::npos))
    in.note("finalRecipient");
  const json::object* disposition = in.object("disposition");
  Fields how(disposition ? *disposition : given);
  if (disposition) {
    out.action = how.string("actionMode").value_or("");
    out.sending = how.string("sendingMode").value_or("");
    out.type = how.string("type").value_or("");
  }
  if (!is_one_of(out.action, kActions) || !is_one_of(out.sending, kSendings) || !is_one_of(out.type, kTypes))
    in.note("disposition");
  if (const json::object* extensions = in.object("extensionFields"))
    for (const auto& [name, value] : *extensions) {
      const json::string* text = value.if_string();
      const bool good =
          text && is_line(*text) && out.extensions.size() < kMaxExtensionFields && message::header_line(name, "").ok();
      if (good)
        out.extensions.emplace_back(name, *text);
      else
        in.note("extensionFields");
    }
  if (const auto bad = in.bad_properties()) return *bad;
  return out;
}

std::string sentence(const std::string& type, const std::string& subject) {
  const std::string what = type == "displayed"    ? "was displayed. That does not say that it was read or understood."
                           : type == "deleted"    ? "was deleted without being displayed."
                           : type == "dispatched" ? "was passed on."
                                                  : "was processed.";
  return "Your message" + (subject.empty() ? "" : " \"" + subject + "\"") + " " + what + "\r\n";
}

std::string subject_of(const std::string& type, const std::string& subject) {
  return (type == "displayed" ? "Read: " : type == "deleted" ? "Deleted: " : "Processed: ") + subject;
}

struct Sender {
  std::string email, name;
};

Or<Notice> prepare_notice(Call& call, const Sender& sender, const json::object& given) {
  if (!call.account().reads_mail) return Call::lacks(identity::kMailRead);  // it quotes the email
  auto wanted = read_wanted(call, given);
  if (!wanted) return wanted.failure();
  const Services& services = call.services();
  const mailbox::AccountId account = call.account().id;
  const store::Reader& r = call.reader();
  const auto number = message_of(wanted->email);
  const auto m = number ? services.mailboxes.message(r, account, *number) : std::optional<mailbox::Message>();
  if (!m) return failure_of(m.error());
  if (!*m || !is_visible(**m, call.account())) return Failure{"notFound", "there is no such email"};
  const std::vector<std::string> keywords = keywords_of((*m)->flags);
  if (std::find(keywords.begin(), keywords.end(), kMdnSent) != keywords.end())
    return Failure{"mdnAlreadySent", "the email has the keyword $mdnsent"};
  const auto details = services.mailboxes.details(r, account, *number);
  if (!details || !*details)
    return failure_of(details ? Error{Code::kCorrupt, "the email is damaged"} : details.error());
  const auto body = services.mailboxes.body(r, (*m)->body);
  if (!body) return failure_of(body.error());
  const message::Message& original = (*details)->structure;
  const std::vector<message::HeaderField> fields = message::header_fields(original.root.header(*body));
  const auto ask = message::find_field(fields, "Disposition-Notification-To");
  std::vector<message::AddressItem> to;
  if (ask)
    for (message::AddressItem& item : message::parse_address_list(*ask))
      if (item.kind == message::AddressItem::kMailbox && message::parse_addr_spec(item.address(), true)) {
        item.display = item.display_text();
        to.push_back(std::move(item));
      }
  if (to.empty()) return Failure{"notFound", "the email does not ask for a notification (Disposition-Notification-To)"};

  Notice out;
  out.email = wanted->email;
  std::string subject = message::decode_words(original.summary.subject);
  if (wanted->text.empty()) wanted->text = sentence(wanted->type, subject);
  if (wanted->subject.empty()) wanted->subject = subject_of(wanted->type, subject);
  if (wanted->final_recipient.empty()) wanted->final_recipient = "rfc822; " + sender.email;
  out.told["finalRecipient"] = wanted->final_recipient;

  std::string report;
  if (!wanted->agent.empty()) report += "Reporting-UA: " + wanted->agent + "\r\n";
  if (const auto recipient = message::find_field(fields, "Original-Recipient")) {
    const std::string line = message::unfold(*recipient);
    if (is_line(line)) {
      report += "Original-Recipient: " + line + "\r\n";
      out.told["originalRecipient"] = line;
    }
  }
  report += "Final-Recipient: " + wanted->final_recipient + "\r\n";
  if (is_line(original.summary.message_id)) {
    report += "Original-Message-ID: " + original.summary.message_id + "\r\n";
    out.told["originalMessageId"] = original.summary.message_id;
  }
  report += "Disposition: " + wanted->action + "/" + wanted->sending + "; " + wanted->type + "\r\n";
  for (const auto& [name, value] : wanted->extensions) report += name + ": " + value + "\r\n";

  message::Outline root, text, notification, whole;
  text.content = message::with_crlf(wanted->text);
  text.params = {{"charset", "utf-8"}};
  notification.type = "message/disposition-notification";
  notification.content = std::move(report);
  root.type = "multipart/report";
  root.params = {{"report-type", "disposition-notification"}};
  root.parts = {std::move(text), std::move(notification)};
  if (wanted->include_original) {
    whole.type = "message/rfc822";
    whole.content = *body;
    root.parts.push_back(std::move(whole));
  }
  message::AddressItem from;
  const auto own = message::parse_addr_spec(sender.email, true);
  if (!own) return Failure{"forbiddenFrom", "the identity has no address"};
  from.display = sender.name;
  from.local = own->local;
  from.domain = own->domain;
  const Time now = services.clock.now();
  const std::string domain = message::ascii_domain(own->domain);
  std::vector<Result<std::string>> lines;
  lines.push_back(message::header_line("Date", message::format_date(now)));
  lines.push_back(message::address_line("From", {from}));
  lines.push_back(message::address_line("To", to));
  lines.push_back(message::header_line("Subject", wanted->subject));
  lines.push_back(message::header_line("Message-ID", message::new_message_id(services.random, now, domain)));
  if (out.told.contains("originalMessageId"))
    lines.push_back(message::header_line("In-Reply-To", original.summary.message_id));
  if (wanted->sending == kSendings[1]) lines.push_back(message::header_line("Auto-Submitted", "auto-replied"));
  lines.push_back(message::header_line("MIME-Version", "1.0"));
  for (const Result<std::string>& line : lines) {
    if (!line) return invalid_properties({"subject"}, line.error().message);
    root.header += *line;
  }
  auto content = message::compose(root, services.random);
  if (!content) return failure_of(content.error());
  if (content->size() > services.max_message_size) return Failure{"tooLarge", "the notification is too large"};
  out.letter.account = account;
  out.letter.content = std::move(*content);
  out.letter.reverse_path = "";  // RFC 8098 §3: nothing comes back of it
  for (const message::AddressItem& item : to) out.letter.recipients.push_back({item.address()});
  out.letter.peer = call.peer();
  return out;
}

Or<Sender> sender_of(Call& call, const std::string& id) {
  const auto number = object_number(identity_type(), call.id_of(id));
  const auto found = number ? objects::get(call.reader(), call.account().id, objects::Kind::kIdentity, *number)
                            : std::optional<objects::Object>();
  if (!found) return failure_of(found.error());
  if (!*found) return invalid_arguments("there is no such identity");
  const json::value stored(stored_json(**found));
  const json::string *email = api::string_member(stored, "email"), *name = api::string_member(stored, "name");
  Sender out{email ? std::string(*email) : "", name ? std::string(*name) : ""};
  const auto may = call.services().directory.may_send_as(call.reader(), call.account().id, out.email);
  if (!may) return failure_of(may.error());
  if (!*may) return Failure{"forbiddenFrom", "you may not send as " + out.email};
  return out;
}

Failure sending_failure(const Error& error) {
  if (error.code == Code::kDenied) return {"forbiddenFrom", error.message};
  if (error.code == Code::kLimit) return {"overQuota", error.message};
  if (error.code == Code::kNotFound || error.code == Code::kInvalid) return {"notFound", error.message};
  return failure_of(error);
}

Task<Answer> send(Call& call, const Methods& methods) {
  if (const auto other = not_own(call, "notifications are sent from one's own account")) co_return *other;
  Fields in(call.arguments);
  const auto identity = in.string("identityId");
  const json::object *given = in.object("send"), *updates = in.object("onSuccessUpdateEmail");
  if (!identity) in.note("identityId");
  if (!given) in.note("send");
  for (const auto& [creation, object] : given ? *given : json::object())
    if (!is_id(creation) || !object.is_object()) in.note("send");
  for (const auto& [id, patch] : updates ? *updates : json::object())
    if (!patch.is_object()) in.note("onSuccessUpdateEmail");
  if (const auto bad = in.bad_arguments()) co_return *bad;
  if (given->size() > kMaxObjectsInSet) co_return Failure{"requestTooLarge", "too many objects at once"};
  const auto sender = sender_of(call, *identity);
  if (!sender) co_return sender.failure();
  json::object sent, failed;
  std::map<std::string, std::string> emails;  // that were told of, by "#creation"
  for (const auto& [key, object] : *given) {
    const std::string creation(key);
    std::function<Result<Or<Notice>>()> preparing = [&call, &from = *sender, &made = object]() -> Result<Or<Notice>> {
      return prepare_notice(call, from, made.as_object());
    };
    Task<Result<Or<Notice>>> working = net::run_on<Or<Notice>>(call.services().pool, call.loop(), preparing);
    Result<Or<Notice>> notice = co_await working;
    if (!notice || !*notice) {
      failed[creation] = (notice ? notice->failure() : failure_of(notice.error())).object();
      continue;
    }
    Task<Result<std::string>> sending = call.services().outgoing.send(call.loop(), std::move((*notice)->letter));
    const Result<std::string> id = co_await sending;
    call.read_anew();
    if (!id) {
      failed[creation] = sending_failure(id.error()).object();
      continue;
    }
    emails["#" + creation] = (*notice)->email;
    sent[creation] = std::move((*notice)->told);
  }
  json::object patches;
  for (const auto& [id, patch] : updates ? *updates : json::object())
    if (const auto found = emails.find(std::string(id)); found != emails.end()) patches[found->second] = patch;
  if (const Method* email_set = methods.find("Email/set"); email_set && !patches.empty()) {
    json::object arguments;
    arguments["accountId"] = account_id(call.account().id);
    arguments["update"] = std::move(patches);
    Call after = call.further("Email/set", call.account(), std::move(arguments));
    Task<Answer> setting = email_set->run(after);
    Answer answer = co_await setting;
    if (answer)
      call.also("Email/set", std::move(*answer));
    else
      call.also("error", answer.failure().object());
  }
  json::object out;
  out["accountId"] = account_id(call.account().id);
  out["sent"] = sent.empty() ? json::value(nullptr) : json::value(std::move(sent));
  out["notSent"] = failed.empty() ? json::value(nullptr) : json::value(std::move(failed));
  co_return out;
}

// --- MDN/parse ------------------------------------------------------------------------------------------------------

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(message::clean_utf8(text));
}

// "manual-action/MDN-sent-manually; displayed/error"
json::value disposition_of(std::string_view field) {
  const std::string line = text::lowered(message::unfold(field));
  const std::vector<std::string_view> halves = text::split(line, ';');
  if (halves.size() != 2) return nullptr;
  const std::vector<std::string_view> modes = text::split(halves[0], '/');
  const std::string action(text::trim(modes[0])), sending(text::trim(modes.back())),
      type(text::trim(text::split(halves[1], '/')[0]));
  if (modes.size() != 2 || !is_one_of(action, kActions) || !is_one_of(sending, kSendings) || !is_one_of(type, kTypes))
    return nullptr;
  json::object out;
  out["actionMode"] = action;
  out["sendingMode"] = sending;
  out["type"] = type;
  return out;
}

// Nothing: it is no such notification.
std::optional<json::object> parsed_notice(std::string_view octets) {
  const message::Message whole = message::parse(octets);
  const message::Part& root = whole.root;
  const std::string* report = root.param("report-type");
  if (root.type != "multipart" || root.subtype != "report" || !report ||
      !text::iequals(*report, "disposition-notification") || root.children.size() < 2)
    return {};
  const message::Part& notification = root.children[1];
  if (notification.type != "message" || notification.subtype != "disposition-notification") return {};
  json::object out;
  out["forEmailId"] = nullptr;
  out["subject"] = text_or_null(message::decode_words(whole.summary.subject));
  out["textBody"] = text_or_null(message::part_text(octets, root.children[0]));
  out["includeOriginalMessage"] = root.children.size() > 2;
  for (const char* name :
       {"reportingUA", "mdnGateway", "originalRecipient", "originalMessageId", "error", "extensionFields"})
    out[name] = nullptr;
  json::value disposition;
  json::array errors;
  json::object extensions;
  const std::string content = message::part_content(octets, notification);
  for (const message::HeaderField& field : message::header_fields(content)) {
    const std::string name = text::lowered(field.name);
    const json::value value = text_or_null(message::unfold(field.raw_value));
    if (name == "reporting-ua")
      out["reportingUA"] = value;
    else if (name == "mdn-gateway")
      out["mdnGateway"] = value;
    else if (name == "original-recipient")
      out["originalRecipient"] = value;
    else if (name == "final-recipient")
      out["finalRecipient"] = value;
    else if (name == "original-message-id")
      out["originalMessageId"] = value;
    else if (name == "disposition")
      disposition = disposition_of(field.raw_value);
    else if (name == "error")
      errors.push_back(value);
    else if (!value.is_null())
      extensions[message::clean_utf8(field.name)] = value;
  }
  if (disposition.is_null() || !out.contains("finalRecipient")) return {};
  out["disposition"] = std::move(disposition);
  if (!errors.empty()) out["error"] = std::move(errors);
  if (!extensions.empty()) out["extensionFields"] = std::move(extensions);
  return out;
}

Answer parse(Call& call) {
  Fields in(call.arguments);
  const auto ids = in.strings("blobIds");
  if (!ids) in.note("blobIds");
  if (const auto bad = in.bad_arguments()) return *bad;
  if (ids->size() > kMaxObjectsInGet) return Failure{"requestTooLarge", "too many blobs at once"};
  json::object parsed;
  json::array not_parsable, not_found;
  for (const std::string& given : *ids) {
    const auto blob = read_blob(call.services(), call.reader(), call.account(), call.id_of(given));
    if (!blob) return failure_of(blob.error());
    if (!*blob) {
      not_found.emplace_back(given);
      continue;
    }
    if (!call.spend((*blob)->octets.size()))
      return Failure{"requestTooLarge", "these blobs are too large together; ask for less at a time"};
    if (auto notice = parsed_notice((*blob)->octets))
      parsed[given] = std::move(*notice);
    else
      not_parsable.emplace_back(given);
  }
  json::object out;
  out["accountId"] = account_id(call.account().id);
  out["parsed"] = parsed.empty() ? json::value(nullptr) : json::value(std::move(parsed));
  out["notParsable"] = not_parsable.empty() ? json::value(nullptr) : json::value(std::move(not_parsable));
  out["notFound"] = not_found.empty() ? json::value(nullptr) : json::value(std::move(not_found));
  return out;
}

}  // namespace

void add_mdn(Methods& methods) {
  Capability capability;
  capability.name = kMdn;
  capability.of_account = [](const Services&, const Account&) { return json::object(); };
  methods.add(capability);
  const auto sending = [&methods](Call& call) { return send(call, methods); };  // they outlive the call
  methods.add(Method{
      "MDN/send", std::string(kMdn), {}, sending, {identity::kMailSend}, "identityId send onSuccessUpdateEmail"});
  methods.add(Method{"MDN/parse", std::string(kMdn), parse, {}, {identity::kMailRead}, "blobIds"});
}

}  // namespace pabal::jmap
