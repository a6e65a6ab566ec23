#include "access/imap/message_url.h"
#include "access/imap/session.h"
#include "base/text.h"

namespace pabal::access::imap {
namespace {

using Ready = std::vector<std::shared_ptr<const mailbox::Prepared>>;

// RFC 4469 §5, url-resp-text; what cannot stand there is encoded.
std::string url_text(std::string_view url) {
  std::string out;
  for (const char c : url.substr(0, kMaxUrl)) {
    if (c > ' ' && c < 0x7F && c != ']')
      out += c;
    else
      (out += '%') += text::hex(std::string_view(&c, 1));
  }
  return out;
}

}  // namespace

// The octets of a message or a part, as FETCH BODY.PEEK would give them (RFC 4469 §3).
Task<Result<std::string>> Session::url_octets(std::string text) {
  const auto url = parse_message_url(text);
  if (!url) co_return Error{Code::kNotFound, "that is not the URL of a message here"};
  const Error gone{Code::kNotFound, "there is no such message"};
  std::optional<Located> in;
  if (!url->mailbox.empty()) {
    auto found = locate(services_.store, url->mailbox);
    if (!found) co_return found.error();
    in = std::move(*found);
  } else if (selected_) {
    in = Located{selected_->account, selected_->rights, selected_->box};
  }
  if (!in || !(in->rights & mailbox::kRead) || (url->uid_validity > 0 && url->uid_validity != in->box.uid_validity))
    co_return gone;
  const auto& boxes = services_.mailboxes;
  const auto row = boxes.row(services_.store, in->account, in->box.id, url->uid);
  if (!row) co_return row.error();
  if (!*row) co_return gone;
  const auto message = boxes.message(services_.store, in->account, (*row)->message);
  if (!message) co_return message.error();
  const auto details = boxes.details(services_.store, in->account, (*row)->message);
  if (!details) co_return details.error();
  if (!*message || !*details) co_return gone;
  Task<Result<std::shared_ptr<const std::string>>> reading = body_of(**message, true);
  const auto body = co_await reading;
  if (!body) co_return body.error();
  const auto octets = section_octets(url->section, **details, **body);
  if (!octets) co_return Error{Code::kNotFound, "the message has no such part"};
  co_return std::string(octets->first) + std::string(octets->second);
}

// The messages, put together. Nothing: it has been answered.
Task<std::optional<std::vector<std::string>>> Session::assemble(const AppendRequest* request) {
  std::vector<std::string> out;
  if (request->messages.size() == 1 && request->messages[0].parts.size() == 1 && !request->messages[0].parts[0].url) {
    // The command's own memory becomes the message: there is one copy of its octets.
    const std::string_view content = request->messages[0].parts[0].text;
    const size_t from = static_cast<size_t>(content.data() - text_.data()), size = content.size();
    std::string whole = std::move(text_);
    whole.resize(from + size);
    whole.erase(0, from);
    out.push_back(std::move(whole));
  } else {
    uint64_t total = 0;
    for (const AppendMessage& message : request->messages) {
      std::string whole;
      for (const AppendPart& part : message.parts) {
        if (part.url) {
          Task<Result<std::string>> fetching = url_octets(*part.url);
          const Result<std::string> octets = co_await fetching;
          if (!octets && octets.code() == Code::kNotFound)
            co_return no("[BADURL " + url_text(*part.url) + "] " + octets.error().message), std::nullopt;
          if (!octets) co_return no(octets.error()), std::nullopt;
          whole += *octets;
        } else {
          whole += part.text;
        }
        if (total + whole.size() > services_.max_message)
          co_return no("[TOOBIG] that is larger than " + std::to_string(services_.max_message) + " octets"),
              std::nullopt;
      }
      total += whole.size();
      out.push_back(std::move(whole));
    }
    text_ = {};
  }
  for (const std::string& whole : out)  // RFC 3502 §6.3.11: this is how a client cancels
    if (whole.empty()) co_return no("[CANNOT] a message has at least one octet"), std::nullopt;
  co_return out;
}

Task<void> Session::append(Words words, bool) {
  Task<void> going = append_or_replace(words, std::nullopt);
  co_await going;
}

// RFC 8508. One transaction: the new message comes and the old one goes, and only the difference counts for the quota.
Task<void> Session::replace(Words words, bool uid) {
  Words ahead = words;
  ahead.space();
  if (ahead.set().find_first_of(":,$") != std::string_view::npos) co_return bad("REPLACE is about one message");
  const auto wanted = targets(words, uid);
  if (!wanted) co_return;
  if (selected_->read_only) co_return no("[READ-ONLY] the mailbox was opened to be read");
  if (wanted->empty()) co_return no("[NONEXISTENT] there is no such message");
  Task<void> going = append_or_replace(words, wanted->front().uid);
  co_await going;
}

// All messages of the command, or none, are one transaction (RFC 3502); so is what takes the place of `replaced`.
Task<void> Session::append_or_replace(Words words, std::optional<mailbox::Uid> replaced) {
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  const AppendRequest request = parse_append(words);
  if (!request.fault.empty()) co_return bad(request.fault);
  if (replaced && request.messages.size() > 1) co_return bad("REPLACE brings one message");
  if (replaced && (selected_->rights & kToTakeOut) != kToTakeOut) co_return no_right(kToTakeOut);
  const auto found = need(services_.store, *name, mailbox::kInsert, "TRYCREATE");
  if (!found) co_return;

  Task<std::optional<std::vector<std::string>>> assembling = assemble(&request);
  auto assembled = co_await assembling;
  if (!assembled) co_return;
  const auto messages = std::make_shared<std::vector<std::string>>(std::move(*assembled));
  size_t size = 0;
  for (const std::string& message : *messages) size += message.size();
  std::function<Result<Ready>()> prepare = [messages]() -> Result<Ready> {
    Ready ready;
    for (std::string& message : *messages) ready.push_back(mailbox::prepare(std::move(message)));
    return ready;
  };
  Result<Ready> prepared = Error{};
  constexpr size_t kFew = 10;
  if (size <= kOnPool && messages->size() <= kFew) {
    prepared = prepare();
  } else {
    Task<Result<Ready>> preparing = net::run_on<Ready>(services_.pool, loop_, prepare);
    prepared = co_await preparing;
  }
  if (!prepared) co_return no(prepared.error());

  struct One {
    std::shared_ptr<const mailbox::Prepared> message;
    mailbox::BodyId body;
    mailbox::Filing filing;
  };
  std::vector<One> all;
  for (size_t i = 0; i < prepared->size(); ++i) {
    if ((*prepared)[i]->structure.has_nul)
      co_return no("[UNKNOWN-CTE] a NUL stands where nothing can be encoded");  // RFC 3516 §4.3
    One one{(*prepared)[i], services_.mailboxes.new_body_id(), {}};
    one.filing.mailboxes.push_back(found->box.id);
    one.filing.flags = mailbox::allowed_flags(request.messages[i].flags, found->rights);  // RFC 4314 §4
    one.filing.received = request.messages[i].date;
    all.push_back(std::move(one));
  }
  struct Old {
    mailbox::AccountId account;
    mailbox::MailboxId box;
    mailbox::Uid uid;
  };
  std::optional<Old> old;
  if (replaced) old = Old{selected_->account, selected_->box.id, *replaced};
  auto uids = std::make_shared<std::vector<mailbox::Uid>>();
  Task<Result<void>> committing = commit([&boxes = services_.mailboxes, account = found->account, all = std::move(all),
                                          old, uids](store::Transaction& t) -> Result<void> {
    uids->clear();
    if (old) {
      const auto row = boxes.row(t, old->account, old->box, old->uid);
      if (!row) return row.error();
      if (!*row) return Error{Code::kNotFound, "that message was removed by another session"};
      if (const auto gone = boxes.remove_place(t, old->account, (*row)->message, old->box); !gone) return gone;
    }
    for (const One& one : all) {
      if (const auto put = boxes.put_body(t, one.body, *one.message); !put) return put;
      const auto filed = boxes.file(t, account, *one.message, one.body, one.filing);
      if (!filed) return filed.error();
      uids->push_back(filed->places.front().uid);
    }
    return {};
  });
  if (const Result<void> done = co_await committing; !done) co_return no(done.error(), "OVERQUOTA");
  std::vector<mailbox::MailEvents::Affected> added;
  for (const mailbox::Uid uid : *uids) added.push_back({uid});
  tell_event(mailbox::MailEvents::Cause::kAppend, found->account, found->box.id, std::move(added));
  const std::string code = "[APPENDUID " + std::to_string(found->box.uid_validity) + " " + set_text(*uids) + "] ";
  if (replaced) out_ += "* OK " + code + "the new message\r\n";  // RFC 8508 §4.3: before the EXPUNGE
  Task<void> telling = tell_news(true);
  co_await telling;
  ok(replaced ? "replaced" : code + "appended");
}

}  // namespace pabal::access::imap
