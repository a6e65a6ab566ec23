#include <algorithm>
#include <functional>

#include "access/imap/session.h"
#include "base/text.h"

namespace pabal::access::imap {

using mailbox::MessageId;
using mailbox::Row;
using mailbox::Uid;

// One criterion of RFC 9051 §6.4.4.
struct Session::SearchKey {
  enum class Op { kAll, kAnd, kOr, kNot, kSequence, kUid, kFlag, kKeyword, kHeader, kAddress, kSubject, kBody, kText, kInternal, kSent, kLarger, kSmaller };
  Op op = Op::kAll;
  std::vector<std::shared_ptr<SearchKey>> children;
  std::vector<SequenceSet::Range> ranges;
  uint8_t flag = 0;
  std::string name, text;
  enum class When { kBefore, kOn, kSince } when = When::kOn;
  std::chrono::sys_days day;
  uint64_t number = 0;
  std::optional<std::vector<MessageId>> indexed;  // kBody, kText: answered by the index
};

namespace {

constexpr size_t kMaxKeys = 200;

// What a search reads of one message, each at most once.
struct Candidate {
  const store::Reader& r;
  const mailbox::Mailboxes& mailboxes;
  mailbox::AccountId account;
  const Row& row;
  uint32_t sequence;
  std::optional<mailbox::Message> message = std::nullopt;
  std::optional<mailbox::Details> details = std::nullopt;
  std::optional<std::string> body = std::nullopt;

  const mailbox::Message* get_message() {
    if (!message)
      if (auto found = mailboxes.message(r, account, row.message); found && *found) message = std::move(**found);
    return message ? &*message : nullptr;
  }
  const mailbox::Details* get_details() {
    if (!details)
      if (auto found = mailboxes.details(r, account, row.message); found && *found) details = std::move(**found);
    return details ? &*details : nullptr;
  }
  const std::string& get_body() {
    if (!body) {
      body = std::string();
      if (const auto* m = get_message())
        if (auto bytes = mailboxes.body(r, m->body)) body = std::move(*bytes);
    }
    return *body;
  }
};

bool contains(std::string_view haystack, std::string_view needle) { return text::icontains(haystack, needle); }

bool in_ranges(const std::vector<SequenceSet::Range>& ranges, uint32_t n) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const auto& r) { return n >= r.first && n <= r.last; });
}

bool any_address(const std::vector<message::AddressItem>& list, std::string_view needle) {
  return std::any_of(list.begin(), list.end(), [&](const auto& item) { return contains(item.display_text() + " <" + item.address() + ">", needle); });
}

bool text_contains(Candidate& c, const message::Part& part, std::string_view needle) {
  if (part.is_text() && part.children.empty() && contains(message::part_text(c.get_body(), part), needle)) return true;
  return std::any_of(part.children.begin(), part.children.end(), [&](const message::Part& child) { return text_contains(c, child, needle); });
}

}  // namespace

static bool matches(const Session::SearchKey& key, Candidate& c);

std::shared_ptr<Session::SearchKey> Session::search_keys(Words& words, size_t depth) {
  auto all = std::make_shared<SearchKey>();
  all->op = SearchKey::Op::kAnd;
  while (words.ok()) {
    all->children.push_back(search_key(words, depth));
    if (all->children.size() > kMaxKeys) words.fail();
    if (!words.accept(' ')) break;
  }
  return all;
}

std::shared_ptr<Session::SearchKey> Session::search_key(Words& words, size_t depth) {
  using Op = SearchKey::Op;
  auto key = std::make_shared<SearchKey>();
  if (depth > kMaxDepth) return words.fail(), key;
  if (words.accept('(')) {
    key = search_keys(words, depth + 1);
    words.expect(')');
    return key;
  }
  const char c = words.peek();
  const auto take_set = [&](Op op, uint32_t max) {
    const std::string_view rest = words.rest();
    const std::string_view text = rest.substr(0, rest.find_first_of(" )"));
    const auto set = parse_set(text);
    if (!set) return words.fail();
    words = Words(rest.substr(text.size()));
    key->op = op;
    key->ranges = set->resolve(max);
  };
  const uint32_t count = view_.count(), top = count ? view_.at(count) : 0;
  if (text::is_digit(c) || c == '*') {
    take_set(Op::kSequence, count);
    return key;
  }
  const std::string name = text::uppered(words.atom());
  const auto flag = [&](uint8_t f, bool set) {
    key->op = Op::kFlag;
    key->flag = f;
    if (set) return;
    auto inner = std::exchange(key, std::make_shared<SearchKey>());
    key->op = Op::kNot;
    key->children.push_back(std::move(inner));
  };
  const auto string_arg = [&](Op op, std::string what = {}) {
    words.space();
    key->op = op;
    key->name = std::move(what);
    key->text = words.astring();
  };
  const auto day_arg = [&](Op op, SearchKey::When when) {
    words.space();
    const auto day = parse_day(words.astring());
    if (!day) return words.fail();
    key->op = op;
    key->when = when;
    key->day = *day;
  };
  if (name == "ALL" || name == "OLD") key->op = Op::kAll;
  else if (name == "RECENT" || name == "NEW") {  // nothing is recent here (RFC 9051 has no \Recent)
    key->op = Op::kNot;
    key->children.push_back(std::make_shared<SearchKey>());
  } else if (name == "SEEN") flag(mailbox::kSeen, true);
  else if (name == "UNSEEN") flag(mailbox::kSeen, false);
  else if (name == "ANSWERED") flag(mailbox::kAnswered, true);
  else if (name == "UNANSWERED") flag(mailbox::kAnswered, false);
  else if (name == "FLAGGED") flag(mailbox::kFlagged, true);
  else if (name == "UNFLAGGED") flag(mailbox::kFlagged, false);
  else if (name == "DELETED") flag(mailbox::kDeleted, true);
  else if (name == "UNDELETED") flag(mailbox::kDeleted, false);
  else if (name == "DRAFT") flag(mailbox::kDraft, true);
  else if (name == "UNDRAFT") flag(mailbox::kDraft, false);
  else if (name == "KEYWORD") string_arg(Op::kKeyword);
  else if (name == "UNKEYWORD") {
    auto inner = std::make_shared<SearchKey>();
    words.space();
    inner->op = Op::kKeyword;
    inner->text = words.astring();
    key->op = Op::kNot;
    key->children.push_back(std::move(inner));
  } else if (name == "FROM" || name == "TO" || name == "CC" || name == "BCC") string_arg(Op::kAddress, name);
  else if (name == "SUBJECT") string_arg(Op::kSubject);
  else if (name == "BODY") string_arg(Op::kBody);
  else if (name == "TEXT") string_arg(Op::kText);
  else if (name == "HEADER") {
    words.space();
    const std::string field = words.astring();
    string_arg(Op::kHeader, field);
  } else if (name == "BEFORE") day_arg(Op::kInternal, SearchKey::When::kBefore);
  else if (name == "ON") day_arg(Op::kInternal, SearchKey::When::kOn);
  else if (name == "SINCE") day_arg(Op::kInternal, SearchKey::When::kSince);
  else if (name == "SENTBEFORE") day_arg(Op::kSent, SearchKey::When::kBefore);
  else if (name == "SENTON") day_arg(Op::kSent, SearchKey::When::kOn);
  else if (name == "SENTSINCE") day_arg(Op::kSent, SearchKey::When::kSince);
  else if (name == "LARGER" || name == "SMALLER") {
    words.space();
    key->op = name == "LARGER" ? Op::kLarger : Op::kSmaller;
    key->number = words.number();
  } else if (name == "UID") {
    words.space();
    take_set(Op::kUid, top);
  } else if (name == "NOT") {
    words.space();
    key->op = Op::kNot;
    key->children.push_back(search_key(words, depth + 1));
  } else if (name == "OR") {
    key->op = Op::kOr;
    for (int i = 0; i < 2; ++i) {
      words.space();
      key->children.push_back(search_key(words, depth + 1));
    }
  } else words.fail();
  return key;
}

static bool matches(const Session::SearchKey& key, Candidate& c) {
  using Op = Session::SearchKey::Op;
  using When = Session::SearchKey::When;
  const auto within = [&](std::chrono::sys_days day) {
    return key.when == When::kBefore ? day < key.day : key.when == When::kOn ? day == key.day : day >= key.day;
  };
  switch (key.op) {
    case Op::kAll: return true;
    case Op::kAnd: return std::all_of(key.children.begin(), key.children.end(), [&](const auto& k) { return matches(*k, c); });
    case Op::kOr: return std::any_of(key.children.begin(), key.children.end(), [&](const auto& k) { return matches(*k, c); });
    case Op::kNot: return !matches(*key.children.front(), c);
    case Op::kSequence: return in_ranges(key.ranges, c.sequence);
    case Op::kUid: return in_ranges(key.ranges, c.row.uid);
    case Op::kFlag: return (c.row.flags.system & key.flag) != 0;
    case Op::kKeyword:
      return std::any_of(c.row.flags.keywords.begin(), c.row.flags.keywords.end(), [&](const std::string& k) { return text::iequals(k, key.text); });
    default: break;
  }
  if (key.indexed && (key.op == Op::kBody || key.op == Op::kText))
    return std::binary_search(key.indexed->begin(), key.indexed->end(), c.row.message);
  if (key.op == Op::kInternal || key.op == Op::kLarger || key.op == Op::kSmaller) {
    const auto* m = c.get_message();
    if (!m) return false;
    if (key.op == Op::kLarger) return m->size > key.number;
    if (key.op == Op::kSmaller) return m->size < key.number;
    return within(std::chrono::floor<std::chrono::days>(m->received));
  }
  const auto* d = c.get_details();
  if (!d) return false;
  const message::Summary& s = d->structure.summary;
  switch (key.op) {
    case Op::kSent: {  // the date as written, whatever its zone (RFC 9051 §6.4.4)
      if (!s.date) return false;
      const Time local = *s.date + minutes(message::parse_date_zone(s.date_raw));
      return within(std::chrono::floor<std::chrono::days>(local));
    }
    case Op::kSubject: return contains(message::decode_words(s.subject), key.text);
    case Op::kAddress: return any_address(key.name == "FROM" ? s.from : key.name == "TO" ? s.to : key.name == "CC" ? s.cc : s.bcc, key.text);
    case Op::kHeader: {
      if (text::iequals(key.name, "Message-ID")) return !s.message_id.empty() && contains(s.message_id, key.text);
      if (text::iequals(key.name, "Subject") && !key.text.empty()) return contains(message::decode_words(s.subject), key.text);
      const std::string head = d->prefix + std::string(d->structure.root.header(c.get_body()));
      for (const message::HeaderField& f : message::header_fields(head))
        if (text::iequals(f.name, key.name) && contains(message::decode_words(f.raw_value), key.text)) return true;
      return false;
    }
    case Op::kText: {
      const std::string head = d->prefix + std::string(d->structure.root.header(c.get_body()));
      if (contains(head, key.text) || contains(message::decode_words(head), key.text)) return true;
      return text_contains(c, d->structure.root, key.text);
    }
    case Op::kBody: return text_contains(c, d->structure.root, key.text);
    default: return false;
  }
}

Task<void> Session::search(Words words, bool uid) {
  words.space();
  std::set<std::string> wanted;  // RFC 4731: RETURN (MIN MAX ALL COUNT)
  bool extended = rev2_;
  if (text::istarts_with(words.rest(), "RETURN (")) {
    words = Words(words.rest().substr(8));
    extended = true;
    while (words.ok() && !words.accept(')')) {
      wanted.insert(text::uppered(words.atom()));
      words.accept(' ');
    }
    words.space();
  }
  if (wanted.empty()) wanted.insert("ALL");
  if (text::istarts_with(words.rest(), "CHARSET ")) {
    words = Words(words.rest().substr(8));
    const std::string charset = text::uppered(words.astring());
    if (charset != "UTF-8" && charset != "US-ASCII") co_return no("[BADCHARSET (UTF-8 US-ASCII)] that charset is not taken");
    words.space();
  }
  const std::shared_ptr<SearchKey> key = search_keys(words, 0);
  if (!words.ok() || !words.done()) co_return bad("the SEARCH is malformed");

  // The whole on the pool: it may read a hundred thousand messages.
  using Found = std::vector<Target>;
  const auto view = std::make_shared<mailbox::UidMap>(view_);
  const mailbox::AccountId account = account_->id;
  const mailbox::MailboxId box = box_->id;
  std::function<Result<Found>()> work = [this, key, view, account, box]() -> Result<Found> {
    const auto snapshot = services_.store.snapshot();
    // In large mailboxes the word index answers TEXT and BODY: whole words and their beginnings.
    std::function<Result<void>(SearchKey&)> prepare = [&](SearchKey& k) -> Result<void> {
      if ((k.op == SearchKey::Op::kBody || k.op == SearchKey::Op::kText) && view->count() > kSubstringSearch) {
        mailbox::Mailboxes::Term term;
        term.text = k.text;
        term.phrase = true;
        term.field = k.op == SearchKey::Op::kBody ? mailbox::Mailboxes::Term::Field::kBody : mailbox::Mailboxes::Term::Field::kAny;
        auto hits = services_.mailboxes.search(*snapshot, account, {term});
        if (!hits) return hits.error();
        k.indexed = std::move(*hits);
      }
      for (const auto& child : k.children)
        if (const auto done = prepare(*child); !done) return done;
      return {};
    };
    if (const auto done = prepare(*key); !done) return done.error();
    Found found;
    const auto scanned = services_.mailboxes.rows(*snapshot, account, box, 1, UINT32_MAX, [&](const Row& row) {
      const uint32_t sequence = view->sequence(row.uid);
      Candidate candidate{*snapshot, services_.mailboxes, account, row, sequence};
      if (sequence > 0 && matches(*key, candidate)) found.push_back({sequence, row.uid});
      return true;
    });
    if (!scanned) return scanned.error();
    return found;
  };
  Task<Result<Found>> working = net::run_on<Found>(services_.pool, loop_, work);
  const Result<Found> found = co_await working;
  if (!found) co_return no(found.error());
  const auto number = [&](const Target& t) { return uid ? t.uid : t.sequence; };
  if (!extended) {
    out_ += "* SEARCH";
    for (const Target& t : *found) out_ += " " + std::to_string(number(t));
    out_ += "\r\n";
  } else {
    out_ += "* ESEARCH (TAG " + quote(tag_) + ")" + (uid ? " UID" : "");
    if (wanted.contains("COUNT")) out_ += " COUNT " + std::to_string(found->size());
    if (!found->empty()) {
      if (wanted.contains("MIN")) out_ += " MIN " + std::to_string(number(found->front()));
      if (wanted.contains("MAX")) out_ += " MAX " + std::to_string(number(found->back()));
      if (wanted.contains("ALL")) {
        std::string all;
        for (size_t i = 0; i < found->size();) {
          size_t end = i;
          while (end + 1 < found->size() && number((*found)[end + 1]) == number((*found)[end]) + 1) ++end;
          all += (all.empty() ? "" : ",") + std::to_string(number((*found)[i])) + (end > i ? ":" + std::to_string(number((*found)[end])) : "");
          i = end + 1;
        }
        out_ += " ALL " + all;
      }
    }
    out_ += "\r\n";
  }
  sync(uid);
  ok("searched");
}

}  // namespace pabal::access::imap
