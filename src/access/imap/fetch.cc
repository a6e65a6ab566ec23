#include <algorithm>
#include <charconv>

#include "access/imap/object_id.h"
#include "access/imap/session.h"
#include "base/text.h"
#include "mailbox/message_records.h"

namespace pabal::access::imap {

using mailbox::Details;
using mailbox::Message;
using mailbox::MessageId;
using mailbox::Row;
using mailbox::Uid;
using Kind = FetchItem::Kind;

std::optional<std::vector<Target>> Session::targets(Words& words, bool uid) {
  words.space();
  const auto set = parse_set(words.set());
  if (!set) return bad("that is not a set of messages"), std::nullopt;
  const mailbox::UidMap& uids = selected_->view.uids();
  if (uid) return targets_by_uid(*set, uids, selected_->saved);
  auto found = targets_by_sequence(*set, uids, selected_->saved);
  if (!found) bad("there is no message of that number; the last is " + std::to_string(uids.count()));
  return found;
}

// The rows of targets [from, to), those that are there.
Result<std::vector<Session::Found>> Session::find_rows(const store::Reader& r, const std::vector<Target>& targets,
                                                       size_t from, size_t to) const {
  std::vector<Uid> uids;
  for (size_t i = from; i < to; ++i) uids.push_back(targets[i].uid);
  std::vector<Found> out;
  out.reserve(uids.size());
  const auto read = services_.mailboxes.each_row(r, selected_->account, selected_->box.id, uids, [&](Row&& row) {
    while (targets[from].uid != row.uid) ++from;
    out.push_back({targets[from], std::move(row), nullptr});
  });
  if (!read) return read.error();
  return out;
}

// Reads what answers need besides the rows, in passes over many messages. What is gone since is left out.
Result<void> Session::read_stored(std::span<Found> found, const FetchRequest::Needs& needs) const {
  if (!needs.message && !needs.details) return {};
  std::vector<std::pair<MessageId, Contents*>> by_id;
  for (Found& one : found) {
    one.stored = std::make_unique<Contents>();
    by_id.emplace_back(one.row.message, one.stored.get());
  }
  std::sort(by_id.begin(), by_id.end());
  std::vector<MessageId> ids;
  for (const auto& [id, stored] : by_id) ids.push_back(id);
  const auto stored_of = [&](MessageId id) {
    return std::lower_bound(by_id.begin(), by_id.end(), std::pair<MessageId, Contents*>(id, nullptr))->second;
  };
  const auto& boxes = services_.mailboxes;
  if (needs.message) {
    const auto read = mailbox::each_message_record(services_.store, selected_->account, ids,
                                                   [&](Message&& m) { stored_of(m.id)->message = std::move(m); });
    if (!read) return read;
    for (Found& one : found)
      if (one.stored->message) one.stored->message->flags = one.row.flags;
  }
  if (needs.details) {
    const auto read =
        boxes.each_details(services_.store, selected_->account, ids,
                           [&](MessageId id, Details&& details) { stored_of(id)->details = std::move(details); });
    if (!read) return read;
  }
  if (!needs.header && !needs.body) return {};
  std::vector<const Message*> messages;  // large bodies are read one by one, and the header with them
  for (const auto& [id, stored] : by_id)
    if (stored->message && (!needs.body || stored->message->size <= mailbox::kMaxWhole))
      messages.push_back(&*stored->message);
  return boxes.each_beginning(services_.store, selected_->account, messages,
                              [&](MessageId id, std::optional<mailbox::Mailboxes::Beginning>&& beginning) {
                                Contents& stored = *stored_of(id);
                                stored.beginning = std::move(beginning);
                                stored.long_header = !stored.beginning;
                              });
}

Task<void> Session::fetch(Words words, bool uid) {
  Words ahead = words;
  auto wanted = targets(words, uid);
  if (!wanted) co_return;
  words.space();
  auto request = parse_fetch(words);
  if (!request) co_return bad("the items of the FETCH are malformed, or not known here");
  if (request->vanished && (!uid || !qresync_))  // RFC 7162 §3.2.6
    co_return bad("VANISHED is for UID FETCH after ENABLE QRESYNC");
  if (request->range && !uid) co_return bad("PARTIAL is for UID FETCH");  // RFC 9394 §3.3
  if (request->range) wanted = request->range->of(*wanted);
  if (request->wants(Kind::kModSeq)) become_condstore();
  if (request->changed_since) {
    const auto since = missed(services_.store, *request->changed_since);
    if (!since) co_return no(since.error());
    ahead.space();
    if (request->vanished) out_ += vanished_earlier(*parse_set(ahead.set()), *since, 0);
    since->narrow(*wanted);
  }
  // RFC 9586: there the UID is the number of the answer.
  if (uid && !uidonly_ && !request->wants(Kind::kUid))
    request->items.insert(request->items.begin(), FetchItem{Kind::kUid});
  const bool sets_seen = request->sets_seen() && !selected_->read_only && selected_->rights & mailbox::kKeepSeen;

  const FetchRequest::Needs needs = request->needs();

  std::vector<Uid> unseen;
  size_t gone = 0;
  for (size_t at = 0; at < wanted->size();) {
    const size_t end = std::min(wanted->size(), at + kRowsAtOnce);
    auto rows = find_rows(services_.store, *wanted, at, end);
    if (!rows) co_return no(rows.error());
    gone += (end - at) - rows->size();
    at = end;
    if (request->changed_since)
      std::erase_if(*rows, [&](const Found& f) { return f.row.modseq <= *request->changed_since; });
    for (size_t i = 0; i < rows->size(); i += kStoredAtOnce) {
      const std::span<Found> some = std::span(*rows).subspan(i, std::min(kStoredAtOnce, rows->size() - i));
      if (const auto read = read_stored(some, needs); !read) co_return no(read.error());
      if (request->reads()) trace_reading(some);
      for (Found& found : some) {
        if (!answer(found, *request, needs)) {
          Task<Result<void>> answering = answer_with_body(&found, &*request);
          const Result<void> done = co_await answering;
          if (state_ == State::kOver) co_return;
          if (!done && done.code() == Code::kUnsupported)
            co_return no("[UNKNOWN-CTE] " + done.error().message);  // RFC 3516 §4.3
          if (!done) co_return no(done.error());
        }
        found.stored.reset();
        if (sets_seen && !found.row.flags.has(mailbox::kSeen)) unseen.push_back(found.row.uid);
        if (out_.size() < kFlushAt) continue;
        Task<bool> flushing = flush();
        if (!(co_await flushing)) co_return;
      }
    }
  }
  Task<Result<void>> marking = mark_seen(std::move(unseen));
  if (const Result<void> done = co_await marking; !done) co_return no(done.error());
  Task<void> telling = tell_news(uid);
  co_await telling;
  // RFC 9051 §6.4.9: UIDs that are not there are no fault. RFC 2180 §4.1.2: numbers whose messages others removed are
  // told of.
  if (gone > 0 && !uid) co_return no("[EXPUNGEISSUED] some of these messages were removed by another session");
  ok("fetched");
}

// Answers from what was read of many messages at once. False: more of the message is needed, and nothing was written.
bool Session::answer(const Found& found, const FetchRequest& request, const FetchRequest::Needs& needs) {
  const Contents* const stored = found.stored.get();
  if ((needs.message && !stored->message) || (needs.details && !stored->details))
    return true;  // gone since its row was read
  const auto* const beginning = stored && stored->beginning ? &*stored->beginning : nullptr;
  if (needs.parts || (needs.body && !(beginning && beginning->whole)) || (stored && stored->long_header)) return false;
  if (needs.header && !beginning) return true;  // gone as well
  bool begun = describe(out_, found, request);
  for (const FetchItem& item : request.items) {
    if (item.kind != Kind::kSection) continue;
    const std::string_view all = beginning->octets;
    const Octets octets = own_octets(item.section, all.substr(0, beginning->header), all.substr(beginning->header));
    if (std::exchange(begun, true)) out_ += ' ';
    ((out_ += item.label) += " {") += std::to_string(octets.size());
    ((out_ += "}\r\n") += octets.first) += octets.second;
  }
  out_ += ")\r\n";
  return true;
}

// Appends "* 5 FETCH (UID 7 FLAGS ()", all items but octets of the message; without the end, so that those can follow.
// False: nothing stands behind the parenthesis yet.
bool Session::describe(std::string& line, const Found& found, const FetchRequest& request) {
  if (!found.row.flags.keywords.empty() && request.wants(Kind::kFlags)) name_keywords(found.row.flags);
  const Contents* const stored = found.stored.get();
  char number[20];
  const auto decimal = [&](uint64_t n) {
    return std::string_view(number, std::to_chars(std::begin(number), std::end(number), n).ptr);
  };
  begin_answer(line, found.target);
  const auto item = [&](std::string_view name, std::string_view value) {
    if (line.back() != '(') line += ' ';
    ((line += name) += ' ') += value;
  };
  for (const FetchItem& wanted : request.items) {
    switch (wanted.kind) {
      case Kind::kFlags:
        item("FLAGS", "");
        add_flag_list(line, found.row.flags);
        break;
      case Kind::kUid:
        item("UID", decimal(found.target.uid));
        break;
      case Kind::kInternalDate:
        item("INTERNALDATE", format_date_time(stored->message->received));
        break;
      case Kind::kSize:
        item("RFC822.SIZE", decimal(stored->message->size));
        break;
      case Kind::kEnvelope:
        item("ENVELOPE", envelope(stored->details->structure.summary));
        break;
      case Kind::kBody:
        item("BODY", body_structure(stored->details->structure.root, false));
        break;
      case Kind::kBodyStructure:
        item("BODYSTRUCTURE", body_structure(stored->details->structure.root, true));
        break;
      case Kind::kPreview:
        item("PREVIEW", quote(stored->details->preview));
        break;
      case Kind::kModSeq:
        item("MODSEQ", "(" + std::to_string(found.row.modseq) + ")");
        break;
      case Kind::kEmailId:
        item("EMAILID", "(" + object_id('E', found.row.message, selected_->account, account_->id) + ")");
        break;
      case Kind::kThreadId:
        item("THREADID", "(" + object_id('T', stored->message->thread, selected_->account, account_->id) + ")");
        break;
      case Kind::kSaveDate:
        item("SAVEDATE", format_date_time(saved_in(*stored->message, selected_->box.id)));
        break;
      case Kind::kGmMessage:
        item("X-GM-MSGID", decimal(found.row.message));
        break;
      case Kind::kGmThread:
        item("X-GM-THRID", decimal(stored->message->thread));
        break;
      case Kind::kGmLabels:  // left out where they could not be read
        if (const auto labels = labels_of(*stored->message)) item("X-GM-LABELS", *labels);
        break;
      case Kind::kSection:
      case Kind::kBinary:
      case Kind::kBinarySize:
        break;
    }
  }
  return line.back() != '(';
}

Task<Result<void>> Session::answer_with_body(const Found* found, const FetchRequest* request) {
  Contents& stored = *found->stored;
  if (!stored.details) {
    auto read = services_.mailboxes.details(services_.store, selected_->account, found->row.message);
    if (!read) co_return read.error();
    stored.details = std::move(*read);
  }
  if (!stored.message || !stored.details) co_return Result<void>();  // gone since its row was read
  std::shared_ptr<const std::string> read;
  std::string_view body;
  if (stored.beginning && stored.beginning->whole) {
    body = std::string_view(stored.beginning->octets).substr(stored.beginning->prefix);
  } else {
    Task<Result<std::shared_ptr<const std::string>>> reading = body_of(*stored.message, request->partial());
    auto done = co_await reading;
    if (!done) co_return done.code() == Code::kNotFound ? Result<void>() : Result<void>(done.error());
    read = std::move(*done);
    body = *read;
  }

  // All is found out before the first octet is written: an answer cannot be taken back.
  struct Piece {
    std::string label;
    std::optional<Octets> octets;
    bool size_only = false;
  };
  std::vector<Piece> pieces;
  for (const FetchItem& item : request->items) {
    if (item.kind == Kind::kSection)
      pieces.push_back({item.label, section_octets(item.section, *stored.details, body)});
    if (item.kind != Kind::kBinary && item.kind != Kind::kBinarySize) continue;
    auto octets = binary_octets(item.section, *stored.details, body);
    if (!octets) co_return octets.error();
    pieces.push_back({item.label, std::move(*octets), item.kind == Kind::kBinarySize});
  }
  std::string text;
  bool begun = describe(text, *found, *request);
  for (const Piece& piece : pieces) {
    if (std::exchange(begun, true)) text += ' ';
    text += piece.label + " ";
    if (piece.size_only) {
      text += std::to_string(piece.octets ? piece.octets->size() : 0);
      continue;
    }
    if (!piece.octets) {
      text += "NIL";
      continue;
    }
    // RFC 9051 §9: BINARY may answer with a literal8 where there are NULs.
    const bool eight = piece.label.starts_with("BINARY") && (piece.octets->first.find('\0') != std::string_view::npos ||
                                                             piece.octets->second.find('\0') != std::string_view::npos);
    text += (eight ? "~{" : "{") + std::to_string(piece.octets->size()) + "}\r\n";
    // Large octets go from where they lie to the stream; only one copy of a body is in memory.
    out_ += std::exchange(text, {});
    Task<bool> first = put(piece.octets->first);
    if (!(co_await first)) co_return Result<void>();
    Task<bool> second = put(piece.octets->second);
    if (!(co_await second)) co_return Result<void>();
  }
  out_ += text + ")\r\n";
  co_return Result<void>();
}

Task<Result<std::shared_ptr<const std::string>>> Session::body_of(Message message, bool keep) {
  using Body = std::shared_ptr<const std::string>;
  if (kept_.octets && kept_.id == message.body) co_return kept_.octets;
  std::function<Result<Body>()> read = [&boxes = services_.mailboxes, &store = services_.store,
                                        id = message.body]() -> Result<Body> {
    auto octets = boxes.body(store, id);
    if (!octets) return octets.error();
    return Body(std::make_shared<const std::string>(std::move(*octets)));
  };
  if (message.size <= kOnPool) co_return read();
  Task<Result<Body>> reading = net::run_on<Body>(services_.pool, loop_, read);
  Result<Body> body = co_await reading;
  // Some programs take a large message in pieces of a few kilobytes: it is not unpacked for each.
  if (body && keep) {
    kept_ = {message.body, *body};
    forget_ = loop_.at(loop_.now() + kKeepBody, [this] { kept_ = {}; });
  }
  co_return body;
}

Task<Result<void>> Session::mark_seen(std::vector<Uid> uids) {
  for (size_t i = 0; i < uids.size(); i += kFlagsPerCommit) {
    const auto first = uids.begin() + static_cast<long>(i);
    const std::vector<Uid> part(first, first + static_cast<long>(std::min(kFlagsPerCommit, uids.size() - i)));
    using Edited = std::vector<mailbox::Mailboxes::Edited>;
    const auto edited = std::make_shared<Edited>();
    Task<Result<void>> committing =
        commit([&boxes = services_.mailboxes, account = selected_->account, box = selected_->box.id, part,
                edited](store::Transaction& t) -> Result<void> {
          auto done = boxes.edit_flags(t, account, box, part, [](mailbox::Flags& f) { f.system |= mailbox::kSeen; });
          if (!done) return done.error();
          *edited = std::move(*done);
          return {};
        });
    if (const Result<void> done = co_await committing; !done) co_return done;
    if (!scripts_listen(selected_->account, selected_->box.id)) continue;
    std::vector<mailbox::MailEvents::Affected> touched;
    for (const auto& [row, changed] : *edited)
      if (changed) touched.push_back({row.uid, {mailbox::kSeen, {}}});
    tell_event(mailbox::MailEvents::Cause::kFlag, selected_->account, selected_->box.id, std::move(touched));
  }
  co_return Result<void>();
}

// The last station of messages: their reader gets them. Each once a session.
void Session::trace_reading(std::span<const Found> read) {
  std::vector<MessageId> ids;
  for (const Found& one : read)
    if (traced_.size() < kMaxTraced && traced_.insert(one.row.message).second) ids.push_back(one.row.message);
  if (ids.empty()) return;
  std::sort(ids.begin(), ids.end());
  watch::Event event;
  event.at = loop_.now();
  event.station = "access";
  event.action = "read";
  event.recipient = account_->name;
  event.peer = "IMAP from " + stream_->remote().text();
  if (const net::TlsInfo* tls = stream_->tls()) event.tls = tls->version + " " + tls->cipher;
  event.reason = "in " + selected_->box.name;
  std::vector<watch::Event> events;
  // What could not be read here will not be answered either.
  (void)services_.mailboxes.each_summary(services_.store, selected_->account, ids,
                                         [&](MessageId, message::Summary&& summary) {
                                           event.message_id = std::move(summary.message_id);
                                           events.push_back(event);
                                         });
  services_.trace.record_later(std::move(events));
}

}  // namespace pabal::access::imap
