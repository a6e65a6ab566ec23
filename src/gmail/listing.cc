#include "gmail/listing.h"

#include <algorithm>
#include <map>

#include "base/codec.h"
#include "base/text.h"
#include "mailbox/newest.h"
#include "mailbox/query.h"

namespace pabal::gmail {

using mailbox::MailboxId;
using mailbox::Message;
using mailbox::MessageId;
using mailbox::Row;

namespace {

constexpr uint8_t kTokenVersion = 1;
constexpr size_t kAtOnce = 64;         // messages read together
constexpr size_t kMaxAtOnce = 20'000;  // asked of a query

Error bad_label(const std::string& id) { return {Code::kInvalid, "Invalid label: " + text::printable(id)}; }

class Lister {
 public:
  Lister(const Call& call, const View& view, const Asked& asked, Each each)
      : call_(call), view_(view), asked_(asked), each_(each) {}

  Result<Page> run() {
    if (const auto known = learn_labels(); !known) return known.error();
    choose_driver();
    if (!asked_.token.empty()) {
      const auto token = parse_token(asked_.token, check());
      if (!token || (token->driver != 0 && !is_asked(token->driver))) return Error{Code::kInvalid, "Invalid pageToken"};
      driver_ = token->driver;
      position_ = token->position;
    }
    start_ = position_;
    if (const auto learnt = learn_query(); !learnt) return learnt.error();
    while (page_.messages.size() <= asked_.results && !done_) {
      auto batch = query_ ? from_query() : driver_ != 0 ? from_mailbox() : from_all();
      if (!batch) return batch.error();
      if (const auto taken = take(std::move(*batch)); !taken) return taken.error();
    }
    finish();
    return std::move(page_);
  }

 private:
  struct Candidate {
    MessageId id;
    uint64_t position;
  };

  // --- what is asked for

  Result<void> learn_labels() {
    everywhere_ = asked_.everywhere;
    for (const std::string& id : asked_.labels) {
      const Label* label = view_.labels.find(id);
      if (!label) return bad_label(id);
      labels_.push_back(label);
      if (label->role == mailbox::Role::kTrash || label->role == mailbox::Role::kJunk) everywhere_ = true;
      if (label->kind == Label::Kind::kNobodys) done_ = true;
    }
    return {};
  }

  // The smallest mailbox of those asked for.
  void choose_driver() {
    uint32_t fewest = UINT32_MAX;
    for (const Label* label : labels_)
      if (label->kind == Label::Kind::kMailbox && (driver_ == 0 || messages_in(label->mailbox) < fewest)) {
        driver_ = label->mailbox;
        fewest = messages_in(driver_);
      }
    if (asked_.query) driver_ = 0;
  }

  uint32_t messages_in(MailboxId id) const {
    for (const mailbox::Mailbox& box : view_.labels.mailboxes())
      if (box.id == id) return box.messages;
    return 0;
  }
  bool is_asked(MailboxId id) const {
    return std::any_of(labels_.begin(), labels_.end(), [&](const Label* label) { return label->mailbox == id; });
  }

  uint32_t check() const {
    std::string key = std::to_string(view_.account) + (each_ == Each::kThread ? "t" : "m") + (everywhere_ ? "e" : "");
    for (const std::string& label : asked_.labels) (key += '\n') += label;
    if (asked_.query) (key += "\nq ") += *asked_.query;
    return static_cast<uint32_t>(hash64(key));
  }

  // Whatever no mailbox narrows down: q, and labels that are flags.
  Result<void> learn_query() {
    if (done_ || driver_ != 0 || (!asked_.query && labels_.empty())) return {};
    mailbox::Query all;
    all.op = mailbox::Query::Op::kAnd;
    if (asked_.query) {
      auto query = mailbox::parse_query(*asked_.query, call_.services.clock.now());
      if (!query) return Error{Code::kInvalid, "q has too many terms, or is nested too deeply"};
      all.children.push_back(std::move(*query));
    }
    for (const Label* label : labels_) all.children.push_back(query_of(*label));
    query_ = std::move(all);
    scope_.me.push_back(call_.caller.account.name);
    scope_.everywhere = everywhere_;
    return {};
  }

  static mailbox::Query query_of(const Label& label) {
    mailbox::Query out;
    out.op = mailbox::Query::Op::kKeyword;
    out.text = label.keyword;
    if (label.kind == Label::Kind::kMailbox) {
      out.op = mailbox::Query::Op::kMailbox;
      out.mailboxes.push_back(label.mailbox);
    } else if (label.kind != Label::Kind::kCategory) {
      out.op = mailbox::Query::Op::kFlag;
      out.flag = label.kind == Label::Kind::kStarred ? mailbox::kFlagged : mailbox::kSeen;
    }
    if (label.kind != Label::Kind::kUnread) return out;
    mailbox::Query unseen;
    unseen.op = mailbox::Query::Op::kNot;
    unseen.children.push_back(std::move(out));
    return unseen;
  }

  bool row_fits(const Row& row) const {
    return std::all_of(labels_.begin(), labels_.end(), [&](const Label* label) {
      if (label->kind == Label::Kind::kMailbox) return label->mailbox == driver_ || row.elsewhere;
      Message m;
      m.flags = row.flags;
      return label->is_on(m);
    });
  }

  // --- candidates, from `position_` down

  Result<std::vector<Candidate>> from_query() {
    mailbox::PageWanted wanted;
    wanted.limit = at_once_ = std::min(std::max(asked_.results + 1, 2 * at_once_), kMaxAtOnce);
    if (position_ != 0) wanted.before = position_;
    const auto found = mailbox::find_page(view_.boxes, view_.r, view_.account, *query_, scope_, wanted);
    if (!found) return found.error();
    if (estimate_ == 0) estimate_ = found->total;
    done_ = !found->more;
    std::vector<Candidate> out;
    for (const MessageId id : found->ids) out.push_back({id, id});
    return out;
  }

  Result<std::vector<Candidate>> from_mailbox() {
    std::vector<Candidate> out;
    done_ = true;
    const auto before = static_cast<mailbox::Uid>(position_);
    const auto read = mailbox::newest_rows(view_.r, view_.account, driver_, before, [&](const Row& row) {
      if (row_fits(row)) out.push_back({row.message, row.uid});
      return done_ = out.size() < kAtOnce;
    });
    if (!read) return read.error();
    return out;
  }

  Result<std::vector<Candidate>> from_all() {
    std::vector<Candidate> out;
    done_ = true;
    const auto read = mailbox::newest_messages(view_.r, view_.account, position_, [&](Message&& m) {
      if (!m.places.empty() && (everywhere_ || !view_.labels.is_hidden(m))) out.push_back({m.id, m.id});
      return done_ = out.size() < kAtOnce;
    });
    if (!read) return read.error();
    return out;
  }

  // --- which of them it is

  bool matches(const Message& m) const {
    if (query_) return true;  // it was found
    if (m.places.empty() || (!everywhere_ && view_.labels.is_hidden(m))) return false;
    return std::all_of(labels_.begin(), labels_.end(), [&](const Label* label) { return label->is_on(m); });
  }
  uint64_t position_of(const Message& m) const {
    if (driver_ == 0) return m.id;
    for (const Message::Place& place : m.places)
      if (place.mailbox == driver_) return place.uid;
    return 0;
  }

  // Threads of `batch` that an earlier page has shown: a thread stands where the latest of its messages that is found
  // stands.
  Result<void> learn_shown(const std::vector<Message>& batch) {
    if (start_ == 0) return {};
    std::map<MessageId, mailbox::ThreadId> others;
    for (const Message& m : batch) {
      if (!looked_up_.insert(m.thread).second) continue;
      const auto members = view_.boxes.thread(view_.r, view_.account, m.thread);
      if (!members) return members.error();
      for (const MessageId id : *members)
        if (query_ ? id >= start_ : id != m.id) others.emplace(id, m.thread);
    }
    if (others.empty()) return {};
    std::vector<MessageId> ids;
    for (const auto& [id, thread] : others) ids.push_back(id);
    if (!query_)
      return view_.boxes.each_message(view_.r, view_.account, ids, [&](Message&& other) {
        if (position_of(other) >= start_ && matches(other)) shown_.insert(other.thread);
      });
    mailbox::QueryScope scope = scope_;
    scope.among = std::move(ids);
    mailbox::PageWanted all;
    all.limit = others.size();
    const auto found = mailbox::find_page(view_.boxes, view_.r, view_.account, *query_, scope, all);
    if (!found) return found.error();
    for (const MessageId id : found->ids) shown_.insert(others.at(id));
    return {};
  }

  Result<void> take(std::vector<Candidate> batch) {
    if (batch.empty()) return {};
    position_ = batch.back().position;
    std::vector<MessageId> ids;
    for (const Candidate& one : batch) ids.push_back(one.id);
    std::sort(ids.begin(), ids.end());
    std::vector<Message> found;
    const auto read =
        view_.boxes.each_message(view_.r, view_.account, ids, [&](Message&& m) { found.push_back(std::move(m)); });
    if (!read) return read;
    if (each_ == Each::kThread)
      if (const auto learnt = learn_shown(found); !learnt) return learnt;
    for (const Candidate& one : batch) {
      const auto m = std::lower_bound(found.begin(), found.end(), one.id,
                                      [](const Message& message, MessageId id) { return message.id < id; });
      if (m == found.end() || m->id != one.id || !matches(*m)) continue;
      if (each_ == Each::kThread && !shown_.insert(m->thread).second) continue;
      page_.messages.push_back(std::move(*m));
      if (page_.messages.size() > asked_.results) break;
    }
    return {};
  }

  void finish() {
    const bool more = page_.messages.size() > asked_.results;
    if (more) {
      page_.messages.pop_back();
      page_.next = token_text(driver_, position_of(page_.messages.back()), check());
    }
    page_.estimate = page_.messages.size();
    if (!more && asked_.token.empty()) return;
    const auto figures = view_.boxes.figures(view_.r, view_.account);
    page_.estimate = std::max<size_t>(page_.estimate, query_         ? estimate_
                                                      : driver_ != 0 ? messages_in(driver_)
                                                      : figures      ? figures->messages
                                                                     : 0);
  }

  const Call& call_;
  const View& view_;
  const Asked& asked_;
  const Each each_;
  bool everywhere_ = false, done_ = false;
  std::vector<const Label*> labels_;
  MailboxId driver_ = 0;   // its rows are gone through; 0: by id
  uint64_t position_ = 0;  // candidates are below it; 0: all
  uint64_t start_ = 0;     // where the page begins
  std::optional<mailbox::Query> query_;
  mailbox::QueryScope scope_;
  std::set<mailbox::ThreadId> shown_;      // by this page, and by earlier ones where learn_shown() looked
  std::set<mailbox::ThreadId> looked_up_;  // by it
  uint64_t estimate_ = 0;                  // of a query
  size_t at_once_ = 0;                     // as many were asked of the query at last
  Page page_;
};

}  // namespace

bool Asked::scan_is_long() const {
  const bool flags = std::any_of(labels.begin(), labels.end(), [](const std::string& id) {
    return id == "UNREAD" || id == "STARRED" || id.starts_with("CATEGORY_");
  });
  return query || flags || labels.size() > 1;
}

Result<Asked> parse_asked(const Call& call) {
  Asked out;
  out.labels = call.all("labelIds");
  if (const auto names = call.all("label"); !names.empty()) {
    const auto labels = Labels::read(call.services.mailboxes, call.services.store, call.account());
    if (!labels) return labels.error();
    for (const std::string& name : names) {
      const auto named = std::find_if(labels->all().begin(), labels->all().end(), [&](const Label& label) {
        return label.id == name || text::iequals(label.name, name);
      });
      if (named == labels->all().end()) return bad_label(name);
      out.labels.push_back(named->id);
    }
  }
  std::sort(out.labels.begin(), out.labels.end());
  out.labels.erase(std::unique(out.labels.begin(), out.labels.end()), out.labels.end());
  if (out.labels.size() > kMaxLabelsAsked) return Error{Code::kInvalid, "labelIds: at most 20"};
  if (const std::string* q = call.query("q"); q && !text::trim(*q).empty()) {
    if (!call.caller.may(identity::kMailRead))
      return Error{Code::kDenied, "Metadata scope does not support 'q' parameter"};
    if (q->size() > kMaxQuery) return Error{Code::kInvalid, "q is too long: at most 2048 octets"};
    out.query = *q;
  }
  const auto everywhere = call.flag("includeSpamTrash");
  if (!everywhere) return everywhere.error();
  out.everywhere = *everywhere;
  const auto results = call.number("maxResults", kUsualResults, kMaxResults);
  if (!results) return results.error();
  out.results = *results;
  if (const std::string* token = call.query("pageToken")) out.token = *token;
  return out;
}

Result<Page> page_of(const Call& call, const View& view, const Asked& asked, Each each) {
  return Lister(call, view, asked, each).run();
}

std::string token_text(uint32_t driver, uint64_t position, uint32_t check) {
  return text::base64url(Encoder().u8(kTokenVersion).u32(driver).u64(position).u32(check).take());
}

std::optional<Token> parse_token(std::string_view text, uint32_t check) {
  const auto octets = text::unbase64url(text);
  if (!octets) return {};
  Decoder in(*octets);
  const uint8_t version = in.u8();
  Token out;
  out.driver = in.u32();
  out.position = in.u64();
  const uint32_t same = in.u32();
  if (!in.ok() || !in.done() || version != kTokenVersion || same != check || out.position == 0) return {};
  return out;
}

}  // namespace pabal::gmail
