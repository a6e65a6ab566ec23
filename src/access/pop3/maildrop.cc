#include <algorithm>

#include "access/pop3/session.h"
#include "base/text.h"
#include "message/downgrade.h"

namespace pabal::access::pop3 {

using mailbox::Uid;

// --- opening and UPDATE ---------------------------------------------------------------------------------------------

Result<Session::Maildrop> Session::read_maildrop(const mailbox::Mailboxes& boxes, store::Store& store,
                                                 mailbox::AccountId account) {
  const auto snapshot = store.snapshot();
  const auto inbox = boxes.find(*snapshot, account, "INBOX");
  if (!inbox) return inbox.error();
  if (!*inbox) return Error{Code::kNotFound, "the account has no inbox"};
  Maildrop out{(*inbox)->id, (*inbox)->uid_validity, {}};
  out.items.reserve(std::min<size_t>((*inbox)->messages, kMaxMessages));
  const auto scanned = boxes.rows(*snapshot, account, out.box, 1, UINT32_MAX, [&](const mailbox::Row& row) {
    out.items.push_back({row.uid, row.message});
    return out.items.size() < kMaxMessages;
  });
  if (!scanned) return scanned.error();
  for (Item& one : out.items) {
    const auto message = boxes.message(*snapshot, account, one.message);
    if (!message) return message.error();
    if (*message) one.size = (*message)->size;
  }
  return out;
}

// On the pool: a large maildrop is many reads.
Task<Result<void>> Session::open_maildrop() {
  std::function<Result<Maildrop>()> read = [&boxes = services_.mailboxes, &store = services_.store,
                                            account = account_->id] { return read_maildrop(boxes, store, account); };
  Task<Result<Maildrop>> reading = net::run_on<Maildrop>(services_.pool, loop_, read);
  Result<Maildrop> opened = co_await reading;
  if (!opened) co_return opened.error();
  maildrop_ = std::move(*opened);
  co_return Result<void>();
}

Task<Result<void>> Session::remove_deleted() {
  std::vector<Uid> gone;
  for (const Item& one : maildrop_.items)
    if (one.deleted) gone.push_back(one.uid);
  for (size_t i = 0; i < gone.size(); i += kMessagesPerCommit) {
    const auto first = gone.begin() + static_cast<long>(i);
    const std::vector<Uid> part(first, first + static_cast<long>(std::min(kMessagesPerCommit, gone.size() - i)));
    store::Work work = [&boxes = services_.mailboxes, account = account_->id, part,
                        box = maildrop_.box](store::Transaction& t) -> Result<void> {
      for (const Uid uid : part) {
        const auto row = boxes.row(t, account, box, uid);
        if (!row) return row.error();
        if (!*row) continue;  // removed meanwhile
        if (const auto done = boxes.remove_place(t, account, (*row)->message, box); !done) return done;
      }
      return {};
    };
    std::function<void(std::function<void(Result<void>)>)> start =
        [&store = services_.store, work](std::function<void(Result<void>)> done) { store.transact(work, done); };
    Task<Result<void>> committing = net::from_callback<Result<void>>(loop_, start);
    if (const Result<void> done = co_await committing; !done) co_return done;
  }
  co_return Result<void>();
}

// --- figures --------------------------------------------------------------------------------------------------------

std::string Session::totals() const {
  uint64_t messages = 0, octets = 0;
  for (const Item& one : maildrop_.items) {
    if (one.deleted) continue;
    ++messages;
    octets += one.size;
  }
  return std::to_string(messages) + " " + std::to_string(octets);
}

Session::Item* Session::item(size_t number) {
  if (number == 0 || number > maildrop_.items.size()) {
    err("there is no message of that number; there are " + std::to_string(maildrop_.items.size()));
    return nullptr;
  }
  Item& found = maildrop_.items[number - 1];
  if (found.deleted) return err("that message is to be deleted; RSET takes it back"), nullptr;
  return &found;
}

Task<void> Session::stat(Request) {
  ok(totals());
  co_return;
}

Task<void> Session::list(Request request) {
  Task<void> listing =
      list_with(std::move(request), +[](const Maildrop&, const Item& one) { return std::to_string(one.size); });
  co_await listing;
}

// RFC 1939 §7: unique for ever, and at most 70 octets.
Task<void> Session::uidl(Request request) {
  Task<void> listing = list_with(
      std::move(request), +[](const Maildrop& drop, const Item& one) {
        return std::to_string(drop.uid_validity) + "." + std::to_string(one.uid);
      });
  co_await listing;
}

Task<void> Session::list_with(Request request, std::string (*describe)(const Maildrop&, const Item&)) {
  if (!request.numbers.empty()) {
    const size_t number = request.numbers.front();
    if (const Item* one = item(number)) ok(std::to_string(number) + " " + describe(maildrop_, *one));
    co_return;
  }
  ok("these");
  for (size_t i = 0; i < maildrop_.items.size(); ++i) {
    if (maildrop_.items[i].deleted) continue;
    out_ += std::to_string(i + 1) + " " + describe(maildrop_, maildrop_.items[i]) + "\r\n";
    if (out_.size() < kFlushAt) continue;
    Task<bool> flushing = flush();
    if (!(co_await flushing)) co_return;
  }
  out_ += ".\r\n";
}

// --- messages -------------------------------------------------------------------------------------------------------

Task<void> Session::retr(Request request) {
  Task<void> giving = give(request.numbers[0], std::nullopt);
  co_await giving;
}

Task<void> Session::top(Request request) {
  Task<void> giving = give(request.numbers[0], request.numbers[1]);
  co_await giving;
}

Task<void> Session::give(size_t number, std::optional<size_t> lines) {
  Item* wanted = item(number);
  if (!wanted) co_return;
  // All is found out before the first octet is written: an answer cannot be taken back.
  Task<Result<Letter>> reading = read_letter(*wanted);
  const Result<Letter> letter = co_await reading;
  if (!letter && letter.code() == Code::kNotFound) co_return err("that message was removed by another session");
  if (!letter) co_return err(letter.error());
  std::string_view head = letter->details.prefix, body = *letter->body;
  if (lines) body = body.substr(0, top_size(body, *lines));
  // RFC 6856 §2.1: who has not asked for UTF-8 gets a surrogate without it in the header (RFC 6858). LIST gives the
  // size of the original. Headers in older charsets are sent as ever.
  std::string surrogate;
  const std::string_view header = body.substr(0, letter->details.structure.root.body_offset);
  if (!utf8_ && !(text::is_ascii(head) && text::is_ascii(header)) && text::is_utf8(header)) {
    surrogate = message::downgraded_header(std::string(head).append(header));
    head = surrogate;
    body.remove_prefix(header.size());
  }

  ok(lines ? "the top" : std::to_string(head.size() + body.size()) + " octets");
  Stuffing stuffing;
  Task<bool> first = put_stuffed(&stuffing, head);
  if (!(co_await first)) co_return;
  Task<bool> second = put_stuffed(&stuffing, body);
  if (!(co_await second)) co_return;
  out_ += stuffing.end();
  if (!lines) trace_reading(*wanted, letter->details);
}

Task<Result<Session::Letter>> Session::read_letter(Item wanted) {
  const auto& boxes = services_.mailboxes;
  const auto message = boxes.message(services_.store, account_->id, wanted.message);
  if (!message) co_return message.error();
  const auto is_here = [&](const mailbox::Message::Place& p) {
    return p.mailbox == maildrop_.box && p.uid == wanted.uid;
  };
  if (!*message || std::none_of((*message)->places.begin(), (*message)->places.end(), is_here))
    co_return Error{Code::kNotFound, ""};
  auto details = boxes.details(services_.store, account_->id, wanted.message);
  if (!details) co_return details.error();
  if (!*details) co_return Error{Code::kNotFound, ""};

  std::function<Result<std::string>()> read = [&boxes, &store = services_.store, id = (*message)->body] {
    return boxes.body(store, id);
  };
  Result<std::string> body = Error{};
  if (wanted.size <= kOnPool) {
    body = read();
  } else {
    Task<Result<std::string>> reading = net::run_on<std::string>(services_.pool, loop_, read);
    body = co_await reading;
  }
  if (!body) co_return body.error();
  co_return Letter{std::move(**details), std::make_shared<const std::string>(std::move(*body))};
}

Task<bool> Session::put_stuffed(Stuffing* stuffing, std::string_view octets) {
  stuffing->feed(octets);
  for (Stuffing::Piece piece = stuffing->next(); !piece.octets.empty(); piece = stuffing->next()) {
    out_ += piece.dot;
    // Large pieces go from where they lie to the stream; only one copy of a body is in memory.
    Task<bool> putting = put(piece.octets);
    if (!(co_await putting)) co_return false;
  }
  co_return true;
}

// The last station of a message: its reader has it. Once a session.
void Session::trace_reading(Item& read, const mailbox::Details& details) {
  if (traced_ >= kMaxTraced || std::exchange(read.traced, true)) return;
  ++traced_;
  watch::Event event;
  event.at = loop_.now();
  event.message_id = details.structure.summary.message_id;
  event.station = "access";
  event.action = "read";
  event.recipient = account_->name;
  event.peer = "POP3 from " + stream_->remote().text();
  if (const net::TlsInfo* tls = stream_->tls()) event.tls = tls->version + " " + tls->cipher;
  event.reason = "in INBOX";
  services_.trace.record_later({event});
}

Task<void> Session::dele(Request request) {
  if (Item* one = item(request.numbers[0])) {
    one->deleted = true;
    ok("removed at QUIT");
  }
  co_return;
}

Task<void> Session::rset(Request) {
  for (Item& one : maildrop_.items) one.deleted = false;
  ok(totals());
  co_return;
}

}  // namespace pabal::access::pop3
