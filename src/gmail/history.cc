// users.history: the change feed as labels that came and went.
#include "mailbox/history.h"

#include <algorithm>
#include <map>

#include "base/codec.h"
#include "base/text.h"
#include "gmail/ids.h"
#include "gmail/listing.h"
#include "gmail/routes.h"

namespace pabal::gmail {

using api::json::array;
using api::json::object;
using api::json::value;
using mailbox::Change;
using mailbox::HistoryChange;
using mailbox::Message;
using mailbox::MessageId;
using mailbox::ModSeq;

namespace {

constexpr size_t kChangesAtOnce = 500;
constexpr size_t kMaxChangesLooked = 50'000;  // by one call; the next page goes on behind them

struct Wanted {
  bool added = true, deleted = true, labelled = true, unlabelled = true;
  std::string label;  // "": any
  size_t results = kUsualResults;
  ModSeq since = 0;
};

Result<Wanted> parse_wanted(const Call& call) {
  Wanted out;
  const std::string* start = call.query("startHistoryId");
  const auto since = start ? text::parse_u64(*start) : std::nullopt;
  if (!since)
    return Error{Code::kInvalid, start ? "Invalid startHistoryId" : "Missing required parameter: startHistoryId"};
  out.since = *since;
  if (const auto types = call.all("historyTypes"); !types.empty()) {
    const auto has = [&](std::string_view name) { return std::find(types.begin(), types.end(), name) != types.end(); };
    for (const std::string& type : types)
      if (type != "messageAdded" && type != "messageDeleted" && type != "labelAdded" && type != "labelRemoved")
        return Error{Code::kInvalid, "Invalid value for historyTypes: " + text::printable(type)};
    out.added = has("messageAdded");
    out.deleted = has("messageDeleted");
    out.labelled = has("labelAdded");
    out.unlabelled = has("labelRemoved");
  }
  if (const std::string* label = call.query("labelId")) out.label = *label;
  const auto results = call.number("maxResults", kUsualResults, kMaxResults);
  if (!results) return results.error();
  out.results = *results;
  if (const std::string* text = call.query("pageToken")) {
    const auto token = parse_token(*text, call.account());
    if (!token) return Error{Code::kInvalid, "Invalid pageToken"};
    out.since = token->position;
  }
  return out;
}

// What one modseq did to one message.
struct Story {
  std::vector<std::string> labelled, unlabelled;
  bool came = false, left = false;
};

class Teller {
 public:
  Teller(const Call& call, const store::Reader& r, const Labels& labels, const Wanted& wanted)
      : call_(call), r_(r), labels_(labels), wanted_(wanted) {}

  // The record of the changes of one modseq; empty: there is nothing to tell.
  Result<object> record(const std::vector<HistoryChange>& changes) {
    std::map<MessageId, Story> stories;
    for (const HistoryChange& change : changes) {
      if (change.message == 0) continue;
      const auto m = message(change.message);
      if (!m) return m.error();
      tell(change, *m, stories[change.message]);
    }
    array all, added, deleted, labelled, unlabelled;
    for (auto& [id, story] : stories) {
      const Message* m = *message(id);
      if (!is_wanted(m, story)) continue;
      const size_t before = added.size() + deleted.size() + labelled.size() + unlabelled.size();
      if (story.came && wanted_.added) added.push_back(with(m, id, {}));
      if (story.left && wanted_.deleted) deleted.push_back(with(m, id, {}));
      const bool gone = story.came || story.left;
      if (!gone && wanted_.labelled && !story.labelled.empty()) labelled.push_back(with(m, id, story.labelled));
      if (!gone && wanted_.unlabelled && !story.unlabelled.empty()) unlabelled.push_back(with(m, id, story.unlabelled));
      if (added.size() + deleted.size() + labelled.size() + unlabelled.size() > before) all.push_back(bare(m, id));
    }
    object out;
    if (all.empty()) return out;
    out["id"] = std::to_string(changes.front().modseq);
    out["messages"] = std::move(all);
    if (!added.empty()) out["messagesAdded"] = std::move(added);
    if (!deleted.empty()) out["messagesDeleted"] = std::move(deleted);
    if (!labelled.empty()) out["labelsAdded"] = std::move(labelled);
    if (!unlabelled.empty()) out["labelsRemoved"] = std::move(unlabelled);
    return out;
  }

 private:
  // As it is now; null: it is gone altogether.
  Result<const Message*> message(MessageId id) {
    const auto known = messages_.find(id);
    if (known != messages_.end()) return known->second ? &*known->second : nullptr;
    auto m = call_.services.mailboxes.message(r_, call_.account(), id);
    if (!m) return m.error();
    const auto& kept = messages_.emplace(id, std::move(*m)).first->second;
    return kept ? &*kept : nullptr;
  }

  void tell(const HistoryChange& change, const Message* m, Story& story) const {
    const Label* label = labels_.of(change.mailbox);
    switch (change.kind) {
      case Change::Kind::kAdded:
        if (m && m->created_modseq == change.modseq)
          story.came = true;
        else if (label)
          story.labelled.push_back(label->id);
        break;
      case Change::Kind::kRemoved:
        // Out of its last mailbox: that was the last change of it.
        if (!m || (m->places.empty() && m->modseq == change.modseq))
          story.left = true;
        else if (label)
          story.unlabelled.push_back(label->id);
        break;
      case Change::Kind::kFlags:  // one for each mailbox that shows it
        flag(story.labelled, change.cleared & mailbox::kSeen, "UNREAD");
        flag(story.unlabelled, change.set & mailbox::kSeen, "UNREAD");
        flag(story.labelled, change.set & mailbox::kFlagged, "STARRED");
        flag(story.unlabelled, change.cleared & mailbox::kFlagged, "STARRED");
        for (const Label& one : labels_.all()) {
          if (one.kind != Label::Kind::kCategory) continue;
          const auto& words = mailbox::kCategoryKeywords;
          const auto at = std::find(words.begin(), words.end(), one.keyword) - words.begin();
          flag(story.labelled, change.categories_set >> at & 1, one.id);
          flag(story.unlabelled, change.categories_cleared >> at & 1, one.id);
        }
        break;
      default:
        break;
    }
  }
  static void flag(std::vector<std::string>& labels, bool on, const std::string& id) {
    if (on && std::find(labels.begin(), labels.end(), id) == labels.end()) labels.emplace_back(id);
  }

  bool is_wanted(const Message* m, const Story& story) const {
    if (wanted_.label.empty()) return true;
    const Label* label = labels_.find(wanted_.label);
    const auto has = [&](const std::vector<std::string>& ids) {
      return std::find(ids.begin(), ids.end(), wanted_.label) != ids.end();
    };
    return (m && label && label->is_on(*m)) || has(story.labelled) || has(story.unlabelled) || (story.left && !m);
  }

  object with(const Message* m, MessageId id, const std::vector<std::string>& labels) const {
    object out;
    out["message"] = m ? brief_of(labels_, *m) : bare(m, id);
    if (labels.empty()) return out;
    array list;
    for (const std::string& label : labels) list.push_back(value(label));
    out["labelIds"] = std::move(list);
    return out;
  }
  static object bare(const Message* m, MessageId id) {
    object out;
    out["id"] = id_text(id);
    if (m) out["threadId"] = id_text(m->thread);
    return out;
  }

  const Call& call_;
  const store::Reader& r_;
  const Labels& labels_;
  const Wanted& wanted_;
  std::map<MessageId, std::optional<Message>> messages_;
};

Result<value> list(const Call& c, const store::Reader& r, const Wanted& wanted) {
  const auto figures = c.services.mailboxes.figures(r, c.account());
  if (!figures) return figures.error();
  const Error too_old{Code::kNotFound, "Requested entity was not found."};
  if (wanted.since > figures->modseq) return too_old;
  const auto labels = Labels::read(c.services.mailboxes, r, c.account());
  if (!labels) return labels.error();
  if (!wanted.label.empty() && !labels->find(wanted.label))
    return Error{Code::kInvalid, "Invalid label: " + text::printable(wanted.label)};
  Teller teller(c, r, *labels, wanted);
  array records;
  ModSeq at = wanted.since;
  for (size_t looked = 0; at < figures->modseq && records.size() < wanted.results && looked < kMaxChangesLooked;) {
    const auto changes = mailbox::history(r, c.account(), at, kChangesAtOnce);
    if (!changes) return changes.code() == Code::kNotFound ? too_old : changes.error();
    if (changes->empty()) {
      at = figures->modseq;
      break;
    }
    looked += changes->size();
    for (auto first = changes->begin(); first != changes->end() && records.size() < wanted.results;) {
      const auto last =
          std::find_if(first, changes->end(), [&](const auto& one) { return one.modseq != first->modseq; });
      auto record = teller.record({first, last});
      if (!record) return record.error();
      if (!record->empty()) records.push_back(std::move(*record));
      at = first->modseq;
      first = last;
    }
  }
  object out;
  if (!records.empty()) out["history"] = std::move(records);
  if (at < figures->modseq) out["nextPageToken"] = token_text(0, at, c.account());
  out["historyId"] = std::to_string(figures->modseq);
  return value(std::move(out));
}

Task<Result<value>> list_history(CallPtr call) {
  const auto wanted = parse_wanted(*call);
  if (!wanted) co_return wanted.error();
  const Look read = [wanted = *wanted](const Call& c, const store::Reader& r) { return list(c, r, wanted); };
  Task<Result<value>> reading = look(call, Where::kPool, read);
  co_return co_await reading;
}

}  // namespace

void add_history(web::Router& router, Services& services) {
  add(router, services, "GET", "/history", Need::kMetadata, list_history);
}

}  // namespace pabal::gmail
