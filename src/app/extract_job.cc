#include "app/extract_job.h"

#include "app/rooms.h"
#include "base/log.h"
#include "extract/child.h"
#include "extract/extract.h"
#include "mailbox/attached.h"

namespace pabal::app {
namespace {

// The texts of a message's files. Nothing of one that is gone; a file that gives none is passed over.
Result<std::vector<std::string>> texts_of(const Rooms& rooms, const mailbox::FilesWait& of,
                                          const std::vector<std::string>& command, const std::atomic<bool>& stop) {
  std::vector<std::string> out;
  const auto snapshot = rooms.store->snapshot();
  const auto m = rooms.mailboxes->message(*snapshot, of.account, of.message);
  if (!m) return m.error();
  const auto details = rooms.mailboxes->details(*snapshot, of.account, of.message);
  if (!details) return details.error();
  if (!*m || (*m)->places.empty() || !*details) return out;
  const auto body = rooms.mailboxes->body(*snapshot, (*m)->body);
  if (!body && body.code() == Code::kNotFound) return out;
  if (!body) return body.error();
  size_t octets = 0;
  for (const message::Part* part : mailbox::files_with_text((*details)->structure.root)) {
    if (octets >= extract::kMaxText) break;
    auto text = extract::in_child(command, message::part_content(*body, *part), stop);
    if (!text && (text.code() == Code::kUnavailable || text.code() == Code::kClosed)) return text.error();
    if (!text)
      log::info("app", text.error().message + " (account " + std::to_string(of.account) + ", message " +
                           std::to_string(of.message) + ")");
    if (text && !text->empty()) {
      octets += text->size();
      out.push_back(std::move(*text));
    }
  }
  return out;
}

}  // namespace

Result<size_t> read_attached(Rooms& rooms, const std::vector<std::string>& command, const std::atomic<bool>& stop) {
  const auto waiting = mailbox::files_waiting(*rooms.store, kFilesAtOnce);
  if (!waiting) return waiting.error();
  for (const mailbox::FilesWait& one : *waiting) {
    if (stop) return Error{Code::kClosed, "the server stops"};
    auto texts = texts_of(rooms, one, command, stop);
    if (!texts && texts.code() == Code::kCorrupt) {  // pabal verify tells of it; the others do not wait for it
      log::error("app", texts.error().message);
      texts = std::vector<std::string>();
    }
    if (!texts) return texts.error();
    const auto done =
        rooms.store->transact_and_wait([&](store::Transaction& t) { return mailbox::put_file_texts(t, one, *texts); });
    if (!done) return done.error();
  }
  return waiting->size();
}

}  // namespace pabal::app
