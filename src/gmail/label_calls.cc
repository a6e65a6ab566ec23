// users.labels and users.getProfile.
#include <algorithm>

#include "base/text.h"
#include "gmail/counts.h"
#include "gmail/error.h"
#include "gmail/keys.h"
#include "gmail/labels.h"
#include "gmail/routes.h"

namespace pabal::gmail {

using api::json::array;
using api::json::object;
using api::json::value;
using mailbox::MailboxId;

namespace {

constexpr uint8_t kLookVersion = 1;

// --- how a label looks -----------------------------------------------------------------------------------------------

constexpr std::string_view kInMessages[] = {"show", "hide"};
constexpr std::string_view kInList[] = {"labelShow", "labelShowIfUnread", "labelHide"};

struct LabelLook {
  uint8_t in_messages = 0, in_list = 0;      // of the tables above
  std::string text_color, background_color;  // "#rrggbb", or both empty
};

Result<LabelLook> read_look(const store::Reader& r, mailbox::AccountId account, MailboxId mailbox) {
  const auto record = r.get(keys::label(account, mailbox));
  if (!record) return record.error();
  LabelLook out;
  if (!*record) return out;
  Decoder in(**record);
  const uint8_t version = in.u8();
  out.in_messages = in.u8();
  out.in_list = in.u8();
  out.text_color = in.string();
  out.background_color = in.string();
  if (!in.ok() || version != kLookVersion || out.in_messages >= std::size(kInMessages) ||
      out.in_list >= std::size(kInList))
    return LabelLook();
  return out;
}
void write_look(store::Transaction& t, mailbox::AccountId account, MailboxId mailbox, const LabelLook& look) {
  t.put(keys::label(account, mailbox), Encoder()
                                           .u8(kLookVersion)
                                           .u8(look.in_messages)
                                           .u8(look.in_list)
                                           .string(look.text_color)
                                           .string(look.background_color)
                                           .take());
}

bool is_color(std::string_view text) {
  return text.size() == 7 && text[0] == '#' && text::unhex(text.substr(1)).has_value();
}

template <size_t N>
Result<void> take_choice(const value& body, std::string_view name, const std::string_view (&known)[N], uint8_t& into) {
  const value* given = api::member(body, name);
  if (!given || given->is_null()) return {};
  for (uint8_t i = 0; i < N; ++i)
    if (given->is_string() && std::string_view(given->get_string()) == known[i]) {
      into = i;
      return {};
    }
  return Error{Code::kInvalid, "Invalid value for " + std::string(name)};
}

// Takes over what `body` has. kInvalid.
Result<void> take_look(const value& body, LabelLook& look) {
  if (const auto taken = take_choice(body, "messageListVisibility", kInMessages, look.in_messages); !taken)
    return taken;
  if (const auto taken = take_choice(body, "labelListVisibility", kInList, look.in_list); !taken) return taken;
  const value* color = api::member(body, "color");
  if (!color || color->is_null()) return {};
  const auto* text = api::string_member(*color, "textColor");
  const auto* background = api::string_member(*color, "backgroundColor");
  if (!text || !background || !is_color(*text) || !is_color(*background))
    return Error{Code::kInvalid, "color is to have textColor and backgroundColor, each as #rrggbb"};
  look.text_color = text::lowered(*text);
  look.background_color = text::lowered(*background);
  return {};
}

// --- resources -------------------------------------------------------------------------------------------------------

Result<object> resource_of(const store::Reader& r, mailbox::AccountId account, const Label& label) {
  object out;
  out["id"] = label.id;
  out["name"] = label.name;
  out["type"] = label.system() ? "system" : "user";
  if (label.system()) return out;
  const auto look = read_look(r, account, label.mailbox);
  if (!look) return look.error();
  out["messageListVisibility"] = kInMessages[look->in_messages];
  out["labelListVisibility"] = kInList[look->in_list];
  if (!look->text_color.empty()) {
    object color;
    color["textColor"] = look->text_color;
    color["backgroundColor"] = look->background_color;
    out["color"] = std::move(color);
  }
  return out;
}

// Of labels that are flags: the messages that are not in Trash or Junk.
Result<ThreadCounts> flag_counts(const Call& c, const store::Reader& r, const Labels& labels, const Label& label) {
  std::vector<Counts::Counted> messages;
  for (const mailbox::Mailbox& box : labels.mailboxes()) {
    if (box.role == mailbox::Role::kTrash || box.role == mailbox::Role::kJunk) continue;
    if (label.kind == Label::Kind::kUnread && box.unseen == 0) continue;
    const auto read = c.services.mailboxes.rows(r, c.account(), box.id, 1, UINT32_MAX, [&](const mailbox::Row& row) {
      mailbox::Message m;
      m.flags = row.flags;
      if (label.is_on(m)) messages.push_back({row.message, !row.flags.has(mailbox::kSeen)});
      return true;
    });
    if (!read) return read.error();
  }
  const auto by_id = [](const Counts::Counted& a, const Counts::Counted& b) { return a.id < b.id; };
  std::sort(messages.begin(), messages.end(), by_id);
  messages.erase(
      std::unique(messages.begin(), messages.end(), [](const auto& a, const auto& b) { return a.id == b.id; }),
      messages.end());
  return c.services.counts->of_these(r, c.account(), std::move(messages));
}

Result<value> list(const Call& c, const store::Reader& r) {
  const auto labels = Labels::read(c.services.mailboxes, r, c.account());
  if (!labels) return labels.error();
  array items;
  for (const Label& label : labels->all()) {
    auto one = resource_of(r, c.account(), label);
    if (!one) return one.error();
    items.push_back(std::move(*one));
  }
  object out;
  out["labels"] = std::move(items);
  return value(std::move(out));
}

Result<value> get_label(const Call& c, const store::Reader& r, std::string_view id) {
  const auto labels = Labels::read(c.services.mailboxes, r, c.account());
  if (!labels) return labels.error();
  const Label* label = labels->find(id);
  if (!label) return missing();
  auto out = resource_of(r, c.account(), *label);
  if (!out) return out.error();
  ThreadCounts counts;
  if (label->kind == Label::Kind::kMailbox) {
    for (const mailbox::Mailbox& box : labels->mailboxes()) {
      if (box.id != label->mailbox) continue;
      const auto counted = c.services.counts->of(c.services.mailboxes, r, c.account(), box);
      if (!counted) return counted.error();
      counts = *counted;
    }
  } else if (label->kind != Label::Kind::kNobodys) {
    const auto counted = flag_counts(c, r, *labels, *label);
    if (!counted) return counted.error();
    counts = *counted;
  }
  (*out)["messagesTotal"] = counts.messages;
  (*out)["messagesUnread"] = counts.unread;
  (*out)["threadsTotal"] = counts.threads;
  (*out)["threadsUnread"] = counts.unread_threads;
  return value(std::move(*out));
}

Result<value> get(const Call& c, const store::Reader& r) { return get_label(c, r, c.path("id")); }

// --- changes ---------------------------------------------------------------------------------------------------------

std::string id_of(MailboxId mailbox) { return "Label_" + std::to_string(mailbox); }

// What the mail model says of names, in the words of labels.
Error of_name(const Error& error) {
  if (error.code == Code::kExists) return {Code::kExists, "Label name exists or conflicts"};
  if (error.code == Code::kInvalid) return {Code::kInvalid, "Invalid label name: " + error.message};
  return error;
}

Result<std::string> name_in(const value& body) {
  const auto* name = api::string_member(body, "name");
  if (!name) return Error{Code::kInvalid, "The label has no name"};
  const std::string_view trimmed = text::trim(*name);
  // Those of the system are taken, in any case and under any name that it has.
  for (const char* taken : {"INBOX", "UNREAD", "STARRED", "IMPORTANT", "SENT", "DRAFT", "DRAFTS", "SPAM", "JUNK",
                            "TRASH", "CHAT", "ARCHIVE"})
    if (text::iequals(trimmed, taken)) return Error{Code::kExists, "Label name exists or conflicts"};
  return std::string(trimmed);
}

Task<Result<value>> answer(CallPtr call, MailboxId mailbox) {
  const Look read = [id = id_of(mailbox)](const Call& c, const store::Reader& r) -> Result<value> {
    const auto labels = Labels::read(c.services.mailboxes, r, c.account());
    if (!labels) return labels.error();
    const Label* label = labels->find(id);
    if (!label) return missing();
    auto out = resource_of(r, c.account(), *label);
    if (!out) return out.error();
    return value(std::move(*out));
  };
  Task<Result<value>> reading = look(call, Where::kHere, read);
  co_return co_await reading;
}

Task<Result<value>> create(CallPtr call) {
  const auto name = name_in(call->body);
  if (!name) co_return name.error();
  LabelLook look;
  if (const auto taken = take_look(call->body, look); !taken) co_return taken.error();
  const auto made = std::make_shared<MailboxId>(0);
  const store::Work work = [call, name = *name, look, made](store::Transaction& t) -> Result<void> {
    const auto id = call->services.mailboxes.create(t, call->account(), name);
    if (!id) return of_name(id.error());
    write_look(t, call->account(), *id, look);
    *made = *id;
    return {};
  };
  Task<Result<void>> committing = commit(call, work);
  if (const Result<void> done = co_await committing; !done) co_return done.error();
  Task<Result<value>> answering = answer(call, *made);
  co_return co_await answering;
}

// The user's label that the path names.
Result<Label> own_label(const Call& call, const store::Reader& r) {
  const auto labels = Labels::read(call.services.mailboxes, r, call.account());
  if (!labels) return labels.error();
  const Label* label = labels->find(call.path("id"));
  if (!label) return missing();
  if (label->system()) return Error{Code::kInvalid, "Invalid request: " + label->id + " is a label of the system"};
  return *label;
}

// `whole`: what the body does not have becomes as it is in new labels.
Task<Result<value>> change(CallPtr call, bool whole) {
  const bool renames = whole || api::member(call->body, "name");
  std::string name;
  if (renames) {
    auto given = name_in(call->body);
    if (!given) co_return given.error();
    name = std::move(*given);
  }
  const auto changed = std::make_shared<MailboxId>(0);
  const store::Work work = [call, whole, name, changed](store::Transaction& t) -> Result<void> {
    const auto label = own_label(*call, t);
    if (!label) return label.error();
    auto look = whole ? Result<LabelLook>(LabelLook()) : read_look(t, call->account(), label->mailbox);
    if (!look) return look.error();
    if (const auto taken = take_look(call->body, *look); !taken) return taken;
    write_look(t, call->account(), label->mailbox, *look);
    *changed = label->mailbox;
    if (name.empty() || name == label->name) return {};
    const auto renamed = call->services.mailboxes.rename(t, call->account(), label->mailbox, name);
    return renamed ? renamed : of_name(renamed.error());
  };
  Task<Result<void>> committing = commit(call, work);
  if (const Result<void> done = co_await committing; !done) co_return done.error();
  Task<Result<value>> answering = answer(call, *changed);
  co_return co_await answering;
}
Task<Result<value>> update(CallPtr call) {
  Task<Result<value>> changing = change(call, true);
  co_return co_await changing;
}
Task<Result<value>> patch(CallPtr call) {
  Task<Result<value>> changing = change(call, false);
  co_return co_await changing;
}

// Its messages keep their other labels; those without are archived, not lost.
Task<Result<value>> remove(CallPtr call) {
  const store::Work work = [call](store::Transaction& t) -> Result<void> {
    auto& boxes = call->services.mailboxes;
    const auto label = own_label(*call, t);
    if (!label) return label.error();
    const auto archive = boxes.by_role(t, call->account(), mailbox::Role::kArchive);
    if (!archive) return archive.error();
    std::vector<mailbox::MessageId> lonely;
    const auto read = boxes.rows(t, call->account(), label->mailbox, 1, UINT32_MAX, [&](const mailbox::Row& row) {
      lonely.push_back(row.message);
      return true;
    });
    if (!read) return read;
    for (const mailbox::MessageId id : lonely) {
      const auto m = boxes.message(t, call->account(), id);
      if (!m) return m.error();
      if (!*m || (*m)->places.size() != 1) continue;
      const auto kept = boxes.add_place(t, call->account(), id, *archive ? (*archive)->id : MailboxId{1});
      if (!kept) return kept.error();
    }
    t.erase(keys::label(call->account(), label->mailbox));
    return boxes.remove(t, call->account(), label->mailbox);
  };
  Task<Result<void>> committing = commit(call, work);
  if (const Result<void> done = co_await committing; !done) co_return done.error();
  co_return value(nullptr);
}

Task<Result<value>> list_labels(CallPtr call) {
  Task<Result<value>> reading = look(call, Where::kHere, list);
  co_return co_await reading;
}
Task<Result<value>> get_counted(CallPtr call) {
  Task<Result<value>> reading = look(call, Where::kPool, get);
  co_return co_await reading;
}

// --- the profile -----------------------------------------------------------------------------------------------------

Result<value> profile(const Call& c, const store::Reader& r) {
  const auto figures = c.services.mailboxes.figures(r, c.account());
  if (!figures) return figures.error();
  const auto counts = c.services.counts->of_all(c.services.mailboxes, r, c.account());
  if (!counts) return counts.error();
  object out;
  out["emailAddress"] = c.caller.account.name;
  out["messagesTotal"] = figures->messages;
  out["threadsTotal"] = counts->threads;
  out["historyId"] = std::to_string(figures->modseq);
  return value(std::move(out));
}
Task<Result<value>> get_profile(CallPtr call) {
  Task<Result<value>> reading = look(call, Where::kPool, profile);
  co_return co_await reading;
}

}  // namespace

void add_labels(web::Router& router, Services& services) {
  add(router, services, "GET", "/profile", Need::kProfile, get_profile);
  add(router, services, "GET", "/labels", Need::kReadLabels, list_labels);
  add(router, services, "GET", "/labels/{id}", Need::kReadLabels, get_counted);
  add(router, services, "POST", "/labels", Need::kLabels, create);
  add(router, services, "PUT", "/labels/{id}", Need::kLabels, update);
  add(router, services, "PATCH", "/labels/{id}", Need::kLabels, patch);
  add(router, services, "DELETE", "/labels/{id}", Need::kLabels, remove);
}

}  // namespace pabal::gmail
