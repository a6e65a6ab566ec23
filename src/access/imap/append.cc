#include "access/imap/session.h"

namespace pabal::access::imap {
namespace {

struct AppendRequest {
  mailbox::Flags flags;
  std::optional<Time> date;
  std::string_view content;
  std::string_view fault;  // why it is malformed
};

// What follows the mailbox name (RFC 9051 §6.3.12, RFC 6855 §4).
AppendRequest parse_append(Words& words) {
  AppendRequest request;
  words.space();
  if (words.peek() == '(') {
    const auto flags = parse_flags(words);
    if (!flags) return request.fault = "those flags are malformed", request;
    request.flags = *flags;
    words.space();
  }
  if (words.peek() == '"') {
    request.date = parse_date_time(words.astring());
    if (!request.date) return request.fault = "that is not a date-time", request;
    words.space();
  }
  const bool utf8 = words.accept_word("UTF8");
  if (utf8) {
    words.space();
    words.expect('(');
  }
  bool eight = false;
  request.content = words.literal(&eight);
  if (utf8) words.expect(')');
  if (!words.done() || (utf8 && !eight)) request.fault = "the APPEND is malformed; the message comes as a literal";
  return request;
}

}  // namespace

Task<void> Session::append(Words words, bool) {
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  const AppendRequest request = parse_append(words);
  if (!request.fault.empty()) co_return bad(request.fault);
  if (request.content.empty()) co_return no("[CANNOT] a message has at least one octet");
  // RFC 3516 §4.3: binary content would have to be encoded for those who read it with BODY[].
  if (request.content.find('\0') != request.content.npos)
    co_return no("[UNKNOWN-CTE] messages with NUL octets are not stored");
  const auto found = locate(services_.store, *name);
  if (!found) co_return no(found.error());
  if (!*found) co_return no("[TRYCREATE] there is no mailbox of that name");
  mailbox::Filing filing;
  filing.mailboxes.push_back((*found)->box.id);
  filing.flags = request.flags;
  filing.received = request.date;

  // The command's own memory becomes the message: there is one copy of its octets.
  const size_t from = static_cast<size_t>(request.content.data() - text_.data()), size = request.content.size();
  auto bytes = std::make_shared<std::string>(std::move(text_));
  bytes->resize(from + size);
  bytes->erase(0, from);
  using Ready = std::shared_ptr<const mailbox::Prepared>;
  std::function<Result<Ready>()> prepare = [bytes]() -> Result<Ready> { return mailbox::prepare(std::move(*bytes)); };
  Result<Ready> prepared = Error{};
  if (size <= kOnPool) {
    prepared = prepare();
  } else {
    Task<Result<Ready>> preparing = net::run_on<Ready>(services_.pool, loop_, prepare);
    prepared = co_await preparing;
  }
  if (!prepared) co_return no(prepared.error());

  auto filed = std::make_shared<mailbox::Filed>();
  const mailbox::BodyId body = services_.mailboxes.new_body_id();
  Task<Result<void>> committing = commit([&boxes = services_.mailboxes, account = (*found)->account, ready = *prepared,
                                          filing, body, filed](store::Transaction& t) -> Result<void> {
    if (const auto put = boxes.put_body(t, body, *ready); !put) return put;
    auto done = boxes.file(t, account, *ready, body, filing);
    if (!done) return done.error();
    *filed = std::move(*done);
    return {};
  });
  if (const Result<void> done = co_await committing; !done) co_return no(done.error(), "OVERQUOTA");
  Task<void> telling = tell_news(true);
  co_await telling;
  ok("[APPENDUID " + std::to_string((*found)->box.uid_validity) + " " + std::to_string(filed->places.front().uid) +
     "] appended");
}

}  // namespace pabal::access::imap
