#include <algorithm>

#include "access/imap/session.h"
#include "base/text.h"

namespace pabal::access::imap {

using mailbox::Change;
using mailbox::Flags;
using mailbox::MessageId;
using mailbox::Row;
using mailbox::Uid;

struct Session::FetchItems {
  bool uid = false, flags = false, date = false, size = false, envelope = false, body = false, structure = false;
  struct Body {
    Section section;
    std::string label;  // BODY[...] or RFC822...
    bool partial = false;
    uint32_t from = 0, count = 0;
  };
  std::vector<Body> bodies;
  bool sets_seen = false;
  bool needs_details() const { return envelope || body || structure || !bodies.empty(); }
};

namespace {

std::optional<Flags> parse_flags(Words& words) {
  Flags flags;
  const bool list = words.accept('(');
  while (words.ok() && !(list && words.accept(')'))) {
    if (words.accept('\\')) {
      const std::string name = text::uppered(words.atom());
      if (name == "SEEN") flags.system |= mailbox::kSeen;
      else if (name == "ANSWERED") flags.system |= mailbox::kAnswered;
      else if (name == "FLAGGED") flags.system |= mailbox::kFlagged;
      else if (name == "DELETED") flags.system |= mailbox::kDeleted;
      else if (name == "DRAFT") flags.system |= mailbox::kDraft;
      else if (name != "RECENT") return {};
    } else {
      const std::string keyword = words.atom();
      if (keyword.size() > 100) return {};
      flags.keywords.push_back(keyword);
    }
    if (!list && words.done()) break;
    words.accept(' ');
  }
  if (!words.ok()) return {};
  return flags;
}

// "1.2.HEADER.FIELDS (From To)]" after "BODY["
std::optional<Section> parse_section(Words& words) {
  Section section;
  if (words.accept(']')) return section;
  std::string text = text::uppered(words.atom());
  size_t at = 0;
  while (at < text.size() && text::is_digit(text[at])) {
    const size_t dot = std::min(text.find('.', at), text.size());
    const auto n = text::parse_u64(std::string_view(text).substr(at, dot - at));
    if (!n || *n == 0 || *n > 1'000'000 || section.numbers.size() >= 100) return {};
    section.numbers.push_back(static_cast<uint32_t>(*n));
    at = std::min(dot + 1, text.size());
  }
  const std::string what = text.substr(at);
  section.name = text;
  using What = Section::What;
  if (what == "HEADER") section.what = What::kHeader;
  else if (what == "TEXT") section.what = What::kText;
  else if (what == "MIME" && !section.numbers.empty()) section.what = What::kMime;
  else if (what == "HEADER.FIELDS" || what == "HEADER.FIELDS.NOT") {
    section.what = what == "HEADER.FIELDS" ? What::kHeaderFields : What::kHeaderFieldsNot;
    words.space();
    words.expect('(');
    section.name += " (";
    while (words.ok() && !words.accept(')')) {
      const std::string field = words.astring();
      section.name += (section.fields.empty() ? "" : " ") + (field.find_first_of(" ()\"") == field.npos ? field : quote(field));
      section.fields.push_back(field);
      words.accept(' ');
    }
    section.name += ")";
  } else if (!what.empty()) return {};
  words.expect(']');
  if (!words.ok()) return {};
  return section;
}

std::string uid_ranges(const std::vector<Uid>& uids) {
  std::string out;
  for (size_t i = 0; i < uids.size();) {
    size_t end = i;
    while (end + 1 < uids.size() && uids[end + 1] == uids[end] + 1) ++end;
    out += (out.empty() ? "" : ",") + std::to_string(uids[i]) + (end > i ? ":" + std::to_string(uids[end]) : "");
    i = end + 1;
  }
  return out;
}

}  // namespace

// --- the view -------------------------------------------------------------------------------------------------------

void Session::sync(bool expunges) {
  const auto figures = services_.mailboxes.figures(services_.store, account_->id);
  if (!figures) return;
  bool grew = false;
  while (figures->modseq > seen_modseq_) {
    const auto changes = services_.mailboxes.changes(services_.store, account_->id, seen_modseq_, 10'000);
    if (!changes || changes->empty()) {
      seen_modseq_ = figures->modseq;
      break;
    }
    for (const Change& change : *changes) {
      seen_modseq_ = std::max(seen_modseq_, change.modseq);
      if (!box_ || change.mailbox != box_->id) continue;
      switch (change.kind) {
        case Change::Kind::kAdded:
          view_.add(change.uid);
          grew = true;
          break;
        case Change::Kind::kRemoved: unannounced_.push_back(change.uid); break;
        case Change::Kind::kFlags: {
          const uint32_t sequence = view_.sequence(change.uid);
          if (silent_.erase(change.uid) > 0 || sequence == 0) break;
          const auto row = services_.mailboxes.row(services_.store, account_->id, box_->id, change.uid);
          if (row && *row)
            out_ += "* " + std::to_string(sequence) + " FETCH (UID " + std::to_string(change.uid) + " FLAGS " + flag_list((*row)->flags) + ")\r\n";
          break;
        }
        case Change::Kind::kMailboxRemoved:
          out_ += "* BYE the mailbox was deleted\r\n";
          state_ = State::kOver;
          return;
        default: break;
      }
    }
  }
  silent_.clear();
  if (expunges) {
    for (const Uid uid : unannounced_)
      if (const uint32_t sequence = view_.sequence(uid)) {
        view_.remove(uid);
        out_ += "* " + std::to_string(sequence) + " EXPUNGE\r\n";
      }
    unannounced_.clear();
  }
  if (grew) out_ += "* " + std::to_string(view_.count()) + " EXISTS\r\n";
}

std::optional<std::vector<Session::Target>> Session::targets(Words& words, bool uid) {
  words.space();
  const std::string_view rest = words.rest();
  const std::string_view text = rest.substr(0, rest.find(' '));
  const auto set = parse_set(text);
  if (!set) return {};
  Words after(rest.substr(text.size()));
  words = after;
  const uint32_t count = view_.count();
  const uint32_t max = uid ? (count ? view_.at(count) : 0) : count;
  std::vector<Target> out;
  for (const SequenceSet::Range& r : set->resolve(max)) {
    if (!uid) {
      if (r.first == 0 || r.last > count) return {};  // RFC 9051 §9: a sequence number that is not there is an error
      for (uint32_t n = r.first; n <= r.last; ++n) out.push_back({n, view_.at(n)});
      continue;
    }
    uint32_t sequence = 0;
    for (const mailbox::UidMap::Range& live : view_.ranges()) {
      const Uid first = std::max(live.first, r.first), last = std::min(live.last, r.last);
      for (Uid u = first; u <= last && first <= last; ++u) out.push_back({sequence + (u - live.first) + 1, u});
      sequence += live.last - live.first + 1;
      if (live.first > r.last) break;
    }
  }
  return out;
}

// --- FETCH ----------------------------------------------------------------------------------------------------------

Task<void> Session::fetch(Words words, bool uid) {
  const auto wanted = targets(words, uid);
  if (!wanted) co_return bad("that is not a set of messages here");
  words.space();
  FetchItems items;
  items.uid = uid;
  const bool list = words.accept('(');
  bool known = true;
  const auto add_body = [&](Section section, std::string label, bool peek) {
    items.bodies.push_back({std::move(section), std::move(label), false, 0, 0});
    items.sets_seen = items.sets_seen || !peek;
  };
  while (words.ok() && known && !(list && words.accept(')'))) {
    std::string item;
    while (text::is_alnum(words.peek()) || words.peek() == '.') {
      item += text::upper(words.peek());
      words.accept(words.peek());
    }
    if (item == "ALL" || item == "FAST" || item == "FULL") {
      items.flags = items.date = items.size = true;
      items.envelope = item != "FAST";
      items.body = item == "FULL";
    } else if (item == "UID") items.uid = true;
    else if (item == "FLAGS") items.flags = true;
    else if (item == "INTERNALDATE") items.date = true;
    else if (item == "RFC822.SIZE") items.size = true;
    else if (item == "ENVELOPE") items.envelope = true;
    else if (item == "BODYSTRUCTURE") items.structure = true;
    else if (item == "RFC822") add_body({}, "RFC822", false);
    else if (item == "RFC822.HEADER") {
      Section section;
      section.what = Section::What::kHeader;
      add_body(section, "RFC822.HEADER", true);
    } else if (item == "RFC822.TEXT") {
      Section section;
      section.what = Section::What::kText;
      add_body(section, "RFC822.TEXT", false);
    } else if (item == "BODY" && words.peek() != '[') items.body = true;
    else if (item == "BODY" || item == "BODY.PEEK") {
      words.expect('[');
      const auto section = words.ok() ? parse_section(words) : std::nullopt;
      if (!section) co_return bad("that section is malformed");
      add_body(*section, "BODY[" + section->name + "]", item == "BODY.PEEK");
      if (words.accept('<')) {
        FetchItems::Body& body = items.bodies.back();
        body.partial = true;
        body.from = words.number();
        words.expect('.');
        body.count = words.number();
        words.expect('>');
      }
    } else known = false;
    if (!list) break;
    words.accept(' ');
  }
  if (!words.ok() || !known || items.bodies.size() > 100) co_return bad("the FETCH is malformed");

  // Rows in one pass where the targets lie close, one by one where they are few among many.
  std::vector<MessageId> seen;
  size_t at = 0;
  while (at < wanted->size()) {
    {
      const auto snapshot = services_.store.snapshot();
      const bool dense = wanted->back().uid - (*wanted)[at].uid <= 4 * (wanted->size() - at);
      if (dense) {
        const auto scanned = services_.mailboxes.rows(*snapshot, account_->id, box_->id, (*wanted)[at].uid, wanted->back().uid, [&](const Row& row) {
          while (at < wanted->size() && (*wanted)[at].uid < row.uid) ++at;
          if (at < wanted->size() && (*wanted)[at].uid == row.uid) fetch_one(*snapshot, (*wanted)[at++], row, items, seen);
          return out_.size() < kFlushAt;
        });
        if (!scanned) co_return no(scanned.error());
        if (out_.size() < kFlushAt) at = wanted->size();
      } else {
        for (; at < wanted->size() && out_.size() < kFlushAt; ++at) {
          const auto row = services_.mailboxes.row(*snapshot, account_->id, box_->id, (*wanted)[at].uid);
          if (!row) co_return no(row.error());
          if (*row) fetch_one(*snapshot, (*wanted)[at], **row, items, seen);
        }
      }
    }
    if (at < wanted->size()) {
      Task<bool> flushing = flush();
      if (!(co_await flushing)) co_return void(state_ = State::kOver);
    }
  }
  for (size_t i = 0; i < seen.size(); i += kMessagesPerCommit) {
    const std::vector<MessageId> part(seen.begin() + static_cast<long>(i), seen.begin() + static_cast<long>(std::min(seen.size(), i + kMessagesPerCommit)));
    Task<Result<void>> committing = commit([this, part](store::Transaction& t) -> Result<void> {
      for (const MessageId id : part) {
        const auto done = services_.mailboxes.edit_flags(t, account_->id, id, [](Flags& f) { f.system |= mailbox::kSeen; });
        if (!done && done.code() != Code::kNotFound) return done.error();
      }
      return {};
    });
    co_await committing;
  }
  sync(uid);
  ok("fetched");
}

void Session::fetch_one(const store::Reader& r, const Target& target, const Row& row, const FetchItems& items, std::vector<MessageId>& seen) {
  std::optional<mailbox::Message> message;
  std::optional<mailbox::Details> details;
  if (items.date || items.size || !items.bodies.empty()) {
    auto found = services_.mailboxes.message(r, account_->id, row.message);
    if (!found || !*found) return;
    message = std::move(**found);
  }
  if (items.needs_details()) {
    auto found = services_.mailboxes.details(r, account_->id, row.message);
    if (!found || !*found) return;
    details = std::move(**found);
  }
  std::string line = "* " + std::to_string(target.sequence) + " FETCH (";
  const auto item = [&](std::string_view name, std::string_view value) {
    if (line.back() != '(') line += ' ';
    ((line += name) += ' ') += value;
  };
  if (items.uid) item("UID", std::to_string(target.uid));
  if (items.flags) item("FLAGS", flag_list(row.flags));
  if (items.date) item("INTERNALDATE", format_date_time(message->received));
  if (items.size) item("RFC822.SIZE", std::to_string(message->size));
  if (items.envelope) item("ENVELOPE", envelope(details->structure.summary));
  if (items.body) item("BODY", body_structure(details->structure.root, false));
  if (items.structure) item("BODYSTRUCTURE", body_structure(details->structure.root, true));
  if (!items.bodies.empty()) {
    const auto body = services_.mailboxes.body(r, message->body);
    if (!body) return;
    for (const FetchItems::Body& wanted : items.bodies) {
      auto text = section_text(wanted.section, details->structure.root, details->prefix, *body);
      std::string label = wanted.label;
      if (wanted.partial) {
        label += "<" + std::to_string(wanted.from) + ">";
        if (text) *text = wanted.from < text->size() ? text->substr(wanted.from, wanted.count) : std::string();
      }
      if (!text) item(label, "NIL");
      else if (text->empty()) item(label, "\"\"");
      else item(label, "{" + std::to_string(text->size()) + "}\r\n" + *text);
    }
    if (items.sets_seen && !read_only_) {
      if (!row.flags.has(mailbox::kSeen)) seen.push_back(row.message);
      if (traced_.size() < 1000 && traced_.insert(row.message).second) {
        watch::Event event;
        event.at = loop_.now();
        event.message_id = details->structure.summary.message_id;
        event.station = "access";
        event.action = "read";
        event.recipient = account_->name;
        event.peer = "IMAP from " + stream_->remote().text();
        if (stream_->tls()) event.tls = stream_->tls()->version + " " + stream_->tls()->cipher;
        event.reason = "in " + box_->name;
        services_.trace.record_later(event);
      }
    }
  }
  out_ += line + ")\r\n";
}

// --- STORE ----------------------------------------------------------------------------------------------------------

Task<void> Session::store_flags(Words words, bool uid) {
  const auto wanted = targets(words, uid);
  if (!wanted) co_return bad("that is not a set of messages here");
  words.space();
  const char sign = words.peek();
  if (sign == '+' || sign == '-') words.accept(sign);
  const std::string item = text::uppered(words.atom());
  words.space();
  const auto flags = parse_flags(words);
  if (!flags || (item != "FLAGS" && item != "FLAGS.SILENT")) co_return bad("the STORE is malformed");
  if (read_only_) co_return no("[READ-ONLY] the mailbox was opened to be read");
  const bool silent = item == "FLAGS.SILENT";
  const Flags given = *flags;
  const mailbox::MailboxId box = box_->id;
  for (size_t i = 0; i < wanted->size(); i += kMessagesPerCommit) {
    const std::vector<Target> part(wanted->begin() + static_cast<long>(i), wanted->begin() + static_cast<long>(std::min(wanted->size(), i + kMessagesPerCommit)));
    Task<Result<void>> committing = commit([this, part, given, sign, box](store::Transaction& t) -> Result<void> {
      for (const Target& target : part) {
        const auto row = services_.mailboxes.row(t, account_->id, box, target.uid);
        if (!row) return row.error();
        if (!*row) continue;  // removed meanwhile
        const auto done = services_.mailboxes.edit_flags(t, account_->id, (*row)->message, [&](Flags& f) {
          if (sign == '+') {
            f.system |= given.system;
            f.keywords.insert(f.keywords.end(), given.keywords.begin(), given.keywords.end());
          } else if (sign == '-') {
            f.system &= static_cast<uint8_t>(~given.system);
            std::erase_if(f.keywords, [&](const std::string& k) {
              return std::any_of(given.keywords.begin(), given.keywords.end(), [&](const std::string& g) { return text::iequals(g, k); });
            });
          } else f = given;
        });
        if (!done) return done.error();
      }
      return {};
    });
    const Result<void> done = co_await committing;
    if (!done) co_return no(done.error());
    if (silent)
      for (const Target& target : part) silent_.insert(target.uid);
  }
  if (silent) sync(uid);
  else {
    // The client is told the flags of each message it named, changed or not (RFC 9051 §6.4.6).
    for (const Target& target : *wanted) {
      const auto row = services_.mailboxes.row(services_.store, account_->id, box, target.uid);
      if (row && *row)
        out_ += "* " + std::to_string(target.sequence) + " FETCH (" + (uid ? "UID " + std::to_string(target.uid) + " " : "") + "FLAGS " + flag_list((*row)->flags) + ")\r\n";
      silent_.insert(target.uid);
      if (out_.size() > kFlushAt) {
        Task<bool> flushing = flush();
        if (!(co_await flushing)) co_return void(state_ = State::kOver);
      }
    }
    sync(uid);
  }
  ok("stored");
}

// --- COPY, MOVE, APPEND, EXPUNGE ------------------------------------------------------------------------------------

Task<void> Session::copy(Words words, bool uid, bool move) {
  const auto wanted = targets(words, uid);
  if (!wanted) co_return bad("that is not a set of messages here");
  words.space();
  const std::string name = mailbox_name(words);
  if (!words.ok()) co_return bad("COPY wants a set and a mailbox");
  if (move && read_only_) co_return no("[READ-ONLY] the mailbox was opened to be read");
  const auto to = services_.mailboxes.find(services_.store, account_->id, name);
  if (!to) co_return no(to.error());
  if (!*to) co_return no("[TRYCREATE] there is no mailbox of that name");
  const mailbox::Mailbox target_box = **to;
  const mailbox::MailboxId from = box_->id;
  auto old_uids = std::make_shared<std::vector<Uid>>(), new_uids = std::make_shared<std::vector<Uid>>();
  for (size_t i = 0; i < wanted->size(); i += kMessagesPerCommit) {
    const std::vector<Target> part(wanted->begin() + static_cast<long>(i), wanted->begin() + static_cast<long>(std::min(wanted->size(), i + kMessagesPerCommit)));
    const size_t had = old_uids->size();
    Task<Result<void>> committing = commit([this, part, target_box, from, move, old_uids, new_uids, had](store::Transaction& t) -> Result<void> {
      old_uids->resize(had);
      new_uids->resize(had);
      for (const Target& target : part) {
        const auto row = services_.mailboxes.row(t, account_->id, from, target.uid);
        if (!row) return row.error();
        if (!*row) continue;
        if (move && from == target_box.id) continue;
        const auto place = services_.mailboxes.copy(t, account_->id, (*row)->message, target_box.id);
        if (!place) return place.error();
        if (move)
          if (const auto left = services_.mailboxes.remove_place(t, account_->id, (*row)->message, from); !left) return left;
        old_uids->push_back(target.uid);
        new_uids->push_back(place->uid);
      }
      return {};
    });
    const Result<void> done = co_await committing;
    if (!done) co_return no(done.error());
  }
  const std::string code = old_uids->empty() ? "" : "[COPYUID " + std::to_string(target_box.uid_validity) + " " + uid_ranges(*old_uids) + " " + uid_ranges(*new_uids) + "] ";
  if (move) {
    if (!code.empty()) out_ += "* OK " + code + "moved\r\n";
    sync(true);
    ok("moved");
  } else {
    sync(uid);
    ok(code + "copied");
  }
}

Task<void> Session::append(Words words) {
  words.space();
  const std::string name = mailbox_name(words);
  words.space();
  Flags flags;
  if (words.peek() == '(') {
    const auto given = parse_flags(words);
    if (!given) co_return bad("those flags are malformed");
    flags = *given;
    words.space();
  }
  std::optional<Time> date;
  if (words.peek() == '"') {
    date = parse_date_time(words.astring());
    if (!date) co_return bad("that is not a date-time");
    words.space();
  }
  const bool utf8 = text::istarts_with(words.rest(), "UTF8 (");  // RFC 6855 §4
  if (utf8) words = Words(words.rest().substr(6));
  const std::string_view content = words.literal();
  if (utf8) words.expect(')');
  if (!words.ok() || !words.done()) co_return bad("the APPEND is malformed");
  if (content.empty()) co_return no("[CANNOT] a message has at least one octet");
  const auto box = services_.mailboxes.find(services_.store, account_->id, name);
  if (!box) co_return no(box.error());
  if (!*box) co_return no("[TRYCREATE] there is no mailbox of that name");
  const auto prepared = mailbox::prepare(std::string(content));
  mailbox::Filing filing;
  filing.mailboxes.push_back((*box)->id);
  filing.flags = flags;
  filing.received = date;
  auto filed = std::make_shared<mailbox::Filed>();
  const mailbox::BodyId body = services_.mailboxes.new_body_id();
  Task<Result<void>> committing = commit([this, prepared, filing, body, filed](store::Transaction& t) -> Result<void> {
    if (const auto put = services_.mailboxes.put_body(t, body, *prepared); !put) return put;
    auto done = services_.mailboxes.file(t, account_->id, *prepared, body, filing);
    if (!done) return done.error();
    *filed = std::move(*done);
    return {};
  });
  const Result<void> done = co_await committing;
  if (!done) co_return no(done.error());
  if (state_ == State::kSelected) sync(true);
  ok("[APPENDUID " + std::to_string((*box)->uid_validity) + " " + std::to_string(filed->places.front().uid) + "] appended");
}

Task<void> Session::expunge(std::optional<SequenceSet> only, bool silent) {
  if (read_only_) co_return no("[READ-ONLY] the mailbox was opened to be read");
  std::vector<Uid> gone;
  const auto ranges = only ? only->resolve(view_.count() ? view_.at(view_.count()) : 0) : std::vector<SequenceSet::Range>{{1, UINT32_MAX}};
  const auto counts = services_.mailboxes.get(services_.store, account_->id, box_->id);
  if (!counts) co_return no(counts.error());
  if (*counts && (*counts)->deleted > 0)
    for (const SequenceSet::Range& r : ranges) {
      const auto scanned = services_.mailboxes.rows(services_.store, account_->id, box_->id, r.first, r.last, [&](const Row& row) {
        if (row.flags.has(mailbox::kDeleted)) gone.push_back(row.uid);
        return true;
      });
      if (!scanned) co_return no(scanned.error());
    }
  const mailbox::MailboxId box = box_->id;
  for (size_t i = 0; i < gone.size(); i += kMessagesPerCommit) {
    const std::vector<Uid> part(gone.begin() + static_cast<long>(i), gone.begin() + static_cast<long>(std::min(gone.size(), i + kMessagesPerCommit)));
    Task<Result<void>> committing = commit([this, part, box](store::Transaction& t) -> Result<void> {
      for (const Uid uid : part) {
        const auto row = services_.mailboxes.row(t, account_->id, box, uid);
        if (!row) return row.error();
        if (!*row || !(*row)->flags.has(mailbox::kDeleted)) continue;  // somebody took the flag off meanwhile
        if (const auto done = services_.mailboxes.remove_place(t, account_->id, (*row)->message, box); !done) return done;
      }
      return {};
    });
    const Result<void> done = co_await committing;
    if (!done) co_return no(done.error());
  }
  if (silent) co_return;
  sync(true);
  ok("expunged");
}

}  // namespace pabal::access::imap
